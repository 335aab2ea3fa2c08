/* main.h: the command line, and what the passes make of a spec. */
#ifndef ZOETROPE_MAIN_H
#define ZOETROPE_MAIN_H

#include "pass.h"
#include "recompute.h"
#include "tuning.h"

enum { EXIT_INPUT = 1, EXIT_USAGE = 2, MAX_TARGETS = 8 };

typedef enum { COMMAND_COMPILE, COMMAND_INFERENCE, COMMAND_TUNE, COMMAND_EXPLAIN, COMMAND_CHECK, COMMAND_DOCUMENTATION, COMMANDS } Command;

typedef struct Machine { /* what explain --kernels reckons with; the default: two cores at 4 GHz that add 32 products a cycle each */
    double gigaflops, gigabytes;
} Machine;

typedef enum { WEIGHTS_FILE, WEIGHTS_OBJECT, WEIGHTS_ARRAY } WeightsAs; /* of a bundle */

/* quantise.c: what the weights of an inference bundle are stored as. */
typedef enum { PRECISION_F32, PRECISION_F16, PRECISION_BF16, PRECISION_INT8, PRECISIONS } Precision;
extern const char *const precision_names[PRECISIONS];
/* Whether its numbers are bfloat16 too, exactly: targets with dot products of pairs can take them. */
static inline bool precision_has_pairs(Precision precision) {
    return precision == PRECISION_BF16 || precision == PRECISION_INT8;
}

/* What a stream's past is: the frames that a clip has, or all since it began. */
typedef enum { RECURRENCE_WINDOW, RECURRENCE_CARRIED, RECURRENCES } Recurrence;
extern const char *const recurrence_names[RECURRENCES];

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
    bool targets_given; /* else those of the spec's precision */
    int target_count;
    const Target *target[MAX_TARGETS];
} Options;

typedef struct Model { /* what is known of a spec before there is a target */
    Spec *spec;
    Graph *training, *evaluation;
    Tuning *tuning; /* NULL: there is no file */
} Model;

/* options.c. Returns false where there is nothing more to do (help, or an error that was reported); *status is then the exit status. */
bool read_options(int count, char **arguments, Options *options, int *status);

/* What --filtering calls it. */
const char *filtering_name(int filtering);

/* explain.c: layers, totals, memory to the byte for each target. One explain_target for each follows explain_model; the work that is
 * shown is that of the first. Nothing of the code is needed afterwards. */
typedef struct Explanation Explanation;
Explanation *explain_model(const Model *model);
void explain_target(Explanation *explanation, const TargetCode *code);
/* explain_kernels.c: a line for each kernel of a training step. */
void explain_kernels(Text *out, const TargetCode *code, const Machine *machine);
void print_explanation(FILE *out, const Explanation *explanation);
const char *grouped(double value); /* 4537480 → "4,537,480" */
const char *scaled(double value);  /* 37748736 → "37.7 M" */

/* explain_trade.c: what is computed again for --max-ram, and what that gives and costs. */
void explain_trade(Text *out, const TargetCode *code);
/* False, where the limit cannot be held: the error says what the least is. */
bool report_trade(FILE *errors, const char *name, const TargetCode *code);
const char *memory_limit_name(const MemoryLimit *limit); /* "; max-ram 300000000,1", or nothing */

#endif
