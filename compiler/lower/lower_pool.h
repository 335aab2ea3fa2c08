/* lower_pool.h: max pooling, average pooling, and their gradients. */
#ifndef ZOETROPE_LOWER_POOL_H
#define ZOETROPE_LOWER_POOL_H

#include "lower/lowering.h"

void lower_pool(Lowering *l, Node *node);          /* MAX_POOL, AVG_POOL */
void lower_pool_place(Lowering *l, Node *node);    /* MAX_POOL_PLACE */
void lower_pool_gradient(Lowering *l, Node *node); /* MAX_POOL_GRAD, AVG_POOL_GRAD */

#endif
