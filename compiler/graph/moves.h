/* moves.h: nodes that put elements elsewhere: slices, concatenations, other shapes. */
#ifndef ZOETROPE_MOVES_H
#define ZOETROPE_MOVES_H

#include "graph/differentiate.h"

/* Outside of scans. `first` and `count` are items, steps or channels; no node is added where a slice is all of it. */
Node *slice(Graph *graph, const char *name, Node *node, Axis axis, long first, long count);
/* Of any number of nodes; of one alone, that one. */
Node *concatenate(Graph *graph, const char *name, Axis axis, int count, Node *const *nodes);
/* Each row's values as [C, H, W] = shape[0 … 2], in the same order. */
Node *reshape_rows(Graph *graph, const char *name, Node *node, const long shape[3]);
/* Each item's values, counted in the order C, T, H, W, as [C, T, H, W] = shape[0 … 3]: rows of `steps` shape[1]. */
Node *reshape_clips(Graph *graph, const char *name, Node *node, const long shape[4]);

/* ---- for differentiate.c and gradient rules ---- */

/* Of what a SLICE reads: dy is one more term of the gradient of the elements that it reads. */
void add_part(Differentiation *d, const Node *slice, Node *dy);
/* When all readers of a node have been seen: puts its parts together along each axis, as one more term of its adjoint. */
void add_parts_together(Differentiation *d, Node *node);

#endif
