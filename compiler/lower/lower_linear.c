/* lower_linear.c: linear layers, and the projections of a GRU: y[n, o] = Σ i  x[n, i] · w[o, i] + bias[o], its data gradient and its
 * weight gradient. Features o and i each have channel, height and width. Rows n are sequence b and step t, so that the rows that a scan
 * carries can be read. */
#include "lower/lower_linear.h"

#include "loop/lanes.h"
#include "lower/choose.h"
#include "lower/element.h"
#include "lower/finish_kernel.h"
#include "lower/fuse.h"
#include "lower/kernel_builder.h"
#include "lower/lower_blas.h"
#include "lower/lower_dot.h"
#include "lower/products.h"
#include "lower/schedule_conv.h"
#include "lower/storage.h"

#include <string.h>

#define V affine_variable

typedef struct Rows { /* b·steps + t */
    long steps;
    Affine b, t;
} Rows;

/* The rows of `like`; in the scan of `node`, those of one step. */
static Rows add_rows(Kernel *kernel, Compute *compute, const Node *node, const Node *like, bool reduced) {
    const long T = like->steps, rows = like->shape[0];
    Rows result = {.steps = T};
    result.b = V(add_variable(compute, "b", rows / T, reduced));
    if (node->scan) {
        if (!kernel->time) kernel->time = new_variable("time", T);
        result.t = V(kernel->time);
    } else {
        result.t = V(add_variable(compute, "t", T, reduced));
    }
    return result;
}

typedef struct Features {
    Variable *c, *h, *w;
} Features;

static Features add_features(Compute *compute, const char *const names[3], const long *shape, long stored, bool reduced) {
    return (Features){add_variable(compute, names[0], stored, reduced), add_variable(compute, names[1], shape[1], reduced),
                      add_variable(compute, names[2], shape[2], reduced)};
}

static At at_features(Rows rows, Features f) {
    return (At){.steps = rows.steps, .b = rows.b, .t = rows.t, .c = V(f.c), .h = V(f.h), .w = V(f.w)};
}

static const char *const out_names[3] = {"o", "p", "q"}, *const in_names[3] = {"c", "h", "w"};

enum { SEVERAL_ITEMS = 4, MANY_ITEMS = 64, CHAIN_TERMS = 512 };

/* A sum of n terms in sequence is off by up to n roundings, and usually by √n. So a long sum is made of partial sums of about CHAIN_TERMS
 * terms, which are added up in memory (Higham 1993, "The accuracy of floating point summation"; BLAS blocks its inner dimension likewise).
 */
static bool is_long(const long *features) {
    return features[0] * features[1] * features[2] > 2 * CHAIN_TERMS;
}

/* Adds the levels over blocks of features of shape [c, h, w]. Each block is a partial sum, and blocks of c are whole vectors. */
static void add_chain_levels(Schedule *schedule, const char *const i[3], const long *features, long lanes) {
    const long rest[3] = {features[1] * features[2], features[2], 1};
    long terms = minimum(lanes, features[0]); /* terms for each value of the outer features */
    if (!is_long(features)) return;
    add_level(schedule, i[0], lanes * maximum(1, CHAIN_TERMS / (terms * rest[0])), LOOP_SERIAL);
    for (int d = 1; d < 3; d++) {
        if (terms * rest[d - 1] <= 2 * CHAIN_TERMS) return;
        add_level(schedule, i[d], maximum(1, CHAIN_TERMS / (terms * rest[d])), LOOP_SERIAL);
    }
}

/* The register tile of a product with `others` vectors of outputs outside of a tile's range. A product that would be work for one thread
 * only gets narrower tiles: it is bound by its weights, each of which is read once. */
static RegisterTile choose_product_tile(const Target *target, long vectors, long b, long t, long others) {
    RegisterTile tile = choose_register_tile(target, vectors, b, t);
    while (tile.vectors > 1 && others * ((vectors + tile.vectors - 1) / tile.vectors) * ((b + tile.outer - 1) / tile.outer) < SEVERAL_ITEMS)
        tile.vectors = (tile.vectors + 1) / 2;
    return tile;
}

static void add_rows_levels(Schedule *schedule, const char *channel, long width, bool fit, LoopKind kind, bool steps) {
    add_level(schedule, "b", 1, kind);
    if (steps) add_level(schedule, "t", 1, kind);
    add_level(schedule, channel, width, kind);
    if (fit) add_level(schedule, channel, 1, LOOP_VECTOR);
}

/* The levels for y[rows, o] = Σ: lanes along o's channels (or none), rows broadcast. `o` and `i`: names of the features made and summed
 * over, `features` the shape of the latter. A second compute, over the same y, takes part item by item. */
static void schedule_product(Lowering *l, Kernel *kernel, const char *const o[3], const char *const i[3], const long *features,
                             bool steps) {
    const Compute *compute = &kernel->compute[0];
    Schedule *schedule = &kernel->schedule[0];
    const long lanes = l->target->lanes;
    const bool fit = lanes_fit(compute, o[0], (int)lanes);
    const long width = fit ? lanes : 1;
    long channels = 0, others = 1, b = compute->variable[0]->extent, t = steps ? compute->variable[1]->extent : 1;
    for (int v = 0; v < compute->variable_count; v++) {
        const Variable *variable = compute->variable[v];
        if (strcmp(variable->name, o[0]) == 0) channels = variable->extent;
        if (strcmp(variable->name, o[1]) == 0 || strcmp(variable->name, o[2]) == 0) others *= variable->extent;
    }
    const ChoiceField fields[3] = {fit ? FIELD_TILE_VECTORS : FIELDS, FIELD_TILE_SEQUENCES, steps ? FIELD_TILE_STEPS : FIELDS};
    const long ranges[3] = {fit ? channels / lanes : 1, b, t};
    const RegisterTile tile =
        tuned_tile(begin_choice(l, ALGORITHM_DIRECT), choose_product_tile(l->target, ranges[0], b, t, others), fields, ranges, false);
    /* The gradient by way of one output is bound by writing, and rows may be a power of two apart. So a few of them at a time are written.
     */
    const bool rows_first = l->node->op == OP_LINEAR_DATA_GRAD && features[0] * features[1] * features[2] == 1 && !kernel->time;
    if (rows_first) add_level(schedule, "b", tile.outer, LOOP_PARALLEL);
    add_level(schedule, o[0], tile.vectors * width, LOOP_PARALLEL);
    add_level(schedule, o[1], 1, LOOP_PARALLEL);
    add_level(schedule, o[2], 1, LOOP_PARALLEL);
    const bool many =
        !rows_first && steps && kernel->compute_count == 1 && (ranges[0] + tile.vectors - 1) / tile.vectors * others >= MANY_ITEMS;
    const int items = schedule->levels;
    if (!rows_first) add_level(schedule, "b", tile.outer, many ? LOOP_SERIAL : LOOP_PARALLEL);
    Schedule *after = kernel->compute_count > 1 ? &kernel->schedule[1] : NULL;
    if (after) {
        *after = *schedule;
        after->shared = after->levels;
        add_rows_levels(after, o[0], width, fit, LOOP_SERIAL, steps);
    }
    if (steps) add_level(schedule, "t", tile.inner, LOOP_SERIAL);
    add_chain_levels(schedule, i, features, lanes);
    schedule->accumulate = schedule->levels;
    add_level(schedule, i[0], lanes, LOOP_SERIAL);
    if (many) {
        ask_ahead(l->target, schedule, items);
        schedule->ahead.own = true;
    }
    add_level(schedule, i[1], 1, LOOP_SERIAL);
    add_level(schedule, i[2], 1, LOOP_SERIAL);
    add_level(schedule, i[0], 1, LOOP_SERIAL);
    add_rows_levels(schedule, o[0], width, fit, LOOP_UNROLL, steps);
}

static double product_flops(const Node *rows, const Node *weight) {
    double flops = 2.0 * (double)rows->shape[0];
    for (int d = 0; d < 6; d++) flops *= (double)weight->shape[d];
    return flops;
}

static void weight_index(Affine index[6], Features o, Features i) {
    const Affine result[6] = {V(o.c), V(o.h), V(o.w), V(i.c), V(i.h), V(i.w)};
    memcpy(index, result, sizeof result);
}

/* The product by vectors of both operands, if the lanes of the weight lie along the summed features and that fits. */
static bool lower_as_dot(Lowering *l, Node *node, int side, const char *comment) {
    const Node *weight = node->input[1];
    if (product_of_node(l, node)->dot != side || layout_lane(&weight_along(l, weight, 3 - side)->layout) != side) return false;
    lower_dot(l, node, side, comment, product_flops(node, weight));
    return true;
}

void lower_linear(Lowering *l, Node *node) {
    Node *from = node->input[0], *weight = node->input[1], *result = epilogue_of(l->graph, node);
    const char *comment =
        format("y[n, o] = sum over i of x[n, i] w[o, i] + bias[o]; %ld rows, %ld -> %ld", node->shape[0],
               weight->shape[3] * weight->shape[4] * weight->shape[5], weight->shape[0] * weight->shape[1] * weight->shape[2]);
    if (lower_as_blas(l, node, comment, product_flops(node, weight)) || lower_as_dot(l, node, 3, comment)) return;
    const bool apart =
        is_long(&weight->shape[3]); /* bias and epilogue follow the whole sum: its parts are added up where they are stored */
    Kernel *kernel = new_kernel(node->name, apart ? 2 : 1);
    Compute *compute = &kernel->compute[0];
    const Buffer *out = node_buffer(l, result);
    Rows rows = add_rows(kernel, compute, node, node, false);
    Features o = add_features(compute, out_names, &weight->shape[0], out->shape[1], false);
    Features i = add_features(compute, in_names, &weight->shape[3], weight->shape[3], true);
    const At in = at_features(rows, i);
    At at = at_features(rows, o);
    Affine w[6], index[4];
    weight_index(w, o, i);
    compute->sum[compute->sum_count++] = op2(MULTIPLY, node_element(l, from, &in), load(weight_along(l, weight, 0), w));
    stored_index(result, &at, index);
    const Expression *sum = sum_value(0, TYPE_F32);
    if (apart) {
        add_store(compute++, out, index, sum);
        rows = add_rows(kernel, compute, node, node, false);
        at = at_features(rows, add_features(compute, out_names, &weight->shape[0], out->shape[1], false));
        stored_index(result, &at, index);
        sum = load(out, index);
    }
    sum = scaled_sum(l, weight, &at, sum);
    if (node->input_count > 2) sum = op2(ADD, sum, feature_value(l, node->input[2], &at));
    add_store(compute, out, index, epilogue_element(l, node, &at, sum));
    kernel->comment = comment;
    set_product_work(kernel, product_flops(node, weight) / (node->scan ? (double)node->steps : 1));
    schedule_product(l, kernel, out_names, in_names, &weight->shape[3], !node->scan);
    finish_kernel(l, kernel, node->scan);
}

void lower_linear_data_grad(Lowering *l, Node *node) {
    Node *from = node->input[0], *weight = node->input[1];
    const char *comment = format("dx[n, i] = sum over o of dy[n, o] w[o, i]; %ld rows", node->shape[0]);
    if (lower_as_blas(l, node, comment, product_flops(node, weight)) || lower_as_dot(l, node, 0, comment)) return;
    Kernel *kernel = new_kernel(node->name, 1);
    Compute *compute = &kernel->compute[0];
    const Buffer *out = node_buffer(l, node);
    Rows rows = add_rows(kernel, compute, node, node, false);
    Features i = add_features(compute, in_names, &weight->shape[3], out->shape[1], false);
    Features o = add_features(compute, out_names, &weight->shape[0], weight->shape[0], true);
    const At in = at_features(rows, o), at = at_features(rows, i);
    Affine w[6], index[4];
    weight_index(w, o, i);
    compute->sum[compute->sum_count++] = op2(MULTIPLY, node_element(l, from, &in), load(weight_along(l, weight, 3), w));
    stored_index(node, &at, index);
    add_store(compute, out, index, sum_value(0, TYPE_F32));
    kernel->comment = comment;
    set_product_work(kernel, product_flops(node, weight) / (node->scan ? (double)node->steps : 1));
    schedule_product(l, kernel, in_names, out_names, &weight->shape[0], !node->scan);
    finish_kernel(l, kernel, node->scan);
}

/* ---- the weight gradient: the sum runs over rows ---- */

typedef struct WeightGrad {
    const char *const *vector, *const *broadcast; /* names of the features along which lanes lie, and of the other ones */
    Variable *vectors, *values;                   /* their channels */
    long width;                                   /* lanes; 1: none fit */
    long steps;                                   /* of the rows */
    Node *staged;                                 /* the operand with those lanes; NULL if it can only be read as carried rows */
} WeightGrad;

/* Rows of many features are far apart, often by a power of two, and caches keep few such rows. So the rows of a block of features are
 * staged side by side, once for all features of the other side. Blocks are parallel. If there are few, blocks of the other side are
 * parallel too. */
static void schedule_weight_grad_product(const Lowering *l, Kernel *kernel, const WeightGrad *grad, const Stage *stage) {
    const Compute *compute = &kernel->compute[0];
    Schedule *schedule = &kernel->schedule[0];
    const long lanes = l->target->lanes, T = grad->steps;
    const long vectors = grad->vectors->extent / grad->width;
    const ChoiceField fields[3] = {grad->width > 1 ? FIELD_TILE_VECTORS : FIELDS, FIELDS, FIELD_TILE_CHANNELS};
    const long ranges[3] = {grad->width > 1 ? vectors : 1, 1, grad->values->extent};
    const RegisterTile tile =
        tuned_tile(begin_choice(l, ALGORITHM_DIRECT), choose_register_tile(l->target, ranges[0], 1, ranges[2]), fields, ranges, false);
    long blocks = (vectors + tile.vectors - 1) / tile.vectors, rows = 1;
    for (int v = 0; v < compute->variable_count; v++) {
        const Variable *variable = compute->variable[v];
        if (strcmp(variable->name, grad->vector[1]) == 0 || strcmp(variable->name, grad->vector[2]) == 0) blocks *= variable->extent;
        if (strcmp(variable->name, "b") == 0) rows = variable->extent;
    }
    if (blocks < BUSY_ITEMS) add_level(schedule, grad->broadcast[0], lanes, LOOP_PARALLEL);
    for (int d = 0; d < 3; d++) add_level(schedule, grad->vector[d], d ? 1 : tile.vectors * grad->width, LOOP_PARALLEL);
    if (stage) {
        add_level(schedule, "b", minimum(rows, maximum(1, STAGE_BYTES / (T * tile.vectors * grad->width * 4))), LOOP_SERIAL);
        schedule->stage[schedule->stages] = *stage;
        schedule->stage[schedule->stages++].level = schedule->levels;
    }
    for (int d = 1; d < 3; d++) add_level(schedule, grad->broadcast[d], 1, LOOP_SERIAL);
    add_level(schedule, grad->broadcast[0], tile.inner, LOOP_SERIAL);
    schedule->accumulate = schedule->levels;
    add_level(schedule, "b", 1, LOOP_SERIAL);
    add_level(schedule, "t", 1, LOOP_SERIAL);
    add_level(schedule, grad->broadcast[0], 1, LOOP_UNROLL);
    add_level(schedule, grad->vector[0], grad->width, LOOP_UNROLL);
    if (grad->width > 1) add_level(schedule, grad->vector[0], 1, LOOP_VECTOR);
}

/* The operand's elements as a virtual buffer, which can be staged. */
static const Expression *virtual_element(const Buffer *buffer, Rows rows, Features f) {
    const Affine index[4] = {affine_add(affine_scale(rows.b, rows.steps), rows.t), V(f.c), V(f.h), V(f.w)};
    return load(buffer, index);
}

void lower_linear_weight_grad(Lowering *l, Node *node) {
    Node *dy = node->input[0], *x = node->input[1];
    const char *comment = format("dw[o, i] = sum over n of dy[n, o] x[n, i]; %ld rows", dy->shape[0]);
    if (lower_as_blas(l, node, comment, product_flops(dy, node))) return;
    Kernel *kernel = new_kernel(node->name, 1);
    Compute *compute = &kernel->compute[0];
    const Buffer *out = node_buffer(l, node);
    const int lanes = l->target->lanes;
    Features o = add_features(compute, out_names, &node->shape[0], out->shape[0], false);
    Features i = add_features(compute, in_names, &node->shape[3], out->shape[3], false);
    Rows rows = add_rows(kernel, compute, node, dy->steps > 1 ? dy : x, true);
    const At at_dy = at_features(rows, o), at_x = at_features(rows, i);
    const Expression *factor[2] = {node_element(l, dy, &at_dy), node_element(l, x, &at_x)};
    o.c->extent = channels_in(factor[0], o.c, o.c->extent); /* what the caller gives has no padding lanes */
    i.c->extent = channels_in(factor[1], i.c, i.c->extent);
    Affine w[6];
    weight_index(w, o, i);
    compute->sum[compute->sum_count++] = op2(MULTIPLY, factor[0], factor[1]);
    add_store(compute, out, w, sum_value(0, TYPE_F32));
    kernel->comment = comment;
    set_product_work(kernel, product_flops(dy, node));
    kernel->read_late = true; /* the optimizer reads it */
    const bool along_o = lanes_fit(compute, "o", lanes), along_c = !along_o && lanes_fit(compute, "c", lanes);
    WeightGrad grad = {
        out_names, in_names, o.c, i.c, along_o || along_c ? lanes : 1, rows.steps, along_o && !has_carried_rows(dy) ? dy : NULL};
    if (along_c) grad = (WeightGrad){in_names, out_names, i.c, o.c, lanes, rows.steps, has_carried_rows(x) ? NULL : x};
    Stage stage;
    if (grad.staged) {
        const Buffer *buffer = node_virtual(l, grad.staged);
        factor[along_c] = virtual_element(buffer, rows, along_c ? i : o);
        compute->sum[0] = op2(MULTIPLY, factor[0], factor[1]);
        stage = stage_of(l, buffer, 0);
    }
    schedule_weight_grad_product(l, kernel, &grad, grad.staged ? &stage : NULL);
    finish_kernel(l, kernel, NULL);
}
