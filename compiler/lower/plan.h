/* plan.h: where the tensors of programs lie in the workspace. */
#ifndef ZOETROPE_PLAN_H
#define ZOETROPE_PLAN_H

#include "lower/program.h"

/* Sets the offsets of tensors whose `first` and `last` are known, from `start` on; returns where they end. Sorts the list. */
long place_tensors(Tensor **list, int count, long start);
/* Places the tensors of one program in a workspace that has `start` bytes of something else; returns where they end. */
long plan_program(const Program *program, long start);
/* Sets Tensor.offset of the workspace tensors by their lifetimes over each program. */
void plan_workspace(TargetCode *code);

#endif
