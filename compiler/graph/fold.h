/* fold.h: batch norm as part of the convolution before it. */
#ifndef ZOETROPE_FOLD_H
#define ZOETROPE_FOLD_H

#include "graph/graph.h"

/* A convolution with the batch norm behind it: weight · s and (bias − mean) · s + shift, s = scale / √(variance + ε) of the output channel.
 */
typedef struct Folding {
    const Parameter *weight, *bias; /* of the convolution; bias NULL: it has none */
    const Parameter *scale, *shift, *mean, *variance;
    double epsilon;
    bool is_bias;  /* this parameter is the convolution's bias; else its weight */
    int dimension; /* of the weight in PyTorch's shape: which one is the output channels */
} Folding;

/* An evaluation graph without batch norm: each is part of the convolution before it, whose weight and bias are new parameters. */
Graph *fold_batch_norm(const Graph *graph);

#endif
