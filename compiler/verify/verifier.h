/* verifier.h: private to verify*.c: the accesses of a tree, with all that is known where they happen. */
#ifndef ZOETROPE_VERIFIER_H
#define ZOETROPE_VERIFIER_H

#include "base/pointer_map.h"
#include "loop/loop_tree.h"

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
    bool nontemporal; /* a store past the caches */
} Access;

typedef struct Interval { /* empty where low > high */
    long low, high;
} Interval;

typedef struct Region {   /* a list of boxes of elements that have been written: low … low + extent − 1 in each dimension */
    Affine low[MAX_RANK]; /* in the variables of the loops around */
    long extent[MAX_RANK];
    const struct Region *next;
} Region;

typedef struct Local { /* scratch or registers */
    const Buffer *buffer;
    const Region *region;      /* written on every path to here; lists are never changed */
    bool stored;               /* somewhere, in some of its elements */
    const Buffer *overwritten; /* by this scratch, which has the same bytes */
} Local;

typedef struct Verifier {
    const Kernel *kernel;
    int lanes;
    const char *error;   /* the first thing that is wrong */
    PointerMap bound;    /* variable → how many loops over it enclose the statement */
    PointerMap visited;  /* expressions of the assignment */
    PointerMap checked;  /* buffers whose layout is known to be right */
    PointerMap local_of; /* scratch or register → its number */
    int local_count, local_capacity;
    Local *local;
    bool replay; /* a second pass over a loop's body, only to see what later iterations find in scratch */
    int count, capacity;
    Access *access;                           /* of the statement at the top level that is being verified */
    const Statement *parallel[MAX_VARIABLES]; /* its parallel loops */
    int parallel_count;
} Verifier;

/* Notes the first error: "kernel NAME: in `statement`: …". */
void refuse_tree(Verifier *verifier, const Statement *statement, const char *pattern, ...) __attribute__((format(printf, 3, 4)));

/* verify_bounds.c */
/* Values that `affine` takes where `facts` hold, variables in their ranges. */
Interval affine_interval(const Affine *affine, const Fact *facts);
/* Adds the facts that hold in the body (holds) or in the other branch of a guard. *reachable: whether that branch can run at all. */
const Fact *facts_of_guard(const Statement *guard, bool holds, const Fact *facts, bool *reachable);
void verify_bounds(Verifier *verifier, const Access *access);
void verify_layout(Verifier *verifier, const Buffer *buffer);
/* verify_local.c: elements of scratch and registers are written before they are read. */
bool is_local(const Buffer *buffer);
void verify_local_read(Verifier *verifier, const Access *access);
void note_local_write(Verifier *verifier, const Buffer *buffer, const Affine *index);
/* The regions that are written at some point, one list for each local, to be restored or compared later. */
const Region **written_regions(const Verifier *verifier);
void set_written_regions(Verifier *verifier, const Region **regions, int count);
void keep_common_regions(Verifier *verifier, const Region **regions, int count);
/* Called when the body of the loop has run for every value of the variable. Returns true if the loop spoils something that was written
 * before it. */
bool leave_loop(Verifier *verifier, const Variable *variable, const Region **before, int count);
void verify_scratch_place(Verifier *verifier, const Buffer *buffer);

/* verify_parallel.c: no two iterations of the parallel loops touch an element that one of them writes. */
void verify_parallel(Verifier *verifier);

/* verify_vector.c: a vector loop has the same result whether its lanes run one after another or at once. `first`: the first access of its
 * body. */
void verify_vector(Verifier *verifier, const Statement *loop, int first);

#endif
