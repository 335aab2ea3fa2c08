/* tune_candidates.h: the candidates of a kernel. */
#ifndef ZOETROPE_TUNE_CANDIDATES_H
#define ZOETROPE_TUNE_CANDIDATES_H

#include "graph/spec_model.h"
#include "lower/program.h"

typedef struct Candidate {
    KernelChoice choice;
    const char *text;
    double time; /* seconds: the least median of a run, since noise only adds to it. INFINITY: not measured */
} Candidate;

typedef struct TunedKernel {
    const char *name;
    int program; /* by number among the tuned ones */
    int count, capacity;
    Candidate *candidate; /* [0] is the cost model's choice */
    int best;
    double time, model_time; /* in the finals: the best's, and the cost model's choice's */
} TunedKernel;

typedef struct Tuner { /* of one target */
    const Model *model;
    const Target *target;
    Choices choices;
    bool blas;            /* the library is there, so it is tried */
    int programs;         /* that are tuned … */
    const char **program; /* … their names … */
    int *number;          /* … and their numbers among all of the target's */
    int calls;            /* of all programs by the cost model's choices; others have at most two more for each kernel */
    int count;
    TunedKernel *kernel;
} Tuner;

/* The kernels, each with the cost model's choice. */
Tuner *new_tuner(const Model *model, const Target *target, Choices choices);
/* The number of a program's kernel; −1: it has no choices. */
int find_tuned(const Tuner *tuner, int program, const char *kernel);
/* Adds candidates near the best of each kernel, up to `most` new ones for each. With `algorithms`, adds the cost model's choices for the
 * other algorithms too. Returns the most that a kernel got. */
int add_candidates(Tuner *tuner, int most, bool algorithms);
/* The programs in which each kernel is run by its candidate pick[kernel]. */
TargetCode *lower_picked(const Tuner *tuner, const int *pick);

#endif
