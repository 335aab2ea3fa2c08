/* shapes.h: the shape rule of each operation. */
#ifndef ZOETROPE_SHAPES_H
#define ZOETROPE_SHAPES_H

#include "graph/graph.h"

/* The shape rule of its operation; and its steps: those of its inputs with rows like its own, the scan's of a CARRY, else what is given
 * (0 becomes 1). */
void infer_shape(Node *node);
long count_elements(const Node *node);
bool same_shape(const Node *a, const Node *b);

#endif
