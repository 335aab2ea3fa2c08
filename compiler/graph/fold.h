/* fold.h: batch norm as part of the product before it. */
#ifndef ZOETROPE_FOLD_H
#define ZOETROPE_FOLD_H

#include "graph/graph.h"

/* A convolution or linear layer with the batch norm behind it: weight · s and (bias − mean) · s + shift, s = scale / √(variance + ε) of the
 * output channel, which is several features of a linear layer of a shape. */
typedef struct Folding {
    const Parameter *weight, *bias; /* of the product; bias NULL: it has none */
    const Parameter *scale, *shift, *mean, *variance;
    double epsilon;
    bool is_bias;  /* this parameter is the product's bias; else its weight */
    int dimension; /* of the weight in PyTorch's shape: which one is the output channels */
} Folding;

/* An evaluation graph with batch norm, where it directly follows a product that nothing else reads, as part of that product, whose weight
 * and bias are new parameters. Parameters that nothing reads are left out. */
Graph *fold_batch_norm(const Graph *graph);

#endif
