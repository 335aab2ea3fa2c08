/* kernel_builder.h: building kernels: their computes and their schedules. */
#ifndef ZOETROPE_KERNEL_BUILDER_H
#define ZOETROPE_KERNEL_BUILDER_H

#include "loop/kernel.h"
#include "target/target.h"

Kernel *new_kernel(const char *name, int computes);
Variable *add_variable(Compute *compute, const char *name, long extent, bool reduced);
void add_store(Compute *compute, const Buffer *buffer, const Affine *index, const Expression *value);
/* A new scratch buffer for the kernel's computes. The layout is that of layout_ordered(). */
Buffer *new_scratch(Kernel *kernel, const char *name, int rank, const long *shape, const int *order, int blocked, long block);
/* A virtual buffer of so many ones, with zeros behind them. */
const Buffer *new_ones(long count);
void add_level(Schedule *schedule, const char *variable, long tile, LoopKind kind);
/* Adds prefetches inside of the existing levels, for the next iteration of the `outer` outermost ones. */
void ask_ahead(const Target *target, Schedule *schedule, int outer);
void set_work(Kernel *kernel, double flops);         /* flops, and the compulsory bytes from its computes' buffers */
void set_product_work(Kernel *kernel, double flops); /* the same of a convolution, a linear layer or a gradient of one */

#endif
