/* explain_kernels.h: the work of each kernel of a training step. */
#ifndef ZOETROPE_EXPLAIN_KERNELS_H
#define ZOETROPE_EXPLAIN_KERNELS_H

#include "lower/program.h"

typedef struct Machine { /* the machine that explain --kernels assumes; by default two cores at 4 GHz, each with 32 FLOPs a cycle */
    double gigaflops, gigabytes;
} Machine;

/* A line for each kernel of each training step; they are the first `steps` programs. */
void explain_kernels(Text *out, const TargetCode *code, int steps, const Machine *machine);

#endif
