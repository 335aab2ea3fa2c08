/* loop_tree.h: the loop IR once it is scheduled: loops, guards, assignments and calls. */
#ifndef ZOETROPE_LOOP_TREE_H
#define ZOETROPE_LOOP_TREE_H

#include "loop/kernel.h"

typedef enum { STATEMENT_LOOP, STATEMENT_ASSIGN, STATEMENT_GUARD, STATEMENT_PREFETCH, STATEMENT_CALL } StatementKind;

typedef struct Condition { /* 0 ≤ value < limit */
    Affine value;
    long limit;
} Condition;

struct Statement {
    StatementKind kind;
    Statement *next; /* what follows in the same block */
    /* LOOP: for variable in [0, extent). PARALLEL loops are outermost and directly nested; VECTOR loops are innermost, run over
     * exactly the lanes of a vector, and hold only ASSIGNs, none of which reads through a lane what another writes. UNROLL loops
     * are gone after unroll_loops. */
    const Variable *variable;
    LoopKind loop;
    Statement *body;  /* LOOP, GUARD and CALL */
    Statement *other; /* GUARD: runs when not all conditions hold */
    int condition_count;
    Condition condition[4];
    /* ASSIGN: all at once, like a Compute's stores; no SUM and no VIRTUAL left */
    int store_count;
    Store *store;
    /* PREFETCH: a hint that the cache line of this element of a TENSOR will be read; nothing that is computed depends on it */
    const Buffer *buffer;
    Offset offset;
    /* CALL: what `body` says is done by a call of BLAS's sgemm, whatever the order of its sums. The body's loops declare what is read and
     * written; they are a product of matrices (matrix_product.h), and are not printed as C */
};

#endif
