/* tuning.h: the contents of a tuning file: for each target the requested choices of kernels, with their places in the file. It is read as
 * specs are read. Lowering gets the requests, and refused ones are reported here, with their places. */
#ifndef ZOETROPE_TUNING_H
#define ZOETROPE_TUNING_H

#include "graph/spec_model.h"
#include "lower/program.h"
#include "spec/spec.h"

typedef struct TuningPlace { /* of a word in the file */
    Mark mark;
    int width;
} TuningPlace;

typedef struct KernelPlaces { /* of the entry of one kernel */
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

/* Reads a tuning file for this spec. Errors are reported as a spec's are; then the result is NULL. */
Tuning *read_tuning(const char *path, const Spec *spec, FILE *errors);
/* The same from memory; `path` is only named in errors. */
Tuning *parse_tuning(const char *path, const char *bytes, size_t length, const Spec *spec, FILE *errors);

/* Reports the requests that were refused when the target was lowered, unknown kernels, and values that the algorithm does not have. False
 * if there were any. */
bool report_refusals(const Tuning *tuning, const TargetCode *code, FILE *errors);

/* ---- tuning.c ---- */
/* compile_graphs() with the choices of the file (NULL: none), and TargetCode.tuning. Returns NULL after reporting that something was
 * refused. */
TargetCode *compile_tuned(const TrainerGraphs *graphs, const Target *target, const Choices *choices, const Tuning *tuning, FILE *errors);
/* The kernels whose choices differ between the two, one line each as in a file; "" if there are none. */
const char *tuned_choices(const TargetCode *tuned, const TargetCode *plain);

#endif
