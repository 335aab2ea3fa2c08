/* Which product is run by what: see products.h. */
#include "lower/products.h"

#include "lower/lower_dot.h"
#include "lower/storage.h"

static bool convolution_has_pairs(const Lowering *l, const Node *node) {
    if (!l->target->pairs || (node->op != OP_CONV2D && node->op != OP_CONV_TRANSPOSE2D)) return false;
    return node->input[0]->shape[1] > l->target->lanes && is_blocked(l->target, node->shape[1]);
}

static bool weight_grad_has_pairs(const Lowering *l, const Node *node) {
    const Node *small = node->input[0], *large = node->input[1];
    if (!l->target->pairs || small->shape[0] < 2) return false;
    return is_blocked(l->target, small->shape[1]) || is_blocked(l->target, large->shape[1]);
}

static Product decide(const Lowering *l, const Node *node) {
    Product product = {.dot = -1};
    FilterPlan plan;
    switch (node->op) {
    case OP_CONV2D:
    case OP_CONV_TRANSPOSE2D:
        if (plan_filter(l, node, &plan)) {
            FilterPlan *filter = NEW(FilterPlan);
            *filter = plan;
            product.filter = filter;
        }
        product.pairs = convolution_has_pairs(l, node);
        break;
    case OP_CONV2D_WEIGHT_GRAD:
        product.pairs = weight_grad_has_pairs(l, node);
        break;
    case OP_LINEAR:
        if (can_be_dot(l, node, 3)) product.dot = 3;
        break;
    case OP_LINEAR_DATA_GRAD:
        if (can_be_dot(l, node, 0)) product.dot = 0;
        break;
    default:
        break;
    }
    return product;
}

void decide_products(Lowering *l) {
    l->product = NEW_ARRAY(Product, l->graph->node_count);
    for (int i = 0; i < l->graph->node_count; i++) l->product[i] = decide(l, l->graph->node[i]);
}

const Product *product_of_node(const Lowering *l, const Node *node) {
    return &l->product[node->id];
}
