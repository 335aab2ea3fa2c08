/* recompute_memory.h: the memory that a sequence needs, estimated from a program without recomputation. */
#ifndef ZOETROPE_RECOMPUTE_MEMORY_H
#define ZOETROPE_RECOMPUTE_MEMORY_H

#include "recompute/recompute_sequence.h"

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
    int most_nodes; /* longer sequences are not considered: with FRESH, work grows with the square of a chain */
    long least_top; /* evaluation and streaming need this much anyway */
};
/* Of a step of training; the first `steps` programs are such. */
Footprint *find_footprint(const TargetCode *code, int steps, int step);
/* The workspace that a target would need without the other steps; −1: without any step. */
long workspace_without(const TargetCode *code, int steps, int step);

typedef struct Need {
    long bytes; /* the workspace that plan_workspace() would lay out; a lower bound if `placed` is false */
    bool placed;
    double cost;   /* nodes that were visited to find it */
    double flops;  /* of the results that are computed again */
    double excess; /* bytes above the limit, summed over the calls */
} Need;
/* The workspace of a sequence. It is laid out only if no more than `most` bytes are in use at a time, because that takes long. */
Need find_need(const Footprint *footprint, const Keeping *keeping, long limit, long most);
/* The work of a candidate's calls, or of the calls that compute it if it has none. */
double candidate_flops(const Footprint *footprint, int candidate);

#endif
