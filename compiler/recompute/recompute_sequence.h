/* recompute_sequence.h: the order of nodes with recomputation. */
#ifndef ZOETROPE_RECOMPUTE_SEQUENCE_H
#define ZOETROPE_RECOMPUTE_SEQUENCE_H

#include "lower/program.h"

typedef enum { STORED, ONCE, FRESH, KEEPINGS } Keeping;

typedef struct Instance { /* a node of the training graph, or a forward node computed again */
    const Node *node;
    bool again;
    int input[MAX_INPUTS]; /* of the sequence; −1: none, or a carry's next value, which comes later */
} Instance;

typedef struct Sequence { /* the graph with recomputation, in order */
    int count, capacity;
    Instance *instance;
} Sequence;

typedef struct Footprint Footprint; /* recompute_memory.h */
/* The node whose calls compute the result: the convolution or linear layer, if an activation ends its kernel. */
const Node *computing_node(const Footprint *footprint, const Node *node);
/* keeping: by candidate. */
Sequence *sequence_with(const Footprint *footprint, const Keeping *keeping);
/* The sequence as a graph of its own. Everything is copied, parameters too. */
Graph *graph_of(const Graph *graph, const Sequence *sequence);

#endif
