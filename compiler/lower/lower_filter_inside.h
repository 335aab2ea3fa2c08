/* lower_filter_inside.h: minimal filtering that transforms weights in the kernel that multiplies by them. */
#ifndef ZOETROPE_LOWER_FILTER_INSIDE_H
#define ZOETROPE_LOWER_FILTER_INSIDE_H

#include "lower/filters.h"

/* Lowers a convolution whose plan is `inside`, from a virtual input and its stage. */
void lower_filtered_inside(Lowering *l, Node *node, const FilterPlan *plan, const Buffer *input, const Stage *stage);

#endif
