/* lower_graph.h: a graph, node by node, into programs. */
#ifndef ZOETROPE_LOWER_GRAPH_H
#define ZOETROPE_LOWER_GRAPH_H

#include "lower/lowering.h"

/* Lowers a graph: what is decided of its nodes before they are stored; then, once its parameters have their places, nodes first … end − 1
 * into a program; a scan is not cut. */
void start_graph(Lowering *l, const Graph *graph);
void lower_nodes(Lowering *l, int first, int end, Program *program);

#endif
