/* lower_graph.c: lowers a graph node by node: the lowering of each operation. */
#include "lower/lower_graph.h"

#include "lower/fuse.h"
#include "lower/lower_conv.h"
#include "lower/lower_linear.h"
#include "lower/lower_loss.h"
#include "lower/lower_moves.h"
#include "lower/lower_norm.h"
#include "lower/lower_pool.h"
#include "lower/lower_rows.h"
#include "lower/lower_scan.h"
#include "lower/storage.h"

typedef void (*Lower)(Lowering *l, Node *node);

static const Lower lowerings[OP_COUNT] = {
    [OP_CARRY] = NULL, /* storage only; its first value is copied before the scan: lower_carry */
    [OP_CONV2D] = lower_convolution,
    [OP_CONV_TRANSPOSE2D] = lower_convolution,
    [OP_CONV2D_WEIGHT_GRAD] = lower_conv2d_weight_grad,
    [OP_LINEAR] = lower_linear,
    [OP_LINEAR_DATA_GRAD] = lower_linear_data_grad,
    [OP_LINEAR_WEIGHT_GRAD] = lower_linear_weight_grad,
    [OP_BIAS_GRAD] = lower_bias_grad,
    [OP_BATCH_NORM_STATISTICS] = lower_batch_norm_statistics,
    [OP_BATCH_NORM_MOVE] = lower_batch_norm_move,
    [OP_BATCH_NORM_RUNNING] = lower_batch_norm_running,
    [OP_BATCH_NORM_SUMS] = lower_batch_norm_sums,
    [OP_SELECT_ROW] = lower_element,
    [OP_DETACH] = lower_element,
    [OP_SLICE] = lower_element,
    [OP_CONCAT] = lower_concat,
    [OP_RESHAPE] = lower_reshape,
    [OP_UPSAMPLE] = lower_upsample,
    [OP_UPSAMPLE_GRAD] = lower_upsample_grad,
    [OP_MAX_POOL] = lower_pool,
    [OP_MAX_POOL_PLACE] = lower_pool_place,
    [OP_MAX_POOL_GRAD] = lower_pool_gradient,
    [OP_AVG_POOL] = lower_pool,
    [OP_AVG_POOL_GRAD] = lower_pool_gradient,
    [OP_GRU_CELL] = lower_gru_cell,
    [OP_GRU_CELL_GRAD] = lower_gru_cell_grad,
    [OP_MSE] = lower_loss,
    [OP_L1] = lower_loss,
    [OP_FRAME_SUM] = lower_frame_sum,
    [OP_FALLING] = lower_falling,
    [OP_ROW_SUM] = lower_row_sum,
    [OP_SPREAD_ROWS] = lower_spread_rows,
    [OP_DIFFERENCE_GRAD] = lower_difference_grad,
};

void start_graph(Lowering *l, const Graph *graph) {
    l->graph = graph;
    l->buffer = NEW_ARRAY(const Buffer *, graph->node_count);
    l->whole_rows = NEW_ARRAY(const Buffer *, graph->node_count);
    l->moments = NEW_ARRAY(const Buffer *, graph->node_count);
    l->tile_sums = NEW_ARRAY(const Buffer *, graph->node_count);
    l->summed_by = NEW_ARRAY(const Node *, graph->node_count);
    l->first_call = NEW_ARRAY(int, graph->node_count + 1);
}

static bool has_weight(const Node *node) {
    return operation_is(node->op, PRODUCT) && node->op != OP_CONV2D_WEIGHT_GRAD && node->op != OP_LINEAR_WEIGHT_GRAD;
}

/* Called where the scan changes: `before` is left, and the node's scan is entered. `node` is NULL after the last node. */
static void enter_scan(Lowering *l, const Scan *before, const Node *node) {
    const Graph *graph = l->graph;
    l->body = NULL;
    if (before) lower_scan_outputs(l, before);
    if (!node || !node->scan) return;
    for (int k = node->id; k < graph->node_count && graph->node[k]->scan == node->scan; k++) {
        if (graph->node[k]->op != OP_CARRY) continue;
        l->node = graph->node[k];
        lower_carry(l, graph->node[k]);
    }
    l->body = node->scan;
    l->body_call = l->program->call_count;
    l->body_node = node->id + 1;
}

static void lower_node(Lowering *l, Node *node) {
    const Graph *graph = l->graph;
    l->node = node;
    if (has_weight(node) && !node->input[1]->parameter) die("%s: its weight is computed, and not a parameter", node->name);
    if (lowerings[node->op]) lowerings[node->op](l, node);
    else if (!operation_is(node->op, ELEMENTWISE | STORAGE)) die("%s has no lowering", operation_name(node->op));
    else if (operation_is(node->op, ELEMENTWISE) && (!node->input_count || epilogue_of(graph, node->input[0]) != node))
        lower_element(l, node);
    if (name_of(graph, ROLE_LOSS, node) && !is_double(node)) lower_loss_for_caller(l, node);
}

void lower_nodes(Lowering *l, int first, int end, Program *program) {
    const Graph *graph = l->graph;
    l->program = program;
    const Scan *scan = NULL;
    for (int i = first; i < end; i++) {
        Node *node = graph->node[i];
        l->first_call[i] = program->call_count;
        if (node->scan != scan) enter_scan(l, scan, node);
        scan = node->scan;
        if (!node->fused) lower_node(l, node);
    }
    if (scan) enter_scan(l, scan, NULL);
    l->node = NULL;
    l->first_call[end] = program->call_count;
}
