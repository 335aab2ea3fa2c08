/* lower_filter_inside.h: minimal filtering whose weights are transformed where they are multiplied by. */
#ifndef ZOETROPE_LOWER_FILTER_INSIDE_H
#define ZOETROPE_LOWER_FILTER_INSIDE_H

#include "lower/filters.h"

/* By the `inside` plan, from a virtual input and its stage. */
void lower_filtered_inside(Lowering *l, Node *node, const FilterPlan *plan, const Buffer *input, const Stage *stage);

#endif
