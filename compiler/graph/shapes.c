/* shapes.c: the shape rule of each operation. A rule dies where inputs do not fit: only a bug of ours
 * can cause that, as a spec's shapes were checked when it was read. */
#include "graph/shapes.h"

#include <string.h>

#define NEED(node, condition)                                                                                                              \
    do {                                                                                                                                   \
        if (!(condition)) die("%s (%s): the inputs do not fit: %s", (node)->name, operation_name((node)->op), #condition);                 \
    } while (0)

long count_elements(const Node *node) {
    long count = 1;
    for (int d = 0; d < node->rank; d++) count *= node->shape[d];
    return count;
}

long row_size(const Node *node) {
    return count_elements(node) / node->shape[0];
}

long axis_extent(const Node *node, long steps, Axis axis) {
    return axis == AXIS_ITEMS ? node->shape[0] / steps : axis == AXIS_STEPS ? steps : node->shape[1];
}

bool same_shape(const Node *a, const Node *b) {
    return a->rank == b->rank && memcmp(a->shape, b->shape, sizeof(long) * (size_t)a->rank) == 0;
}

static void set_shape(Node *node, long d0, long d1, long d2, long d3) {
    node->rank = 4;
    memset(node->shape, 0, sizeof node->shape);
    node->shape[0] = d0, node->shape[1] = d1, node->shape[2] = d2, node->shape[3] = d3;
}

static void copy_shape(Node *node, const Node *from) {
    node->rank = from->rank;
    memcpy(node->shape, from->shape, sizeof node->shape);
}

static bool is_vector(const Node *node, long channels) {
    return node->rank == 4 && node->shape[0] == 1 && node->shape[1] == channels && node->shape[2] == 1 && node->shape[3] == 1;
}

static bool is_statistics(const Node *stats, const Node *x) {
    return stats->rank == 4 && stats->shape[0] == 1 && stats->shape[1] == x->shape[1] && stats->shape[2] == 3 && stats->shape[3] == 1;
}

/* INPUT, PARAMETER, STATE, CARRY: whoever makes the node gives its shape. */
static void given_shape(Node *node) {
    NEED(node, node->rank > 0 && node->rank <= MAX_DIMENSIONS);
}

static void unary_shape(Node *node) {
    copy_shape(node, node->input[0]);
}

static void binary_shape(Node *node) {
    NEED(node, same_shape(node->input[0], node->input[1]));
    copy_shape(node, node->input[0]);
}

static void ternary_shape(Node *node) {
    binary_shape(node);
    NEED(node, same_shape(node->input[0], node->input[2]));
}

static void loss_shape(Node *node) {
    NEED(node, node->input[0]->rank == 4 && same_shape(node->input[0], node->input[1]));
    set_shape(node, 1, 1, 1, 1);
}

static void loss_grad_shape(Node *node) {
    binary_shape(node);
    NEED(node, node->rank == 4 && (node->input_count == 2 || count_elements(node->input[2]) == 1));
}

#define shape_INPUT given_shape
#define shape_PARAMETER given_shape
#define shape_STATE given_shape
#define shape_CARRY given_shape
#define shape_FILL given_shape
#define shape_KEPT given_shape
#define shape_RELU unary_shape
#define shape_LEAKY_RELU unary_shape
#define shape_SIGMOID unary_shape
#define shape_TANH unary_shape
#define shape_ELU unary_shape
#define shape_SILU unary_shape
#define shape_SOFTPLUS unary_shape
#define shape_RELU_GRAD binary_shape
#define shape_LEAKY_RELU_GRAD binary_shape
#define shape_SIGMOID_GRAD binary_shape
#define shape_TANH_GRAD binary_shape
#define shape_ELU_GRAD binary_shape
#define shape_SILU_GRAD binary_shape
#define shape_SOFTPLUS_GRAD binary_shape
#define shape_ADD binary_shape
#define shape_SCALE unary_shape
#define shape_AFFINE unary_shape
#define shape_MULTIPLY binary_shape
#define shape_SAMPLE ternary_shape
#define shape_SAMPLE_LOG_VARIANCE_GRAD ternary_shape
#define shape_SAMPLE_NOISE_GRAD binary_shape
#define shape_MSE loss_shape
#define shape_L1 loss_shape
#define shape_MSE_GRAD loss_grad_shape
#define shape_L1_GRAD loss_grad_shape
#define shape_SQUARED_DIFFERENCE binary_shape
#define shape_SQUARED_DIFFERENCE_GRAD ternary_shape
#define shape_ABSOLUTE_DIFFERENCE binary_shape
#define shape_ABSOLUTE_DIFFERENCE_GRAD ternary_shape
#define shape_BCE_WITH_LOGITS binary_shape
#define shape_BCE_WITH_LOGITS_GRAD ternary_shape
#define shape_BCE binary_shape
#define shape_BCE_GRAD ternary_shape
#define shape_BCE_TARGET_GRAD binary_shape
#define shape_KL binary_shape
#define shape_KL_GRAD binary_shape
#define shape_ENTROPY unary_shape
#define shape_ENTROPY_GRAD binary_shape
#define shape_TIMES_GRAD binary_shape
#define shape_ABSOLUTE unary_shape
#define shape_ABSOLUTE_GRAD binary_shape

/* (L [N, L, H, W], weight [S, L, u, v][, bias [1, S, 1, 1]]) → [N, S, ⌊(H + 2·padding − u) / stride⌋ + 1, …] */
static void shape_CONV2D(Node *node) {
    const Node *x = node->input[0], *weight = node->input[1];
    NEED(node, x->rank == 4 && weight->rank == 4 && weight->shape[1] == x->shape[1]);
    NEED(node, node->input_count == 2 || is_vector(node->input[2], weight->shape[0]));
    set_shape(node, x->shape[0], weight->shape[0], 0, 0);
    for (int d = 0; d < 2; d++) {
        node->kernel[d] = weight->shape[2 + d];
        NEED(node, node->stride[d] >= 1);
        node->shape[2 + d] = floor_divide(x->shape[2 + d] + 2 * node->padding[d] - node->kernel[d], node->stride[d]) + 1;
    }
}

/* (S [N, S, h, w], weight [S, L, u, v][, bias [1, L, 1, 1]]) → [N, L, (h − 1)·stride − 2·padding + u + output_padding, …] */
static void shape_CONV_TRANSPOSE2D(Node *node) {
    const Node *x = node->input[0], *weight = node->input[1];
    NEED(node, x->rank == 4 && weight->rank == 4 && weight->shape[0] == x->shape[1]);
    NEED(node, node->input_count == 2 || is_vector(node->input[2], weight->shape[1]));
    set_shape(node, x->shape[0], weight->shape[1], 0, 0);
    for (int d = 0; d < 2; d++) {
        node->kernel[d] = weight->shape[2 + d];
        NEED(node, node->stride[d] >= 1 && node->output_padding[d] >= 0 && node->output_padding[d] < node->stride[d]);
        node->shape[2 + d] = (x->shape[2 + d] - 1) * node->stride[d] - 2 * node->padding[d] + node->kernel[d] + node->output_padding[d];
    }
}

/* (S [N, S, h, w], L [N, L, H, W]) → [S, L, kernel] */
static void shape_CONV2D_WEIGHT_GRAD(Node *node) {
    const Node *small = node->input[0], *large = node->input[1];
    NEED(node, small->rank == 4 && large->rank == 4 && small->shape[0] == large->shape[0]);
    NEED(node, node->kernel[0] >= 1 && node->kernel[1] >= 1 && node->stride[0] >= 1 && node->stride[1] >= 1);
    set_shape(node, small->shape[1], large->shape[1], node->kernel[0], node->kernel[1]);
}

/* Do the last three dimensions of x (channel, height, width) equal those of the weight from `first` on? */
static bool same_features(const Node *x, const Node *weight, int first) {
    return x->rank == 4 && weight->rank == 6 && memcmp(x->shape + 1, weight->shape + first, 3 * sizeof(long)) == 0;
}

/* (x [N, Ci, Hi, Wi], weight [Co, Ho, Wo, Ci, Hi, Wi][, bias [1, Co, Ho, Wo]]) → [N, Co, Ho, Wo] */
static void shape_LINEAR(Node *node) {
    const Node *x = node->input[0], *weight = node->input[1];
    NEED(node, same_features(x, weight, 3));
    NEED(node, node->input_count == 2 || (node->input[2]->shape[0] == 1 && same_features(node->input[2], weight, 0)));
    set_shape(node, x->shape[0], weight->shape[0], weight->shape[1], weight->shape[2]);
}

/* (dy [N, Co, Ho, Wo], weight [Co, Ho, Wo, Ci, Hi, Wi]) → [N, Ci, Hi, Wi] */
static void shape_LINEAR_DATA_GRAD(Node *node) {
    const Node *dy = node->input[0], *weight = node->input[1];
    NEED(node, same_features(dy, weight, 0));
    set_shape(node, dy->shape[0], weight->shape[3], weight->shape[4], weight->shape[5]);
}

/* (dy [N, Co, Ho, Wo], x [N, Ci, Hi, Wi]) → [Co, Ho, Wo, Ci, Hi, Wi] */
static void shape_LINEAR_WEIGHT_GRAD(Node *node) {
    const Node *dy = node->input[0], *x = node->input[1];
    NEED(node, dy->rank == 4 && x->rank == 4 && dy->shape[0] == x->shape[0]);
    node->rank = 6;
    memset(node->shape, 0, sizeof node->shape);
    for (int d = 0; d < 3; d++) node->shape[d] = dy->shape[1 + d], node->shape[3 + d] = x->shape[1 + d];
}

/* (dy [N, C, H, W]) → [1, C, 1, 1] with `pixels`, else [1, C, H, W] */
static void shape_BIAS_GRAD(Node *node) {
    const Node *dy = node->input[0];
    NEED(node, dy->rank == 4);
    set_shape(node, 1, dy->shape[1], node->pixels ? 1 : dy->shape[2], node->pixels ? 1 : dy->shape[3]);
}

static void shape_BATCH_NORM_STATISTICS(Node *node) {
    const long channels = node->input[0]->shape[1];
    NEED(node, node->input[0]->rank == 4);
    for (int i = 1; i < 4; i++) NEED(node, is_vector(node->input[i], channels));
    set_shape(node, 1, channels, 3, 1);
}

static void shape_BATCH_NORM_MOVE(Node *node) {
    const long channels = node->input[0]->shape[1];
    NEED(node, node->input[0]->rank == 4 && node->input[0]->shape[2] == 3 && node->rows > 1);
    for (int i = 1; i < 3; i++) NEED(node, is_vector(node->input[i], channels));
    set_shape(node, 1, channels, 1, 1);
}

static void shape_BATCH_NORM_RUNNING(Node *node) {
    const long channels = node->input[0]->shape[1];
    for (int i = 0; i < 3; i++) NEED(node, is_vector(node->input[i], channels));
    set_shape(node, 1, channels, 3, 1);
}

static void shape_BATCH_NORM(Node *node) {
    const Node *x = node->input[0];
    NEED(node, x->rank == 4 && is_statistics(node->input[1], x) && is_vector(node->input[2], x->shape[1]));
    copy_shape(node, x);
}

static void shape_BATCH_NORM_SUMS(Node *node) {
    const Node *x = node->input[0];
    NEED(node, x->rank == 4 && is_statistics(node->input[1], x) && same_shape(node->input[2], x));
    set_shape(node, 1, x->shape[1], 2, 1);
}

static void shape_BATCH_NORM_GRAD(Node *node) {
    const Node *x = node->input[0], *sums = node->input[2];
    NEED(node, is_statistics(node->input[1], x) && same_shape(node->input[3], x));
    NEED(node, sums->shape[0] == 1 && sums->shape[1] == x->shape[1] && sums->shape[2] == 2 && sums->shape[3] == 1);
    copy_shape(node, x);
}

static void shape_BATCH_NORM_RUNNING_GRAD(Node *node) {
    const Node *dy = node->input[0];
    NEED(node, dy->rank == 4 && is_statistics(node->input[1], dy));
    copy_shape(node, dy);
}

static void shape_SELECT_ROW(Node *node) {
    const Node *v = node->input[0];
    NEED(node, v->rank == 4 && v->shape[0] == 1 && v->shape[3] == 1 && node->which >= 0 && node->which < v->shape[2]);
    set_shape(node, 1, v->shape[1], 1, 1);
}

/* ---- losses ---- */

/* Between neighbouring rows or columns: of n there are n − 1. */
static void shape_DIFFERENCE(Node *node) {
    NEED(node, node->input[0]->rank == 4 && (node->which == 2 || node->which == 3) && node->input[0]->shape[node->which] > 1);
    copy_shape(node, node->input[0]);
    node->shape[node->which]--;
}

static void shape_DIFFERENCE_GRAD(Node *node) {
    NEED(node, node->input[0]->rank == 4 && (node->which == 2 || node->which == 3));
    copy_shape(node, node->input[0]);
    node->shape[node->which]++;
}

/* One number a row. */
static bool is_column(const Node *node) {
    return node->rank == 4 && count_elements(node) == node->shape[0];
}

static void shape_FRAME_SUM(Node *node) {
    NEED(node, node->input[0]->rank == 4);
    set_shape(node, node->input[0]->shape[0], 1, 1, 1);
}

static void shape_FALLING(Node *node) {
    NEED(node, is_column(node->input[0]));
    copy_shape(node, node->input[0]);
}

static void shape_ROW_SUM(Node *node) {
    NEED(node, is_column(node->input[0]) && node->rows > 0 && node->input[0]->shape[0] % node->rows == 0);
    set_shape(node, node->input[0]->shape[0] / node->rows, 1, 1, 1);
}

static void shape_SPREAD(Node *node) {
    const Node *s = node->input[0];
    NEED(node, node->rank == 4 && is_column(s) && (s->shape[0] == 1 || s->shape[0] == node->shape[0]));
}

static void shape_SPREAD_ROWS(Node *node) {
    NEED(node, is_column(node->input[0]) && node->rows > 0);
    set_shape(node, node->input[0]->shape[0] * node->rows, 1, 1, 1);
}

/* (input gates [N, hidden, 3, 1], hidden gates [N, hidden, 3, 1], h [N, hidden, 1, 1]) → h′ [N, hidden, 1, 1] */
static void shape_GRU_CELL(Node *node) {
    const Node *gates = node->input[0], *h = node->input[2];
    NEED(node, same_shape(gates, node->input[1]) && gates->rank == 4 && gates->shape[2] == 3 && gates->shape[3] == 1);
    NEED(node, h->rank == 4 && h->shape[0] == gates->shape[0] && h->shape[1] == gates->shape[1] && h->shape[2] == 1 && h->shape[3] == 1);
    copy_shape(node, h);
}

static void shape_GRU_CELL_GRAD(Node *node) {
    shape_GRU_CELL(node);
    NEED(node, same_shape(node->input[2], node->input[3]));
    copy_shape(node, node->input[0]);
}

/* The results of GRU_CELL_GRAD are the gradients of its first three inputs, in their shapes. */
static void shape_RESULT(Node *node) {
    const Node *of = node->input[0];
    NEED(node, of->op == OP_GRU_CELL_GRAD && node->which >= 1 && node->which <= 2);
    copy_shape(node, of->input[node->which]);
}

static void shape_DETACH(Node *node) {
    copy_shape(node, node->input[0]);
    node->steps = node->input[0]->steps;
}

/* (v [B·T, C, H, W]) → [count·T, C, H, W], [B·count, C, H, W] or [B·T, count, H, W] */
static void shape_SLICE(Node *node) {
    const Node *v = node->input[0];
    const long items = v->shape[0] / v->steps, all = axis_extent(v, v->steps, node->axis);
    NEED(node, v->rank == 4 && node->first >= 0 && node->count >= 1 && node->first + node->count <= all);
    copy_shape(node, v);
    node->steps = node->axis == AXIS_STEPS ? node->count : v->steps;
    if (node->axis == AXIS_CHANNELS) node->shape[1] = node->count;
    else node->shape[0] = (node->axis == AXIS_ITEMS ? node->count : items) * node->steps;
}

/* Along items, rows of one input alone may have no order in time; along steps, each input has its own number of them. */
static void shape_CONCAT(Node *node) {
    const Node *first = node->input[0];
    const int along = node->axis == AXIS_CHANNELS ? 1 : 0;
    long sum = 0, steps = 0, most = 1;
    for (int i = 0; i < node->input_count; i++) {
        const Node *input = node->input[i];
        NEED(node, input->rank == 4);
        for (int d = 0; d < 4; d++) NEED(node, d == along || input->shape[d] == first->shape[d]);
        NEED(node, node->axis != AXIS_STEPS || input->shape[0] / input->steps == first->shape[0] / first->steps);
        sum += input->shape[along];
        steps += input->steps;
        most = maximum(most, input->steps);
    }
    copy_shape(node, first);
    node->shape[along] = sum;
    node->steps = node->axis == AXIS_STEPS ? steps : most;
    for (int i = 0; i < node->input_count && node->axis != AXIS_STEPS; i++) {
        NEED(node, node->input[i]->steps == 1 || node->input[i]->steps == most);
        NEED(node, node->input[i]->shape[0] % most == 0);
    }
}

static void shape_RESHAPE(Node *node) {
    const Node *v = node->input[0];
    NEED(node, node->rank == 4 && v->rank == 4 && node->steps >= 1 && count_elements(node) == count_elements(v));
    NEED(node, node->shape[0] % node->steps == 0 && node->shape[0] / node->steps == v->shape[0] / v->steps);
    NEED(node, node->clip || node->steps == v->steps);
}

static void shape_UPSAMPLE(Node *node) {
    const Node *x = node->input[0];
    NEED(node, x->rank == 4 && node->stride[0] >= 1 && node->stride[1] >= 1);
    set_shape(node, x->shape[0], x->shape[1], x->shape[2] * node->stride[0], x->shape[3] * node->stride[1]);
}

static void shape_UPSAMPLE_GRAD(Node *node) {
    const Node *dy = node->input[0];
    NEED(node, dy->rank == 4 && node->stride[0] >= 1 && node->stride[1] >= 1);
    NEED(node, dy->shape[2] % node->stride[0] == 0 && dy->shape[3] % node->stride[1] == 0);
    set_shape(node, dy->shape[0], dy->shape[1], dy->shape[2] / node->stride[0], dy->shape[3] / node->stride[1]);
}

/* ---- pools ---- */

long count_windows(const Window *window, int d, long size) {
    const long room = size + 2 * window->padding[d] - window->kernel[d];
    return room < 0 ? 0 : room / window->stride[d] + 1;
}

long window_size(const Window *window) {
    return window->kernel[0] * window->kernel[1] * window->kernel[2];
}

/* Is `small` what a pool with the node's window makes of `large`? `steps` are those of `large`. */
static bool is_pooled(const Node *node, const Node *small, const Node *large, long steps) {
    const Window *window = &node->window;
    const long items = large->shape[0] / steps;
    return large->rank == 4 && small->rank == 4 && small->shape[0] == items * count_windows(window, 0, steps) &&
           small->shape[1] == large->shape[1] && small->shape[2] == count_windows(window, 1, large->shape[2]) &&
           small->shape[3] == count_windows(window, 2, large->shape[3]);
}

static void shape_MAX_POOL(Node *node) {
    const Node *x = node->input[0];
    const Window *window = &node->window;
    NEED(node, x->rank == 4 && !node->scan);
    for (int d = 0; d < 3; d++)
        NEED(node, window->stride[d] >= 1 && window->padding[d] >= 0 && 2 * window->padding[d] <= window->kernel[d]);
    node->steps = count_windows(window, 0, x->steps);
    set_shape(node, x->shape[0] / x->steps * node->steps, x->shape[1], count_windows(window, 1, x->shape[2]),
              count_windows(window, 2, x->shape[3]));
    NEED(node, count_elements(node) > 0);
}
#define shape_AVG_POOL shape_MAX_POOL

static void shape_MAX_POOL_PLACE(Node *node) {
    const Node *x = node->input[0], *y = node->input[1];
    NEED(node, is_pooled(node, y, x, x->steps));
    copy_shape(node, y);
    node->steps = y->steps;
}

static void shape_MAX_POOL_GRAD(Node *node) {
    NEED(node, node->rank == 4 && node->steps >= 1 && node->shape[0] % node->steps == 0);
    for (int i = 0; i < node->input_count; i++) NEED(node, is_pooled(node, node->input[i], node, node->steps));
}
#define shape_AVG_POOL_GRAD shape_MAX_POOL_GRAD

/* Rows that have an order in time hand it on to what is computed row by row. What has none (a leaf of so many rows) goes with any. */
static void infer_steps(Node *node) {
    const bool given = node->op == OP_INPUT || node->op == OP_SPREAD_ROWS || operation_inputs(node->op) == 0;
    if (node->op == OP_CARRY && node->scan) node->steps = node->scan->steps;
    else if (!given && node->op != OP_CARRY && !operation_is(node->op, MOVE | POOL)) node->steps = 1;
    if (node->steps == 0) node->steps = 1;
    for (int i = 0; i < node->input_count && operation_is(node->op, ROWWISE | ELEMENTWISE) && node->op != OP_CARRY; i++) {
        const Node *input = node->input[i];
        if (input->steps == 1 || input->shape[0] != node->shape[0]) continue;
        NEED(node, node->steps == 1 || node->steps == input->steps);
        node->steps = input->steps;
    }
    NEED(node, node->shape[0] % node->steps == 0);
}

void infer_shape(Node *node) {
    static void (*const rule[OP_COUNT])(Node *) = {
#define X(name, inputs, properties, meaning) [OP_##name] = shape_##name,
        GRAPH_OPERATIONS(X)
#undef X
    };
    rule[node->op](node);
    infer_steps(node);
}
