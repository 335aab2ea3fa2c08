/* lower_filter.h: convolutions by minimal filtering, which trades multiplications for additions. */
#ifndef ZOETROPE_LOWER_FILTER_H
#define ZOETROPE_LOWER_FILTER_H

#include "lower/filters.h"

void lower_filtered(Lowering *l, Node *node, const FilterPlan *plan);

#endif
