/* lower_filter_grad.h: weight gradients by minimal filtering. */
#ifndef ZOETROPE_LOWER_FILTER_GRAD_H
#define ZOETROPE_LOWER_FILTER_GRAD_H

#include "lower/filters.h"

/* Is the weight gradient of a convolution faster by filtering, and with which tiles? */
bool plan_filtered_weight_grad(const Lowering *l, const Node *node, const Filter *filter[2]);
void lower_filtered_weight_grad(Lowering *l, Node *node, const Filter *const filter[2]);

#endif
