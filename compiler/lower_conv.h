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

void schedule_convolution(Lowering *l, Kernel *kernel, const ConvShape *shape);
void schedule_weight_grad(Lowering *l, Kernel *kernel, const Buffer *small, const Buffer *large, const Node *node);

#endif
