/* evaluate_losses.c: the terms of losses, their sums, and samples as their definitions say, in double precision. */
#include "graph/evaluate_losses.h"

#include "graph/shapes.h"

#include <math.h>

/* a, b, c: elements of the inputs that there are. */
static double loss_element(const Node *node, double a, double b, double c) {
    switch (node->op) {
    case OP_SQUARED_DIFFERENCE:
        return (a - b) * (a - b);
    case OP_SQUARED_DIFFERENCE_GRAD:
        return 2 * (a - b) * c;
    case OP_ABSOLUTE_DIFFERENCE:
        return fabs(a - b);
    case OP_ABSOLUTE_DIFFERENCE_GRAD:
        return sign(a - b) * c;
    case OP_BCE_WITH_LOGITS:
        return fmax(a, 0) - a * b + log1p(exp(-fabs(a)));
    case OP_BCE_WITH_LOGITS_GRAD:
        return (1 / (1 + exp(-a)) - b) * c;
    case OP_BCE:
        return -b * log(a + node->epsilon) - (1 - b) * log(1 - a + node->epsilon);
    case OP_BCE_GRAD:
        return ((1 - b) / (1 - a + node->epsilon) - b / (a + node->epsilon)) * c;
    case OP_BCE_TARGET_GRAD:
        return (log(1 - a + node->epsilon) - log(a + node->epsilon)) * b;
    case OP_KL:
        return (a * a + exp(b) - b - 1) / 2;
    case OP_KL_GRAD:
        return expm1(a) / 2 * b;
    case OP_ENTROPY:
        return -a * log(a + 1e-12);
    case OP_ENTROPY_GRAD:
        return -(log(a + 1e-12) + a / (a + 1e-12)) * b;
    case OP_TIMES_GRAD:
        return node->factor * a * b;
    case OP_ABSOLUTE:
        return fabs(a);
    case OP_ABSOLUTE_GRAD:
        return sign(a) * b;
    case OP_SAMPLE:
        return a + exp(b / 2) * c;
    case OP_SAMPLE_LOG_VARIANCE_GRAD:
        return c * b * exp(a / 2) / 2;
    default:
        die("%s: no term of a loss, nor a sample", node->name);
    }
}

void evaluate_three(const Frame *f) {
    const long size = row_size(f->node);
    const int inputs = f->node->input_count;
    for (long r = 0; r < f->rows.count; r++)
        for (long k = 0; k < size; k++) {
            const long i = (f->rows.first + r * f->rows.step) * size + k;
            f->y[i] = loss_element(f->node, f->x[0][i], inputs > 1 ? f->x[1][i] : 0, inputs > 2 ? f->x[2][i] : 0);
        }
}

/* x[i + 1] − x[i], or what that leaves of a gradient: x[i − 1] − x[i], 0 outside. */
void evaluate_differences(const Frame *f) {
    const long *in = f->node->input[0]->shape, *out = f->node->shape, step = f->node->which == 2 ? in[3] : 1;
    const long size = in[1] * in[2] * in[3], from = f->node->op == OP_DIFFERENCE ? 1 : -1;
    for (long r = 0; r < f->rows.count; r++)
        for (long n = f->rows.first + r * f->rows.step, k = 0; k < out[1] * out[2] * out[3]; k++) {
            const long index[4] = {n, k / (out[2] * out[3]), k / out[3] % out[2], k % out[3]};
            const long along = index[f->node->which], extent = in[f->node->which];
            const long at = n * size + (index[1] * in[2] + index[2]) * in[3] + index[3];
            const double first = along + from >= 0 && along + from < extent ? f->x[0][at + from * step] : 0;
            f->y[(n * out[1] * out[2] * out[3]) + k] = first - (along < extent ? f->x[0][at] : 0);
        }
}

void evaluate_FRAME_SUM(const Frame *f) {
    const long size = row_size(f->node->input[0]);
    for (long r = 0; r < f->rows.count; r++) {
        const long n = f->rows.first + r * f->rows.step;
        f->y[n] = 0;
        for (long i = 0; i < size; i++) f->y[n] += f->node->factor * f->x[0][n * size + i];
    }
}

void evaluate_FALLING(const Frame *f) {
    const long T = f->node->steps;
    for (long r = 0; r < f->rows.count; r++) {
        const long n = f->rows.first + r * f->rows.step;
        f->y[n] = f->x[0][n] * (double)(T - n % T) / (double)T;
    }
}

void evaluate_ROW_SUM(const Frame *f) {
    for (long m = 0; m < f->node->shape[0]; m++) {
        f->y[m] = 0;
        for (long r = 0; r < f->node->rows; r++) f->y[m] += f->node->factor * f->x[0][m * f->node->rows + r];
    }
}

void evaluate_SPREAD(const Frame *f) {
    const long size = row_size(f->node);
    const bool one = f->node->input[0]->shape[0] == 1;
    for (long r = 0; r < f->rows.count; r++)
        for (long n = f->rows.first + r * f->rows.step, i = 0; i < size; i++) f->y[n * size + i] = f->node->factor * f->x[0][one ? 0 : n];
}

void evaluate_SPREAD_ROWS(const Frame *f) {
    for (long n = 0; n < f->node->shape[0]; n++) f->y[n] = f->node->factor * f->x[0][n / f->node->rows];
}
