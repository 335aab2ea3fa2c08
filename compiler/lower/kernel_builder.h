/* kernel_builder.h: kernels in the making: what they compute, and how they are to be run. */
#ifndef ZOETROPE_KERNEL_BUILDER_H
#define ZOETROPE_KERNEL_BUILDER_H

#include "loop/kernel.h"
#include "target/target.h"

Kernel *new_kernel(const char *name, int computes);
Variable *add_variable(Compute *compute, const char *name, long extent, bool reduced);
void add_store(Compute *compute, const Buffer *buffer, const Affine *index, const Expression *value);
/* A buffer in scratch that the kernel's computes name, layout as layout_ordered's. */
Buffer *new_scratch(Kernel *kernel, const char *name, int rank, const long *shape, const int *order, int blocked, long block);
void add_level(Schedule *schedule, const char *variable, long tile, LoopKind kind);
/* Inside of the levels that there are, memory is asked for that is wanted after this iteration of the `outer` outermost ones. */
void ask_ahead(const Target *target, Schedule *schedule, int outer);
void set_work(Kernel *kernel, double flops);         /* flops, and the compulsory bytes from its computes' buffers */
void set_product_work(Kernel *kernel, double flops); /* the same of a convolution, a linear layer or a gradient of one */

#endif
