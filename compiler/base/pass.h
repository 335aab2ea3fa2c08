/* pass.h: the passes by name, and the time that each takes. */
#ifndef ZOETROPE_PASS_H
#define ZOETROPE_PASS_H

#include <stdbool.h>
#include <stdio.h>

/* The passes, in order. From `recompute` on, they run for each target; schedule and verify visit each kernel. Columns: name; whether
 * --dump can show its result. */
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
/* Time is charged to this pass from now on. Returns the previous pass. */
Pass begin_pass(Pass pass);
void print_pass_times(FILE *out);

#endif
