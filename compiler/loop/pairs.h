/* pairs.h: pairs of bfloat16, which dot products take. */
#ifndef ZOETROPE_PAIRS_H
#define ZOETROPE_PAIRS_H

#include "loop/expression.h"

/* A virtual buffer of `count` pairs of a virtual buffer's elements a · i and a · i + b along a dimension; those from `whole` on lack the
 * second. */
const Buffer *pairs_of(const Buffer *input, int dimension, long count, long whole, long a, long b);
/* a · b, or the dot product of two pairs. */
const Expression *product_of(const Expression *a, const Expression *b);

#endif
