/* explain_kernels.h: the work of each kernel of a training step. */
#ifndef ZOETROPE_EXPLAIN_KERNELS_H
#define ZOETROPE_EXPLAIN_KERNELS_H

#include "lower/program.h"

typedef struct Machine { /* what explain --kernels reckons with; the default: two cores at 4 GHz that add 32 products a cycle each */
    double gigaflops, gigabytes;
} Machine;

/* A line for each kernel of a training step. */
void explain_kernels(Text *out, const TargetCode *code, const Machine *machine);

#endif
