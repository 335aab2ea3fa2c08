/* recompute.c: --max-ram as a rewriting of the training graph: chooses which results are kept, and rewrites the graph. pipeline.c compiles
 * it again. */
#include "recompute/recompute.h"

#include "recompute/recompute_search.h"

#include <stdlib.h>
#include <string.h>

/* ---- the trade ---- */

static int larger_first(const void *a, const void *b) {
    const Again *left = a, *right = b;
    return left->bytes != right->bytes ? (left->bytes > right->bytes ? -1 : 1) : strcmp(left->name, right->name);
}

static void list_again(Trade *trade, const Footprint *footprint, const Sequence *sequence) {
    int *times = NEW_ARRAY(int, footprint->candidates);
    for (int i = 0; i < sequence->count; i++) {
        const int candidate = footprint->candidate_of[sequence->instance[i].node->id];
        if (candidate >= 0) times[candidate] += sequence->instance[i].again;
    }
    trade->count = 0;
    trade->again = NEW_ARRAY(Again, footprint->candidates);
    for (int i = 0; i < footprint->candidates; i++) {
        if (!times[i]) continue;
        const Node *node = footprint->candidate[i];
        const Tensor *tensor = footprint->program->buffer[node->id]->owner;
        trade->again[trade->count++] = (Again){.name = computing_node(footprint, node)->name,
                                               .bytes = tensor->bytes,
                                               .times = times[i],
                                               .flops = times[i] * candidate_flops(footprint, i)};
    }
    qsort(trade->again, (size_t)trade->count, sizeof *trade->again, larger_first);
}

/* ---- within a limit ---- */

bool is_within(const TargetCode *code, const MemoryLimit *limit) {
    return !limit->bytes || code->workspace_bytes + limit->threads * code->scratch_bytes <= limit->bytes;
}

enum { ATTEMPTS = 4 };

struct Recomputation {
    const TargetCode *plain;
    int steps, step;
    const Footprint *footprint;
    Trade *trade;
    long scratch; /* bytes of all threads */
    long most;    /* bytes that the next attempt may have */
    int attempts;
    Need need; /* of the last attempt, as it was estimated */
};

static double step_flops(const Program *train) {
    double flops = 0;
    for (int i = 0; i < train->call_count; i++) {
        const Call *call = &train->call[i];
        flops += call->kernel->flops * (call->scan ? (double)call->scan->steps : 1);
    }
    return flops;
}

/* Of the step, and of all that is no step: the others are recomputed by themselves. */
static long workspace_of(const Recomputation *r, const TargetCode *code) {
    return r->steps == 1 ? code->workspace_bytes : workspace_without(code, r->steps, r->step);
}

Recomputation *begin_recomputation(const TargetCode *plain, const MemoryLimit *limit, int steps, int step) {
    Recomputation *recomputation = NEW(Recomputation);
    *recomputation = (Recomputation){.plain = plain, .steps = steps, .step = step};
    const long scratch = limit->threads * plain->scratch_bytes, before = workspace_of(recomputation, plain) + scratch;
    Trade *trade = NEW(Trade);
    *trade = (Trade){.limit = *limit, .before = before, .after = before, .possible = before <= limit->bytes};
    for (int i = 0; i < steps; i++) trade->step_flops += step_flops(plain->program[i]);
    recomputation->trade = trade;
    recomputation->scratch = scratch;
    recomputation->most = limit->bytes - scratch;
    if (!trade->possible) recomputation->footprint = find_footprint(plain, steps, step);
    return recomputation;
}

/* The workspace is estimated without compiling. If the compiled code needs more, the next attempt may use that much less. */
static void judge_attempt(Recomputation *r, const TargetCode *code) {
    const long bytes = workspace_of(r, code) + r->scratch;
    r->trade->after = minimum(r->trade->after, bytes);
    r->trade->possible = bytes <= r->trade->limit.bytes;
    if (!r->trade->possible && r->need.bytes > r->most) r->attempts = ATTEMPTS; /* nothing can be smaller */
    else r->most -= bytes - r->trade->limit.bytes;
}

Graph *next_recomputation(Recomputation *r, const TargetCode *code) {
    if (r->attempts > 0) judge_attempt(r, code);
    if (r->trade->possible || r->attempts >= ATTEMPTS) return NULL;
    Keeping *keeping = NEW_ARRAY(Keeping, maximum(r->footprint->candidates, 1));
    r->attempts++;
    r->need = choose_keeping(r->footprint, r->most, keeping);
    const Sequence *sequence = sequence_with(r->footprint, keeping);
    list_again(r->trade, r->footprint, sequence);
    Graph *training = graph_of(r->footprint->graph, sequence);
    verify_graph(training);
    return training;
}

/* Of two steps: what both compute again; the one that needs more memory says how much all need. */
static Trade *both_trades(const Trade *a, const Trade *b) {
    Trade *both = NEW(Trade);
    *both = *a;
    both->before = maximum(a->before, b->before);
    both->after = maximum(a->after, b->after);
    both->possible = a->possible && b->possible;
    both->again = NEW_ARRAY(Again, maximum(a->count + b->count, 1));
    for (int i = 0; i < a->count; i++) both->again[i] = a->again[i];
    for (int i = 0; i < b->count; i++) both->again[both->count++] = b->again[i];
    qsort(both->again, (size_t)both->count, sizeof *both->again, larger_first);
    return both;
}

TargetCode *end_recomputation(const Recomputation *r, TargetCode *code, const Trade *others) {
    code->trade = others ? both_trades(others, r->trade) : r->trade;
    code->tuning = r->plain->tuning;
    return code;
}
