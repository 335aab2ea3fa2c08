/* schedule_conv_grad.h: the schedule of a convolution's weight gradient. */
#ifndef ZOETROPE_SCHEDULE_CONV_GRAD_H
#define ZOETROPE_SCHEDULE_CONV_GRAD_H

#include "lower/choose.h"

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

#endif
