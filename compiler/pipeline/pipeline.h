/* pipeline.h: from graphs to the kernels and the memory of one target. */
#ifndef ZOETROPE_PIPELINE_H
#define ZOETROPE_PIPELINE_H

#include "graph/spec_model.h"
#include "recompute/recompute.h"

/* The programs of a trainer (see program_heads.h) from its graphs. */
TargetCode *compile_graphs(const TrainerGraphs *graphs, const Target *target, const Choices *choices);
/* The same of one graph alone, with a spec or without: the program `train` computes its nodes, gradients too, and `update` does what comes
 * after them. */
TargetCode *compile_graph(const Graph *graph, const Target *target, const Choices *choices);
/* Keeps training within a limit. `plain` is what compile_graphs() made of the graphs. Above the limit, they are compiled again by the same
 * choices, with some of their results computed twice. If that is not enough, trade->possible of the result is false. */
TargetCode *compile_within(TargetCode *plain, const TrainerGraphs *graphs, const MemoryLimit *limit);

#endif
