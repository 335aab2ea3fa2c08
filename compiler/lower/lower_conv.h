/* lower_conv.h: the computes of both kinds of convolution and of their weight gradients. */
#ifndef ZOETROPE_LOWER_CONV_H
#define ZOETROPE_LOWER_CONV_H

#include "lower/element.h"

void lower_convolution(Lowering *l, Node *node);
void lower_conv2d_weight_grad(Lowering *l, Node *node);

typedef struct Phase { /* of one dimension: output out_step · i + out_first, i < count, is the sum over u < taps of input */
    long count;        /* in_step · i + tap_sign · u + offset times tap tap_step · u + tap_first of the kernel. conv2d has one phase. */
    long in_step, offset, tap_sign;
    long taps, tap_step, tap_first;
    long out_step, out_first;
} Phase;
long phase_count(const Node *node, int d);
Phase phase_of(const Node *node, int d, long phase);
/* Of what scatters: the outputs `phase` + stride · i of `size`. */
Phase scattered_phase(long size, long kernel, long stride, long padding, long phase);
Affine phase_input(const Phase *phase, Affine position, Affine tap);
Affine phase_tap(const Phase *phase, Affine tap);
Affine phase_output(const Phase *phase, Affine position);
const Expression *phase_weight(const Node *node, const Buffer *weight, const Phase phase[2], Affine k, Affine c, Affine u, Affine v);
/* Sets the comment and the work of a kernel with complete computes: those of direct convolution, whatever the algorithm. */
void describe_convolution(Kernel *kernel, const Node *node);
void describe_weight_grad(Kernel *kernel, const Node *node);
/* Adds the store of an element of a convolution's output: `sum`, the bias, and the layer's epilogue. */
void store_convolution(Lowering *l, Compute *compute, Node *node, const At *at, const Expression *sum);

#endif
