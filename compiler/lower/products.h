/* products.h: the algorithm of each product of a graph. It is decided before anything is stored, by shapes, the target and what is asked
 * for: storage depends on it. */
#ifndef ZOETROPE_PRODUCTS_H
#define ZOETROPE_PRODUCTS_H

#include "lower/filters.h"

typedef struct Product {
    Algorithm algorithm;      /* of a convolution or its weight gradient */
    const FilterPlan *filter; /* of a convolution that is filtered; else NULL */
    const Filter *tiles[2];   /* of a weight gradient that is filtered: vertical, horizontal */
    bool pairs;               /* it takes its operands as pairs of bfloat16: of channels, or, a weight gradient, of images */
    int dot; /* of a linear layer's weight: the dimension that it is summed over, where lanes can lie along it (lower_dot.h); −1: not */
} Product;

/* Decides the products of l->graph. Where l->weight_lanes is not set, the graph decides how weights lie too. */
void decide_products(Lowering *l);
const Product *product_of_node(const Lowering *l, const Node *node);

#endif
