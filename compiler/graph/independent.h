/* independent.h: what of a graph does not depend on one of its inputs. */
#ifndef ZOETROPE_INDEPENDENT_H
#define ZOETROPE_INDEPENDENT_H

#include "graph/graph.h"

/* Puts the nodes that do not depend on `input` before all others, each part in the order that it had, and returns how many these are. A
 * scan stays whole. */
int independent_first(Graph *graph, const Node *input);

#endif
