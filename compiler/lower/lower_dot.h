/* lower_dot.h: products of linear layers in which each lane has a sum of its own. */
#ifndef ZOETROPE_LOWER_DOT_H
#define ZOETROPE_LOWER_DOT_H

#include "lower/lowering.h"

/* Can a linear layer's product have its lanes along `side`, the dimension of the weight that it sums over? */
bool can_be_dot(const Lowering *l, const Node *node, int side);
void lower_dot(Lowering *l, Node *node, int side, const char *comment, double flops);

#endif
