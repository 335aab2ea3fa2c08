/* options.h: the subcommands and their options: one table gives parsing, errors and --help. */
#ifndef ZOETROPE_OPTIONS_H
#define ZOETROPE_OPTIONS_H

#include "common/error.h"

#include <stdint.h>
#include <stdio.h>

typedef struct PathList {
    int count;
    const char **path; /* as given on the command line */
} PathList;

typedef struct Options {
    PathList data, validation;
    const char *out, *init, *weights, *batch;                          /* NULL: not given */
    int64_t iterations, checkpoint_every, steps, step, threads, cache; /* −1: not given; cache in bytes */
    int64_t recurrence;                                                /* a Recurrence of stream.h */
    uint64_t seed;
    bool seed_given, resume, evaluate;
} Options;

typedef enum { COMMAND_TRAIN, COMMAND_RECONSTRUCT, COMMAND_SCORE, COMMAND_STEP, COMMAND_INFO, COMMAND_PROFILE, COMMAND_COUNT } Command;

typedef enum { PARSE_RUN, PARSE_HELP, PARSE_VERSION, PARSE_WRONG } ParseResult;

/* Reads a command line. PARSE_RUN: command and options are set, and every option that the command needs was given. PARSE_HELP: *command
 * is COMMAND_COUNT if no subcommand was named. PARSE_WRONG: an error that names the argument and what would be correct. */
ParseResult options_parse(int count, char *const *arguments, Command *command, Options *options, Error *error);
void options_free(Options *options);

/* `program` is the model's name, as in the examples. */
void options_print_help(FILE *out, const char *program, Command command);
const char *command_name(Command command);

#endif
