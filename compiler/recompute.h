/* recompute.h: --max-ram. What the forward pass stores for the backward pass is, in part, dropped and computed again there, by the same
 * kernels and so with the same bits: memory for time.
 *
 * A candidate is a forward node whose stored result the backward pass reads, directly or through fused nodes, and that can be computed
 * again: a convolution (with its activation, where that ends its kernel), a linear layer, a stored activation. Batch norm's statistics and
 * the states of a GRU are never computed again: they are small, or would need the loop over time. Each candidate is STORED, or is computed
 * again ONCE, for all that read it in the backward pass, or FRESH: then it is computed again for the backward nodes that read it,
 * and anew wherever another candidate is computed from it. */
#ifndef ZOETROPE_RECOMPUTE_H
#define ZOETROPE_RECOMPUTE_H

#include "program.h"

enum { MOST_THREADS = 1024 };

typedef struct MemoryLimit { /* of training: the fixed part + threads × scratch */
    long bytes;              /* 0: there is none */
    int threads;
} MemoryLimit;

typedef struct Again { /* one node of the forward pass */
    const char *name;
    long bytes; /* of its result, which is not kept */
    int times;  /* how often it is computed again */
    double flops;
} Again;

typedef struct Trade { /* for one target; memory is that which the limit is about */
    MemoryLimit limit;
    long before, after; /* where it is not possible, `after` is the least that there is */
    bool possible;
    double step_flops; /* of a training step before */
    int count;         /* what is computed again: of largest results first */
    Again *again;
} Trade;

/* What lower_model() made, or, with `evaluation` NULL, lower_alone(); or, where that is above the limit, the same with some of it computed
 * again, lowered by the same choices. Where
 * that cannot be either, trade->possible of what is returned is false. */
TargetCode *lower_within(TargetCode *plain, const Graph *evaluation, const Choices *choices, const MemoryLimit *limit);
/* The name of what a kernel or node computes again: encoder1_conv_forward of encoder1_conv_forward_again_2; else the name itself. */
const char *first_name(const char *name);

/* ---- recompute.c: what is done in which order ---- */

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

typedef struct Footprint Footprint;
/* keeping: by candidate. */
Sequence *sequence_with(const Footprint *footprint, const Keeping *keeping);
/* The sequence as a graph of its own; parameters and all are copies. */
Graph *graph_of(const Graph *graph, const Sequence *sequence);

/* ---- recompute_memory.c: what a sequence needs, reckoned from a program without recomputation ---- */

typedef enum { OF_PROGRAM, OF_CALLS, OF_CANDIDATE } Owner;

struct Footprint {
    const Graph *graph;     /* without recomputation */
    const TargetCode *code; /* its */
    const Program *program; /* that computes it */
    int candidates;
    const Node **candidate;
    int *candidate_of; /* by node id; −1: none */
    int *result;       /* by candidate: its tensor */
    int *summed;       /* by node id: the node whose sums of tiles its kernel makes (lower_tiles.h); −1: none */
    /* workspace tensors of the training program that are not kept */
    int tensors, tensor_capacity;
    Tensor **tensor;
    Owner *owner;      /* OF_CALLS: the calls of a single node, between which it lives */
    int *owner_number; /* of OF_CANDIDATE */
    int *touched_from; /* by call, and one more: its first entry in `touched` */
    int touched_count, touched_capacity, written_capacity;
    int *touched;   /* tensors … */
    bool *written;  /* … and which of them the call writes */
    int *span[2];   /* by call: the first and the last of its scan; itself where it is in none */
    int most_nodes; /* a sequence that has more is not looked at: with FRESH, work grows with the square of a chain */
    long least_top; /* the other programs need as much anyway */
};
Footprint *find_footprint(const TargetCode *code);

typedef struct Need {
    long bytes; /* the workspace, as plan_workspace() would lay it out; or, where `placed` is false, at least so much */
    bool placed;
    double cost;   /* of finding it: nodes that were looked at */
    double flops;  /* of what is computed again */
    double excess; /* bytes above the limit, summed over the calls */
} Need;
/* The workspace of a sequence. It is laid out only where no more than `most` bytes are in use at a time: that is what takes long. */
Need find_need(const Footprint *footprint, const Keeping *keeping, long limit, long most);
/* Result and work of a candidate's calls, and of those that compute it where its own are none. */
double candidate_flops(const Footprint *footprint, int candidate);

/* ---- recompute_search.c ---- */
/* Sets keeping[] to what needs the fewest FLOPs of those within the limit, or, if none is, to that with the least workspace. */
Need choose_keeping(const Footprint *footprint, long limit, Keeping *keeping);

#endif
