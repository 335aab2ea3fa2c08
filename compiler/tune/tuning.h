/* tuning.h: what a tuning file says: for targets, what is wanted of kernels, and where in the file that stands. It is read as specs are
 * read; lowering is told what is wanted, and what then was refused is reported here, with its place. */
#ifndef ZOETROPE_TUNING_H
#define ZOETROPE_TUNING_H

#include "graph/spec_model.h"
#include "lower/program.h"
#include "spec/spec.h"

typedef struct TuningPlace { /* of a word in the file */
    Mark mark;
    int width;
} TuningPlace;

typedef struct KernelPlaces { /* of what is said of one kernel */
    TuningPlace kernel, algorithm, key[FIELDS], value[FIELDS];
} KernelPlaces;

typedef struct TuningTarget {
    const Target *target;
    WantedChoices wanted;
    int place_capacity;
    KernelPlaces *place; /* of each of `wanted` */
} TuningTarget;

typedef struct Tuning {
    struct SpecErrors *errors; /* of the file */
    int count, capacity;
    TuningTarget *target;
} Tuning;

/* Reads a file for this spec. Errors are reported as a spec's are; then NULL. */
Tuning *read_tuning(const char *path, const Spec *spec, FILE *errors);
/* The same from memory; `path` is only named in errors. */
Tuning *parse_tuning(const char *path, const char *bytes, size_t length, const Spec *spec, FILE *errors);

/* Reports what of the file was refused when the target was lowered; kernels that do not exist and values that are not of their algorithm
 * too. False: there was something. */
bool report_refusals(const Tuning *tuning, const TargetCode *code, FILE *errors);

/* ---- tuning.c ---- */
/* compile_graphs() as the file wants it (NULL: there is none), and TargetCode.tuning. NULL: something was refused, which was reported. */
TargetCode *compile_tuned(const TrainerGraphs *graphs, const Target *target, const Choices *choices, const Tuning *tuning, FILE *errors);
/* The kernels that have other choices in the one than in the other, a line each as in a file; "": none. */
const char *tuned_choices(const TargetCode *tuned, const TargetCode *plain);

#endif
