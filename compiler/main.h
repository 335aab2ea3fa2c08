/* main.h: the command line, and what the passes make of a spec. */
#ifndef ZOETROPE_MAIN_H
#define ZOETROPE_MAIN_H

#include "program.h"

enum { EXIT_INPUT = 1, EXIT_USAGE = 2, MAX_TARGETS = 8 };

typedef enum { COMMAND_COMPILE, COMMAND_EXPLAIN, COMMAND_CHECK, COMMAND_DOCUMENTATION, COMMANDS } Command;

typedef struct Options {
    Command command;
    const char *spec, *directory, *dump;
    bool time;
    int target_count;
    const Target *target[MAX_TARGETS];
} Options;

typedef struct Model { /* everything that is known of a spec when it has been compiled */
    Spec *spec;
    Graph *training, *evaluation;
    TargetCode *code[MAX_TARGETS];
    int code_count;
} Model;

/* options.c. Returns false where there is nothing more to do (help, or an error that was reported); *status is then the exit status. */
bool read_options(int count, char **arguments, Options *options, int *status);

/* All passes up to plan; NULL: the spec has errors, which were reported. */
Model *compile_spec(const Options *options);

/* explain.c: layers, totals, memory to the byte for each target. */
void explain_model(FILE *out, const Model *model);

#endif
