/* lower_conv.h: between lower_conv.c (what convolutions compute) and schedule_conv.c (how they are run). */
#ifndef ZOETROPE_LOWER_CONV_H
#define ZOETROPE_LOWER_CONV_H

#include "lower.h"

typedef struct ConvShape {
    const Buffer *staged; /* the virtual input */
    long rows, columns;   /* of outputs; of a phase's */
    long channels;        /* summed over */
    long outputs;         /* output channels, padding lanes included */
    long taps;            /* of the whole kernel */
    long stride[2];       /* of the input by output */
    long span[2];         /* input positions that one output reads */
    int phases;           /* computes */
} ConvShape;

/* ---- lower_conv.c ---- */
typedef struct Phase { /* of one dimension: output out_step · i + out_first, i < count, is the sum over u < taps of input */
    long count;        /* in_step · i + tap_sign · u + offset times tap tap_step · u + tap_first of the kernel. conv2d has one phase. */
    long in_step, offset, tap_sign;
    long taps, tap_step, tap_first;
    long out_step, out_first;
} Phase;
long phase_count(const Node *node, int d);
Phase phase_of(const Node *node, int d, long phase);
Affine phase_input(const Phase *phase, Affine position, Affine tap);
Affine phase_tap(const Phase *phase, Affine tap);
Affine phase_output(const Phase *phase, Affine position);
const Expression *phase_weight(const Node *node, const Buffer *weight, const Phase phase[2], Affine k, Affine c, Affine u, Affine v);
/* The comment and the work of a kernel whose computes are there: direct convolution's, however it is run. */
void describe_convolution(Kernel *kernel, const Node *node);
void describe_weight_grad(Kernel *kernel, const Node *node);
/* Adds the store of an element of a convolution's output: `sum`, the bias, and what the layer's epilogue makes of it. */
void store_convolution(Lowering *l, Compute *compute, Node *node, const At *at, const Expression *sum);

/* ---- lower_conv_few.c ---- */
/* A convolution to a few output channels, lanes along the input channels. False, and nothing is done, where that does not fit. */
bool lower_few_outputs(Lowering *l, Node *node);

/* ---- schedule_conv.c ---- */
/* A stage of all that is read of a virtual input below `level`; copied as vectors where its source has lanes along the channels. */
Stage stage_of(const Lowering *l, const Buffer *input, int level);
void schedule_convolution(Lowering *l, Kernel *kernel, const ConvShape *shape);
void schedule_weight_grad(Lowering *l, Kernel *kernel, const Buffer *small, const Buffer *large, const Node *node);

#endif
