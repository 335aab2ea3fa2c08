/* evaluate_graph.h: the double-precision reference of the tests. */
#ifndef ZOETROPE_EVALUATE_GRAPH_H
#define ZOETROPE_EVALUATE_GRAPH_H

#include "graph/graph.h"

/* Evaluates every node naively. values[id] has the node's elements in row-major order.
 * The caller fills those of INPUT, PARAMETER and STATE nodes beforehand; the rest is allocated. */
void evaluate_graph(const Graph *graph, double **values);
/* The same for nodes first … end − 1, which cut no scan; the others' values are there already. */
void evaluate_nodes(const Graph *graph, double **values, int first, int end);

#endif
