/* products.h: the algorithm of each product of a graph. Shapes, the target and requests decide it, before anything is stored: storage
 * depends on it. */
#ifndef ZOETROPE_PRODUCTS_H
#define ZOETROPE_PRODUCTS_H

#include "lower/filters.h"

typedef struct Product {
    Algorithm algorithm;      /* of a convolution, its weight gradient, or a product of a linear layer */
    const FilterPlan *filter; /* of a convolution that is filtered; else NULL */
    const Filter *tiles[2];   /* of a weight gradient that is filtered: vertical, horizontal */
    bool pairs;               /* the operands are pairs of bfloat16: of channels or, in a weight gradient, of images */
    int dot; /* the dimension of a linear layer's weight that is summed over, if lanes can lie along it (lower_dot.h); else −1 */
} Product;

/* Decides the products of graphs that share parameters. The first `deciding` of them decide the lanes of weights. */
void decide_products(Lowering *graphs, int count, int deciding);
const Product *product_of_node(const Lowering *l, const Node *node);

#endif
