/* lower_filter_weight.h: transformed weights for minimal filtering. */
#ifndef ZOETROPE_LOWER_FILTER_WEIGHT_H
#define ZOETROPE_LOWER_FILTER_WEIGHT_H

#include "lower/filters.h"

/* The transformed weight of a convolution: [vertical, horizontal, input channels, output channels], lanes along the last. */
const Buffer *new_filtered_weight(const Lowering *l, const Node *node, const FilterPlan *plan);
/* Transforms the weight of one pair of channels: taps [u][v] to [vertical][horizontal]. */
void filter_taps(const FilterPlan *plan, const double *taps, double *filtered);
/* Lowers a kernel that transforms the weight just before the convolution, so that the result lives no longer than needed. */
const Buffer *lower_filtered_weight(Lowering *l, const Node *node, const FilterPlan *plan);
/* Transformed weight p, q of a pair of channels, `from` by dimension of the weight: a sum of its taps. */
const Expression *weigh(const FilterPlan *plan, int p, int q, const Buffer *taps, const Affine from[2]);

#endif
