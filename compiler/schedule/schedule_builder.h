/* schedule_builder.h: private to schedule.c, resolve.c, stage.c and prefetch.c: the state of a tree being built. */
#ifndef ZOETROPE_SCHEDULE_BUILDER_H
#define ZOETROPE_SCHEDULE_BUILDER_H

#include "loop/loop_tree.h"

typedef struct Range { /* of a Compute's variable below the loops built so far: base … base + extent − 1 */
    Affine base;
    long extent;
} Range;

typedef struct Staged { /* a box of a virtual buffer that lies in scratch: element i of it is at i − base */
    const Buffer *buffer;
    const Buffer *scratch;
    Affine base[MAX_RANK];
} Staged;

typedef struct Part { /* one Compute, as far as its loops have been built */
    const Compute *compute;
    const Schedule *schedule;
    Range range[MAX_VARIABLES];
    int staged_count;
    Staged staged[2];
    bool zeroed;                       /* its outputs were zeroed outside a loop over a reduced variable: sums are partial */
    const Buffer *registers[MAX_SUMS]; /* NULL before `accumulate` */
    Affine register_base[MAX_VARIABLES];
} Part;

typedef struct Lines { /* of a box of a TENSOR that will be read, in `rank` dimensions, small strides first: from element `base` */
    const Buffer *buffer;
    int rank;
    long count[MAX_RANK], stride[MAX_RANK];
    Offset base;
    long part[MAX_RANK], parts[MAX_RANK]; /* each prefetch is of a box of `part` lines; there are `parts` boxes */
} Lines;

enum { MAX_SOURCES = 8, MAX_ASKING = 64 };

typedef struct Sources { /* what to prefetch */
    int count, loops;    /* number of the builder's loops around */
    Lines lines[MAX_SOURCES];
    int asking; /* number of computes that prefetch; each prefetches its share of `iterations` */
    const Schedule *schedule[MAX_ASKING];
    long first[MAX_ASKING], iterations; /* first: the number of the next iteration to be built */
} Sources;

typedef struct Builder {
    Kernel *kernel;
    const char *why; /* set: the schedule cannot be applied */
    long scratch_top, scratch_most;
    int serial; /* numbers names */
    int loops;  /* around what is being built, outermost first */
    const Variable *loop[2 * MAX_LEVELS];
    Sources *ahead; /* what the compute at hand is to prefetch; NULL: nothing */
} Builder;

typedef struct Block { /* a list of statements being appended to */
    Statement *first, **end;
} Block;

void block_start(Block *block);
void block_add(Block *block, Statement *list);
Statement *new_loop(const Variable *variable, LoopKind kind, Statement *body);
void enter_loop(Builder *builder, const Variable *variable);
void leave_loops(Builder *builder, int count); /* the innermost ones */

/* Runs `body` where 0 ≤ value < limit for all conditions, else `other`. */
Statement *new_guard(const Condition *condition, int count, Statement *body, Statement *other);

bool refuse(Builder *builder, const char *pattern, ...) __attribute__((format(printf, 2, 3))); /* returns false */
int find_variable(const Compute *compute, const char *name);                                   /* −1: none */

/* resolve.c: one iteration of a compute. */
typedef enum { LEAF_ZERO, LEAF_SUM, LEAF_STORE } Leaf; /* sums (or outputs) = 0; sums += …; the stores */
Statement *build_leaf(Builder *builder, const Part *part, Leaf leaf);

/* The box of a virtual buffer that a part has in scratch; NULL: none. */
const Staged *find_staged(const Part *part, const Buffer *buffer);

/* prefetch.c: finds what parts that share all loops so far read of large tensors. Parts before the first one that prefetches count for the
 * next iteration, and so does what the prefetching parts stage; other parts count for this iteration. */
Sources *find_sources(const Builder *builder, Part **parts, int count);
/* The prefetches of one iteration: its share of builder->ahead. */
Statement *build_prefetches(Builder *builder, const Part *part);

/* stage.c */
/* The values that an index takes over the ranges of `count` variables, base … base + extent − 1; other variables are of loops around. */
void index_box(int count, const Variable *const *variable, const Range *range, const Affine *index, Affine *base, long *extent);
/* Widens base … base + extent − 1 to include another such range. Returns false if the two do not move together. */
bool widen_range(Affine *base, long *extent, Affine other_base, long other_extent);
/* Allocates the box and returns the nest that fills it; notes it in every part that reads the buffer. */
Statement *build_stage(Builder *builder, Part **parts, int count, const Stage *stage);

#endif
