/* shapes.h: the shape rule of each operation. */
#ifndef ZOETROPE_SHAPES_H
#define ZOETROPE_SHAPES_H

#include "graph/graph.h"

/* The shape rule of its operation; and its steps: those of its inputs with rows like its own, the scan's of a CARRY, else what is given
 * (0 becomes 1). */
void infer_shape(Node *node);
long count_elements(const Node *node);
long row_size(const Node *node); /* elements of a row */
/* The items, steps or channels of a node of rows b·steps + t. */
long axis_extent(const Node *node, long steps, Axis axis);
/* The size of a pool's output along time, height or width, d = 0 … 2, for an input of this size: a window has to fit. 0: none does. */
long count_windows(const Window *window, int d, long size);
long window_size(const Window *window); /* elements */
bool same_shape(const Node *a, const Node *b);

#endif
