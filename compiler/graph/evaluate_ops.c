/* evaluate_ops.c: each operation as its definition says, in double precision. No loop here is meant to be fast. */
#include "graph/evaluate_ops.h"
#include "base/bfloat16.h"
#include "graph/evaluate_losses.h"
#include "graph/evaluate_moves.h"
#include "graph/evaluate_pools.h"
#include "graph/shapes.h"

#include <math.h>
#include <string.h>

static const long *input_shape(const Frame *f, int i) {
    return f->node->input[i]->shape;
}

/* ---- convolution ---- */

/* The loops of all three kinds: every (row, s, i, j) of the side with the small image meets every (l, u, v) of the weight at the
 * element (row, l, i·stride + u − padding, j·stride + v − padding) of the large one, where that is inside the image. */
typedef struct Meeting {
    const long *small, *large; /* shapes */
    double *small_value, *large_value, *weight_value;
} Meeting;

static void for_each_meeting(const Frame *f, Meeting m, void (*visit)(double *small, double *large, double *weight)) {
    const Node *node = f->node;
    const long S = m.small[1], L = m.large[1], h = m.small[2], w = m.small[3], H = m.large[2], W = m.large[3];
    for (long r = 0; r < f->rows.count; r++)
        for (long n = f->rows.first + r * f->rows.step, s = 0; s < S; s++)
            for (long i = 0; i < h; i++)
                for (long j = 0; j < w; j++)
                    for (long l = 0; l < L; l++)
                        for (long u = 0; u < node->kernel[0]; u++)
                            for (long v = 0; v < node->kernel[1]; v++) {
                                const long row = i * node->stride[0] + u - node->padding[0],
                                           column = j * node->stride[1] + v - node->padding[1];
                                if (row < 0 || row >= H || column < 0 || column >= W) continue;
                                visit(&m.small_value[((n * S + s) * h + i) * w + j], &m.large_value[((n * L + l) * H + row) * W + column],
                                      &m.weight_value[((s * L + l) * node->kernel[0] + u) * node->kernel[1] + v]);
                            }
}

static void gather(double *small, double *large, double *weight) {
    *small += *large * *weight;
}
static void scatter(double *small, double *large, double *weight) {
    *large += *small * *weight;
}
static void correlate(double *small, double *large, double *weight) {
    *weight += *small * *large;
}

/* y = the bias of its channel, or 0, before what a convolution adds up. */
static void start_with_bias(const Frame *f) {
    const long channels = f->node->shape[1], pixels = f->node->shape[2] * f->node->shape[3];
    for (long r = 0; r < f->rows.count; r++)
        for (long c = 0; c < channels; c++)
            for (long p = 0; p < pixels; p++)
                f->y[((f->rows.first + r * f->rows.step) * channels + c) * pixels + p] = f->node->input_count == 3 ? f->x[2][c] : 0;
}

/* The elements of an input as they are multiplied. */
static double *operand(const Frame *f, int i) {
    const long count = count_elements(f->node->input[i]);
    if (i >= f->node->rounded) return f->x[i];
    double *values = NEW_ARRAY(double, count);
    for (long e = 0; e < count; e++) values[e] = bfloat16_value(bfloat16_of((float)f->x[i][e]));
    return values;
}

static void evaluate_CONV2D(const Frame *f) {
    start_with_bias(f);
    for_each_meeting(f, (Meeting){f->node->shape, input_shape(f, 0), f->y, operand(f, 0), operand(f, 1)}, gather);
}

static void evaluate_CONV_TRANSPOSE2D(const Frame *f) {
    start_with_bias(f);
    for_each_meeting(f, (Meeting){input_shape(f, 0), f->node->shape, operand(f, 0), f->y, operand(f, 1)}, scatter);
}

static void evaluate_CONV2D_WEIGHT_GRAD(const Frame *f) {
    Frame all = *f;
    all.rows = (Rows){0, 1, input_shape(f, 0)[0]};
    memset(f->y, 0, sizeof(double) * (size_t)count_elements(f->node));
    for_each_meeting(&all, (Meeting){input_shape(f, 0), input_shape(f, 1), operand(f, 0), operand(f, 1), f->y}, correlate);
}

/* ---- linear layers: features counted through channel, height and width ---- */

static void evaluate_LINEAR(const Frame *f) {
    const long outputs = row_size(f->node), inputs = row_size(f->node->input[0]);
    for (long r = 0; r < f->rows.count; r++)
        for (long n = f->rows.first + r * f->rows.step, o = 0; o < outputs; o++) {
            double sum = f->node->input_count == 3 ? f->x[2][o] : 0;
            for (long i = 0; i < inputs; i++) sum += f->x[0][n * inputs + i] * f->x[1][o * inputs + i];
            f->y[n * outputs + o] = sum;
        }
}

static void evaluate_LINEAR_DATA_GRAD(const Frame *f) {
    const long outputs = row_size(f->node->input[0]), inputs = row_size(f->node);
    for (long r = 0; r < f->rows.count; r++)
        for (long n = f->rows.first + r * f->rows.step, i = 0; i < inputs; i++) {
            double sum = 0;
            for (long o = 0; o < outputs; o++) sum += f->x[0][n * outputs + o] * f->x[1][o * inputs + i];
            f->y[n * inputs + i] = sum;
        }
}

static void evaluate_LINEAR_WEIGHT_GRAD(const Frame *f) {
    const long outputs = row_size(f->node->input[0]), inputs = row_size(f->node->input[1]);
    for (long o = 0; o < outputs; o++)
        for (long i = 0; i < inputs; i++) {
            double sum = 0;
            for (long n = 0; n < input_shape(f, 0)[0]; n++) sum += f->x[0][n * outputs + o] * f->x[1][n * inputs + i];
            f->y[o * inputs + i] = sum;
        }
}

static void evaluate_BIAS_GRAD(const Frame *f) {
    const long rows = input_shape(f, 0)[0], features = row_size(f->node->input[0]), biases = row_size(f->node);
    memset(f->y, 0, sizeof(double) * (size_t)biases);
    for (long n = 0; n < rows; n++)
        for (long i = 0; i < features; i++) f->y[i * biases / features] += f->x[0][n * features + i];
}

/* ---- batch norm: stats are [1, C, 3, 1]: mean, 1/√(variance + ε), weight/√(variance + ε) ---- */

/* Element p of channel c in the order of rows and pixels: p counts to rows · pixels. */
static long element(const long shape[], long c, long p) {
    const long pixels = shape[2] * shape[3];
    return (p / pixels * shape[1] + c) * pixels + p % pixels;
}

static void set_statistics(double *stats, double mean, double variance, double weight, double epsilon) {
    stats[0] = mean;
    stats[1] = 1 / sqrt(variance + epsilon);
    stats[2] = weight * stats[1];
}

static void evaluate_BATCH_NORM_STATISTICS(const Frame *f) {
    const long *shape = input_shape(f, 0), count = shape[0] * shape[2] * shape[3];
    for (long c = 0; c < shape[1]; c++) {
        double mean = 0, squares = 0, *running_mean = &f->x[2][c], *running_variance = &f->x[3][c];
        for (long p = 0; p < count; p++) mean += f->x[0][element(shape, c, p)] / (double)count;
        for (long p = 0; p < count; p++) squares += pow(f->x[0][element(shape, c, p)] - mean, 2);
        set_statistics(f->y + 3 * c, mean, squares / (double)count, f->x[1][c], f->node->epsilon);
        *running_mean += f->node->momentum * (mean - *running_mean);
        *running_variance += f->node->momentum * (squares / (double)(count - 1) - *running_variance);
    }
}

/* The variance is that of the statistics: 1/√(variance + ε) is their second number. */
static void evaluate_BATCH_NORM_MOVE(const Frame *f) {
    const double momentum = f->node->momentum, count = (double)f->node->rows;
    for (long c = 0; c < f->node->shape[1]; c++) {
        const double *stats = f->x[0] + 3 * c, variance = 1 / (stats[1] * stats[1]) - f->node->epsilon;
        f->x[1][c] += momentum * (stats[0] - f->x[1][c]);
        f->x[2][c] += momentum * (variance * count / (count - 1) - f->x[2][c]);
    }
}

static void evaluate_BATCH_NORM_RUNNING(const Frame *f) {
    for (long c = 0; c < f->node->shape[1]; c++) set_statistics(f->y + 3 * c, f->x[1][c], f->x[2][c], f->x[0][c], f->node->epsilon);
}

static void evaluate_BATCH_NORM(const Frame *f) {
    const long size = row_size(f->node), pixels = f->node->shape[2] * f->node->shape[3];
    for (long r = 0; r < f->rows.count; r++)
        for (long n = f->rows.first + r * f->rows.step, i = 0; i < size; i++) {
            const double *stats = f->x[1] + 3 * (i / pixels);
            f->y[n * size + i] = (f->x[0][n * size + i] - stats[0]) * stats[2] + f->x[2][i / pixels];
        }
}

static void evaluate_BATCH_NORM_SUMS(const Frame *f) {
    const long *shape = input_shape(f, 0), count = shape[0] * shape[2] * shape[3];
    for (long c = 0; c < shape[1]; c++) {
        const double *stats = f->x[1] + 3 * c;
        double *sums = f->y + 2 * c;
        sums[0] = sums[1] = 0;
        for (long p = 0; p < count; p++) {
            const long i = element(shape, c, p);
            sums[0] += f->x[2][i];
            sums[1] += f->x[2][i] * (f->x[0][i] - stats[0]) * stats[1];
        }
    }
}

static void evaluate_BATCH_NORM_GRAD(const Frame *f) {
    const long *shape = input_shape(f, 0), count = shape[0] * shape[2] * shape[3];
    for (long c = 0; c < shape[1]; c++) {
        const double *stats = f->x[1] + 3 * c, *sums = f->x[2] + 2 * c;
        for (long p = 0; p < count; p++) {
            const long i = element(shape, c, p);
            const double normalised = (f->x[0][i] - stats[0]) * stats[1];
            f->y[i] = stats[2] * (f->x[3][i] - sums[0] / (double)count - normalised * sums[1] / (double)count);
        }
    }
}

static void evaluate_BATCH_NORM_RUNNING_GRAD(const Frame *f) {
    const long size = row_size(f->node), pixels = f->node->shape[2] * f->node->shape[3];
    for (long r = 0; r < f->rows.count; r++)
        for (long n = f->rows.first + r * f->rows.step, i = 0; i < size; i++)
            f->y[n * size + i] = f->x[0][n * size + i] * f->x[1][3 * (i / pixels) + 2];
}

static void evaluate_SELECT_ROW(const Frame *f) {
    const long rows = input_shape(f, 0)[2];
    for (long c = 0; c < f->node->shape[1]; c++) f->y[c] = f->x[0][c * rows + f->node->which];
}

/* ---- element by element ---- */

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}
double sign(double x) {
    return (x > 0) - (x < 0);
}

static double element_value(const Node *node, double a, double b) {
    const double count = node->input_count ? (double)count_elements(node->input[0]) : 0;
    switch (node->op) {
    case OP_RELU:
        return a > 0 ? a : 0;
    case OP_LEAKY_RELU:
        return a > 0 ? a : node->slope * a;
    case OP_SIGMOID:
        return sigmoid(a);
    case OP_TANH:
        return tanh(a);
    case OP_ELU:
        return a > 0 ? a : expm1(a);
    case OP_SILU:
        return a * sigmoid(a);
    case OP_SOFTPLUS:
        return a > 20 ? a : log1p(exp(a));
    case OP_RELU_GRAD:
        return a > 0 ? b : 0;
    case OP_LEAKY_RELU_GRAD:
        return a > 0 ? b : node->slope * b;
    case OP_SIGMOID_GRAD:
        return b * a * (1 - a);
    case OP_TANH_GRAD:
        return b * (1 - a * a);
    case OP_ELU_GRAD:
        return a > 0 ? b : b * (a + 1);
    case OP_SILU_GRAD:
        return b * sigmoid(a) * (1 + a * (1 - sigmoid(a)));
    case OP_SOFTPLUS_GRAD:
        return -b * expm1(-a);
    case OP_ADD:
        return a + b;
    case OP_SCALE:
        return node->factor * a;
    case OP_AFFINE:
        return node->factor * a + node->offset;
    case OP_MULTIPLY:
        return a * b;
    case OP_SAMPLE_NOISE_GRAD:
        return b * exp(a / 2);
    case OP_FILL:
        return node->factor;
    case OP_MSE:
        return (a - b) * (a - b) / count;
    case OP_L1:
        return fabs(a - b) / count;
    case OP_MSE_GRAD:
        return node->factor * 2 * (a - b) / count;
    case OP_L1_GRAD:
        return node->factor * sign(a - b) / count;
    default:
        die("%s: not element-wise", node->name);
    }
}

static void evaluate_elements(const Frame *f) {
    const long size = row_size(f->node);
    for (long r = 0; r < f->rows.count; r++)
        for (long k = 0; k < size; k++) {
            const long i = (f->rows.first + r * f->rows.step) * size + k;
            f->y[i] = element_value(f->node, f->node->input_count > 0 ? f->x[0][i] : 0, f->node->input_count > 1 ? f->x[1][i] : 0);
            if (f->node->input_count > 2) f->y[i] *= f->x[2][0]; /* of a loss's gradient: the loss's own */
        }
}

static void evaluate_mean(const Frame *f) {
    f->y[0] = 0;
    for (long i = 0; i < count_elements(f->node->input[0]); i++) f->y[0] += element_value(f->node, f->x[0][i], f->x[1][i]);
}

#define evaluate_RELU evaluate_elements
#define evaluate_LEAKY_RELU evaluate_elements
#define evaluate_SIGMOID evaluate_elements
#define evaluate_TANH evaluate_elements
#define evaluate_RELU_GRAD evaluate_elements
#define evaluate_LEAKY_RELU_GRAD evaluate_elements
#define evaluate_SIGMOID_GRAD evaluate_elements
#define evaluate_TANH_GRAD evaluate_elements
#define evaluate_ELU evaluate_elements
#define evaluate_SILU evaluate_elements
#define evaluate_SOFTPLUS evaluate_elements
#define evaluate_ELU_GRAD evaluate_elements
#define evaluate_SILU_GRAD evaluate_elements
#define evaluate_SOFTPLUS_GRAD evaluate_elements
#define evaluate_AFFINE evaluate_elements
#define evaluate_MULTIPLY evaluate_elements
#define evaluate_SAMPLE evaluate_three
#define evaluate_SAMPLE_LOG_VARIANCE_GRAD evaluate_three
#define evaluate_SAMPLE_NOISE_GRAD evaluate_elements
#define evaluate_ADD evaluate_elements
#define evaluate_SCALE evaluate_elements
#define evaluate_FILL evaluate_elements
#define evaluate_MSE_GRAD evaluate_elements
#define evaluate_L1_GRAD evaluate_elements
#define evaluate_MSE evaluate_mean
#define evaluate_L1 evaluate_mean
#define evaluate_SQUARED_DIFFERENCE evaluate_three
#define evaluate_SQUARED_DIFFERENCE_GRAD evaluate_three
#define evaluate_ABSOLUTE_DIFFERENCE evaluate_three
#define evaluate_ABSOLUTE_DIFFERENCE_GRAD evaluate_three
#define evaluate_BCE_WITH_LOGITS evaluate_three
#define evaluate_BCE_WITH_LOGITS_GRAD evaluate_three
#define evaluate_BCE evaluate_three
#define evaluate_BCE_GRAD evaluate_three
#define evaluate_BCE_TARGET_GRAD evaluate_three
#define evaluate_KL evaluate_three
#define evaluate_KL_GRAD evaluate_three
#define evaluate_ENTROPY evaluate_three
#define evaluate_ENTROPY_GRAD evaluate_three
#define evaluate_TIMES_GRAD evaluate_three
#define evaluate_ABSOLUTE evaluate_three
#define evaluate_ABSOLUTE_GRAD evaluate_three
#define evaluate_DIFFERENCE evaluate_differences
#define evaluate_DIFFERENCE_GRAD evaluate_differences

/* ---- GRU: gates r, z, n of unit j are elements 3·j, 3·j + 1, 3·j + 2 of a row ---- */

/* r = σ(i_r + h_r)   z = σ(i_z + h_z)   n = tanh(i_n + r·h_n)   h′ = (1 − z)·n + z·h */
static void gates_of(const double *from_input, const double *from_hidden, double *r, double *z, double *n) {
    *r = sigmoid(from_input[0] + from_hidden[0]);
    *z = sigmoid(from_input[1] + from_hidden[1]);
    *n = tanh(from_input[2] + *r * from_hidden[2]);
}

static void evaluate_GRU_CELL(const Frame *f) {
    const long hidden = f->node->shape[1];
    for (long k = 0; k < f->rows.count * hidden; k++) {
        const long i = (f->rows.first + k / hidden * f->rows.step) * hidden + k % hidden;
        double r, z, n;
        gates_of(f->x[0] + 3 * i, f->x[1] + 3 * i, &r, &z, &n);
        f->y[i] = (1 - z) * n + z * f->x[2][i];
    }
}

/* Result `which` of the gradient of the cell whose gradient node `of` is: 0: input gates, 1: hidden gates, 2: h. */
static void evaluate_cell_gradient(const Frame *f, const Node *of, int which) {
    const long hidden = of->shape[1];
    double **v = f->values;
    for (long k = 0; k < f->rows.count * hidden; k++) {
        const long i = (f->rows.first + k / hidden * f->rows.step) * hidden + k % hidden;
        const double *from_hidden = v[of->input[1]->id] + 3 * i, h = v[of->input[2]->id][i], dh = v[of->input[3]->id][i];
        double r, z, n;
        gates_of(v[of->input[0]->id] + 3 * i, from_hidden, &r, &z, &n);
        const double dn = dh * (1 - z) * (1 - n * n); /* each before its sigmoid or tanh */
        const double dz = dh * (h - n) * z * (1 - z), dr = dn * from_hidden[2] * r * (1 - r);
        if (which == 2) f->y[i] = dh * z;
        else f->y[3 * i] = dr, f->y[3 * i + 1] = dz, f->y[3 * i + 2] = which == 0 ? dn : dn * r;
    }
}

static void evaluate_GRU_CELL_GRAD(const Frame *f) {
    evaluate_cell_gradient(f, f->node, 0);
}
static void evaluate_RESULT(const Frame *f) {
    evaluate_cell_gradient(f, f->node->input[0], f->node->which);
}

/* ---- at other places: evaluate_moves.c ---- */

static void evaluate_moved(const Frame *f) {
    evaluate_move(f->node, f->values, f->rows);
}
#define evaluate_DETACH evaluate_moved
#define evaluate_SLICE evaluate_moved
#define evaluate_CONCAT evaluate_moved
#define evaluate_RESHAPE evaluate_moved
#define evaluate_UPSAMPLE evaluate_moved
#define evaluate_UPSAMPLE_GRAD evaluate_moved

/* ---- of windows: evaluate_pools.c ---- */

static void evaluate_pooled(const Frame *f) {
    evaluate_pool(f->node, f->values);
}
#define evaluate_MAX_POOL evaluate_pooled
#define evaluate_MAX_POOL_PLACE evaluate_pooled
#define evaluate_MAX_POOL_GRAD evaluate_pooled
#define evaluate_AVG_POOL evaluate_pooled
#define evaluate_AVG_POOL_GRAD evaluate_pooled

/* ---- the table ---- */

static void given(const Frame *f) {
    (void)f;
}
#define evaluate_INPUT given
#define evaluate_PARAMETER given
#define evaluate_STATE given
#define evaluate_KEPT given
#define evaluate_CARRY given /* evaluate_graph.c */

void evaluate_node(const Node *node, double **values, Rows rows) {
    static void (*const evaluate[OP_COUNT])(const Frame *) = {
#define X(name, inputs, properties, meaning) [OP_##name] = evaluate_##name,
        GRAPH_OPERATIONS(X)
#undef X
    };
    Frame frame = {.node = node, .values = values, .y = values[node->id], .rows = rows};
    for (int i = 0; i < node->input_count; i++) frame.x[i] = node->input[i] ? values[node->input[i]->id] : NULL;
    evaluate[node->op](&frame);
}
