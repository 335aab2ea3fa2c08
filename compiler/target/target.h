/* target.h: instruction sets. A target is a table; nothing else in the compiler knows an intrinsic. */
#ifndef ZOETROPE_TARGET_H
#define ZOETROPE_TARGET_H

#include "loop/kernel.h"

typedef struct Target {
    const char *name;      /* avx512 */
    const char *describes; /* for --help and errors */
    int lanes;             /* floats in a vector = channels in a block of a layout */
    int registers;         /* vector registers */
    bool fused;            /* MULTIPLY_ADD is one rounding */
    /* The figures of the cost model. A cycle: vector multiply-adds, vector loads, vector loads that stream from the second-level cache,
     * loads that broadcast a scalar. And the latency of a multiply-add. */
    double multiply_adds, loads, streams, broadcasts, latency;
    double conversion;   /* the cost of converting a vector of narrow weights besides its load, in multiply-adds; 0: they are floats */
    bool inference_only; /* no trainer runs there */
    bool little_endian;  /* it has no big-endian machines */
    bool prefetches;     /* has prefetch_line */
    bool nontemporal;    /* has stores that bypass the caches; a vector is a cache line */
    bool pairs;          /* has DOT_ADD: products of convolutions take bfloat16 */
    bool emulation;      /* has the bits of another target, slowly; only made where asked for */
    /* How C is printed for it; the tables are in target*.c, their use in emit*.c. */
    const struct TargetPrinting *printing;
} Target;

enum { MAX_TARGETS = 8 };                       /* of one command */
extern const Target *const targets[];           /* the targets of trainers: best first, then NULL */
extern const Target *const bf16_targets[];      /* the same, with `precision: bf16` */
extern const Target *const inference_targets[]; /* the targets that only bundles have, and only on request; then NULL */
const Target *find_target(const char *name);    /* of any list; NULL: none of that name */
/* The order in which a program tries them, best first: dot products, which only some precisions have; an emulation last. */
void sort_targets(const Target **list, int count);

#endif
