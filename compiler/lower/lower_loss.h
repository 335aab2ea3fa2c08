/* lower_loss.h: losses and scores: sums of what is computed of each element, in double, and their gradients' way back. */
#ifndef ZOETROPE_LOWER_LOSS_H
#define ZOETROPE_LOWER_LOSS_H

#include "lower/lowering.h"

/* Of version 1: elements, their sum and their mean in one node. */
void lower_loss(Lowering *l, Node *node);
void lower_loss_for_caller(Lowering *l, Node *node); /* where it is another scalar that the caller gets as a loss */
void lower_frame_sum(Lowering *l, Node *node);
void lower_falling(Lowering *l, Node *node);
void lower_row_sum(Lowering *l, Node *node);
void lower_spread_rows(Lowering *l, Node *node);
void lower_difference_grad(Lowering *l, Node *node);

#endif
