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
#include "graph/named_nodes.h"
#include "graph/operations.h"
#include "spec/spec.h"

enum { MAX_INPUTS = 16, MAX_DIMENSIONS = 8 };

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
    bool frozen;    /* no step updates it */
    double average; /* after each update, averages ← average · averages + (1 − average) · weights; 0: there are none */
} ParameterGroup;

typedef enum { DISTRIBUTION_UNIFORM, DISTRIBUTION_NORMAL } Distribution;

/* Where a parameter's or a running statistic's elements lie in PyTorch's state_dict. */
typedef struct Parameter {
    int number;                  /* its place in graph->parameter */
    const char *name;            /* encoder.0.weight */
    bool trained;                /* false: running_mean, running_var */
    int rank;                    /* PyTorch's */
    long shape[MAX_DIMENSIONS];  /* PyTorch's */
    long count;                  /* elements */
    long stride[MAX_DIMENSIONS]; /* of the node's dimensions, in elements of PyTorch's row-major tensor */
    Distribution distribution;   /* initial values: */
    double bound;                /* uniform in ±bound, or where normal the deviation … */
    double fill;                 /* … from this; where bound is 0, all equal to this */
    const char *layer;           /* "encoder.0": parameters of one layer share it */
    bool counted;                /* the number of batches stands after it in the state_dict: <layer>.num_batches_tracked */
    const ParameterGroup *group;
    const struct Folding *folding; /* what fold.c made it of; NULL: it is a tensor of the state_dict */
    Node *node, *gradient;
} Parameter;

/* What a pool reads for one element: [0] is time, [1] height, [2] width. Padding is at both ends. */
typedef struct Window {
    long kernel[3], stride[3], padding[3];
} Window;

struct Node {
    int id; /* %id in dumps; also the order: inputs come before (CARRY's `next` apart) */
    Operation op;
    const char *name;    /* C-identifier stem of its kernel: encoder1_conv_forward; unique */
    const char *stem;    /* what the names of its gradients start with: encoder1_conv; NULL: its name */
    const char *layer;   /* whose work it is: encoder1, of a system encoder.1; loss; NULL: given from outside, or a value of a system */
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
    Window window; /* of pools */
    double slope, factor, offset;
    double epsilon;  /* of BATCH_NORM_STATISTICS, _MOVE and _RUNNING, BCE and the gradients of BCE */
    double momentum; /* BATCH_NORM_STATISTICS and _MOVE: of the new value in the running statistics */
    long rows;       /* ROW_SUM, SPREAD_ROWS; BATCH_NORM_MOVE: how many values of a channel the statistics are of */
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
    /* set by kept_values.c */
    int kept; /* of what one step of an iteration leaves for later ones: its number, from 1; KEPT nodes that stand for it have it, too */
    /* set when it is lowered */
    int rounded; /* so many of its operands, from the first on, are rounded to bfloat16 before it multiplies */
};

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
    const Graph *unfolded;   /* what fold.c made it of, with all parameters of the state_dict; NULL: it is not folded */
};

/* A new node appended to the graph; shape and id set, a name that is taken gets a number. `scan` NULL outside. */
Node *add_node(Graph *graph, Operation op, const char *name, Scan *scan, int input_count, Node **inputs);
/* The same for nodes with attributes, on which the shape may depend. INPUT, PARAMETER, STATE and CARRY come with their shape. */
Node *append_node(Graph *graph, Node node);
/* `value` in every element of the shape of `like`. */
Node *add_constant(Graph *graph, const char *name, const Node *like, double value);
/* terms[0] + terms[1] + …, added in this order; of one term, that one. */
Node *sum_nodes(Graph *graph, const char *name, int count, Node *const *terms);
/* Finds each node's readers: when the graph is complete, and again when nodes were added. */
void list_readers(Graph *graph);
Scan *add_scan(Graph *graph, long steps, bool reverse);
ParameterGroup *add_group(Graph *graph, const char *name, const Optimizer *optimizer);
bool updates_group(const Graph *graph, const ParameterGroup *group); /* does it compute a gradient of one of its parameters? */
void copy_groups(Graph *to, const Graph *from);                      /* the same ones */
/* "encoder.0.weight" → "encoder_0_weight", what the node of a parameter is called. */
const char *parameter_node_name(const char *parameter);
/* Checks what every pass relies on (order, shapes, arities); dies on a bug. */
void verify_graph(const Graph *graph);
void print_graph(FILE *out, const Graph *graph, bool fused); /* `fused`: with what the pass of that name said */

#endif
