/* gradients.c: the gradient rule of each operation: given dy, the gradient of the loss with respect to the node's output, add the nodes
 * that compute its share in the gradients of the inputs. Rules know nothing of time: differentiate.c puts their nodes into scans. */
#include "graph/gradients.h"

#include "graph/gradients_losses.h"
#include "graph/moves.h"
#include "graph/shapes.h"

#include <string.h>

const char *gradient_name(const Node *node, const char *suffix) {
    return format("%s_%s", node->stem ? node->stem : node->name, suffix);
}

static Node *add_gradient(Differentiation *d, const Node *node, Operation op, const char *suffix, int input_count, Node **inputs) {
    return add_node(d->graph, op, gradient_name(node, suffix), NULL, input_count, inputs);
}

static void gradient_of_bias(Differentiation *d, Node *node, Node *dy, bool pixels) {
    if (node->input_count < 3 || !wants_gradient(d, node->input[2])) return;
    add_adjoint(
        d, node->input[2],
        append_node(
            d->graph,
            (Node){.op = OP_BIAS_GRAD, .name = gradient_name(node, "bias_grad"), .input_count = 1, .input = {dy}, .pixels = pixels}));
}

/* Convolution and transposed convolution are each other's data gradients, and share the weight gradient: of the side with the small
 * image and the side with the large one. y = conv2d(x): dy is small, x large; y = conv_transpose2d(x): the other way round. */
static Node *convolution_gradient(Node *node, Operation op, const char *suffix, Node *first, Node *second) {
    Node *gradient = NEW(Node);
    *gradient = (Node){.op = op, .name = gradient_name(node, suffix), .input_count = 2, .input = {first, second}};
    for (int d = 0; d < 2; d++) {
        gradient->kernel[d] = node->kernel[d];
        gradient->stride[d] = node->stride[d];
        gradient->padding[d] = node->padding[d];
    }
    return gradient;
}

static void gradient_CONV2D(Differentiation *d, Node *node, Node *dy) {
    Node *x = node->input[0], *weight = node->input[1];
    if (wants_gradient(d, weight))
        add_adjoint(d, weight, append_node(d->graph, *convolution_gradient(node, OP_CONV2D_WEIGHT_GRAD, "weight_grad", dy, x)));
    gradient_of_bias(d, node, dy, true);
    if (!wants_gradient(d, x)) return;
    Node *data = convolution_gradient(node, OP_CONV_TRANSPOSE2D, "data_grad", dy, weight);
    for (int i = 0; i < 2; i++) /* rows that the convolution's stride left unread at the end get their zeros */
        data->output_padding[i] = floor_modulo(x->shape[2 + i] + 2 * node->padding[i] - node->kernel[i], node->stride[i]);
    add_adjoint(d, x, append_node(d->graph, *data));
}

static void gradient_CONV_TRANSPOSE2D(Differentiation *d, Node *node, Node *dy) {
    Node *x = node->input[0], *weight = node->input[1];
    if (wants_gradient(d, weight))
        add_adjoint(d, weight, append_node(d->graph, *convolution_gradient(node, OP_CONV2D_WEIGHT_GRAD, "weight_grad", x, dy)));
    gradient_of_bias(d, node, dy, true);
    if (wants_gradient(d, x)) add_adjoint(d, x, append_node(d->graph, *convolution_gradient(node, OP_CONV2D, "data_grad", dy, weight)));
}

static void gradient_LINEAR(Differentiation *d, Node *node, Node *dy) {
    Node *x = node->input[0], *weight = node->input[1];
    if (wants_gradient(d, weight))
        add_adjoint(d, weight, add_gradient(d, node, OP_LINEAR_WEIGHT_GRAD, "weight_grad", 2, (Node *[]){dy, x}));
    gradient_of_bias(d, node, dy, false);
    if (wants_gradient(d, x)) add_adjoint(d, x, add_gradient(d, node, OP_LINEAR_DATA_GRAD, "data_grad", 2, (Node *[]){dy, weight}));
}

static void add_selected(Differentiation *d, Node *node, Node *sums, int row, Node *of, const char *suffix) {
    if (!wants_gradient(d, of)) return;
    const Node select = {.op = OP_SELECT_ROW, .name = gradient_name(node, suffix), .input_count = 1, .input = {sums}, .which = row};
    add_adjoint(d, of, append_node(d->graph, select));
}

/* In training the statistics are functions of x too, so this rule goes through BATCH_NORM and BATCH_NORM_STATISTICS at once:
 * dx = scale · (dy − mean(dy) − x̂ · mean(dy · x̂)) with x̂ the normalised x; the sums behind the means are the gradients of bias and weight.
 * Running statistics are constants: dx = scale · dy. */
static void gradient_BATCH_NORM(Differentiation *d, Node *node, Node *dy) {
    Node *x = node->input[0], *stats = node->input[1], *bias = node->input[2];
    const bool running = stats->op == OP_BATCH_NORM_RUNNING;
    Node *weight = stats->input[running ? 0 : 1], *sums = NULL;
    if (!running || wants_gradient(d, weight) || wants_gradient(d, bias))
        sums = add_gradient(d, node, OP_BATCH_NORM_SUMS, "grad_sums", 3, (Node *[]){x, stats, dy});
    add_selected(d, node, sums, 1, weight, "weight_grad");
    add_selected(d, node, sums, 0, bias, "bias_grad");
    if (!wants_gradient(d, x)) return;
    Node *inputs[] = {x, stats, sums, dy}, *scaled[] = {dy, stats};
    add_adjoint(d, x,
                running ? add_gradient(d, node, OP_BATCH_NORM_RUNNING_GRAD, "grad", 2, scaled)
                        : add_gradient(d, node, OP_BATCH_NORM_GRAD, "grad", 4, inputs));
}

/* Activations: from the output, so that the input need not be kept. */
static void gradient_of_activation(Differentiation *d, Node *node, Node *dy, Operation op, Node *seen) {
    add_adjoint(
        d, node->input[0],
        append_node(d->graph,
                    (Node){.op = op, .name = gradient_name(node, "grad"), .input_count = 2, .input = {seen, dy}, .slope = node->slope}));
}

static void gradient_RELU(Differentiation *d, Node *node, Node *dy) {
    gradient_of_activation(d, node, dy, OP_RELU_GRAD, node);
}
static void gradient_SIGMOID(Differentiation *d, Node *node, Node *dy) {
    gradient_of_activation(d, node, dy, OP_SIGMOID_GRAD, node);
}
static void gradient_TANH(Differentiation *d, Node *node, Node *dy) {
    gradient_of_activation(d, node, dy, OP_TANH_GRAD, node);
}

static void gradient_ELU(Differentiation *d, Node *node, Node *dy) {
    gradient_of_activation(d, node, dy, OP_ELU_GRAD, node);
}
static void gradient_SOFTPLUS(Differentiation *d, Node *node, Node *dy) {
    gradient_of_activation(d, node, dy, OP_SOFTPLUS_GRAD, node);
}

/* Two inputs of silu may have one output. */
static void gradient_SILU(Differentiation *d, Node *node, Node *dy) {
    gradient_of_activation(d, node, dy, OP_SILU_GRAD, node->input[0]);
}

/* Under a negative slope the output is positive on both sides: there the input's sign must be seen. */
static void gradient_LEAKY_RELU(Differentiation *d, Node *node, Node *dy) {
    gradient_of_activation(d, node, dy, OP_LEAKY_RELU_GRAD, node->slope >= 0 ? node : node->input[0]);
}

static void gradient_ADD(Differentiation *d, Node *node, Node *dy) {
    add_adjoint(d, node->input[0], dy);
    add_adjoint(d, node->input[1], dy);
}

/* Of AFFINE, too. */
static void gradient_SCALE(Differentiation *d, Node *node, Node *dy) {
    Node scaled = {.op = OP_SCALE, .name = gradient_name(node, "grad"), .input_count = 1, .input = {dy}, .factor = node->factor};
    if (dy->op == OP_FILL) {
        scaled = *dy;
        scaled.factor *= node->factor;
    }
    add_adjoint(d, node->input[0], append_node(d->graph, scaled));
}

static void gradient_MULTIPLY(Differentiation *d, Node *node, Node *dy) {
    for (int i = 0; i < 2; i++) {
        if (!wants_gradient(d, node->input[i])) continue;
        const char *suffix = i ? "grad_right" : "grad_left";
        add_adjoint(d, node->input[i], add_gradient(d, node, OP_MULTIPLY, suffix, 2, (Node *[]){dy, node->input[1 - i]}));
    }
}

/* mean + e^(log_variance / 2) · noise */
static void gradient_SAMPLE(Differentiation *d, Node *node, Node *dy) {
    Node *log_variance = node->input[1], *noise = node->input[2];
    add_adjoint(d, node->input[0], dy);
    if (wants_gradient(d, log_variance))
        add_adjoint(d, log_variance,
                    add_gradient(d, node, OP_SAMPLE_LOG_VARIANCE_GRAD, "log_variance_grad", 3, (Node *[]){log_variance, noise, dy}));
    if (wants_gradient(d, noise))
        add_adjoint(d, noise, add_gradient(d, node, OP_SAMPLE_NOISE_GRAD, "noise_grad", 2, (Node *[]){log_variance, dy}));
}

/* ---- elements at other places ---- */

static void gradient_SLICE(Differentiation *d, Node *node, Node *dy) {
    add_part(d, node, dy);
}

static void gradient_CONCAT(Differentiation *d, Node *node, Node *dy) {
    long first = 0;
    for (int i = 0; i < node->input_count; i++) {
        Node *input = node->input[i];
        const long count = axis_extent(input, node->axis == AXIS_STEPS ? input->steps : node->steps, node->axis);
        if (wants_gradient(d, input))
            add_adjoint(d, input, slice(d->graph, gradient_name(node, format("grad%d", i)), dy, node->axis, first, count));
        first += count;
    }
}

static void gradient_RESHAPE(Differentiation *d, Node *node, Node *dy) {
    const Node *input = node->input[0];
    if (dy->op == OP_FILL) { /* a constant has no place to be read at */
        add_adjoint(d, node->input[0], add_constant(d->graph, gradient_name(node, "grad"), input, dy->factor));
        return;
    }
    Node gradient = {.op = OP_RESHAPE, .name = gradient_name(node, "grad"), .input_count = 1, .input = {dy}, .rank = 4, .clip = node->clip};
    gradient.steps = input->steps;
    memcpy(gradient.shape, input->shape, sizeof gradient.shape);
    add_adjoint(d, node->input[0], append_node(d->graph, gradient));
}

static void gradient_UPSAMPLE(Differentiation *d, Node *node, Node *dy) {
    const Node gradient = {.op = OP_UPSAMPLE_GRAD,
                           .name = gradient_name(node, "grad"),
                           .input_count = 1,
                           .input = {dy},
                           .stride = {node->stride[0], node->stride[1]}};
    add_adjoint(d, node->input[0], append_node(d->graph, gradient));
}

/* ---- pools ---- */

/* With the window and the input's shape. */
static Node gradient_of_pool(const Node *node, Operation op) {
    const Node *x = node->input[0];
    Node gradient = {.op = op, .name = gradient_name(node, "grad"), .rank = 4, .steps = x->steps, .window = node->window};
    memcpy(gradient.shape, x->shape, sizeof gradient.shape);
    return gradient;
}

/* Where the maximum lies is found again, which costs less memory than to keep it. */
static void gradient_MAX_POOL(Differentiation *d, Node *node, Node *dy) {
    const Node place = {.op = OP_MAX_POOL_PLACE,
                        .name = gradient_name(node, "place"),
                        .input_count = 2,
                        .input = {node->input[0], node},
                        .window = node->window};
    Node gradient = gradient_of_pool(node, OP_MAX_POOL_GRAD);
    gradient.input_count = 2;
    gradient.input[0] = append_node(d->graph, place);
    gradient.input[1] = dy;
    add_adjoint(d, node->input[0], append_node(d->graph, gradient));
}

static void gradient_AVG_POOL(Differentiation *d, Node *node, Node *dy) {
    Node gradient = gradient_of_pool(node, OP_AVG_POOL_GRAD);
    gradient.input_count = 1;
    gradient.input[0] = dy;
    add_adjoint(d, node->input[0], append_node(d->graph, gradient));
}

static void add_result(Differentiation *d, Node *gradient, int which, Node *of, const char *name) {
    if (!wants_gradient(d, of)) return;
    const Node result = {.op = OP_RESULT, .name = name, .input_count = 1, .input = {gradient}, .which = which};
    add_adjoint(d, of, append_node(d->graph, result));
}

static void gradient_GRU_CELL(Differentiation *d, Node *node, Node *dy) {
    Node *from_input = node->input[0], *from_hidden = node->input[1], *h = node->input[2];
    Node *gradient = add_gradient(d, node, OP_GRU_CELL_GRAD, "grad", 4, (Node *[]){from_input, from_hidden, h, dy});
    add_adjoint(d, from_input, gradient);
    add_result(d, gradient, 1, from_hidden, gradient_name(node, "grad_hidden_gates"));
    add_result(d, gradient, 2, h, gradient_name(node, "grad_carry"));
}

/* Of what is compared with what: one is the other's with its sign changed, so the same operation with its operands exchanged. A constant
 * dy is a factor; any other one is an operand. */
static void gradient_of_loss(Differentiation *d, Node *node, Node *dy, Operation op) {
    const bool constant = !dy || dy->op == OP_FILL;
    for (int side = 0; side < 2; side++) {
        if (!wants_gradient(d, node->input[side])) continue;
        const Node gradient = {.op = op,
                               .name = gradient_name(node, side ? "grad_target" : "grad"),
                               .input_count = constant ? 2 : 3,
                               .input = {node->input[side], node->input[1 - side], dy},
                               .factor = dy && constant ? dy->factor : 1};
        add_adjoint(d, node->input[side], append_node(d->graph, gradient));
    }
}

static void gradient_MSE(Differentiation *d, Node *node, Node *dy) {
    gradient_of_loss(d, node, dy, OP_MSE_GRAD);
}
static void gradient_L1(Differentiation *d, Node *node, Node *dy) {
    gradient_of_loss(d, node, dy, OP_L1_GRAD);
}

/* Absent: what has no inputs, the gradients themselves, and BATCH_NORM_STATISTICS (part of BATCH_NORM's rule). */
static void (*const rules[OP_COUNT])(Differentiation *, Node *, Node *) = {
    [OP_CONV2D] = gradient_CONV2D,
    [OP_CONV_TRANSPOSE2D] = gradient_CONV_TRANSPOSE2D,
    [OP_LINEAR] = gradient_LINEAR,
    [OP_BATCH_NORM] = gradient_BATCH_NORM,
    [OP_RELU] = gradient_RELU,
    [OP_LEAKY_RELU] = gradient_LEAKY_RELU,
    [OP_SIGMOID] = gradient_SIGMOID,
    [OP_TANH] = gradient_TANH,
    [OP_ADD] = gradient_ADD,
    [OP_SCALE] = gradient_SCALE,
    [OP_ELU] = gradient_ELU,
    [OP_SILU] = gradient_SILU,
    [OP_SOFTPLUS] = gradient_SOFTPLUS,
    [OP_AFFINE] = gradient_SCALE,
    [OP_MULTIPLY] = gradient_MULTIPLY,
    [OP_SAMPLE] = gradient_SAMPLE,
    [OP_SLICE] = gradient_SLICE,
    [OP_CONCAT] = gradient_CONCAT,
    [OP_RESHAPE] = gradient_RESHAPE,
    [OP_UPSAMPLE] = gradient_UPSAMPLE,
    [OP_MAX_POOL] = gradient_MAX_POOL,
    [OP_AVG_POOL] = gradient_AVG_POOL,
    [OP_GRU_CELL] = gradient_GRU_CELL,
    [OP_MSE] = gradient_MSE,
    [OP_L1] = gradient_L1,
    [OP_SQUARED_DIFFERENCE] = gradient_SQUARED_DIFFERENCE,
    [OP_ABSOLUTE_DIFFERENCE] = gradient_ABSOLUTE_DIFFERENCE,
    [OP_BCE_WITH_LOGITS] = gradient_BCE_WITH_LOGITS,
    [OP_BCE] = gradient_BCE,
    [OP_KL] = gradient_KL,
    [OP_ENTROPY] = gradient_ENTROPY,
    [OP_ABSOLUTE] = gradient_ABSOLUTE,
    [OP_DIFFERENCE] = gradient_DIFFERENCE,
    [OP_FRAME_SUM] = gradient_FRAME_SUM,
    [OP_FALLING] = gradient_FALLING,
    [OP_ROW_SUM] = gradient_ROW_SUM,
};

void apply_gradient_rule(Differentiation *d, Node *node, Node *dy) {
    if (!rules[node->op]) die("%s: operation %s has no gradient rule", node->name, operation_name(node->op));
    d->graph->layer = node->layer;
    if (!dy && node->op != OP_MSE && node->op != OP_L1) /* these know that it is 1 */
        dy = add_constant(d->graph, gradient_name(node, "grad"), node, 1);
    rules[node->op](d, node, dy);
}
