/* evaluate_pools.h: pools. */
#ifndef ZOETROPE_EVALUATE_POOLS_H
#define ZOETROPE_EVALUATE_POOLS_H

#include "graph/graph.h"

/* All rows of a pool, or of one's gradient. */
void evaluate_pool(const Node *node, double **values);

#endif
