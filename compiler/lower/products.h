/* products.h: by what each product of a graph is run, as far as shapes, the target and what is wanted decide. It is decided before anything
 * is stored, for storage depends on it. Where a layout then does not allow it, the product is run like any other. */
#ifndef ZOETROPE_PRODUCTS_H
#define ZOETROPE_PRODUCTS_H

#include "lower/filters.h"

typedef struct Product {
    const FilterPlan *filter; /* a convolution is run by filtering, and how; NULL: it is not */
    bool pairs;               /* it takes its operands as pairs of bfloat16: of channels, or, a weight gradient, of images */
    int dot; /* of a linear layer's weight: the dimension that it is summed over, where lanes can lie along it (lower_dot.h); −1: not */
} Product;

/* Of each node of l->graph. */
void decide_products(Lowering *l);
const Product *product_of_node(const Lowering *l, const Node *node);

#endif
