/* Convolution as loops. Both kinds, and both data gradients, are two nests on a smaller image S and a larger one L:
 *   gather   S[n, k, i, j] = Σ c, u, v  L[n, c, s·i + u − p, s·j + v − p] · w        conv2d; data gradient of conv_transpose2d
 *   scatter  L[n, k, a, b] = Σ c, u, v  S[n, c, (a + p − u) / s, (b + p − v) / s] · w  where that divides: conv_transpose2d, …
 * and the weight gradient is one: dw[k, c, u, v] = Σ n, i, j  S[n, k, i, j] · L[n, c, s·i + u − p, s·j + v − p].
 * scatter is split by phase a mod s, b mod s: each is a gather of stride 1 with the taps that meet it, so nothing multiplies by zero. */
#include "lower/lower_conv.h"

#include "loop/pairs.h"
#include "lower/finish_kernel.h"
#include "lower/fuse.h"
#include "lower/grad_groups.h"
#include "lower/kernel_builder.h"
#include "lower/lower_conv_few.h"
#include "lower/lower_filter.h"
#include "lower/lower_filter_grad.h"
#include "lower/lower_pairs.h"
#include "lower/lower_tiles.h"
#include "lower/products.h"
#include "lower/schedule_conv.h"
#include "lower/schedule_conv_grad.h"
#include "lower/storage.h"

#include <string.h>

#define V affine_variable

static const char *shapes_comment(const Node *node, const Node *from) {
    return format("[%ld, %ld, %ld, %ld] -> [%ld, %ld, %ld, %ld], kernel %ldx%ld, stride %ldx%ld, padding %ldx%ld", from->shape[0],
                  from->shape[1], from->shape[2], from->shape[3], node->shape[0], node->shape[1], node->shape[2], node->shape[3],
                  node->kernel[0], node->kernel[1], node->stride[0], node->stride[1], node->padding[0], node->padding[1]);
}

void store_convolution(Lowering *l, Compute *compute, Node *node, const At *at, const Expression *sum) {
    Node *result = epilogue_of(l->graph, node);
    sum = scaled_sum(l, node->input[1], at, sum);
    if (node->input_count > 2) sum = op2(ADD, sum, channel_value(l, node->input[2], at->c, 0));
    Affine index[4];
    stored_index(result, at, index);
    add_store(compute, node_buffer(l, result), index, epilogue_element(l, node, at, sum));
}

/* ---- phases: outputs out_step · i + out_first of one dimension, each from the same taps ---- */

Phase scattered_phase(long size, long kernel, long stride, long padding, long phase) {
    Phase result = {.count = size > phase ? (size - phase + stride - 1) / stride : 0, .in_step = 1, .tap_sign = -1};
    result.tap_first = (phase + padding) % stride;
    result.tap_step = result.out_step = stride;
    result.taps = result.tap_first < kernel ? (kernel - result.tap_first + stride - 1) / stride : 0;
    result.offset = (phase + padding - result.tap_first) / stride;
    result.out_first = phase;
    return result;
}

Phase phase_of(const Node *node, int d, long phase) {
    const long size = node->shape[2 + d], stride = node->stride[d], kernel = node->kernel[d], padding = node->padding[d];
    if (node->op == OP_CONV2D)
        return (Phase){.count = size, .in_step = stride, .offset = -padding, .tap_sign = 1, .taps = kernel, .tap_step = 1, .out_step = 1};
    return scattered_phase(size, kernel, stride, padding, phase);
}

long phase_count(const Node *node, int d) {
    return node->op == OP_CONV2D ? 1 : minimum(node->stride[d], node->shape[2 + d]);
}

Affine phase_input(const Phase *phase, Affine position, Affine tap) {
    return affine_shift(affine_add(affine_scale(position, phase->in_step), affine_scale(tap, phase->tap_sign)), phase->offset);
}

Affine phase_tap(const Phase *phase, Affine tap) {
    return affine_shift(affine_scale(tap, phase->tap_step), phase->tap_first);
}

Affine phase_output(const Phase *phase, Affine position) {
    return affine_shift(affine_scale(position, phase->out_step), phase->out_first);
}

const Expression *phase_weight(const Node *node, const Buffer *weight, const Phase phase[2], Affine k, Affine c, Affine u, Affine v) {
    const bool gathers = node->op == OP_CONV2D;
    const Affine index[4] = {gathers ? k : c, gathers ? c : k, phase_tap(&phase[0], u), phase_tap(&phase[1], v)};
    return load(weight, index);
}

/* Products of one image and pair of channels in one dimension: only taps that meet an input count. */
static double products_along(const Node *node, int d) {
    double products = 0;
    for (long a = 0; a < phase_count(node, d); a++) {
        const Phase phase = phase_of(node, d, a);
        products += (double)(phase.count * phase.taps);
    }
    return products;
}

void describe_convolution(Kernel *kernel, const Node *node) {
    const Node *from = node->input[0];
    const long rows = node->scan ? node->shape[0] / node->steps : node->shape[0]; /* of a call */
    const char *formula =
        node->op == OP_CONV2D
            ? format("y[n, k, i, j] = sum over c, u, v of x[n, c, %ld i + u - %ld, %ld j + v - %ld] w[k, c, u, v]", node->stride[0],
                     node->padding[0], node->stride[1], node->padding[1])
            : format("y[n, k, a, b] = sum over c, u, v of x[n, c, (a + %ld - u) / %ld, (b + %ld - v) / %ld] w[c, k, u, v], where that "
                     "divides",
                     node->padding[0], node->stride[0], node->padding[1], node->stride[1]);
    kernel->comment = format("%s\n%s", formula, shapes_comment(node, from));
    set_product_work(kernel,
                     2.0 * (double)(rows * node->shape[1]) * (double)from->shape[1] * products_along(node, 0) * products_along(node, 1));
}

/* ---- convolution of either kind, directly ---- */

typedef struct Operands {
    const Buffer *input, *weight, *out;
    long channels;        /* of the input, or pairs of them */
    const Variable *time; /* in a scan: its step, whose rows `input` has; NULL: outside */
} Operands;

static void lower_phase(Lowering *l, Node *node, Compute *compute, const Operands *operands, const Phase phase[2]) {
    const Buffer *input = operands->input, *w = operands->weight, *out = operands->out;
    Variable *n = add_variable(compute, "n", input->shape[0], false);
    Variable *k = add_variable(compute, "k", out->shape[1], false);
    Variable *i = add_variable(compute, "i", phase[0].count, false), *j = add_variable(compute, "j", phase[1].count, false);
    Variable *c = add_variable(compute, "c", operands->channels, true);
    if (phase[0].taps > 0 && phase[1].taps > 0) {
        Variable *u = add_variable(compute, "u", phase[0].taps, true), *v = add_variable(compute, "v", phase[1].taps, true);
        const Affine read[4] = {V(n), V(c), phase_input(&phase[0], V(i), V(u)), phase_input(&phase[1], V(j), V(v))};
        compute->sum[compute->sum_count++] = product_of(load(input, read), phase_weight(node, w, phase, V(k), V(c), V(u), V(v)));
    } else {
        compute->variable_count = 4; /* no tap reaches these outputs: they are the bias or zero */
    }
    At at = {.n = V(n), .c = V(k), .h = phase_output(&phase[0], V(i)), .w = phase_output(&phase[1], V(j))};
    if (operands->time) at.steps = operands->time->extent, at.b = at.n, at.t = V(operands->time);
    store_convolution(l, compute, node, &at, compute->sum_count ? sum_value(0, TYPE_F32) : constant(0));
}

/* How many values of the variable an iteration of the parallel loops has; 0 for all. */
static long parallel_tile(const Kernel *kernel, const char *variable) {
    const Schedule *schedule = &kernel->schedule[0];
    for (int i = 0; i < schedule->levels; i++)
        if (schedule->level[i].kind == LOOP_PARALLEL && strcmp(schedule->level[i].variable, variable) == 0) return schedule->level[i].tile;
    return 0;
}

static Operands operands_of(Lowering *l, Node *node, const Variable *time) {
    Operands operands = {.input = node_virtual_at(l, node->input[0], time),
                         .weight = weight_along(l, node->input[1], node->op == OP_CONV2D ? 0 : 1),
                         .out = node_buffer(l, epilogue_of(l->graph, node)),
                         .channels = node->input[0]->shape[1],
                         .time = time};
    if (!product_of_node(l, node)->pairs) return operands;
    operands.input = pairs_of_channels(l, operands.input, operands.channels);
    operands.weight = lower_paired_weight(l, node);
    operands.channels = channel_pairs(l, operands.channels);
    node->rounded = operands.weight->type == TYPE_I8_PAIR ? 1 : 2; /* bytes are exact */
    return operands;
}

static void lower_direct(Lowering *l, Node *node) {
    const bool gathers = node->op == OP_CONV2D;
    const long phases[2] = {phase_count(node, 0), phase_count(node, 1)};
    Kernel *kernel = new_kernel(node->name, (int)(phases[0] * phases[1]));
    kernel->time = node->scan ? new_variable("time", node->steps) : NULL;
    const Operands operands = operands_of(l, node, kernel->time);
    int count = 0;
    for (long a = 0; a < phases[0]; a++)
        for (long b = 0; b < phases[1]; b++) {
            const Phase phase[2] = {phase_of(node, 0, a), phase_of(node, 1, b)};
            lower_phase(l, node, &kernel->compute[count++], &operands, phase);
        }
    describe_convolution(kernel, node);
    ConvShape shape = {.staged = operands.input,
                       .columns = kernel->compute[0].variable[3]->extent,
                       .rows = kernel->compute[0].variable[2]->extent,
                       .channels = operands.channels,
                       .outputs = kernel->compute[0].variable[1]->extent,
                       .taps = node->kernel[0] * node->kernel[1],
                       .phases = count,
                       .summed_rows = summed_rows(l, node)};
    for (int d = 0; d < 2; d++) {
        shape.stride[d] = gathers ? node->stride[d] : 1;
        shape.span[d] = gathers ? node->kernel[d] : (node->kernel[d] + node->stride[d] - 1) / node->stride[d] + 1;
    }
    const long step = gathers ? 1 : node->stride[0]; /* of the rows of a phase */
    if (shape.summed_rows % step == 0) shape.summed_rows /= step;
    schedule_convolution(l, kernel, &shape);
    add_tile_sums(l, node, kernel, &(Items){"k", parallel_tile(kernel, "k"), 1, parallel_tile(kernel, "i") * step, 0});
    finish_kernel(l, kernel, node->scan);
}

void lower_convolution(Lowering *l, Node *node) {
    const Product *product = product_of_node(l, node);
    node->rounded = 0;
    if (product->filter) lower_filtered(l, node, product->filter);
    else if (product->algorithm == ALGORITHM_FEW) lower_few_outputs(l, node);
    else lower_direct(l, node);
}

/* ---- the weight gradient ---- */

void describe_weight_grad(Kernel *kernel, const Node *node) {
    const Node *small = node->input[0], *large = node->input[1];
    kernel->comment = format("dw[k, c, u, v] = sum over n, i, j of s[n, k, i, j] x[n, c, %ld i + u - %ld, %ld j + v - %ld]\n"
                             "s [%ld, %ld, %ld, %ld], x [%ld, %ld, %ld, %ld]",
                             node->stride[0], node->padding[0], node->stride[1], node->padding[1], small->shape[0], small->shape[1],
                             small->shape[2], small->shape[3], large->shape[0], large->shape[1], large->shape[2], large->shape[3]);
    set_product_work(kernel, 2.0 * (double)(node->shape[0] * node->shape[1] * node->shape[2] * node->shape[3]) *
                                 (double)(small->shape[0] * small->shape[2] * small->shape[3]));
}

static Affine strided(const Variable *position, long stride, const Variable *tap, long padding) {
    return affine_shift(affine_add(affine_scale(V(position), stride), V(tap)), -padding);
}

/* Group g of images, or of pairs of them, has their number/groups of them, and a gradient in `gradient`[.., g]. */
static Kernel *weight_grad_kernel(Lowering *l, Node *node, const Buffer *small, const Buffer *large, const Buffer *gradient, long groups) {
    Kernel *kernel = new_kernel(node->name, 1);
    Compute *compute = &kernel->compute[0];
    const Node *image = node->input[0];
    Variable *k = add_variable(compute, "k", minimum(node_buffer(l, node)->shape[0], small->shape[1]), false);
    Variable *c = add_variable(compute, "c", minimum(node_buffer(l, node)->shape[1], large->shape[1]), false);
    Variable *u = add_variable(compute, "u", node->kernel[0], false), *v = add_variable(compute, "v", node->kernel[1], false);
    Variable *g = add_variable(compute, "g", groups, false), *n = add_variable(compute, "n", small->shape[0] / groups, true);
    Variable *i = add_variable(compute, "i", image->shape[2], true), *j = add_variable(compute, "j", image->shape[3], true);
    const Affine number = affine_add(affine_scale(V(g), small->shape[0] / groups), V(n));
    const Affine in_small[4] = {number, V(k), V(i), V(j)};
    const Affine in_large[4] = {number, V(c), strided(i, node->stride[0], u, node->padding[0]),
                                strided(j, node->stride[1], v, node->padding[1])};
    /* S is never read outside of its shape. If it is stored, it needs neither a stage nor a virtual buffer */
    const At at_small = {.n = number, .c = V(k), .h = V(i), .w = V(j)};
    const Expression *factor = image->fused || node->rounded ? load(small, in_small) : node_element(l, node->input[0], &at_small);
    compute->sum[compute->sum_count++] = product_of(factor, load(large, in_large));
    const Affine tap[5] = {V(k), V(c), V(u), V(v), V(g)};
    add_store(compute, gradient, tap, sum_value(0, TYPE_F32));
    return kernel;
}

static void lower_direct_weight_grad(Lowering *l, Node *node) {
    const Buffer *out = node_buffer(l, node), *small = node_virtual(l, node->input[0]), *large = node_virtual(l, node->input[1]);
    if (product_of_node(l, node)->pairs) node->rounded = 2;
    if (node->rounded) small = pairs_of_images(small), large = pairs_of_images(large);
    const Kernel *plain = weight_grad_kernel(l, node, small, large, out, 1);
    const WeightGradCut cut = cut_weight_grad(l, &plain->compute[0], small, large, node);
    const Buffer *gradient = cut.groups > 1 ? new_group_gradients(node, out, cut.groups) : out;
    Kernel *kernel = weight_grad_kernel(l, node, small, large, gradient, cut.groups);
    describe_weight_grad(kernel, node);
    schedule_weight_grad(l, kernel, small, large, node, &cut);
    finish_kernel(l, kernel, node->scan);
    const long channels[2] = {kernel->compute[0].variable[0]->extent, kernel->compute[0].variable[1]->extent};
    if (cut.groups > 1) add_group_sum(l, node, gradient, out, channels, cut.vector, cut.width);
}

void lower_conv2d_weight_grad(Lowering *l, Node *node) {
    const Product *product = product_of_node(l, node);
    node->rounded = 0;
    if (product->tiles[0]) lower_filtered_weight_grad(l, node, product->tiles);
    else lower_direct_weight_grad(l, node);
}
