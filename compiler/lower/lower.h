/* lower.h: a graph → the kernels and programs of one target. */
#ifndef ZOETROPE_LOWER_H
#define ZOETROPE_LOWER_H

#include "lower/program.h"

extern const Choices default_choices;

/* Lowers, schedules, verifies and plans. The tables of parameters of both graphs are the same. */
TargetCode *lower_model(const Graph *training, const Graph *evaluation, const Target *target, const Choices *choices);
/* The same of any graph, with a spec or without: `train` computes its nodes, gradients too, and `update` does what comes after them. */
TargetCode *lower_alone(const Graph *graph, const Target *target, const Choices *choices);

#endif
