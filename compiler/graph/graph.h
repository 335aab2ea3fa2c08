/* graph.h: the tensor graph: static shapes, one node an operation, gradients are ordinary nodes.
 *
 * Every tensor of activations has shape [N, C, H, W]. N counts rows: B·T frames for what sees single frames, and for what is
 * inside a scan too (row b·T + t). Vectors per channel are [1, C, 1, 1]; a scalar is [1, 1, 1, 1]; a GRU's stacked gates are
 * [N, hidden, 3, 1] (gate r, z, n). Weights of convolutions are [S, L, u, v]: S the channels of the side with the smaller image
 * (a convolution's output, a transposed convolution's input: dimension 0 in PyTorch's layout of both), L those of the larger
 * one. Weights of linear layers are [Co, Ho, Wo, Ci, Hi, Wi]: every output feature by every input feature.
 *
 * Time is a scan: the nodes whose `scan` is s are its body, run once for each step; a CARRY is what the step before left.
 * Inside, step t reads and writes rows b·T + t (weights and the like are read whole); outside, a body's node, a CARRY too, is all its rows.
 * How many steps a clip has is a node's own: scans of one graph may differ in length.
 */
#ifndef ZOETROPE_GRAPH_H
#define ZOETROPE_GRAPH_H

#include "base/name_set.h"
#include "spec/spec.h"

enum { MAX_INPUTS = 16, MAX_DIMENSIONS = 8 };

#define BATCH_NORM_EPSILON 1e-5
#define BATCH_NORM_MOMENTUM 0.1 /* of the new value in the running statistics */

typedef struct Node Node;
typedef struct Graph Graph;

typedef struct Scan {
    int id;
    long steps;   /* T */
    bool reverse; /* runs t = T−1 … 0 */
} Scan;

/* What one optimizer updates, and the running statistics that go with it: a block of each kind in the workspace. */
typedef struct ParameterGroup {
    int number; /* its place in graph->group */
    const char *name;
    Optimizer optimizer;
} ParameterGroup;

/* Where a parameter's or a running statistic's elements lie in PyTorch's state_dict. */
typedef struct Parameter {
    int number;                  /* its place in graph->parameter */
    const char *name;            /* encoder.0.weight */
    bool trained;                /* false: running_mean, running_var */
    int rank;                    /* PyTorch's */
    long shape[MAX_DIMENSIONS];  /* PyTorch's */
    long count;                  /* elements */
    long stride[MAX_DIMENSIONS]; /* of the node's dimensions, in elements of PyTorch's row-major tensor */
    double bound;                /* initial values: uniform in ±bound … */
    double fill;                 /* … or, where bound is 0, all equal to this */
    const char *layer;           /* "encoder.0": parameters of one layer share it */
    bool counted;                /* the number of batches stands after it in the state_dict: <layer>.num_batches_tracked */
    const ParameterGroup *group;
    const struct Folding *folding; /* what fold.c made it of; NULL: it is a tensor of the state_dict */
    Node *node, *gradient;
} Parameter;

/* A convolution with the batch norm behind it: weight · s and (bias − mean) · s + shift, s = scale / √(variance + ε) of the output channel.
 */
typedef struct Folding {
    const Parameter *weight, *bias; /* of the convolution; bias NULL: it has none */
    const Parameter *scale, *shift, *mean, *variance;
    bool is_bias;  /* this parameter is the convolution's bias; else its weight */
    int dimension; /* of the weight in PyTorch's shape: which one is the output channels */
} Folding;

/* What passes ask of an operation. */
enum {
    ELEMENTWISE = 1, /* each element from its inputs' elements of the same index, or per channel: can be fused */
    ROWWISE = 2,     /* each row from the same row of its inputs: can be in a scan */
    ACTIVATION = 4,  /* elementwise, and may end the kernel of the convolution or linear layer that it alone reads */
    COSTLY = 8,      /* elementwise, but too much work to compute wherever it is read */
    GRADIENT = 16,   /* elementwise and of gradients, which are stored rather than computed by two convolutions */
    PRODUCT = 32,    /* a convolution, a linear layer or a gradient of one: sums of products */
    STORAGE = 64,    /* has no kernel: given from outside, or stored by another node's */
    MOVE = 128       /* each element is one of an input's: outside of scans; the shape rule gives the steps, too */
};

/* What SLICE and CONCAT count along. */
typedef enum {
    AXIS_ITEMS,   /* items of all their steps: the T rows of each */
    AXIS_STEPS,   /* steps of each item */
    AXIS_CHANNELS /* of each row */
} Axis;

/* The table of operations: name, number of inputs (−1: 2 or 3; −2: 2 … MAX_INPUTS), properties, what it computes. For each row ops.c has
 *   void shape_<name>(Node *)                              sets node->shape from inputs and attributes
 * gradients.c, where a gradient can reach it,
 *   void gradient_<name>(Differentiation *, Node *, Node *dy)  adds the gradients of its inputs
 * evaluate_ops.c its definition in double precision, and lower_*.c or, if it is elementwise, element.c the lowering.
 * Inputs in order; "stats" is [1, C, 3, 1]: mean, 1/√(variance + ε), weight/√(variance + ε). */
#define GRAPH_OPERATIONS(X)                                                                                                                \
    X(INPUT, 0, STORAGE, "given by the caller")                                                                                            \
    X(PARAMETER, 0, STORAGE, "trained")                                                                                                    \
    X(STATE, 0, STORAGE, "kept between steps, not trained: running statistics")                                                            \
    X(FILL, 0, ELEMENTWISE | ROWWISE, "`factor` everywhere; its shape is given")                                                           \
    X(CARRY, 2, ROWWISE | STORAGE, "(initial or NULL for 0, next): in a scan, next of the step before; initial at the first step")         \
    X(CONV2D, -1, ROWWISE | PRODUCT, "(L, weight[, bias]) → S: gathers; also the data gradient of conv_transpose2d")                       \
    X(CONV_TRANSPOSE2D, -1, ROWWISE | PRODUCT, "(S, weight[, bias]) → L: scatters; also the data gradient of conv2d")                      \
    X(CONV2D_WEIGHT_GRAD, 2, PRODUCT, "(S, L) → gradient of the weight, [S, L, u, v]; of either kind of convolution")                      \
    X(LINEAR, -1, ROWWISE | PRODUCT, "(x, weight[, bias]) → y[n, o] = Σ_i x[n, i] · weight[o, i] + bias[o]; i, o: channel, height, width") \
    X(LINEAR_DATA_GRAD, 2, ROWWISE | PRODUCT, "(dy, weight) → dx[n, i] = Σ_o dy[n, o] · weight[o, i]")                                     \
    X(LINEAR_WEIGHT_GRAD, 2, PRODUCT, "(dy, x) → Σ_n dy[n, o] · x[n, i]")                                                                  \
    X(BIAS_GRAD, 1, 0, "(dy) → sum over rows, and over height and width too where attribute `pixels`")                                     \
    X(BATCH_NORM_STATISTICS, 4, 0, "(x, weight, running_mean, running_var) → stats; updates the running ones")                             \
    X(BATCH_NORM_RUNNING, 3, 0, "(weight, running_mean, running_var) → stats, for evaluation")                                             \
    X(BATCH_NORM, 3, ELEMENTWISE | ROWWISE, "(x, stats, bias) → (x − mean) · scale + bias")                                                \
    X(BATCH_NORM_SUMS, 3, 0, "(x, stats, dy) → [1, C, 2, 1]: Σ dy, Σ dy · (x − mean) / √(variance + ε)")                                   \
    X(BATCH_NORM_RUNNING_GRAD, 2, ELEMENTWISE | ROWWISE | GRADIENT, "(dy, stats) → dx, where stats are constants")                         \
    X(BATCH_NORM_GRAD, 4, ELEMENTWISE | GRADIENT, "(x, stats, sums, dy) → dx")                                                             \
    X(SELECT_ROW, 1, 0, "(v) → [1, C, 1, 1] row `which` of [1, C, R, 1]: the gradients of weight (1) and bias (0) in sums")                \
    X(RELU, 1, ELEMENTWISE | ROWWISE | ACTIVATION, "max(x, 0)")                                                                            \
    X(LEAKY_RELU, 1, ELEMENTWISE | ROWWISE | ACTIVATION, "x > 0 ? x : slope · x")                                                          \
    X(SIGMOID, 1, ELEMENTWISE | ROWWISE | ACTIVATION | COSTLY, "1 / (1 + e^−x)")                                                           \
    X(TANH, 1, ELEMENTWISE | ROWWISE | ACTIVATION | COSTLY, "tanh x")                                                                      \
    X(ELU, 1, ELEMENTWISE | ROWWISE | ACTIVATION | COSTLY, "x > 0 ? x : e^x − 1")                                                          \
    X(SILU, 1, ELEMENTWISE | ROWWISE | ACTIVATION | COSTLY, "x · sigmoid(x)")                                                              \
    X(SOFTPLUS, 1, ELEMENTWISE | ROWWISE | ACTIVATION | COSTLY, "log(1 + e^x)")                                                            \
    X(RELU_GRAD, 2, ELEMENTWISE | ROWWISE | GRADIENT, "(y, dy) → y > 0 ? dy : 0, from the output")                                         \
    X(LEAKY_RELU_GRAD, 2, ELEMENTWISE | ROWWISE | GRADIENT,                                                                                \
      "(y, dy) → y > 0 ? dy : slope · dy; y the output, or the input where slope < 0")                                                     \
    X(SIGMOID_GRAD, 2, ELEMENTWISE | ROWWISE | GRADIENT, "(y, dy) → dy · y · (1 − y)")                                                     \
    X(TANH_GRAD, 2, ELEMENTWISE | ROWWISE | GRADIENT, "(y, dy) → dy · (1 − y²)")                                                           \
    X(ELU_GRAD, 2, ELEMENTWISE | ROWWISE | GRADIENT, "(y, dy) → y > 0 ? dy : dy · (y + 1)")                                                \
    X(SILU_GRAD, 2, ELEMENTWISE | ROWWISE | GRADIENT | COSTLY, "(x, dy) → dy · σ · (1 + x · (1 − σ)), σ = sigmoid(x); from the input")     \
    X(SOFTPLUS_GRAD, 2, ELEMENTWISE | ROWWISE | GRADIENT | COSTLY, "(y, dy) → dy · (1 − e^−y)")                                            \
    X(ADD, 2, ELEMENTWISE | ROWWISE | GRADIENT, "a + b")                                                                                   \
    X(SCALE, 1, ELEMENTWISE | ROWWISE | GRADIENT, "factor · a")                                                                            \
    X(AFFINE, 1, ELEMENTWISE | ROWWISE, "factor · a + offset")                                                                             \
    X(MULTIPLY, 2, ELEMENTWISE | ROWWISE, "a · b")                                                                                         \
    X(SAMPLE, 3, ELEMENTWISE | ROWWISE | COSTLY, "(mean, log_variance, noise) → mean + e^(log_variance / 2) · noise")                      \
    X(SAMPLE_LOG_VARIANCE_GRAD, 3, ELEMENTWISE | ROWWISE | GRADIENT | COSTLY,                                                              \
      "(log_variance, noise, dy) → dy · noise · e^(log_variance / 2) / 2")                                                                 \
    X(SAMPLE_NOISE_GRAD, 2, ELEMENTWISE | ROWWISE | GRADIENT | COSTLY, "(log_variance, dy) → dy · e^(log_variance / 2)")                   \
    X(DETACH, 1, MOVE, "a; no gradient goes through")                                                                                      \
    X(SLICE, 1, MOVE, "`count` of a from `first` on, counted along `axis`")                                                                \
    X(CONCAT, -2, MOVE, "(a, b, …) → a, then b, … along `axis`")                                                                           \
    X(RESHAPE, 1, MOVE,                                                                                                                    \
      "the values of a row (order C, H, W), or, where `clip`, of an item (order C, T, H, W) in another shape; shape and steps are given")  \
    X(UPSAMPLE, 1, ROWWISE, "y[n, c, h, w] = x[n, c, h / stride[0], w / stride[1]]")                                                       \
    X(UPSAMPLE_GRAD, 1, ROWWISE, "(dy) → dx[n, c, h, w] = Σ of the stride[0] × stride[1] elements of dy that are copies of it")            \
    X(GRU_CELL, 3, ROWWISE, "(input gates, hidden gates, h) → h′; PyTorch's form of n")                                                    \
    X(GRU_CELL_GRAD, 4, ROWWISE,                                                                                                           \
      "(input gates, hidden gates, h, dh′) → gradient of the input gates; RESULT 1: of the hidden gates, 2: of h")                         \
    X(RESULT, 1, ROWWISE | STORAGE, "(node) → its further result number `which`")                                                          \
    X(MSE, 2, 0, "(y, x) → mean (y − x)²")                                                                                                 \
    X(L1, 2, 0, "(y, x) → mean |y − x|")                                                                                                   \
    X(MSE_GRAD, -1, ELEMENTWISE | ROWWISE | GRADIENT, "(y, x[, dy]) → factor · 2 (y − x) / count · dy, a scalar")                          \
    X(L1_GRAD, -1, ELEMENTWISE | ROWWISE | GRADIENT, "(y, x[, dy]) → factor · sign(y − x) / count · dy, 0 at 0")

typedef enum {
#define X(name, inputs, properties, meaning) OP_##name,
    GRAPH_OPERATIONS(X)
#undef X
        OP_COUNT
} Operation;

struct Node {
    int id; /* %id in dumps; also the order: inputs come before (CARRY's `next` apart) */
    Operation op;
    const char *name;    /* C-identifier stem of its kernel: encoder1_conv_forward; unique */
    const char *stem;    /* what the names of its gradients start with: encoder1_conv; NULL: its name */
    const char *layer;   /* whose work it is: encoder1, loss; NULL: given from outside */
    const char *repeats; /* the name of the node that it computes again (recompute.h); NULL: none */
    int input_count;
    Node *input[MAX_INPUTS];
    long shape[MAX_DIMENSIONS]; /* 0 from `rank` on */
    int rank;                   /* 4; 6 for weights of linear layers */
    long steps;                 /* T: row b·T + t is step t of clip b; 1 where rows have no order in time. See infer_shape(). */
    Scan *scan;                 /* the scan in whose body it is; NULL outside */
    Parameter *parameter;       /* PARAMETER and STATE */
    /* attributes */
    long kernel[2], stride[2], padding[2], output_padding[2];
    double slope, factor, offset;
    int which;
    bool pixels, clip;
    Axis axis;
    long first, count; /* of SLICE: items, steps or channels */
    /* set by list_readers */
    int reader_count;
    Node **reader; /* the nodes that have it among their inputs, each once, in the graph's order */
    /* set by differentiate.c */
    bool forward;           /* it was there before there were gradients */
    Parameter *gradient_of; /* it is the gradient of this parameter, which the optimizer reads */
    /* set by fuse.c */
    bool fused; /* never stored: its readers compute it */
    /* set when it is lowered */
    int rounded; /* so many of its operands, from the first on, are rounded to bfloat16 before it multiplies */
};

typedef enum {
    ROLE_INPUT,  /* the caller gives it */
    ROLE_OUTPUT, /* the caller gets it */
    ROLE_LOSS,   /* a scalar; the caller gets it */
    ROLE_CUT,    /* after it one program may end and the next begin */
    ROLES
} Role;

typedef struct NamedNode {
    const char *name;
    Node *node;
} NamedNode;

typedef struct NamedNodes {
    int count, capacity;
    NamedNode *entry; /* in the order in which they were named */
} NamedNodes;

struct Graph {
    const Spec *spec;
    bool training; /* batch norm from the batch, gradients wanted; else running statistics */
    int node_count, node_capacity;
    Node **node;       /* in execution order */
    NameSet names;     /* of the nodes */
    const char *layer; /* that nodes are being added to */
    int scan_count;
    int parameter_count, parameter_capacity; /* in the order of PyTorch's state_dict (num_batches_tracked left out) */
    Parameter **parameter;
    int group_count, group_capacity;
    ParameterGroup **group;
    NamedNodes named[ROLES]; /* a node may have several roles, but only one place of the caller's: as an input, an output or a loss */
    int forward_count;       /* nodes before the first gradient; 0: there are none */
};

const char *operation_name(Operation op);
int operation_inputs(Operation op); /* −1: 2 or 3; −2: 2 … MAX_INPUTS */
bool operation_is(Operation op, int property);
/* The shape rule of its operation; and its steps: those of its inputs with rows like its own, the scan's of a CARRY, else what is given
 * (0 becomes 1). */
void infer_shape(Node *node);
long count_elements(const Node *node);
bool same_shape(const Node *a, const Node *b);

/* named_nodes.c: a name stands for one node in each role. */
void name_node(Graph *graph, Role role, const char *name, Node *node);
Node *named_node(const Graph *graph, Role role, const char *name);      /* NULL: none has this name */
const char *name_of(const Graph *graph, Role role, const Node *node);   /* NULL: it has none in this role */
void copy_names(Graph *to, const Graph *from, Node *const *stands_for); /* `stands_for`: by id in `from` */

/* build_graph.c: the forward graph of a spec, for training or for evaluation. Inputs x, [B·T, C, H, W], and, but without GRU or with zeros,
 * h0, [gru_layers · B, hidden, 1, 1], row layer · B + b; output reconstruction; loss `loss`; cuts latent, what the encoder's side ends in,
 * and code, what the decoder's starts from (without GRU the same node). */
Graph *build_graph(const Spec *spec, bool training);
/* A new node appended to the graph; shape and id set, a name that is taken gets a number. `scan` NULL outside. */
Node *add_node(Graph *graph, Operation op, const char *name, Scan *scan, int input_count, Node **inputs);
/* The same for nodes with attributes, on which the shape may depend. INPUT, PARAMETER, STATE and CARRY come with their shape. */
Node *append_node(Graph *graph, Node node);
/* moves.c: nodes outside of scans. `first` and `count` are items, steps or channels; no node is added where a slice is all of it. */
Node *slice(Graph *graph, const char *name, Node *node, Axis axis, long first, long count);
/* Of any number of nodes; of one alone, that one. */
Node *concatenate(Graph *graph, const char *name, Axis axis, int count, Node *const *nodes);
/* Each row's values as [C, H, W] = shape[0 … 2], in the same order. */
Node *reshape_rows(Graph *graph, const char *name, Node *node, const long shape[3]);
/* Each item's values, counted in the order C, T, H, W, as [C, T, H, W] = shape[0 … 3]: rows of `steps` shape[1]. */
Node *reshape_clips(Graph *graph, const char *name, Node *node, const long shape[4]);
/* Finds each node's readers: when the graph is complete, and again when nodes were added. */
void list_readers(Graph *graph);
Scan *add_scan(Graph *graph, long steps, bool reverse);
ParameterGroup *add_group(Graph *graph, const char *name, const Optimizer *optimizer);
void copy_groups(Graph *to, const Graph *from); /* the same ones */
/* Appends the gradients of its loss with respect to each trained parameter: what a graph of a spec for training ends in. */
void differentiate_spec(Graph *graph);
/* differentiate.c: reverse mode. Appends the gradients of the loss, any scalar, with respect to the nodes of[0] … of[count − 1],
 * parameters, inputs or whatever it is computed from; gradient[i]: NULL where it does not depend on of[i]. Each call has gradients of its
 * own. */
void differentiate(Graph *graph, Node *loss, int count, Node *const *of, Node **gradient);
/* The same, and the gradients are those that the optimizer reads (Parameter.gradient). The loss has to depend on each. */
void differentiate_parameters(Graph *graph, Node *loss, int count, Parameter *const *of);
/* fold.c: an evaluation graph without batch norm: each is part of the convolution before it, whose weight and bias are new parameters. */
Graph *fold_batch_norm(const Graph *graph);
/* "encoder.0.weight" → "encoder_0_weight", what the node of a parameter is called. */
const char *parameter_node_name(const char *parameter);
/* Checks what every pass relies on (order, shapes, arities); dies on a bug. */
void verify_graph(const Graph *graph);
void print_graph(FILE *out, const Graph *graph, bool fused); /* `fused`: with what the pass of that name said */

/* The double-precision reference of the tests: evaluates every node naively. values[id] has the node's elements in row-major order.
 * The caller fills those of INPUT, PARAMETER and STATE nodes beforehand; the rest is allocated. */
void evaluate_graph(const Graph *graph, double **values);
/* The same for nodes first … end − 1, which cut no scan; the others' values are there already. */
void evaluate_nodes(const Graph *graph, double **values, int first, int end);

#endif
