/* layer_nodes.h: the parameters and the nodes of layers, as every spec's graph is made of them. */
#ifndef ZOETROPE_LAYER_NODES_H
#define ZOETROPE_LAYER_NODES_H

#include "graph/graph.h"

/* ---- parameters, with the names and layouts of PyTorch's state_dict, and its default initial values ---- */

typedef struct Module { /* an nn.Module with parameters */
    Graph *graph;
    const ParameterGroup *group;
    const char *name; /* encoder.0 */
} Module;

typedef struct NormParameters {
    Node *weight, *bias, *mean, *variance; /* [1, C, 1, 1] */
} NormParameters;

typedef struct GruParameters { /* of one layer: PyTorch's row gate · hidden + j is (j, gate) here */
    Node *weight_ih, *weight_hh, *bias_ih, *bias_hh;
} GruParameters;

/* Of a convolution or a transposed one from `in` to `out` channels; kernel: vertical, horizontal. */
Node *add_convolution_weight(const Module *module, bool transposed, long in, long out, const int kernel[2]);
/* `like`: the weight, whose fan-in decides the initial values. */
Node *add_convolution_bias(const Module *module, long out, const Node *like);
/* [Co·Ho·Wo, Ci·Hi·Wi]: from features of the shape `input` to those of the shape `output`, each [C, H, W]. */
Node *add_linear_weight(const Module *module, const long output[3], const long input[3]);
Node *add_linear_bias(const Module *module, const long output[3], const Node *like);
NormParameters add_norm_parameters(const Module *module, long channels);
GruParameters add_gru_parameters(const Module *module, int layer, long in, long hidden);

/* ---- nodes ---- */

typedef struct ConvolutionShape {
    bool transposed;
    int stride[2], padding[2], output_padding[2]; /* vertical, horizontal */
} ConvolutionShape;

/* x: [N, C, H, W] → [N, K, H′, W′]. `stem`: encoder0; the bias may be NULL. */
Node *add_convolution_node(Graph *graph, const char *stem, const ConvolutionShape *shape, Node *x, Node *weight, Node *bias);
/* x: [N, Ci, Hi, Wi] → [N, Co, Ho, Wo]. The bias may be NULL. */
Node *add_linear_node(Graph *graph, const char *stem, Node *x, Node *weight, Node *bias);

typedef struct NormNumbers {
    bool training; /* statistics of the batch, which move the running ones; else the running ones */
    double epsilon, momentum;
} NormNumbers;
Node *add_norm_nodes(Graph *graph, const char *stem, Node *x, const NormParameters *parameters, const NormNumbers *numbers);

Operation activation_operation(Activation activation); /* of any but none */
Node *add_activation_node(Graph *graph, const char *stem, Activation activation, double slope, Node *x);

/* A layer of a GRU: a scan; what does not depend on h, the input's projection, is batched over time outside it.
 * x: [B·T, in, 1, 1] → h: [B·T, hidden, 1, 1]. initial: [layers · B, hidden, 1, 1], of which it takes row layer · B + b; NULL: zeros. */
Node *add_gru_nodes(Graph *graph, const char *stem, int layer, Node *x, const GruParameters *parameters, Node *initial);

#endif
