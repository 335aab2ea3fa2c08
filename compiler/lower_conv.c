/* Convolution as loops. Both kinds, and both data gradients, are two nests on a smaller image S and a larger one L:
 *   gather   S[n, k, i, j] = Σ c, u, v  L[n, c, s·i + u − p, s·j + v − p] · w        conv2d; data gradient of conv_transpose2d
 *   scatter  L[n, k, a, b] = Σ c, u, v  S[n, c, (a + p − u) / s, (b + p − v) / s] · w  where that divides: conv_transpose2d, …
 * and the weight gradient is one: dw[k, c, u, v] = Σ n, i, j  S[n, k, i, j] · L[n, c, s·i + u − p, s·j + v − p].
 * scatter is split by phase a mod s, b mod s: each is a gather of stride 1 with the taps that meet it, so nothing multiplies by zero. */
#include "lower_conv.h"

#include "lower_filter.h"

#include <string.h>

#define V affine_variable

static Affine strided(const Variable *position, long stride, const Variable *tap, long padding) {
    return affine_shift(affine_add(affine_scale(V(position), stride), V(tap)), -padding);
}

static const char *shapes_comment(const Node *node, const Node *from) {
    return format("[%ld, %ld, %ld, %ld] -> [%ld, %ld, %ld, %ld], kernel %ldx%ld, stride %ldx%ld, padding %ldx%ld", from->shape[0],
                  from->shape[1], from->shape[2], from->shape[3], node->shape[0], node->shape[1], node->shape[2], node->shape[3],
                  node->kernel[0], node->kernel[1], node->stride[0], node->stride[1], node->padding[0], node->padding[1]);
}

void store_convolution(Lowering *l, Compute *compute, Node *node, const At *at, const Expression *sum) {
    Node *result = epilogue_of(l->graph, node);
    if (node->input_count > 2) sum = op2(ADD, sum, channel_value(l, node->input[2], at->c, 0));
    Affine index[4];
    stored_index(l, result, at, index);
    add_store(compute, node_buffer(l, result), index, epilogue_element(l, node, at, sum));
}

void lower_conv2d(Lowering *l, Node *node) {
    FilterPlan plan;
    if (plan_filter(l, node, &plan) && lower_filtered(l, node, &plan)) return;
    Node *from = node->input[0], *weight = node->input[1], *result = epilogue_of(l->graph, node);
    Kernel *kernel = new_kernel(node->name, 1);
    Compute *compute = &kernel->compute[0];
    const Buffer *input = node_virtual(l, from), *w = weight_along(l, weight, 0), *out = node_buffer(l, result);
    Variable *n = add_variable(compute, "n", node->shape[0], false);
    Variable *k = add_variable(compute, "k", out->shape[1], false);
    Variable *i = add_variable(compute, "i", node->shape[2], false), *j = add_variable(compute, "j", node->shape[3], false);
    Variable *c = add_variable(compute, "c", from->shape[1], true);
    Variable *u = add_variable(compute, "u", node->kernel[0], true), *v = add_variable(compute, "v", node->kernel[1], true);
    const Affine read[4] = {V(n), V(c), strided(i, node->stride[0], u, node->padding[0]), strided(j, node->stride[1], v, node->padding[1])};
    const Affine tap[4] = {V(k), V(c), V(u), V(v)};
    compute->sum[compute->sum_count++] = op2(MULTIPLY, load(input, read), load(w, tap));
    const At at = {.n = V(n), .c = V(k), .h = V(i), .w = V(j)};
    store_convolution(l, compute, node, &at, sum_value(0, TYPE_F32));
    describe_convolution(kernel, node);
    const ConvShape shape = {.staged = input,
                             .columns = node->shape[3],
                             .rows = node->shape[2],
                             .channels = from->shape[1],
                             .outputs = k->extent,
                             .taps = node->kernel[0] * node->kernel[1],
                             .stride = {node->stride[0], node->stride[1]},
                             .span = {node->kernel[0], node->kernel[1]},
                             .phases = 1};
    schedule_convolution(l, kernel, &shape);
    finish_kernel(l, kernel, node->scan);
}

typedef struct Phase { /* of one dimension: the outputs a = stride · i + phase */
    long count;        /* of i */
    long first, taps;  /* kernel positions first, first + stride, … */
    long offset;       /* S's index is i + offset − tap */
} Phase;

static Phase phase_of(long size, long kernel, long stride, long padding, long phase) {
    Phase result = {.count = size > phase ? (size - phase + stride - 1) / stride : 0};
    result.first = (phase + padding) % stride;
    result.taps = result.first < kernel ? (kernel - result.first + stride - 1) / stride : 0;
    result.offset = (phase + padding - result.first) / stride;
    return result;
}

/* Products of one image and pair of channels in one dimension: only taps that meet an input count. */
static double products_along(const Node *node, int d) {
    if (node->op == OP_CONV2D) return (double)(node->shape[2 + d] * node->kernel[d]);
    double products = 0;
    for (long a = 0; a < minimum(node->stride[d], node->shape[2 + d]); a++) {
        const Phase phase = phase_of(node->shape[2 + d], node->kernel[d], node->stride[d], node->padding[d], a);
        products += (double)(phase.count * phase.taps);
    }
    return products;
}

void describe_convolution(Kernel *kernel, const Node *node) {
    const Node *from = node->input[0];
    const char *formula =
        node->op == OP_CONV2D
            ? format("y[n, k, i, j] = sum over c, u, v of x[n, c, %ld i + u - %ld, %ld j + v - %ld] w[k, c, u, v]", node->stride[0],
                     node->padding[0], node->stride[1], node->padding[1])
            : format("y[n, k, a, b] = sum over c, u, v of x[n, c, (a + %ld - u) / %ld, (b + %ld - v) / %ld] w[c, k, u, v], where that "
                     "divides",
                     node->padding[0], node->stride[0], node->padding[1], node->stride[1]);
    kernel->comment = format("%s\n%s", formula, shapes_comment(node, from));
    set_work(kernel,
             2.0 * (double)(node->shape[0] * node->shape[1]) * (double)from->shape[1] * products_along(node, 0) * products_along(node, 1));
}

static void lower_phase(Lowering *l, Node *node, Compute *compute, const Buffer *input, const Buffer *w, const Buffer *out,
                        const long at_phase[2]) {
    Node *from = node->input[0];
    Phase phase[2];
    for (int d = 0; d < 2; d++) phase[d] = phase_of(node->shape[2 + d], node->kernel[d], node->stride[d], node->padding[d], at_phase[d]);
    Variable *n = add_variable(compute, "n", node->shape[0], false);
    Variable *k = add_variable(compute, "k", out->shape[1], false);
    Variable *i = add_variable(compute, "i", phase[0].count, false), *j = add_variable(compute, "j", phase[1].count, false);
    Variable *c = add_variable(compute, "c", from->shape[1], true);
    if (phase[0].taps > 0 && phase[1].taps > 0) {
        Variable *u = add_variable(compute, "u", phase[0].taps, true), *v = add_variable(compute, "v", phase[1].taps, true);
        const Affine read[4] = {V(n), V(c), affine_shift(affine_add(V(i), affine_scale(V(u), -1)), phase[0].offset),
                                affine_shift(affine_add(V(j), affine_scale(V(v), -1)), phase[1].offset)};
        const Affine tap[4] = {V(c), V(k), affine_shift(affine_scale(V(u), node->stride[0]), phase[0].first),
                               affine_shift(affine_scale(V(v), node->stride[1]), phase[1].first)};
        compute->sum[compute->sum_count++] = op2(MULTIPLY, load(input, read), load(w, tap));
    } else {
        compute->variable_count = 4; /* no tap meets these: bias or zero */
    }
    const At at = {.n = V(n),
                   .c = V(k),
                   .h = affine_shift(affine_scale(V(i), node->stride[0]), at_phase[0]),
                   .w = affine_shift(affine_scale(V(j), node->stride[1]), at_phase[1])};
    store_convolution(l, compute, node, &at, compute->sum_count ? sum_value(0, TYPE_F32) : constant(0));
}

void lower_conv_transpose2d(Lowering *l, Node *node) {
    FilterPlan plan;
    if (plan_filter(l, node, &plan) && lower_filtered(l, node, &plan)) return;
    Node *from = node->input[0], *weight = node->input[1], *result = epilogue_of(l->graph, node);
    long phases[2];
    for (int d = 0; d < 2; d++) phases[d] = minimum(node->stride[d], node->shape[2 + d]);
    Kernel *kernel = new_kernel(node->name, (int)(phases[0] * phases[1]));
    const Buffer *input = node_virtual(l, from), *w = weight_along(l, weight, 1), *out = node_buffer(l, result);
    int count = 0;
    for (long a = 0; a < phases[0]; a++)
        for (long b = 0; b < phases[1]; b++) {
            Compute *compute = &kernel->compute[count++];
            lower_phase(l, node, compute, input, w, out, (long[2]){a, b});
        }
    describe_convolution(kernel, node);
    const ConvShape shape = {.staged = input,
                             .columns = kernel->compute[0].variable[3]->extent,
                             .rows = kernel->compute[0].variable[2]->extent,
                             .channels = from->shape[1],
                             .outputs = kernel->compute[0].variable[1]->extent,
                             .taps = node->kernel[0] * node->kernel[1],
                             .stride = {1, 1},
                             .span = {(node->kernel[0] + node->stride[0] - 1) / node->stride[0] + 1,
                                      (node->kernel[1] + node->stride[1] - 1) / node->stride[1] + 1},
                             .phases = count};
    schedule_convolution(l, kernel, &shape);
    finish_kernel(l, kernel, node->scan);
}

void describe_weight_grad(Kernel *kernel, const Node *node) {
    const Node *small = node->input[0], *large = node->input[1];
    kernel->comment = format("dw[k, c, u, v] = sum over n, i, j of s[n, k, i, j] x[n, c, %ld i + u - %ld, %ld j + v - %ld]\n"
                             "s [%ld, %ld, %ld, %ld], x [%ld, %ld, %ld, %ld]",
                             node->stride[0], node->padding[0], node->stride[1], node->padding[1], small->shape[0], small->shape[1],
                             small->shape[2], small->shape[3], large->shape[0], large->shape[1], large->shape[2], large->shape[3]);
    set_work(kernel, 2.0 * (double)(node->shape[0] * node->shape[1] * node->shape[2] * node->shape[3]) *
                         (double)(small->shape[0] * small->shape[2] * small->shape[3]));
}

void lower_conv2d_weight_grad(Lowering *l, Node *node) {
    Node *small = node->input[0], *large = node->input[1];
    if (lower_filtered_weight_grad(l, node)) return;
    Kernel *kernel = new_kernel(node->name, 1);
    Compute *compute = &kernel->compute[0];
    const Buffer *out = node_buffer(l, node), *s = node_virtual(l, small), *big = node_virtual(l, large);
    Variable *k = add_variable(compute, "k", minimum(out->shape[0], s->shape[1]), false);
    Variable *c = add_variable(compute, "c", minimum(out->shape[1], big->shape[1]), false);
    Variable *u = add_variable(compute, "u", node->kernel[0], false), *v = add_variable(compute, "v", node->kernel[1], false);
    Variable *n = add_variable(compute, "n", small->shape[0], true);
    Variable *i = add_variable(compute, "i", small->shape[2], true), *j = add_variable(compute, "j", small->shape[3], true);
    const Affine in_small[4] = {V(n), V(k), V(i), V(j)};
    const Affine in_large[4] = {V(n), V(c), strided(i, node->stride[0], u, node->padding[0]),
                                strided(j, node->stride[1], v, node->padding[1])};
    const Affine tap[4] = {V(k), V(c), V(u), V(v)};
    /* S is never read outside of its shape, so where it is stored it needs no stage, and no virtual buffer either */
    const At at_small = {.n = V(n), .c = V(k), .h = V(i), .w = V(j)};
    const Expression *factor = small->fused ? load(s, in_small) : node_element(l, small, &at_small);
    compute->sum[compute->sum_count++] = op2(MULTIPLY, factor, load(big, in_large));
    add_store(compute, out, tap, sum_value(0, TYPE_F32));
    describe_weight_grad(kernel, node);
    schedule_weight_grad(l, kernel, s, big, node);
    finish_kernel(l, kernel, node->scan);
}
