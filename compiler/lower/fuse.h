/* fuse.h: nodes that are computed where they are read, and never stored. */
#ifndef ZOETROPE_FUSE_H
#define ZOETROPE_FUSE_H

#include "lower/lowering.h"

/* Sets node->fused of each node. */
void fuse_graph(const Lowering *l);
/* The node whose value a convolution's or linear layer's kernel stores: itself, or the activation that alone reads it. */
Node *epilogue_of(const Graph *graph, Node *node);

#endif
