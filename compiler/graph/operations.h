/* operations.h: the table of operations. */
#ifndef ZOETROPE_OPERATIONS_H
#define ZOETROPE_OPERATIONS_H

#include <stdbool.h>

/* What a batch norm has where its spec says nothing. */
#define BATCH_NORM_EPSILON 1e-5
#define BATCH_NORM_MOMENTUM 0.1 /* of the new value in the running statistics */

/* What passes ask of an operation. */
enum {
    ELEMENTWISE = 1, /* each element from its inputs' elements of the same index, or per channel: can be fused */
    ROWWISE = 2,     /* each row from the same row of its inputs: can be in a scan */
    ACTIVATION = 4,  /* elementwise, and may end the kernel of the convolution or linear layer that it alone reads */
    COSTLY = 8,      /* elementwise, but too much work to compute wherever it is read */
    GRADIENT = 16,   /* elementwise and of gradients, which are stored rather than computed by two convolutions */
    PRODUCT = 32,    /* a convolution, a linear layer or a gradient of one: sums of products */
    STORAGE = 64,    /* has no kernel: given from outside, or stored by another node's */
    MOVE = 128,      /* each element is one of an input's: outside of scans; the shape rule gives the steps, too */
    POOL = 256       /* of windows of rows, height and width: outside of scans; the shape rule gives the steps, too */
};

/* What SLICE and CONCAT count along. */
typedef enum {
    AXIS_ITEMS,   /* items of all their steps: the T rows of each */
    AXIS_STEPS,   /* steps of each item */
    AXIS_CHANNELS /* of each row */
} Axis;

/* The table of operations: name, number of inputs (−1: 2 or 3; −2: 2 … MAX_INPUTS), properties, what it computes. For each row shapes.c has
 *   void shape_<name>(Node *)                              sets node->shape from inputs and attributes
 * gradients.c, where a gradient can reach it,
 *   void gradient_<name>(Differentiation *, Node *, Node *dy)  adds the gradients of its inputs
 * evaluate_ops.c its definition in double precision, and lower_*.c or, if it is elementwise, element.c the lowering.
 * The terms of a loss are elementwise, and reduced by sums: of a frame, of rows (build_loss.h).
 * Inputs in order; "stats" is [1, C, 3, 1]: mean, 1/√(variance + ε), weight/√(variance + ε). */
#define GRAPH_OPERATIONS(X)                                                                                                                \
    X(INPUT, 0, STORAGE, "given by the caller")                                                                                            \
    X(PARAMETER, 0, STORAGE, "trained")                                                                                                    \
    X(STATE, 0, STORAGE, "kept between steps, not trained: running statistics")                                                            \
    X(KEPT, 0, STORAGE, "what an earlier step of the iteration has computed (kept_values.h); its shape is given")                          \
    X(FILL, 0, ELEMENTWISE | ROWWISE, "`factor` everywhere; its shape is given")                                                           \
    X(CARRY, 2, ROWWISE | STORAGE, "(initial or NULL for 0, next): in a scan, next of the step before; initial at the first step")         \
    X(CONV2D, -1, ROWWISE | PRODUCT, "(L, weight[, bias]) → S: gathers; also the data gradient of conv_transpose2d")                       \
    X(CONV_TRANSPOSE2D, -1, ROWWISE | PRODUCT, "(S, weight[, bias]) → L: scatters; also the data gradient of conv2d")                      \
    X(CONV2D_WEIGHT_GRAD, 2, PRODUCT, "(S, L) → gradient of the weight, [S, L, u, v]; of either kind of convolution")                      \
    X(LINEAR, -1, ROWWISE | PRODUCT, "(x, weight[, bias]) → y[n, o] = Σ_i x[n, i] · weight[o, i] + bias[o]; i, o: channel, height, width") \
    X(LINEAR_DATA_GRAD, 2, ROWWISE | PRODUCT, "(dy, weight) → dx[n, i] = Σ_o dy[n, o] · weight[o, i]")                                     \
    X(LINEAR_WEIGHT_GRAD, 2, PRODUCT, "(dy, x) → Σ_n dy[n, o] · x[n, i]")                                                                  \
    X(BIAS_GRAD, 1, 0, "(dy) → sum over rows, and over height and width too where attribute `pixels`")                                     \
    X(BATCH_NORM_STATISTICS, 4, 0, "(x, weight, running_mean, running_var) → stats; updates the running ones")                             \
    X(BATCH_NORM_MOVE, 3, 0, "(stats, running_mean, running_var): updates the running ones once more, by statistics of `rows` values")     \
    X(BATCH_NORM_RUNNING, 3, 0, "(weight, running_mean, running_var) → stats, for evaluation")                                             \
    X(BATCH_NORM, 3, ELEMENTWISE | ROWWISE, "(x, stats, bias) → (x − mean) · scale + bias")                                                \
    X(BATCH_NORM_SUMS, 3, 0, "(x, stats, dy) → [1, C, 2, 1]: Σ dy, Σ dy · (x − mean) / √(variance + ε)")                                   \
    X(BATCH_NORM_RUNNING_GRAD, 2, ELEMENTWISE | ROWWISE | GRADIENT, "(dy, stats) → dx, where stats are constants")                         \
    X(BATCH_NORM_GRAD, 4, ELEMENTWISE | GRADIENT, "(x, stats, sums, dy) → dx")                                                             \
    X(SELECT_ROW, 1, 0, "(v) → [1, C, 1, 1] row `which` of [1, C, R, 1]: the gradients of weight (1) and bias (0) in sums")                \
    X(RELU, 1, ELEMENTWISE | ROWWISE | ACTIVATION, "max(x, 0)")                                                                            \
    X(LEAKY_RELU, 1, ELEMENTWISE | ROWWISE | ACTIVATION, "x > 0 ? x : slope · x")                                                          \
    X(SIGMOID, 1, ELEMENTWISE | ROWWISE | ACTIVATION | COSTLY, "1 / (1 + e^−x)")                                                           \
    X(TANH, 1, ELEMENTWISE | ROWWISE | ACTIVATION | COSTLY, "tanh x")                                                                      \
    X(ELU, 1, ELEMENTWISE | ROWWISE | ACTIVATION | COSTLY, "x > 0 ? x : e^x − 1")                                                          \
    X(SILU, 1, ELEMENTWISE | ROWWISE | ACTIVATION | COSTLY, "x · sigmoid(x)")                                                              \
    X(SOFTPLUS, 1, ELEMENTWISE | ROWWISE | ACTIVATION | COSTLY, "log(1 + e^x)")                                                            \
    X(RELU_GRAD, 2, ELEMENTWISE | ROWWISE | GRADIENT, "(y, dy) → y > 0 ? dy : 0, from the output")                                         \
    X(LEAKY_RELU_GRAD, 2, ELEMENTWISE | ROWWISE | GRADIENT,                                                                                \
      "(y, dy) → y > 0 ? dy : slope · dy; y the output, or the input where slope < 0")                                                     \
    X(SIGMOID_GRAD, 2, ELEMENTWISE | ROWWISE | GRADIENT, "(y, dy) → dy · y · (1 − y)")                                                     \
    X(TANH_GRAD, 2, ELEMENTWISE | ROWWISE | GRADIENT, "(y, dy) → dy · (1 − y²)")                                                           \
    X(ELU_GRAD, 2, ELEMENTWISE | ROWWISE | GRADIENT, "(y, dy) → y > 0 ? dy : dy · (y + 1)")                                                \
    X(SILU_GRAD, 2, ELEMENTWISE | ROWWISE | GRADIENT | COSTLY, "(x, dy) → dy · σ · (1 + x · (1 − σ)), σ = sigmoid(x); from the input")     \
    X(SOFTPLUS_GRAD, 2, ELEMENTWISE | ROWWISE | GRADIENT | COSTLY, "(y, dy) → dy · (1 − e^−y)")                                            \
    X(ADD, 2, ELEMENTWISE | ROWWISE | GRADIENT, "a + b")                                                                                   \
    X(SCALE, 1, ELEMENTWISE | ROWWISE | GRADIENT, "factor · a")                                                                            \
    X(AFFINE, 1, ELEMENTWISE | ROWWISE, "factor · a + offset")                                                                             \
    X(MULTIPLY, 2, ELEMENTWISE | ROWWISE, "a · b")                                                                                         \
    X(SAMPLE, 3, ELEMENTWISE | ROWWISE | COSTLY, "(mean, log_variance, noise) → mean + e^(log_variance / 2) · noise")                      \
    X(SAMPLE_LOG_VARIANCE_GRAD, 3, ELEMENTWISE | ROWWISE | GRADIENT | COSTLY,                                                              \
      "(log_variance, noise, dy) → dy · noise · e^(log_variance / 2) / 2")                                                                 \
    X(SAMPLE_NOISE_GRAD, 2, ELEMENTWISE | ROWWISE | GRADIENT | COSTLY, "(log_variance, dy) → dy · e^(log_variance / 2)")                   \
    X(DETACH, 1, MOVE, "a; no gradient goes through")                                                                                      \
    X(SLICE, 1, MOVE, "`count` of a from `first` on, counted along `axis`")                                                                \
    X(CONCAT, -2, MOVE, "(a, b, …) → a, then b, … along `axis`")                                                                           \
    X(RESHAPE, 1, MOVE,                                                                                                                    \
      "the values of a row (order C, H, W), or, where `clip`, of an item (order C, T, H, W) in another shape; shape and steps are given")  \
    X(UPSAMPLE, 1, ROWWISE, "y[n, c, h, w] = x[n, c, h / stride[0], w / stride[1]]")                                                       \
    X(UPSAMPLE_GRAD, 1, ROWWISE, "(dy) → dx[n, c, h, w] = Σ of the stride[0] × stride[1] elements of dy that are copies of it")            \
    X(MAX_POOL, 1, POOL, "the largest element of each `window`")                                                                           \
    X(MAX_POOL_PLACE, 2, POOL, "(x, y) → how many elements of the window there are from its first one that is y on, in the order T, H, W") \
    X(MAX_POOL_GRAD, 2, POOL, "(place, dy) → dx = Σ of dy over the windows whose place it is; shape and steps are given")                  \
    X(AVG_POOL, 1, POOL, "the mean of each `window`, in which padding counts as 0")                                                        \
    X(AVG_POOL_GRAD, 1, POOL, "(dy) → dx = Σ of dy / size over the windows that hold it; shape and steps are given")                       \
    X(GRU_CELL, 3, ROWWISE, "(input gates, hidden gates, h) → h′; PyTorch's form of n")                                                    \
    X(GRU_CELL_GRAD, 4, ROWWISE,                                                                                                           \
      "(input gates, hidden gates, h, dh′) → gradient of the input gates; RESULT 1: of the hidden gates, 2: of h")                         \
    X(RESULT, 1, ROWWISE | STORAGE, "(node) → its further result number `which`")                                                          \
    X(MSE, 2, 0, "(y, x) → mean (y − x)²")                                                                                                 \
    X(L1, 2, 0, "(y, x) → mean |y − x|")                                                                                                   \
    X(MSE_GRAD, -1, ELEMENTWISE | ROWWISE | GRADIENT, "(y, x[, dy]) → factor · 2 (y − x) / count · dy, a scalar")                          \
    X(L1_GRAD, -1, ELEMENTWISE | ROWWISE | GRADIENT, "(y, x[, dy]) → factor · sign(y − x) / count · dy, 0 at 0")                           \
    X(SQUARED_DIFFERENCE, 2, ELEMENTWISE | ROWWISE, "(a, b) → (a − b)²")                                                                   \
    X(SQUARED_DIFFERENCE_GRAD, 3, ELEMENTWISE | ROWWISE | GRADIENT, "(a, b, dy) → da = 2 (a − b) · dy")                                    \
    X(ABSOLUTE_DIFFERENCE, 2, ELEMENTWISE | ROWWISE, "(a, b) → |a − b|")                                                                   \
    X(ABSOLUTE_DIFFERENCE_GRAD, 3, ELEMENTWISE | ROWWISE | GRADIENT, "(a, b, dy) → da = sign(a − b) · dy, 0 at 0")                         \
    X(BCE_WITH_LOGITS, 2, ELEMENTWISE | ROWWISE, "(v, t) → max(v, 0) − v · t + log(1 + e^−|v|)")                                           \
    X(BCE_WITH_LOGITS_GRAD, 3, ELEMENTWISE | ROWWISE | GRADIENT | COSTLY, "(v, t, dy) → dv = (σ(v) − t) · dy")                             \
    X(BCE, 2, ELEMENTWISE | ROWWISE, "(p, t) → −t · log(p + ε) − (1 − t) · log(1 − p + ε), ε: `epsilon`")                                  \
    X(BCE_GRAD, 3, ELEMENTWISE | ROWWISE | GRADIENT, "(p, t, dy) → dp = ((1 − t) / (1 − p + ε) − t / (p + ε)) · dy")                       \
    X(BCE_TARGET_GRAD, 2, ELEMENTWISE | ROWWISE | GRADIENT | COSTLY, "(p, dy) → dt = (log(1 − p + ε) − log(p + ε)) · dy")                  \
    X(KL, 2, ELEMENTWISE | ROWWISE, "(mean, v) → ½ (mean² + e^v − v − 1), v = log of the variance")                                        \
    X(KL_GRAD, 2, ELEMENTWISE | ROWWISE | GRADIENT | COSTLY, "(v, dy) → dv = ½ (e^v − 1) · dy")                                            \
    X(ENTROPY, 1, ELEMENTWISE | ROWWISE, "−v · log(v + 1e-12)")                                                                            \
    X(ENTROPY_GRAD, 2, ELEMENTWISE | ROWWISE | GRADIENT | COSTLY, "(v, dy) → −(log(v + 1e-12) + v / (v + 1e-12)) · dy")                    \
    X(TIMES_GRAD, 2, ELEMENTWISE | ROWWISE | GRADIENT, "(v, dy) → factor · v · dy")                                                        \
    X(ABSOLUTE, 1, ELEMENTWISE | ROWWISE, "|v|")                                                                                           \
    X(ABSOLUTE_GRAD, 2, ELEMENTWISE | ROWWISE | GRADIENT, "(v, dy) → sign(v) · dy, 0 at 0")                                                \
    X(DIFFERENCE, 1, ELEMENTWISE | ROWWISE, "(v) → v[i + 1] − v[i] along dimension `which`: 2 rows, 3 columns; one fewer of them")         \
    X(DIFFERENCE_GRAD, 1, ROWWISE, "(dy) → dy[i − 1] − dy[i] along dimension `which`, 0 outside; one more")                                \
    X(FRAME_SUM, 1, ROWWISE, "(v [N, C, H, W]) → [N, 1, 1, 1], double: factor · sum over channel, height and width")                       \
    X(FALLING, 1, ROWWISE, "(f [N, 1, 1, 1]) → f · (T − t) / T for step t of T; double where f is")                                        \
    X(ROW_SUM, 1, 0, "(f [N, 1, 1, 1]) → [N / `rows`, 1, 1, 1], double: factor · sum of so many rows in turn")                             \
    X(SPREAD, 1, ELEMENTWISE | ROWWISE | GRADIENT,                                                                                         \
      "(s [N or 1, 1, 1, 1]) → factor · s of its row; its shape is given. The gradient of FRAME_SUM")                                      \
    X(SPREAD_ROWS, 1, 0, "(s [M, 1, 1, 1]) → [M · `rows`, 1, 1, 1]: factor · s, so many rows each. The gradient of ROW_SUM")

typedef enum {
#define X(name, inputs, properties, meaning) OP_##name,
    GRAPH_OPERATIONS(X)
#undef X
        OP_COUNT
} Operation;

const char *operation_name(Operation op);
int operation_inputs(Operation op); /* −1: 2 or 3; −2: 2 … MAX_INPUTS */
bool operation_is(Operation op, int property);

#endif
