/* verify.h: private to verify*.c: the accesses of a tree, with all that is known where they happen. */
#ifndef ZOETROPE_VERIFY_H
#define ZOETROPE_VERIFY_H

#include "loop.h"
#include "pointer_map.h"

typedef struct Fact { /* low ≤ value ≤ high: an enclosing guard said so */
    Affine value;
    long low, high;
    const struct Fact *outer;
} Fact;

typedef struct Access {
    const Statement *statement; /* NULL: in a Compute */
    const Buffer *buffer;
    const Affine *index;
    bool store;
    bool load; /* both: buffer += value */
    const Fact *facts;
} Access;

typedef struct Interval { /* empty where low > high */
    long low, high;
} Interval;

typedef struct Verifier {
    const Kernel *kernel;
    int lanes;
    const char *error;  /* the first thing that is wrong */
    PointerMap bound;   /* variable → how many loops over it enclose the statement */
    PointerMap visited; /* expressions of the assignment */
    PointerMap checked; /* buffers whose layout is known to be right */
    PointerMap written; /* registers and scratch written so far → 1 */
    int log_count, log_capacity;
    const Buffer **log; /* the same in the order of their writing */
    int count, capacity;
    Access *access;                           /* of the statement at the top level that is being verified */
    const Statement *parallel[MAX_VARIABLES]; /* its parallel loops */
    int parallel_count;
} Verifier;

/* Notes what is wrong, unless something was before: "kernel NAME: in `statement`: …". */
void refuse_tree(Verifier *verifier, const Statement *statement, const char *pattern, ...) __attribute__((format(printf, 3, 4)));

/* verify_bounds.c */
/* Values that `affine` takes where `facts` hold, variables in their ranges. */
Interval affine_interval(const Affine *affine, const Fact *facts);
/* What is known in the body (holds) or the other branch of a guard; *reachable: whether the branch can run at all. */
const Fact *facts_of_guard(const Statement *guard, bool holds, const Fact *facts, bool *reachable);
void verify_bounds(Verifier *verifier, const Access *access);
void verify_layout(Verifier *verifier, const Buffer *buffer);
/* Scratch buffers lie in the thread's memory, and share it only where one is done with before the other begins. */
void verify_scratch(Verifier *verifier);

/* verify_parallel.c: no two iterations of the parallel loops touch an element that one of them writes. */
void verify_parallel(Verifier *verifier);

/* verify_vector.c: a vector loop does the same whether its lanes run one after the other or at once; accesses `first` … of it. */
void verify_vector(Verifier *verifier, const Statement *loop, int first);

#endif
