/* lower_filter_grad.h: weight gradients by minimal filtering. */
#ifndef ZOETROPE_LOWER_FILTER_GRAD_H
#define ZOETROPE_LOWER_FILTER_GRAD_H

#include "lower/lowering.h"

/* The weight gradient of a convolution by the transpose of its filtering. False, and nothing is done, where
 * that does not win or does not fit. */
bool lower_filtered_weight_grad(Lowering *l, Node *node);

#endif
