#include "base/pass.h"

#include <time.h>

static const struct {
    const char *name;
    bool dumps;
} passes[PASS_COUNT] = {
#define X(name, text, dumps) [PASS_##name] = {text, dumps},
    PASSES(X)
#undef X
};

const char *pass_name(Pass pass) {
    return passes[pass].name;
}

bool pass_can_be_dumped(Pass pass) {
    return passes[pass].dumps;
}

static double milliseconds[PASS_COUNT];
static Pass current;

/* Since the last call. */
static double elapsed(void) {
    static struct timespec last;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double since = last.tv_sec ? (double)(now.tv_sec - last.tv_sec) * 1e3 + (double)(now.tv_nsec - last.tv_nsec) / 1e6 : 0;
    last = now;
    return since;
}

Pass begin_pass(Pass pass) {
    Pass before = current;
    milliseconds[before] += elapsed();
    current = pass;
    return before;
}

void print_pass_times(FILE *out) {
    begin_pass(current);
    double total = 0;
    for (Pass pass = 0; pass < PASS_COUNT; pass++) total += milliseconds[pass];
    for (Pass pass = 0; pass < PASS_COUNT; pass++) fprintf(out, "%-16s %8.1f ms\n", passes[pass].name, milliseconds[pass]);
    fprintf(out, "%-16s %8.1f ms\n", "total", total);
}
