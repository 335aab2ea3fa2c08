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
    long summed_rows;     /* multiples of so many rows of outputs are whole tiles of what is summed of them (lower_tiles.h) */
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
/* Bytes of the input that so many rows and columns of outputs read. */
long box_bytes(const ConvShape *shape, long channels, long rows, long columns);

/* ---- schedule_conv_grad.c ---- */
typedef struct WeightGradCut {
    const char *vector, *broadcast; /* variables of the channels that lanes lie along, and of the other side's */
    long width;                     /* lanes; 1: none fit */
    RegisterTile tile;              /* vectors, other channels (or `by_rows` the kernel's rows), the kernel's columns */
    bool by_rows;
    long vector_block, other_block; /* channels of both sides at a time */
    long groups;                    /* of images, parallel */
    long images, rows;              /* staged at a time */
} WeightGradCut;
WeightGradCut cut_weight_grad(const Lowering *l, const Compute *compute, const Buffer *small, const Buffer *large, const Node *node);
void schedule_weight_grad(const Lowering *l, Kernel *kernel, const Buffer *small, const Buffer *large, const Node *node,
                          const WeightGradCut *cut);

/* ---- grad_groups.c: groups of images, each with a weight gradient of its own, then their sum in index order ---- */
/* `out` with groups outermost, as dimension 4. */
const Buffer *new_group_gradients(const Node *node, const Buffer *out, long groups);
/* The kernel that adds them; of the `channels` of both sides; lanes along `along`, one of their variables k and c, or none where `lanes`
 * is 1. */
void add_group_sum(Lowering *l, const Node *node, const Buffer *gradients, const Buffer *out, const long channels[2], const char *along,
                   long lanes);

#endif
