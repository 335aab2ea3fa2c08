/* finish_kernel.h: lowered kernels on their way into programs. */
#ifndef ZOETROPE_FINISH_KERNEL_H
#define ZOETROPE_FINISH_KERNEL_H

#include "lower/lowering.h"

/* The kernel is complete: adds it to the target's, to be scheduled and verified, and a call of it to l->program. */
void finish_kernel(Lowering *l, Kernel *kernel, Scan *scan);
/* A small kernel of one compute, outside of scans: its loops in the order of its variables, by one thread. `work`: FLOPs. */
void finish_naive(Lowering *l, Kernel *kernel, double work, const char *comment);

#endif
