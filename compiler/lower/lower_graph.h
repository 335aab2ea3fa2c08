/* lower_graph.h: a graph, node by node, into programs. */
#ifndef ZOETROPE_LOWER_GRAPH_H
#define ZOETROPE_LOWER_GRAPH_H

#include "lower/lowering.h"

/* Room for what the passes find out of each node. */
void start_graph(Lowering *l, const Graph *graph);
/* Nodes first … end − 1 into a program, once they are stored. A scan is not cut. */
void lower_nodes(Lowering *l, int first, int end, Program *program);

#endif
