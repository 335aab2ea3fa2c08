/* interpret_compute.c: a kernel that has not been scheduled: each compute's stores for every index, in index order. */
#include "interpret/interpreter.h"

#include <string.h>

typedef struct Span { /* the values of all variables of this name: low … high − 1 */
    const char *name;
    long low, high;
} Span;

typedef struct Spans {
    int count;
    Span span[MAX_LEVELS];
} Spans;

static Span span_of(const Spans *spans, const Variable *variable) {
    for (int i = spans->count - 1; i >= 0; i--) {
        Span span = spans->span[i];
        if (strcmp(span.name, variable->name) != 0) continue;
        span.high = minimum(span.high, variable->extent);
        return span;
    }
    return (Span){variable->name, 0, variable->extent};
}

static double larger(double a, double b) {
    return b > a ? b : a > b ? a : a - (a - b);
}

/* Σ over the reduced variables from number `v` on, in index order; or the largest term. */
static void add_terms(Machine *machine, const Compute *compute, const Spans *spans, int v) {
    while (v < compute->variable_count && !compute->reduced[v]) v++;
    if (v < compute->variable_count) {
        int slot = machine_slot(machine, compute->variable[v]);
        Span span = span_of(spans, compute->variable[v]);
        for (long i = span.low; i < span.high; i++) {
            machine->slot[slot].value = i;
            add_terms(machine, compute, spans, v + 1);
        }
        machine->slot[slot].value = UNBOUND;
        return;
    }
    for (int s = 0; s < compute->sum_count; s++) {
        int code = machine_code(machine, compute->sum[s], NULL, 0, compute->sum[s]);
        machine_evaluate(machine, code);
        double term = machine->code[code].value[machine->code[code].result[0]];
        if (compute->largest) machine->sum[s] = larger(machine->sum[s], term);
        else if (compute->sum[s]->type == TYPE_F64) machine->sum[s] += term;
        else machine->sum[s] = (double)((float)machine->sum[s] + (float)term);
    }
}

static void run_compute(Machine *machine, const Compute *compute, const Spans *spans, int v) {
    while (v < compute->variable_count && compute->reduced[v]) v++;
    if (v == compute->variable_count) {
        for (int s = 0; s < MAX_SUMS; s++) machine->sum[s] = compute->largest ? (double)LEAST : 0;
        if (compute->sum_count) add_terms(machine, compute, spans, 0);
        machine_assign(machine, machine_code(machine, compute, compute->store, compute->store_count, NULL));
        return;
    }
    int slot = machine_slot(machine, compute->variable[v]);
    Span span = span_of(spans, compute->variable[v]);
    for (long i = span.low; i < span.high; i++) {
        machine->slot[slot].value = i;
        run_compute(machine, compute, spans, v + 1);
    }
    machine->slot[slot].value = UNBOUND;
}

/* The range that a shared level steps through: that of the narrowest level outside it, or the longest of the computes'. */
static Span shared_span(const Compute *compute, int count, const Spans *spans, const char *name) {
    Span span = {name, 0, 0};
    for (int i = 0; i < count; i++)
        for (int v = 0; v < compute[i].variable_count; v++)
            if (strcmp(compute[i].variable[v]->name, name) == 0) span.high = maximum(span.high, compute[i].variable[v]->extent);
    for (int i = spans->count - 1; i >= 0; i--)
        if (strcmp(spans->span[i].name, name) == 0) return spans->span[i];
    return span;
}

/* The levels that computes share are what gives an order between them: for each tile, one compute after the other. */
static void run_shared(Machine *machine, Spans *spans, int first, int end, int level) {
    const Kernel *kernel = machine->kernel;
    for (int i = first, next; i < end; i = next) {
        next = i + 1;
        while (kernel->schedule && next < end && kernel->schedule[next].shared > level) next++;
        if (next == i + 1) {
            run_compute(machine, &kernel->compute[i], spans, 0);
            continue;
        }
        const Level *step = &kernel->schedule[i].level[level];
        Span span = shared_span(kernel->compute + i, next - i, spans, step->variable);
        bool innermost = level + 1 >= kernel->schedule[i].levels || kernel->schedule[i].level[level + 1].kind != LOOP_PARALLEL;
        for (long low = span.low; low < span.high; low += step->tile) {
            if (step->kind == LOOP_PARALLEL && innermost) machine_forget_locals(machine);
            spans->span[spans->count++] = (Span){step->variable, low, minimum(low + step->tile, span.high)};
            run_shared(machine, spans, i, next, level + 1);
            spans->count--;
        }
    }
}

void run_computes(Machine *machine) {
    Spans spans = {0};
    run_shared(machine, &spans, 0, machine->kernel->compute_count, 0);
}
