/* lower_norm.c: sums over images: batch norm's statistics, the sums of its gradient, and the gradients of biases.
 *
 * Each sum takes two kernels. The first sums fixed tiles, some rows of one image and channel, in float. The second merges the tiles of a
 * channel in index order, in double. So the result depends on shapes and never on threads, and long sums lose no precision. */
#include "lower/lower_norm.h"

#include "loop/lanes.h"
#include "lower/element.h"
#include "lower/finish_kernel.h"
#include "lower/kernel_builder.h"
#include "lower/lower_tiles.h"
#include "lower/storage.h"

#include <string.h>

#define V affine_variable
#define W64(e) op1(WIDEN, e)

/* ---- merging: variables c | n, p ---- */

typedef struct Merge {
    Variable *c;
    Affine partial[4]; /* index with its last set to which value */
} Merge;

static Merge start_merge(Compute *compute, const Node *node, Tiles tiles) {
    Merge merge = {.c = add_variable(compute, "c", node->shape[1], false)};
    Variable *n = add_variable(compute, "n", node->shape[0], true), *p = add_variable(compute, "p", tiles_in_image(tiles), true);
    const Affine index[4] = {V(n), V(merge.c), V(p), affine_constant(0)};
    memcpy(merge.partial, index, sizeof index);
    return merge;
}

static const Expression *partial_value(const Merge *merge, const Buffer *partial, long value) {
    Affine index[4];
    memcpy(index, merge->partial, sizeof index);
    index[3] = affine_constant(value);
    return W64(load(partial, index));
}

enum { MERGED = 4 }; /* channels at a time: their sums do not wait for each other */

static void schedule_merge(Lowering *l, Kernel *kernel) {
    for (int i = 0; i < kernel->compute_count; i++) {
        Schedule *schedule = &kernel->schedule[i];
        add_level(schedule, "c", l->target->lanes, LOOP_PARALLEL);
        add_level(schedule, "c", MERGED, LOOP_SERIAL);
        schedule->shared = 2;
        if (kernel->compute[i].sum_count > 0) {
            schedule->accumulate = schedule->levels;
            add_level(schedule, "n", 1, LOOP_SERIAL);
            add_level(schedule, "p", 1, LOOP_SERIAL);
        }
        add_level(schedule, "c", 1, kernel->compute[i].sum_count > 0 ? LOOP_UNROLL : LOOP_SERIAL);
    }
}

static void channel_index(Affine index[4], const Variable *c, long row) {
    const Affine result[4] = {affine_constant(0), V(c), affine_constant(row), affine_constant(0)};
    memcpy(index, result, sizeof result);
}

static void store_channel(Compute *compute, const Buffer *buffer, const Variable *c, long row, const Expression *value) {
    Affine index[4];
    channel_index(index, c, row);
    add_store(compute, buffer, index, buffer->type == TYPE_F32 && value->type == TYPE_F64 ? op1(NARROW, value) : value);
}

static const Expression *load_channel(const Buffer *buffer, const Variable *c, long row) {
    Affine index[4];
    channel_index(index, c, row);
    return buffer->type == TYPE_F32 ? W64(load(buffer, index)) : load(buffer, index);
}

/* ---- batch norm's statistics ---- */

static const Buffer *new_moments(Lowering *l, const Node *node) {
    const long shape[4] = {1, node->shape[1], 2, 1};
    const Buffer *moments = l->moments[node->id] = new_plain(format("%s_whole", node->name), TYPE_F64, PLACE_WORKSPACE, 4, shape);
    if (node->kept) keep_moments(l, node, moments);
    return moments;
}

static const Expression *running(const Expression *before, const Expression *now, double momentum) {
    return op2(ADD, op2(MULTIPLY, before, constant_f64(1 - momentum)), op2(MULTIPLY, now, constant_f64(momentum)));
}

/* By a batch of so many values of a channel. */
static void move_running(Lowering *l, Compute *compute, const Buffer *moments, const Variable *c, const Node *node, double count) {
    Node *const *state = node->input + node->input_count - 2;
    const Buffer *running_mean = node_buffer(l, state[0]), *running_var = node_buffer(l, state[1]);
    const Expression *mean = load_channel(moments, c, 0), *m2 = load_channel(moments, c, 1);
    store_channel(compute, running_mean, c, 0, running(load_channel(running_mean, c, 0), mean, node->momentum));
    store_channel(compute, running_var, c, 0,
                  running(load_channel(running_var, c, 0), op2(DIVIDE, m2, constant_f64(count - 1)), node->momentum));
}

/* Tiles of equal size k: mean = Σ mean_i / tiles; M2 = Σ (M2_i + k (mean_i − mean)²) (Chan, Golub, LeVeque 1983). */
void lower_batch_norm_statistics(Lowering *l, Node *node) {
    Node *x = node->input[0], *weight = node->input[1];
    const Tiles tiles = tiles_of(x);
    const long all = tiles_in_image(tiles) * x->shape[0];
    const double each = (double)(tiles.rows * tiles.columns), count = each * (double)all;
    const Buffer *partial = tile_sums(l, node), *stats = node_buffer(l, node);
    const Buffer *whole = new_moments(l, node);
    Kernel *kernel = new_kernel(format("%s_merge", node->name), 3);
    Compute *first = &kernel->compute[0], *second = &kernel->compute[1], *last = &kernel->compute[2];
    Merge merge = start_merge(first, x, tiles);
    first->sum[first->sum_count++] = partial_value(&merge, partial, 0);
    store_channel(first, whole, merge.c, 0, op2(DIVIDE, sum_value(0, TYPE_F64), constant_f64((double)all)));
    merge = start_merge(second, x, tiles);
    const Expression *apart = op2(SUBTRACT, partial_value(&merge, partial, 0), load_channel(whole, merge.c, 0));
    second->sum[second->sum_count++] =
        op2(ADD, partial_value(&merge, partial, 1), op2(MULTIPLY, op2(MULTIPLY, apart, apart), constant_f64(each)));
    store_channel(second, whole, merge.c, 1, sum_value(0, TYPE_F64));
    Variable *c = add_variable(last, "c", x->shape[1], false);
    const Expression *mean = load_channel(whole, c, 0), *m2 = load_channel(whole, c, 1);
    const Expression *variance = op2(DIVIDE, m2, constant_f64(count));
    const Expression *inverse = op2(DIVIDE, constant_f64(1), op1(SQUARE_ROOT, op2(ADD, variance, constant_f64(node->epsilon))));
    store_channel(last, stats, c, 0, mean);
    store_channel(last, stats, c, 1, inverse);
    store_channel(last, stats, c, 2, op2(MULTIPLY, inverse, load_channel(node_buffer(l, weight), c, 0)));
    move_running(l, last, whole, c, node, count);
    kernel->comment = "mean, 1 / deviation and weight / deviation of each channel; running statistics";
    set_work(kernel, 6.0 * (double)(x->shape[1] * all));
    schedule_merge(l, kernel);
    finish_kernel(l, kernel, NULL);
}

/* What a second call of the same batch does besides: it moves the running statistics again. */
void lower_batch_norm_move(Lowering *l, Node *node) {
    Kernel *kernel = new_kernel(node->name, 1);
    Compute *compute = &kernel->compute[0];
    Variable *c = add_variable(compute, "c", node->shape[1], false);
    move_running(l, compute, moments_of(l, node->input[0]), c, node, (double)node->rows);
    kernel->comment = "running statistics, by a batch whose statistics are known";
    set_work(kernel, 6.0 * (double)node->shape[1]);
    schedule_merge(l, kernel);
    finish_kernel(l, kernel, NULL);
}

/* With running statistics: the same three values of each channel. */
void lower_batch_norm_running(Lowering *l, Node *node) {
    Kernel *kernel = new_kernel(node->name, 1);
    Compute *compute = &kernel->compute[0];
    const Buffer *stats = node_buffer(l, node);
    Variable *c = add_variable(compute, "c", node->shape[1], false);
    const Expression *weight = load_channel(node_buffer(l, node->input[0]), c, 0);
    const Expression *mean = load_channel(node_buffer(l, node->input[1]), c, 0),
                     *variance = load_channel(node_buffer(l, node->input[2]), c, 0);
    const Expression *inverse = op2(DIVIDE, constant_f64(1), op1(SQUARE_ROOT, op2(ADD, variance, constant_f64(node->epsilon))));
    store_channel(compute, stats, c, 0, mean);
    store_channel(compute, stats, c, 1, inverse);
    store_channel(compute, stats, c, 2, op2(MULTIPLY, inverse, weight));
    kernel->comment = "mean, 1 / deviation and weight / deviation of each channel, from the running statistics";
    set_work(kernel, 4.0 * (double)node->shape[1]);
    schedule_merge(l, kernel);
    finish_kernel(l, kernel, NULL);
}

/* ---- sums of gradients ---- */

/* The tiles of each channel: out[c, s] = Σ n, p partial[n, c, p, s] · factor_s[c] */
static void lower_merge_sums(Lowering *l, Node *node, int sums, const Buffer *stats) {
    const Node *image = node->input[0];
    const Tiles tiles = tiles_of(image);
    const Buffer *partial = tile_sums(l, node);
    Kernel *kernel = new_kernel(format("%s_merge", node->name), 1);
    Compute *compute = &kernel->compute[0];
    const Merge merge = start_merge(compute, image, tiles);
    for (int s = 0; s < sums; s++) {
        compute->sum[compute->sum_count++] = partial_value(&merge, partial, s);
        const Expression *value = sum_value(s, TYPE_F64);
        if (s == 1) value = op2(MULTIPLY, value, load_channel(stats, merge.c, 1));
        store_channel(compute, node_buffer(l, node), merge.c, s, value);
    }
    kernel->comment = "the tiles of each channel, in index order, in double";
    set_work(kernel, (double)(sums * image->shape[0] * image->shape[1] * tiles_in_image(tiles)));
    schedule_merge(l, kernel);
    finish_kernel(l, kernel, NULL);
}

void lower_batch_norm_sums(Lowering *l, Node *node) {
    lower_merge_sums(l, node, 2, node_buffer(l, node->input[1]));
}

/* dy: [N, C, H, W] → [1, C, H, W], or, over pixels, [1, C, 1, 1] */
void lower_bias_grad(Lowering *l, Node *node) {
    Node *dy = node->input[0];
    if (node->pixels) {
        lower_merge_sums(l, node, 1, NULL);
        return;
    }
    Kernel *kernel = new_kernel(node->name, 1);
    Compute *compute = &kernel->compute[0];
    const Buffer *out = node_buffer(l, node);
    const long T = dy->steps;
    Variable *c = add_variable(compute, "c", out->shape[1], false);
    Variable *h = add_variable(compute, "h", node->shape[2], false), *w = add_variable(compute, "w", node->shape[3], false);
    Variable *b = add_variable(compute, "b", dy->shape[0] / T, true), *t = add_variable(compute, "t", T, true);
    const At at = {.steps = T, .b = V(b), .t = V(t), .c = V(c), .h = V(h), .w = V(w)};
    compute->sum[compute->sum_count++] = node_element(l, dy, &at);
    c->extent = channels_in(compute->sum[0], c, c->extent);
    const Affine index[4] = {affine_constant(0), V(c), V(h), V(w)};
    add_store(compute, out, index, sum_value(0, TYPE_F32));
    kernel->comment = "sum of dy over rows";
    set_work(kernel, (double)(dy->shape[0] * dy->shape[1]) * (double)(dy->shape[2] * dy->shape[3]));
    const bool fit = lanes_fit(compute, "c", l->target->lanes);
    Schedule *schedule = &kernel->schedule[0];
    add_level(schedule, "c", l->target->lanes, LOOP_PARALLEL);
    add_level(schedule, "h", 1, LOOP_SERIAL);
    add_level(schedule, "w", 1, LOOP_SERIAL);
    if (!fit) add_level(schedule, "c", 1, LOOP_SERIAL);
    schedule->accumulate = schedule->levels;
    add_level(schedule, "b", 1, LOOP_SERIAL);
    add_level(schedule, "t", 1, LOOP_SERIAL);
    if (fit) add_level(schedule, "c", 1, LOOP_VECTOR);
    finish_kernel(l, kernel, NULL);
}
