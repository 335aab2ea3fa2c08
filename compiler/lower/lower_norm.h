/* lower_norm.h: batch norm, and the gradients of biases. */
#ifndef ZOETROPE_LOWER_NORM_H
#define ZOETROPE_LOWER_NORM_H

#include "lower/lowering.h"

void lower_bias_grad(Lowering *l, Node *node);
void lower_batch_norm_statistics(Lowering *l, Node *node);
void lower_batch_norm_move(Lowering *l, Node *node);
void lower_batch_norm_running(Lowering *l, Node *node);
void lower_batch_norm_sums(Lowering *l, Node *node);

#endif
