/* options.h: the command line. */
#ifndef ZOETROPE_COMPILER_OPTIONS_H
#define ZOETROPE_COMPILER_OPTIONS_H

#include "base/pass.h"
#include "bundle/inference.h"
#include "command/explain_kernels.h"
#include "lower/choice.h"
#include "recompute/recompute.h"

enum { EXIT_INPUT = 1, EXIT_USAGE = 2 };

typedef enum { COMMAND_COMPILE, COMMAND_INFERENCE, COMMAND_TUNE, COMMAND_EXPLAIN, COMMAND_CHECK, COMMAND_DOCUMENTATION, COMMANDS } Command;

typedef enum { WEIGHTS_FILE, WEIGHTS_OBJECT, WEIGHTS_ARRAY } WeightsAs; /* of a bundle */

typedef struct Options {
    Command command;
    const char *spec, *directory, *weights, *tuning;
    bool big_endian;
    WeightsAs weights_as;
    Precision precision;
    Recurrence recurrence;
    bool recurrence_given;
    Pass dump; /* PASS_COUNT: none */
    bool time;
    Choices choices;
    MemoryLimit memory;
    bool kernels;
    Machine machine;
    bool targets_given; /* else the targets of the spec's precision */
    int target_count;
    const Target *target[MAX_TARGETS];
} Options;

/* Returns false if there is nothing more to do (help, or a reported error). *status is then the exit status. */
bool read_options(int count, char **arguments, Options *options, int *status);

/* The name that --filtering has for it. */
const char *filtering_name(int filtering);

#endif
