/* Losses and scores: sums over frames, and over rows.
 *
 * What is far apart is added up in double, in index order: a sum depends on shapes, never on threads, and one frame's on no other frame.
 * Within a tile of some rows of a frame it is added up in float, a vector at a time. */
#include "lower/lower_loss.h"

#include "graph/shapes.h"
#include "loop/lanes.h"
#include "lower/element.h"
#include "lower/finish_kernel.h"
#include "lower/kernel_builder.h"
#include "lower/lower_tiles.h"
#include "lower/storage.h"
#include "schedule/schedule.h"

#define V affine_variable

/* ---- version 1: one double ---- */

/* A double for each image, then their sum in index order. */
void lower_loss(Lowering *l, Node *node) {
    Node *y = node->input[0], *x = node->input[1];
    const Buffer *images = new_plain(format("%s_images", node->name), TYPE_F64, PLACE_WORKSPACE, 1, y->shape);
    Kernel *kernel = new_kernel(format("%s_images", node->name), 1);
    Compute *compute = &kernel->compute[0];
    Variable *n = add_variable(compute, "n", y->shape[0], false), *c = add_variable(compute, "c", y->shape[1], true);
    Variable *h = add_variable(compute, "h", y->shape[2], true), *w = add_variable(compute, "w", y->shape[3], true);
    const At at = {.n = V(n), .c = V(c), .h = V(h), .w = V(w)};
    const Expression *apart = op1(WIDEN, op2(SUBTRACT, node_element(l, y, &at), node_element(l, x, &at)));
    compute->sum[compute->sum_count++] = node->op == OP_L1 ? op1(ABSOLUTE, apart) : op2(MULTIPLY, apart, apart);
    const Affine image[1] = {V(n)};
    add_store(compute, images, image, sum_value(0, TYPE_F64));
    kernel->comment = node->op == OP_L1 ? "sum of |y - x| of each image" : "sum of (y - x)^2 of each image";
    const double count = (double)(y->shape[0] * y->shape[1]) * (double)(y->shape[2] * y->shape[3]);
    set_work(kernel, 3 * count);
    kernel->schedule[0] = naive_schedule(compute);
    kernel->schedule[0].level[0].kind = LOOP_PARALLEL;
    finish_kernel(l, kernel, NULL);

    kernel = new_kernel(node->name, 1);
    compute = &kernel->compute[0];
    n = add_variable(compute, "n", y->shape[0], true);
    const Affine one[1] = {V(n)}, zero[4] = {{0}};
    compute->sum[compute->sum_count++] = load(images, one);
    add_store(compute, node_buffer(l, node), zero, op2(DIVIDE, sum_value(0, TYPE_F64), constant_f64(count)));
    finish_naive(l, kernel, (double)y->shape[0], "the mean over all elements");
}

void lower_loss_for_caller(Lowering *l, Node *node) {
    const char *name = name_of(l->graph, ROLE_LOSS, node);
    const Buffer *to = new_given(name, TYPE_F64, 0, NULL);
    Kernel *kernel = new_kernel(format("%s_given", node->name), 1);
    Compute *compute = &kernel->compute[0];
    const At at = {0};
    add_store(compute, to, &at.n, node_element(l, node, &at));
    finish_naive(l, kernel, 0, "a loss, to the caller");
}

/* ---- sums over frames ---- */

enum { COLUMN_ROWS = 64, COLUMN_VECTORS = 4 };

/* Of images in planes: the sums of each column of some rows, lanes along the width: [N, C, tiles, W]. NULL: lanes do not fit. */
static const Buffer *column_sums(Lowering *l, Node *node) {
    Node *v = node->input[0];
    const long lanes = l->target->lanes, height = v->shape[2], width = v->shape[3], rows = largest_divisor(height, COLUMN_ROWS);
    if (width < lanes) return NULL;
    const Buffer *sums = new_plain(format("%s_columns", node->name), TYPE_F32, PLACE_WORKSPACE, 4,
                                   (long[4]){v->shape[0], v->shape[1], height / rows, width});
    Kernel *kernel = new_kernel(format("%s_columns", node->name), 1);
    Compute *compute = &kernel->compute[0];
    const Affine n = V(add_variable(compute, "n", v->shape[0], false)), c = V(add_variable(compute, "c", v->shape[1], false));
    const Affine i = V(add_variable(compute, "i", height / rows, false)), w = V(add_variable(compute, "w", width, false));
    const Affine q = V(add_variable(compute, "q", rows, true)), index[4] = {n, c, i, w};
    const At at = {.n = n, .c = c, .h = affine_add(affine_scale(i, rows), q), .w = w};
    compute->sum[compute->sum_count++] = node_element(l, v, &at);
    add_store(compute, sums, index, sum_value(0, TYPE_F32));
    if (!lanes_fit(compute, "w", (int)lanes)) return NULL;
    kernel->comment = format("sums of the columns of %ld rows of each frame", rows);
    set_work(kernel, (double)count_elements(v));
    Schedule *schedule = &kernel->schedule[0];
    add_level(schedule, "n", 1, LOOP_PARALLEL);
    add_level(schedule, "c", 1, LOOP_PARALLEL);
    add_level(schedule, "i", 1, LOOP_SERIAL);
    add_level(schedule, "w", minimum(COLUMN_VECTORS, width / lanes) * lanes, LOOP_SERIAL);
    schedule->accumulate = schedule->levels;
    add_level(schedule, "q", 1, LOOP_SERIAL);
    add_level(schedule, "w", lanes, LOOP_UNROLL);
    add_level(schedule, "w", 1, LOOP_VECTOR);
    finish_kernel(l, kernel, NULL);
    return sums;
}

/* v: [N, C, H, W] → [N, 1, 1, 1] */
void lower_frame_sum(Lowering *l, Node *node) {
    const Node *v = node->input[0];
    if (node->scan) die("%s: a sum over frames in a scan", node->name);
    const Buffer *sums = column_sums(l, node);
    if (!sums) sums = tile_sums(l, node);
    Kernel *kernel = new_kernel(node->name, 1);
    Compute *compute = &kernel->compute[0];
    const Affine n = V(add_variable(compute, "n", v->shape[0], false)), c = V(add_variable(compute, "c", v->shape[1], true));
    const Affine p = V(add_variable(compute, "p", sums->shape[2], true)), w = V(add_variable(compute, "w", sums->shape[3], true));
    const Affine from[4] = {n, c, p, w}, to[4] = {n};
    compute->sum[compute->sum_count++] = op1(WIDEN, load(sums, from));
    add_store(compute, node_buffer(l, node), to, op2(MULTIPLY, sum_value(0, TYPE_F64), constant_f64(node->factor)));
    kernel->comment = "the sums of each frame, in index order, in double, times a factor";
    set_work(kernel, (double)(v->shape[0] * v->shape[1] * sums->shape[2] * sums->shape[3]));
    kernel->schedule[0] = naive_schedule(compute);
    kernel->schedule[0].level[0].kind = LOOP_PARALLEL;
    finish_kernel(l, kernel, NULL);
}

/* ---- one number a row ---- */

static const Expression *row_value(Lowering *l, Node *node, Affine row) {
    const At at = {.n = row};
    if (!node->fused) return double_value(l, node, &at);
    return op1(WIDEN, node_element(l, node, &at));
}

/* T − t is how many of T ones there are from t on: a virtual buffer is 0 from its end on. */
void lower_falling(Lowering *l, Node *node) {
    if (node->scan) die("%s: weights of frames in a scan", node->name);
    const long T = node->steps;
    Kernel *kernel = new_kernel(node->name, 1);
    Compute *compute = &kernel->compute[0];
    const Buffer *ones = new_ones(T);
    const Affine b = V(add_variable(compute, "b", node->shape[0] / T, false)), t = V(add_variable(compute, "t", T, false));
    const Affine rest[1] = {affine_add(t, V(add_variable(compute, "r", T, true)))}, row[4] = {affine_add(affine_scale(b, T), t)};
    compute->sum[compute->sum_count++] = load(ones, rest);
    const Expression *share = op2(DIVIDE, op1(WIDEN, sum_value(0, TYPE_F32)), constant_f64((double)T));
    add_store(compute, node_buffer(l, node), row, op2(MULTIPLY, row_value(l, node->input[0], row[0]), share));
    finish_naive(l, kernel, (double)(node->shape[0] * T), "each frame's number, times (T - t) / T");
}

/* f: [N, 1, 1, 1] → [N / rows, 1, 1, 1] */
void lower_row_sum(Lowering *l, Node *node) {
    Kernel *kernel = new_kernel(node->name, 1);
    Compute *compute = &kernel->compute[0];
    const Affine m = V(add_variable(compute, "m", node->shape[0], false)), r = V(add_variable(compute, "r", node->rows, true)), to[4] = {m};
    compute->sum[compute->sum_count++] = row_value(l, node->input[0], affine_add(affine_scale(m, node->rows), r));
    add_store(compute, node_buffer(l, node), to, op2(MULTIPLY, sum_value(0, TYPE_F64), constant_f64(node->factor)));
    finish_naive(l, kernel, (double)node->input[0]->shape[0], format("sums of %ld rows, times a factor", node->rows));
}

/* s: [M, 1, 1, 1] → [M · rows, 1, 1, 1] */
void lower_spread_rows(Lowering *l, Node *node) {
    Kernel *kernel = new_kernel(node->name, 1);
    Compute *compute = &kernel->compute[0];
    const Affine m = V(add_variable(compute, "m", node->input[0]->shape[0], false)), r = V(add_variable(compute, "r", node->rows, false));
    const Affine to[4] = {affine_add(affine_scale(m, node->rows), r)};
    add_store(compute, node_buffer(l, node), to, op2(MULTIPLY, row_value(l, node->input[0], m), constant_f64(node->factor)));
    finish_naive(l, kernel, (double)node->shape[0], format("each row %ld times, times a factor", node->rows));
}

/* ---- the gradient of differences between neighbours ---- */

/* Row or column `first` + i for i below `count` of the result: dy[… − 1] − dy[…], where these are there. */
typedef struct Stretch {
    long first, count;
    bool before, here;
} Stretch;

static const Expression *gradient_of_neighbours(Lowering *l, Node *node, const At *at, const Stretch *stretch) {
    Node *dy = node->input[0];
    At before = *at;
    Affine *along = node->which == 2 ? &before.h : &before.w;
    *along = affine_shift(*along, -1);
    const Expression *here = stretch->here ? node_element(l, dy, at) : NULL;
    if (!stretch->before) return op1(NEGATE, here);
    const Expression *value = node_element(l, dy, &before);
    return here ? op2(SUBTRACT, value, here) : value;
}

static void compute_stretch(Lowering *l, Node *node, Compute *compute, const Stretch *stretch) {
    const long height = node->which == 2 ? stretch->count : node->shape[2], width = node->which == 3 ? stretch->count : node->shape[3];
    const Buffer *out = node_buffer(l, node);
    Variable *c;
    At at = {.n = V(add_variable(compute, "n", node->shape[0], false))};
    at.c = V(c = add_variable(compute, "c", node->shape[1], false));
    at.h = affine_shift(V(add_variable(compute, "h", height, false)), node->which == 2 ? stretch->first : 0);
    at.w = affine_shift(V(add_variable(compute, "w", width, false)), node->which == 3 ? stretch->first : 0);
    const Expression *value = gradient_of_neighbours(l, node, &at, stretch);
    Affine index[4];
    stored_index(node, &at, index);
    c->extent = channels_in(value, c, out->shape[1]);
    add_store(compute, out, index, value);
}

/* dy: [N, C, H − 1, W] → [N, C, H, W], or the same of columns: the first, those between, the last. */
void lower_difference_grad(Lowering *l, Node *node) {
    const long last = node->shape[node->which] - 1;
    const int lanes = l->target->lanes;
    const Stretch stretches[3] = {{0, 1, false, true}, {last, 1, true, false}, {1, last - 1, true, true}};
    if (node->scan) die("%s: differences in a scan", node->name);
    Kernel *kernel = new_kernel(node->name, last > 1 ? 3 : 2);
    bool channels = true;
    for (int i = 0; i < kernel->compute_count; i++) {
        compute_stretch(l, node, &kernel->compute[i], &stretches[i]);
        channels = channels && lanes_fit(&kernel->compute[i], "c", lanes);
    }
    for (int i = 0; i < kernel->compute_count; i++) {
        Schedule *schedule = &kernel->schedule[i];
        const bool width = !channels && lanes_fit(&kernel->compute[i], "w", lanes);
        add_level(schedule, "n", 1, LOOP_PARALLEL);
        add_level(schedule, "c", channels ? lanes : 1, LOOP_PARALLEL);
        schedule->shared = i ? schedule->levels : 0;
        add_level(schedule, "h", 1, LOOP_SERIAL);
        add_level(schedule, "w", width ? lanes : 1, LOOP_SERIAL);
        if (channels || width) add_level(schedule, channels ? "c" : "w", 1, LOOP_VECTOR);
    }
    kernel->comment = format("the gradient of differences between neighbouring %s", node->which == 2 ? "rows" : "columns");
    set_work(kernel, (double)count_elements(node));
    finish_kernel(l, kernel, NULL);
}
