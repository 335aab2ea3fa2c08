/* recompute.h: --max-ram. Some results that the forward pass stores for the backward pass are dropped, and computed again there by the
 * same kernels, so with the same bits. That saves memory and takes time.
 *
 * A candidate is a forward node that can be computed again, and whose stored result the backward pass reads, directly or through fused
 * nodes: a convolution (with its activation, if that ends its kernel), a linear layer, or a stored activation. Batch norm's statistics and
 * the states of a GRU are never computed again: they are small, or would need the loop over time. Each candidate is STORED, or it is
 * computed again: ONCE for all its readers in the backward pass, or FRESH. FRESH computes it for the backward nodes that read it, and anew
 * wherever another candidate is computed from it. */
#ifndef ZOETROPE_RECOMPUTE_H
#define ZOETROPE_RECOMPUTE_H

#include "lower/program.h"

enum { MOST_THREADS = 1024 };

typedef struct MemoryLimit { /* of training: the fixed part + threads × scratch */
    long bytes;              /* 0: no limit */
    int threads;
} MemoryLimit;

bool is_within(const TargetCode *code, const MemoryLimit *limit);

typedef struct Again { /* one node of the forward pass */
    const char *name;
    long bytes; /* of its result, which is not kept */
    int times;  /* how often it is computed again */
    double flops;
} Again;

typedef struct Trade { /* for one target; `before` and `after` are the memory that the limit applies to */
    MemoryLimit limit;
    long before, after; /* if the limit cannot be kept, `after` is the least memory */
    bool possible;
    double step_flops; /* of all training steps before */
    int count;         /* the results that are computed again, the largest first */
    Again *again;
} Trade;

typedef struct Recomputation Recomputation;
/* Of one step of training, of a target in which nothing of that step is computed again. The first `steps` programs are the steps. */
Recomputation *begin_recomputation(const TargetCode *plain, const MemoryLimit *limit, int steps, int step);
/* The step's graph to compile next, with some of its results computed again; NULL: `code`, compiled from the last one, or `plain` at
 * first, is within the limit, or as near to it as can be. */
Graph *next_recomputation(Recomputation *recomputation, const TargetCode *code);
/* Gives the code that was compiled last its Trade, together with that of other steps; NULL: there is none yet. */
TargetCode *end_recomputation(const Recomputation *recomputation, TargetCode *code, const Trade *others);

#endif
