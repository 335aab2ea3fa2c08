/* kernel.h: the loop IR before it is scheduled: the computation (Compute), and the way to run it (Schedule).
 *
 *   lower      graph node → Kernel whose Computes say: for every index, out[…] = f(sum over … of …)
 *   schedule   Compute + Schedule → tree of Statements: loops, guards, assignments on buffers (loop_tree.h)
 *   verify     proves every access of a tree in bounds and parallel loops free of conflicts
 *   interpret  runs a tree, slowly, for the tests
 *   emit       prints a tree as C for one target
 *
 * All memory is the arena's. Nodes never change once they are built, unless a pass says so. */
#ifndef ZOETROPE_KERNEL_H
#define ZOETROPE_KERNEL_H

#include "loop/expression.h"

#include <float.h>

enum { MAX_LEVELS = 24, MAX_STORES = 9, MAX_SUMS = 4 };

/* ---- the computation ---- */

/* For every value of the variables that are not `reduced`: each sum is Σ over the reduced ones of its expression, then
 * all stores happen at once (their values are computed before any is written). Index order of a sum: variables in order, last fastest. */
typedef struct Store {
    const Buffer *buffer;
    Affine index[MAX_RANK];
    const Expression *value;
    bool accumulate;  /* buffer += value, instead of = */
    bool nontemporal; /* a hint to bypass the caches; nontemporal.c gives it to stores of whole cache lines */
} Store;

#define LEAST (-FLT_MAX)

typedef struct Compute {
    int variable_count;
    Variable *variable[MAX_VARIABLES];
    bool reduced[MAX_VARIABLES];
    int sum_count;
    const Expression *sum[MAX_SUMS];
    bool largest; /* each sum is the largest of its terms instead: no number where one is none; LEAST where there are no terms */
    int store_count;
    Store store[MAX_STORES];
} Compute;

/* ---- the schedule ---- */

typedef enum { LOOP_SERIAL, LOOP_PARALLEL, LOOP_UNROLL, LOOP_VECTOR } LoopKind;

/* One loop level: steps over the rest of the variable's range in tiles of `tile`. The remainder is peeled: it follows as a copy of
 * everything below, with constant, smaller ranges. */
typedef struct Level {
    const char *variable; /* by name, so that Computes with variables of the same name share it */
    long tile;
    LoopKind kind;
} Level;

/* Materialises a box of a virtual buffer in scratch: all elements that are read below `level` loops. */
typedef struct Stage {
    const Buffer *buffer; /* VIRTUAL; NULL: none */
    int level;            /* number of loop levels around it */
    int order[MAX_RANK];  /* order of the dimensions in scratch, outermost first */
    int blocked;          /* dimension whose lanes are innermost in scratch, and are copied as vectors; or −1 */
    int split; /* dimension that the copying loops walk in whole blocks, lanes innermost: `blocked`, or that of the source; or −1 */
    long block;
    bool flat;  /* the lanes of `blocked` are copied as vectors, but lie in order, as one row: it is the innermost dimension */
    int phased; /* dimension that is split by `phases` (so that every phases-th element is adjacent), or −1 */
    long phases;
} Stage;

/* Prefetches inside of `inner` levels, a few cache lines each time: the data that the next iteration of the `outer` outermost levels
 * stages, and the data that the computes after this one read in this iteration. The addresses are those of an iteration of equal size; if
 * that is wrong, it does no harm. */
typedef struct Ahead {
    int outer, inner; /* inner 0: nothing is prefetched */
    bool own;         /* also the data that the compute itself reads unstaged, for the next iteration */
} Ahead;

typedef struct Schedule {
    int lanes; /* vector loops with fewer iterations than this are serial; 0: none are */
    int levels;
    Level level[MAX_LEVELS];
    int shared; /* the number of outermost levels shared with the compute before this one. They are equal in both except for the tiles of
                   parallel levels: an iteration has as many values of each compute's variable as that compute's tile says */
    int accumulate; /* sums are held in registers below this many levels; −1: summed in memory */
    bool call;      /* what is below `accumulate` is done by a call: a product of two matrices, added up in memory */
    int stages;
    Stage stage[2];
    Ahead ahead;
} Schedule;

typedef struct Statement Statement;

typedef struct Kernel {
    const char *name;     /* encoder1_conv_forward */
    const char *serves;   /* the kernel that needs it because of its choices; NULL: none */
    const char *layer;    /* whose work it is: encoder1, loss; NULL: that of the update */
    bool product;         /* a convolution, a linear layer or a gradient of one */
    const char *comment;  /* shapes and the formula, a line each */
    double flops, bytes;  /* arithmetic as written (a multiply-add is 2), and compulsory traffic */
    bool read_late;       /* its results, in the workspace, are read after they have left the caches */
    const Variable *time; /* a scan's body: the step, an argument of the generated function; else NULL */
    int compute_count;
    Compute *compute;
    Schedule *schedule;        /* one for each compute */
    Statement *tree;           /* made by schedule.c; NULL before */
    long scratch_size;         /* bytes a thread; before scheduling: those of SCRATCH buffers that the computes name, from 0 on */
    const char *schedule_note; /* the schedule in words, for the comment over the function */
} Kernel;

#endif
