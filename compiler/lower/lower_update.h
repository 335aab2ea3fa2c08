/* lower_update.h: the optimizer, and the programs beside the step: values to and from file order, and initial values. */
#ifndef ZOETROPE_LOWER_UPDATE_H
#define ZOETROPE_LOWER_UPDATE_H

#include "lower/lowering.h"

void lower_update(Lowering *l); /* the optimizer's step of each group that the graph has gradients of */
void lower_renew(Lowering *l);
/* to[index] = from[index] for every index in `extent`, one element at a time; lanes of `to` innermost. */
Kernel *copy_kernel(const char *name, const long *extent, int rank, const Buffer *from, const Buffer *to, const char *comment);
void lower_transfers(Lowering *l); /* load and save programs */
void lower_normal(Lowering *l);

#endif
