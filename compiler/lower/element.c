/* element.c: elementwise nodes as expressions of the elements that they read. */
#include "lower/element.h"

#include "graph/shapes.h"
#include "loop/function.h"
#include "loop/lanes.h"
#include "lower/element_losses.h"
#include "lower/finish_kernel.h"
#include "lower/fuse.h"
#include "lower/kernel_builder.h"
#include "lower/lower_moves.h"
#include "lower/lower_rows.h"
#include "lower/storage.h"

#include <string.h>

typedef const Expression *(*Element)(Lowering *l, Node *node, const At *at, const Expression *const *in);

const Expression *channel_value(Lowering *l, Node *node, Affine channel, long row) {
    const Affine index[4] = {affine_constant(0), channel, affine_constant(row), affine_constant(0)};
    return load(node_buffer(l, node), index);
}

const Expression *feature_value(Lowering *l, Node *node, const At *at) {
    const Affine index[4] = {affine_constant(0), at->c, node->shape[2] > 1 ? at->h : affine_constant(0),
                             node->shape[3] > 1 ? at->w : affine_constant(0)};
    return load(node_buffer(l, node), index);
}

const Expression *scaled_sum(const Lowering *l, const Node *weight, const At *at, const Expression *sum) {
    const Buffer *scale = l->parameter[weight->parameter->number].scale;
    if (!scale) return sum;
    const Affine none = affine_constant(0),
                 index[4] = {none, at->c, scale->shape[2] > 1 ? at->h : none, scale->shape[3] > 1 ? at->w : none};
    return op2(MULTIPLY, sum, load(scale, index));
}

/* ---- the formulas; in[i]: the element of input i, where that is a tensor of the node's shape ---- */

/* (x − mean) · scale + bias: accurate where the mean is large beside the deviation. stats: mean, 1/deviation, scale */
static const Expression *element_batch_norm(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    const Expression *centred = op2(SUBTRACT, in[0], channel_value(l, node->input[1], at->c, 0));
    return op3(MULTIPLY_ADD, centred, channel_value(l, node->input[1], at->c, 2), channel_value(l, node->input[2], at->c, 0));
}

/* scale · (dy − Σdy / M − x̂ · Σ(dy · x̂) / M), x̂ = (x − mean) / deviation */
static const Expression *element_batch_norm_grad(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    Node *stats = node->input[1], *sums = node->input[2];
    const Expression *share = constant(1.0 / (double)(node->shape[0] * node->shape[2] * node->shape[3]));
    const Expression *normal = op2(MULTIPLY, op2(SUBTRACT, in[0], channel_value(l, stats, at->c, 0)), channel_value(l, stats, at->c, 1));
    const Expression *mean_grad = op2(MULTIPLY, channel_value(l, sums, at->c, 0), share);
    const Expression *mean_product = op2(MULTIPLY, channel_value(l, sums, at->c, 1), share);
    const Expression *centred = op2(SUBTRACT, in[3], mean_grad);
    return op2(MULTIPLY, channel_value(l, stats, at->c, 2), op3(MULTIPLY_ADD, op1(NEGATE, normal), mean_product, centred));
}

static const Expression *element_select_row(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)in;
    return channel_value(l, node->input[0], at->c, node->which);
}

static const Expression *element_relu(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)l, (void)node, (void)at;
    return op2(MAXIMUM, constant(0), in[0]); /* NaN goes through MAXIMUM as its second operand, and a loss must show it */
}
static const Expression *element_leaky_relu(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)l, (void)at;
    return op4(SELECT_GREATER, in[0], constant(0), in[0], op2(MULTIPLY, in[0], constant(node->slope)));
}
static const Expression *element_sigmoid(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)l, (void)node, (void)at;
    return function_sigmoid(in[0]);
}
static const Expression *element_tanh(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)l, (void)node, (void)at;
    return function_tanh(in[0]);
}
static const Expression *element_relu_grad(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)l, (void)node, (void)at;
    return op4(SELECT_GREATER, in[0], constant(0), in[1], constant(0));
}
static const Expression *element_leaky_relu_grad(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)l, (void)at;
    return op4(SELECT_GREATER, in[0], constant(0), in[1], op2(MULTIPLY, in[1], constant(node->slope)));
}
static const Expression *element_sigmoid_grad(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)l, (void)node, (void)at;
    return op2(MULTIPLY, in[1], op2(MULTIPLY, in[0], op2(SUBTRACT, constant(1), in[0])));
}
static const Expression *element_tanh_grad(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)l, (void)node, (void)at;
    return op2(MULTIPLY, in[1], op3(MULTIPLY_ADD, op1(NEGATE, in[0]), in[0], constant(1)));
}
static const Expression *element_elu(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)l, (void)node, (void)at;
    return op4(SELECT_GREATER, in[0], constant(0), in[0], op1(NEGATE, function_one_minus_exp(in[0])));
}
static const Expression *element_silu(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)l, (void)node, (void)at;
    return op2(MULTIPLY, in[0], function_sigmoid(in[0]));
}
static const Expression *element_softplus(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)l, (void)node, (void)at;
    return function_softplus(in[0]);
}
static const Expression *element_elu_grad(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)l, (void)node, (void)at;
    return op4(SELECT_GREATER, in[0], constant(0), in[1], op3(MULTIPLY_ADD, in[1], in[0], in[1]));
}
static const Expression *element_silu_grad(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)l, (void)node, (void)at;
    const Expression *one = constant(1), *sigmoid = function_sigmoid(in[0]);
    const Expression *slope = op3(MULTIPLY_ADD, in[0], op2(SUBTRACT, one, sigmoid), one);
    return op2(MULTIPLY, in[1], op2(MULTIPLY, sigmoid, slope));
}
static const Expression *element_softplus_grad(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)l, (void)node, (void)at;
    return op2(MULTIPLY, in[1], function_one_minus_exp(in[0]));
}
static const Expression *element_add(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)l, (void)node, (void)at;
    return op2(ADD, in[0], in[1]);
}

static const Expression *element_scale(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)l, (void)at;
    if (node->factor == 1) return in[0];
    return op2(MULTIPLY, in[0], in[0]->type == TYPE_F64 ? constant_f64(node->factor) : constant(node->factor));
}
static const Expression *element_affine(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)l, (void)at;
    return op3(MULTIPLY_ADD, in[0], constant(node->factor), constant(node->offset));
}
static const Expression *element_multiply(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)l, (void)node, (void)at;
    return op2(MULTIPLY, in[0], in[1]);
}
/* e^(log_variance / 2) */
static const Expression *deviation(const Expression *log_variance) {
    return function_exp(op2(MULTIPLY, log_variance, constant(0.5)));
}
static const Expression *element_sample(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)l, (void)node, (void)at;
    return op3(MULTIPLY_ADD, deviation(in[1]), in[2], in[0]);
}
static const Expression *element_sample_log_variance_grad(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)l, (void)node, (void)at;
    return op2(MULTIPLY, op2(MULTIPLY, in[2], in[1]), op2(MULTIPLY, deviation(in[0]), constant(0.5)));
}
static const Expression *element_sample_noise_grad(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)l, (void)node, (void)at;
    return op2(MULTIPLY, in[1], deviation(in[0]));
}
static const Expression *element_fill(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)l, (void)at, (void)in;
    return constant(node->factor);
}
static const Expression *element_batch_norm_running_grad(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    return op2(MULTIPLY, in[0], channel_value(l, node->input[1], at->c, 2));
}

static const Expression *element_detach(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)l, (void)node, (void)at;
    return in[0];
}
static const Expression *element_slice(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)in;
    const At from = slice_source(node, at);
    return node_element(l, node->input[0], &from);
}

/* A loss that is an operand of something else: its own gradient is a factor. */
static const Expression *times_adjoint(Lowering *l, const Node *node, const Expression *value) {
    const At scalar = {0};
    return node->input_count < 3 ? value : op2(MULTIPLY, value, node_element(l, node->input[2], &scalar));
}

static double one_over_count(const Node *node) {
    return 1.0 / ((double)node->shape[0] * (double)node->shape[1] * (double)node->shape[2] * (double)node->shape[3]);
}
static const Expression *element_mse_grad(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)at;
    return times_adjoint(l, node, op2(MULTIPLY, op2(SUBTRACT, in[0], in[1]), constant(node->factor * 2 * one_over_count(node))));
}
static const Expression *element_l1_grad(Lowering *l, Node *node, const At *at, const Expression *const *in) {
    (void)at;
    const Expression *step = constant(node->factor * one_over_count(node)), *zero = constant(0), *apart = op2(SUBTRACT, in[0], in[1]);
    return times_adjoint(l, node, op4(SELECT_GREATER, apart, zero, step, op4(SELECT_GREATER, zero, apart, op1(NEGATE, step), zero)));
}

static const Element elements[OP_COUNT] = {[OP_BATCH_NORM] = element_batch_norm,
                                           [OP_BATCH_NORM_RUNNING_GRAD] = element_batch_norm_running_grad,
                                           [OP_BATCH_NORM_GRAD] = element_batch_norm_grad,
                                           [OP_SELECT_ROW] = element_select_row,
                                           [OP_RELU] = element_relu,
                                           [OP_LEAKY_RELU] = element_leaky_relu,
                                           [OP_SIGMOID] = element_sigmoid,
                                           [OP_TANH] = element_tanh,
                                           [OP_RELU_GRAD] = element_relu_grad,
                                           [OP_LEAKY_RELU_GRAD] = element_leaky_relu_grad,
                                           [OP_SIGMOID_GRAD] = element_sigmoid_grad,
                                           [OP_TANH_GRAD] = element_tanh_grad,
                                           [OP_ELU] = element_elu,
                                           [OP_SILU] = element_silu,
                                           [OP_SOFTPLUS] = element_softplus,
                                           [OP_ELU_GRAD] = element_elu_grad,
                                           [OP_SILU_GRAD] = element_silu_grad,
                                           [OP_SOFTPLUS_GRAD] = element_softplus_grad,
                                           [OP_ADD] = element_add,
                                           [OP_SCALE] = element_scale,
                                           [OP_AFFINE] = element_affine,
                                           [OP_MULTIPLY] = element_multiply,
                                           [OP_SAMPLE] = element_sample,
                                           [OP_SAMPLE_LOG_VARIANCE_GRAD] = element_sample_log_variance_grad,
                                           [OP_SAMPLE_NOISE_GRAD] = element_sample_noise_grad,
                                           [OP_FILL] = element_fill,
                                           [OP_DETACH] = element_detach,
                                           [OP_SLICE] = element_slice,
                                           [OP_MSE_GRAD] = element_mse_grad,
                                           [OP_L1_GRAD] = element_l1_grad,
#define X(name) [OP_##name] = element_##name,
                                           LOSS_ELEMENTS(X)
#undef X
};

/* ---- reading ---- */

Affine row_of(const At *at) {
    return at->steps ? affine_add(affine_scale(at->b, at->steps), at->t) : at->n;
}

static Affine stored_row(const Node *node, const At *at) {
    if (!has_carried_rows(node)) return node->shape[0] > 1 ? row_of(at) : affine_constant(0);
    if (at->steps != carrying_scan(node)->steps) die("%s is stored by rows that are not split into the steps of its scan", node->name);
    return carried_row(node, at->b, at->t);
}

static void image_index(const Node *node, const At *at, Affine row, Affine index[4]) {
    index[0] = row;
    index[1] = at->c;
    index[2] = node->shape[2] > 1 ? at->h : affine_constant(0);
    index[3] = node->shape[3] > 1 ? at->w : affine_constant(0);
}

void stored_index(Node *node, const At *at, Affine index[4]) {
    image_index(node, at, stored_row(node, at), index);
}

const Expression *double_value(Lowering *l, Node *node, const At *at) {
    const Affine index[4] = {stored_row(node, at)};
    const Expression *value = load(node_buffer(l, node), index);
    return value->type == TYPE_F64 ? value : op1(WIDEN, value);
}

/* The node's own formula; `known`, where it is given, is the element of its input `from`. */
static const Expression *element_formula(Lowering *l, Node *node, const At *at, const Node *from, const Expression *known) {
    const Expression *in[MAX_INPUTS] = {0};
    if (!elements[node->op]) die("%s has no formula for an element", operation_name(node->op));
    for (int i = 0; i < node->input_count; i++)
        if (same_shape(node->input[i], node))
            in[i] = known && node->input[i] == from ? known
                    : is_double(node)               ? double_value(l, node->input[i], at)
                                                    : node_element(l, node->input[i], at);
    return elements[node->op](l, node, at, in);
}

const Expression *node_element(Lowering *l, Node *node, const At *at) {
    if (node->fused) return element_formula(l, node, at, NULL, NULL);
    Affine index[4];
    const bool whole = has_carried_rows(node) && at->steps != carrying_scan(node)->steps;
    const Buffer *buffer = whole ? whole_rows(l, node) : is_given_for_blocks(l, node) ? given_in_blocks(l, node) : node_buffer(l, node);
    const bool shared = buffer->shape[0] == 1 && !has_carried_rows(node); /* all rows may read the same one: lower_stream.c */
    image_index(node, at, whole ? row_of(at) : shared ? affine_constant(0) : stored_row(node, at), index);
    const Expression *value = load(buffer, index);
    return value->type == TYPE_F64 ? op1(NARROW, value) : value;
}

const Expression *epilogue_element(Lowering *l, Node *node, const At *at, const Expression *value) {
    Node *result = epilogue_of(l->graph, node);
    return result == node ? value : element_formula(l, result, at, node, value);
}

typedef struct Extent {
    const Variable *channel;
    long least;
} Extent;

static const Expression *note_extent(const Expression *e, void *context) {
    Extent *extent = context;
    if (e->kind == EXPRESSION_LOAD && e->buffer->rank == 4 && affine_coefficient(&e->index[1], extent->channel) != 0)
        extent->least = minimum(extent->least, e->buffer->shape[1] - e->index[1].constant);
    return e;
}

long channels_in(const Expression *value, const Variable *channel, long most) {
    Extent extent = {channel, most};
    expression_rewrite(value, note_extent, &extent);
    return extent.least;
}

const Buffer *node_virtual(Lowering *l, Node *node) {
    return node_virtual_at(l, node, NULL);
}

const Buffer *node_virtual_at(Lowering *l, Node *node, const Variable *time) {
    static const char *const names[4] = {"n", "c", "h", "w"};
    long shape[4];
    memcpy(shape, node->shape, sizeof shape);
    if (time) shape[0] /= time->extent;
    shape[1] = stored_channels(l->target, shape[1]);
    Buffer *buffer = new_buffer(format("%s_in", node->name), TYPE_F32, SPACE_VIRTUAL, 4, shape, layout_row_major(4, shape));
    Affine index[4];
    Variable *variable[4];
    for (int d = 0; d < 4; d++) {
        buffer->index[d] = variable[d] = new_variable(names[d], shape[d]);
        index[d] = affine_variable(variable[d]);
    }
    At at = {.n = index[0], .c = index[1], .h = index[2], .w = index[3]};
    if (time) at.steps = time->extent, at.b = index[0], at.t = affine_variable(time);
    buffer->value = node_element(l, node, &at);
    variable[1]->extent = buffer->shape[1] = channels_in(buffer->value, variable[1], shape[1]);
    buffer->layout = layout_row_major(4, buffer->shape);
    return buffer;
}

const Buffer *virtual_weight(const Buffer *weight, const char *name) {
    static const char *const names[2][MAX_RANK] = {{"k", "c", "u", "v"}, {"o", "p", "q", "c", "h", "w"}};
    Buffer *buffer = new_buffer(name, TYPE_F32, SPACE_VIRTUAL, weight->rank, weight->shape, layout_row_major(weight->rank, weight->shape));
    Affine index[MAX_RANK];
    for (int d = 0; d < weight->rank; d++) {
        buffer->index[d] = new_variable(names[weight->rank > 4][d], weight->shape[d]);
        index[d] = affine_variable(buffer->index[d]);
    }
    buffer->value = load(weight, index);
    return buffer;
}

/* ---- a kernel of its own for an elementwise node that is stored ---- */

/* Does it read what a scan with its own number of steps carries, directly or through fused nodes? */
static bool reads_carried(const Node *node) {
    for (int i = 0; i < node->input_count; i++) {
        const Node *input = node->input[i];
        if (input->steps != node->steps) continue;
        if (has_carried_rows(input) || (input->fused && reads_carried(input))) return true;
    }
    return false;
}

/* For nodes outside of scans whose shape is not an image's. The gradients of a weight that several layers share are added up like this. */
static void lower_elements_of_weight(Lowering *l, Node *node) {
    static const char *const names[MAX_RANK] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    Kernel *kernel = new_kernel(node->name, 1);
    Compute *compute = &kernel->compute[0];
    const Buffer *out = node_buffer(l, node);
    Affine index[MAX_RANK];
    for (int d = 0; d < node->rank; d++) index[d] = affine_variable(add_variable(compute, names[d], node->shape[d], false));
    const Expression *in[MAX_INPUTS] = {0};
    for (int i = 0; i < node->input_count; i++) in[i] = load(node_buffer(l, node->input[i]), index);
    add_store(compute, out, index, elements[node->op](l, node, NULL, in));
    kernel->comment = format("%s of two weights' shapes", operation_name(node->op));
    set_work(kernel, (double)count_elements(node));
    const int lane = layout_lane(&out->layout), lanes = l->target->lanes;
    const bool fit = lane >= 0 && lanes_fit(compute, names[lane], lanes);
    Schedule *schedule = &kernel->schedule[0];
    if (lane >= 0) add_level(schedule, names[lane], lanes, LOOP_PARALLEL);
    for (int d = 0; d < node->rank; d++)
        if (d != lane) add_level(schedule, names[d], 1, d == (lane == 0) ? LOOP_PARALLEL : LOOP_SERIAL);
    if (lane >= 0) add_level(schedule, names[lane], 1, fit ? LOOP_VECTOR : LOOP_SERIAL);
    finish_kernel(l, kernel, node->scan);
}

void lower_element(Lowering *l, Node *node) {
    if (node->rank != 4) {
        lower_elements_of_weight(l, node);
        return;
    }
    Kernel *kernel = new_kernel(node->name, 1);
    Compute *compute = &kernel->compute[0];
    const Buffer *out = node_buffer(l, node);
    const long T = node->steps;
    At at = {0};
    /* rows by sequence and step: what a scan carried, and some steps of a value, can only be read like that */
    const bool steps = node->op == OP_SLICE && node->axis == AXIS_STEPS;
    bool rows = node->shape[0] > 1 && (node->shape[2] * node->shape[3] == 1 || steps || reads_carried(node));
    if (node->scan || rows) {
        at.steps = T;
        at.b = affine_variable(add_variable(compute, "b", node->shape[0] / T, false));
        if (node->scan) kernel->time = new_variable("time", T);
        at.t = affine_variable(node->scan ? kernel->time : add_variable(compute, "t", T, false));
    } else {
        at.n = affine_variable(add_variable(compute, "n", node->shape[0], false));
    }
    Variable *c = add_variable(compute, "c", node->shape[1], false);
    at.c = affine_variable(c);
    at.h = affine_variable(add_variable(compute, "h", node->shape[2], false));
    at.w = affine_variable(add_variable(compute, "w", node->shape[3], false));
    const Expression *value = element_formula(l, node, &at, NULL, NULL);
    Affine index[4];
    stored_index(node, &at, index);
    c->extent = channels_in(value, c, out->shape[1]); /* padding lanes too, where all have them: whole vectors */
    add_store(compute, out, index, value);
    kernel->comment =
        format("%s: [%ld, %ld, %ld, %ld]", operation_name(node->op), node->shape[0], node->shape[1], node->shape[2], node->shape[3]);
    const long rows_of_call = node->scan ? node->shape[0] / T : node->shape[0];
    set_work(kernel, (double)(rows_of_call * node->shape[1]) * (double)(node->shape[2] * node->shape[3]));
    Schedule *schedule = &kernel->schedule[0];
    const int lanes = l->target->lanes;
    bool channels = lanes_fit(compute, "c", lanes), width = !channels && node->shape[3] >= lanes && lanes_fit(compute, "w", lanes);
    add_level(schedule, compute->variable[0]->name, 1, LOOP_PARALLEL);
    add_level(schedule, "c", channels ? lanes : 1, LOOP_PARALLEL);
    if (rows && !node->scan) add_level(schedule, "t", 1, LOOP_SERIAL);
    add_level(schedule, "h", 1, LOOP_SERIAL);
    add_level(schedule, "w", width ? lanes : 1, LOOP_SERIAL);
    if (channels || width) add_level(schedule, channels ? "c" : "w", 1, LOOP_VECTOR);
    finish_kernel(l, kernel, node->scan);
}
