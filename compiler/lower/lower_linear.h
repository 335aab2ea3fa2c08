/* lower_linear.h: linear layers and their gradients. */
#ifndef ZOETROPE_LOWER_LINEAR_H
#define ZOETROPE_LOWER_LINEAR_H

#include "lower/lowering.h"

void lower_linear(Lowering *l, Node *node);
void lower_linear_data_grad(Lowering *l, Node *node);
void lower_linear_weight_grad(Lowering *l, Node *node);

#endif
