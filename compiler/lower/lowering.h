/* lowering.h: the state of a graph that is being lowered, shared by the modules of this room. Private to them. */
#ifndef ZOETROPE_LOWERING_H
#define ZOETROPE_LOWERING_H

#include "lower/program.h"

typedef struct ParameterStorage { /* one for each entry of graph->parameter; shared by all programs of a target */
    const Buffer *value;          /* packed in the target's layout, in its block */
    const Buffer *copy;           /* the same with lanes along the input channels, for the data gradient; NULL: none */
    const Buffer *gradient;
    const struct FilterPlan *filter; /* inference: `value` is the weight transformed by this plan; NULL: it is the weight */
    const Buffer *scale;             /* inference: factors of the elements, one for each output feature; NULL: none */
    long offset;                     /* of the value in its block, of the gradient and the moments in theirs; bytes */
} ParameterStorage;

typedef struct WeightLanes { /* the dimension of a weight that lanes lie along; −1: none */
    int value;
    int copy; /* of the second copy, for the data gradient; −1: there is no copy */
} WeightLanes;

typedef struct Lowering {
    const Graph *graph;
    const Target *target;
    const Choices *choices;
    TargetCode *code;
    Program *program;            /* being appended to */
    const char *program_name;    /* of the program that computes the graph: train, step0, … */
    const Node *node;            /* being lowered; NULL: the kernel belongs to no single node */
    Type weight_type;            /* inference: of the elements of convolutions' weights and of matrices */
    WeightLanes *weight_lanes;   /* by index in graph->parameter; shared by all programs of a target */
    ParameterStorage *parameter; /* by the same index */
    bool apart;                  /* programs between cuts are planned one by one, so each has its own copy of the values at its start */
    struct Product *product;     /* by node id: how it is run (products.h) */
    const Buffer **buffer;       /* by node id; NULL: not stored */
    const Buffer **whole_rows;   /* by node id: a copy in the layout that its readers need (lower_rows.c); NULL: not made so far */
    const Buffer **moments;      /* by node id, of batch norm's statistics: mean and Σ (x − mean)² of each channel, in double */
    const Buffer **tile_sums;    /* by node id: its sums of tiles (lower_tiles.h), once they are lowered; … */
    const Node **summed_by;      /* … the convolution whose kernel sums them; NULL: a kernel of their own */
    int *first_call;             /* by node id, and one more: how many calls `program` had before it */
    const Scan *body;            /* whose nodes are being lowered; NULL: none … */
    int body_node, body_call;    /* … its node after the first one, and its first call */
} Lowering;

#endif
