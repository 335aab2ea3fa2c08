/* tune.h: measuring choices on this machine.
 *
 *   tune.c            the command: rounds of candidates, and which of them wins
 *   tune_candidates.c what is tried for a kernel
 *   tune_build.c      programs of candidates: compiled in a folder of their own, and run
 *   tune_file.c       the tuning file that comes of it
 *   cpu.c             what this CPU is called
 */
#ifndef ZOETROPE_TUNE_H
#define ZOETROPE_TUNE_H

#include "main.h"

/* ---- tune_build.c ---- */

/* A folder for the programs, with what is the same for all of them. NULL after reporting: there is no place, or no C compiler. */
typedef struct Workshop Workshop;
Workshop *open_workshop(void);
void close_workshop(Workshop *workshop); /* the folder and all that is in it is gone, whatever happened */
bool was_interrupted(void);              /* by SIGINT, SIGTERM or SIGHUP, from open_workshop on */

/* Starts to compile program `number` from its file of kernels and its file of tables, when fewer are at work than there are processors.
 * finish_builds waits for those that are. False after reporting. */
bool start_build(Workshop *workshop, int number, const char *kernels, const char *tables);
bool finish_builds(Workshop *workshop);

typedef enum { RUN_DONE, RUN_LACKING /* this CPU has not what the target needs */, RUN_FAILED /* it was reported */ } RunResult;
typedef struct Times {
    int threads, steps, kernels;
    double *step;   /* [steps], seconds */
    double *kernel; /* [kernels, steps] */
} Times;
RunResult run_build(Workshop *workshop, int number, int kernels, double seconds, Times *times);
const char *compiler_version(const Workshop *workshop); /* the C compiler's own words, one line */

/* ---- tune_candidates.c ---- */

typedef struct Candidate {
    KernelChoice choice;
    const char *text;
    double time; /* seconds; the least that a run had as its median. Noise only adds to it. INFINITY: it was not measured */
} Candidate;

typedef struct TunedKernel {
    const char *name;
    int count, capacity;
    Candidate *candidate; /* [0] is the cost model's choice */
    int best;
    double time, model_time; /* in the finals: the best's, and the cost model's choice's */
} TunedKernel;

typedef struct Tuner { /* of one target */
    const Model *model;
    const Target *target;
    Choices choices;
    int calls; /* of a step by the cost model's choices; others have at most two more for each kernel */
    int count;
    TunedKernel *kernel;
} Tuner;

/* The kernels, each with the cost model's choice. */
Tuner *new_tuner(const Model *model, const Target *target, Choices choices);
/* Adds what is near the best of each kernel, up to `most` candidates a kernel that were not there before; where `algorithms`, what the cost
 * model would choose for each of the other algorithms too. Returns the most that a kernel got. */
int add_candidates(Tuner *tuner, int most, bool algorithms);
/* The program in which each kernel is run by its candidate pick[kernel]. */
TargetCode *lower_picked(const Tuner *tuner, const int *pick);

/* ---- tune_file.c ---- */

typedef struct TunedTarget { /* what is said of one */
    const Tuner *tuner;
    int threads;
    double before, after; /* seconds of a step by the cost model's choices, and by the best of each kernel */
    bool better;          /* so it was in nearly all turns */
} TunedTarget;
/* Before there is anything to write: false after reporting that it could not be. */
bool can_write_tuning(const char *path);
/* False after reporting. The file's folders are made; it is there as a whole or as it was. */
bool write_tuning(const char *path, const Spec *spec, const char *compiler, const TunedTarget *list, int count);

/* ---- cpu.c ---- */
const char *cpu_name(void);  /* zen4, sapphire_rapids, x86_family6_model200, aarch64, …: for the name of a file */
const char *cpu_brand(void); /* as the CPU calls itself; "": it does not */

int tune_model(const Options *options, const Model *model); /* the command */

#endif
