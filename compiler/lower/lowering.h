/* lowering.h: a graph on its way to kernels: what the modules that lower it share. Private to them. */
#ifndef ZOETROPE_LOWERING_H
#define ZOETROPE_LOWERING_H

#include "lower/program.h"

typedef struct ParameterStorage { /* one for each entry of graph->parameter; shared by all programs of a target */
    const Buffer *value;          /* packed in the target's layout, in its block */
    const Buffer *copy;           /* the same with lanes along the input channels, for the data gradient; NULL: none */
    const Buffer *gradient;
    const struct FilterPlan *filter; /* inference: `value` is what minimal filtering multiplies by; NULL: it is the weight */
    const Buffer *scale;             /* inference: what its elements are multiplied by, for each output feature; NULL: nothing */
    long offset;                     /* of the value in its block, of the gradient and the moments in theirs; bytes */
} ParameterStorage;

typedef struct Lowering {
    const Graph *graph;
    const Target *target;
    const Choices *choices;
    TargetCode *code;
    Program *program;                   /* being appended to */
    const Node *node;                   /* being lowered; NULL: what is lowered is of no single one */
    Type weight_type;                   /* inference: of the elements of convolutions' weights and of matrices */
    ParameterStorage *parameter;        /* by index in graph->parameter */
    bool apart;                         /* programs between cuts are planned one by one: each has its own values of what it begins with */
    const struct FilterPlan **filtered; /* inference: by the same index, the plans by which convolutions were filtered; NULL: not wanted */
    struct Product *product;            /* by node id: how it is run (products.h) */
    const Buffer **buffer;              /* by node id; NULL: not stored so far */
    const Buffer **whole_rows;          /* by node id: a copy of it, as its readers want it (lower_rows.c); NULL: none so far */
    const Buffer **tile_sums;           /* by node id: sums of tiles (lower_tiles.h) that are lowered already; NULL: none are … */
    const Node **summed_by;             /* … and the convolution in whose kernel; NULL: in one of their own */
    int *first_call;                    /* by node id, and one more: how many calls `program` had before it */
    const Scan *body;                   /* whose nodes are being lowered; NULL: none … */
    int body_node, body_call;           /* … its node after the first one, and its first call */
} Lowering;

#endif
