/* products.c: chooses the algorithm of each product: see products.h. */
#include "lower/products.h"

#include "lower/choose.h"
#include "lower/lower_blas.h"
#include "lower/lower_conv_few.h"
#include "lower/lower_dot.h"
#include "lower/lower_filter_grad.h"
#include "lower/storage.h"
#include "lower/weight_layout.h"

static bool convolution_has_pairs(const Lowering *l, const Node *node) {
    if (!l->target->pairs || (node->op != OP_CONV2D && node->op != OP_CONV_TRANSPOSE2D)) return false;
    return node->input[0]->shape[1] > l->target->lanes && is_blocked(l->target, node->shape[1]);
}

static bool weight_grad_has_pairs(const Lowering *l, const Node *node) {
    const Node *small = node->input[0], *large = node->input[1];
    if (!l->target->pairs || small->shape[0] < 2) return false;
    return is_blocked(l->target, small->shape[1]) || is_blocked(l->target, large->shape[1]);
}

static void decide_convolution(const Lowering *l, const Node *node, Product *product) {
    FilterPlan plan;
    product->pairs = convolution_has_pairs(l, node);
    if (!plan_filter(l, node, &plan)) return;
    FilterPlan *filter = NEW(FilterPlan);
    *filter = plan;
    product->filter = filter;
    product->algorithm = filtered_algorithm(plan.filter[0], plan.filter[1]);
}

/* The decisions that the layout of weights depends on. */
static Product decide(const Lowering *l, const Node *node) {
    Product product = {.algorithm = ALGORITHM_DIRECT, .dot = -1};
    if (node->op == OP_CONV2D || node->op == OP_CONV_TRANSPOSE2D) decide_convolution(l, node, &product);
    if (node->op == OP_CONV2D_WEIGHT_GRAD) product.pairs = weight_grad_has_pairs(l, node);
    if (node->op == OP_LINEAR && can_be_dot(l, node, 3)) product.dot = 3;
    if (node->op == OP_LINEAR_DATA_GRAD && can_be_dot(l, node, 0)) product.dot = 0;
    if (wanted_algorithm(l, node) == ALGORITHM_BLAS && can_be_blas(l, node)) product.algorithm = ALGORITHM_BLAS;
    return product;
}

/* The decisions that depend on the layout of weights. */
static void decide_by_weight(const Lowering *l, const Node *node, Product *product) {
    const bool convolves = node->op == OP_CONV2D || node->op == OP_CONV_TRANSPOSE2D;
    if (convolves && !product->filter && has_few_outputs(l, node)) product->algorithm = ALGORITHM_FEW;
    if (node->op == OP_CONV2D_WEIGHT_GRAD && plan_filtered_weight_grad(l, node, product->tiles))
        product->algorithm = filtered_algorithm(product->tiles[0], product->tiles[1]);
}

void decide_products(Lowering *graphs, int count, int deciding) {
    for (int i = 0; i < count; i++) {
        const Graph *graph = graphs[i].graph;
        graphs[i].product = NEW_ARRAY(Product, graph->node_count);
        for (int n = 0; n < graph->node_count; n++) graphs[i].product[n] = decide(&graphs[i], graph->node[n]);
    }
    WeightLanes *lanes = choose_weight_lanes(graphs, count, deciding);
    for (int i = 0; i < count; i++) {
        const Graph *graph = graphs[i].graph;
        graphs[i].weight_lanes = lanes;
        for (int n = 0; n < graph->node_count; n++) decide_by_weight(&graphs[i], graph->node[n], &graphs[i].product[n]);
    }
}

const Product *product_of_node(const Lowering *l, const Node *node) {
    return &l->product[node->id];
}
