/* lower_graph.h: a graph, node by node, into programs. */
#ifndef ZOETROPE_LOWER_GRAPH_H
#define ZOETROPE_LOWER_GRAPH_H

#include "lower/lowering.h"

/* Makes room for the results of the passes, for each node. */
void start_graph(Lowering *l, const Graph *graph);
/* Lowers nodes first … end − 1 into a program, once they are stored. The range must not cut a scan. */
void lower_nodes(Lowering *l, int first, int end, Program *program);

#endif
