/* pass.h: the passes by name, and the time that each takes. */
#ifndef ZOETROPE_PASS_H
#define ZOETROPE_PASS_H

#include <stdbool.h>
#include <stdio.h>

/* In order. Those from `recompute` on are run for each target, schedule and verify for each kernel. Name; can --dump show what it made. */
#define PASSES(X)                                                                                                                          \
    X(SPEC, "spec", true)                                                                                                                  \
    X(GRAPH, "graph", true)                                                                                                                \
    X(DIFFERENTIATE, "differentiate", true)                                                                                                \
    X(RECOMPUTE, "recompute", true)                                                                                                        \
    X(FUSE, "fuse", true)                                                                                                                  \
    X(PRODUCTS, "products", false)                                                                                                         \
    X(STORE, "store", false)                                                                                                               \
    X(LOWER, "lower", true)                                                                                                                \
    X(SCHEDULE, "schedule", true)                                                                                                          \
    X(VERIFY, "verify", false)                                                                                                             \
    X(PLAN, "plan", true)                                                                                                                  \
    X(EMIT, "emit", false)                                                                                                                 \
    X(WRITE, "write", false)

typedef enum Pass {
#define X(name, text, dumps) PASS_##name,
    PASSES(X)
#undef X
        PASS_COUNT
} Pass;

const char *pass_name(Pass pass);
bool pass_can_be_dumped(Pass pass);
/* From here on, time is this pass's. Returns the pass whose it was, for who wants to go back to it. */
Pass begin_pass(Pass pass);
void print_pass_times(FILE *out);

#endif
