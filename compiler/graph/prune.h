/* prune.h: a graph without what nothing needs. */
#ifndef ZOETROPE_PRUNE_H
#define ZOETROPE_PRUNE_H

#include "graph/graph.h"

/* Removes the nodes that no output, loss, gradient of a parameter, or root (some may be NULL) is computed from. What moves
 * running statistics stays, with what it reads; so do inputs and parameters. */
void prune_graph(Graph *graph, Node *const *roots, int count);

#endif
