/* pairs.h: pairs of bfloat16, which dot products take. */
#ifndef ZOETROPE_PAIRS_H
#define ZOETROPE_PAIRS_H

#include "loop/expression.h"

/* A virtual buffer of `count` pairs of elements a · i and a · i + b along a dimension of a virtual buffer. Pairs from `whole` on have no
 * second element. */
const Buffer *pairs_of(const Buffer *input, int dimension, long count, long whole, long a, long b);
/* a · b, or the dot product of two pairs. */
const Expression *product_of(const Expression *a, const Expression *b);

#endif
