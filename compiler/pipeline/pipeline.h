/* pipeline.h: from graphs to the kernels and the memory of one target. */
#ifndef ZOETROPE_PIPELINE_H
#define ZOETROPE_PIPELINE_H

#include "recompute/recompute.h"

/* The programs of a trainer, from the graph of a training step and that of an evaluation, whose tables of parameters are the same. Without
 * `evaluation`, of any graph, with a spec or without: the program `train` computes its nodes, gradients too, and `update` does what comes
 * after them. */
TargetCode *compile_graphs(const Graph *training, const Graph *evaluation, const Target *target, const Choices *choices);
/* Keeps training within a limit. `plain` is what compile_graphs() made, and `evaluation` the graph that it was given. Above the limit, the
 * training graph is compiled again by the same choices, with some of its results computed twice. If that is not enough, trade->possible of
 * the result is false. */
TargetCode *compile_within(TargetCode *plain, const Graph *evaluation, const MemoryLimit *limit);

#endif
