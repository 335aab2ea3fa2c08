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

enum { ATTEMPTS = 4 };

struct Recomputation {
    const TargetCode *plain;
    const Footprint *footprint;
    Trade *trade;
    long workspace; /* bytes that it may have */
    long most;      /* bytes that the next attempt may have */
    long least;     /* that an attempt had */
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

Recomputation *begin_recomputation(const TargetCode *plain, const MemoryLimit *limit) {
    const long scratch = limit->threads * plain->scratch_bytes, before = plain->workspace_bytes + scratch;
    Trade *trade = NEW(Trade);
    *trade = (Trade){.limit = *limit,
                     .before = before,
                     .after = before,
                     .possible = before <= limit->bytes,
                     .step_flops = step_flops(program_named(plain, "train"))};
    Recomputation *recomputation = NEW(Recomputation);
    *recomputation = (Recomputation){.plain = plain, .trade = trade, .workspace = limit->bytes - scratch, .least = plain->workspace_bytes};
    recomputation->most = recomputation->workspace;
    if (!trade->possible) recomputation->footprint = find_footprint(plain);
    return recomputation;
}

/* The workspace is estimated without compiling. If the compiled code needs more, the next attempt may use that much less. */
static void judge_attempt(Recomputation *r, const TargetCode *code) {
    r->least = minimum(r->least, code->workspace_bytes);
    r->trade->possible = code->workspace_bytes <= r->workspace;
    if (!r->trade->possible && r->need.bytes > r->most) r->attempts = ATTEMPTS; /* nothing can be smaller */
    else r->most -= code->workspace_bytes - r->workspace;
}

const Graph *next_recomputation(Recomputation *r, const TargetCode *code) {
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

TargetCode *end_recomputation(const Recomputation *r, TargetCode *code) {
    if (r->attempts > 0) r->trade->after += (r->trade->possible ? code->workspace_bytes : r->least) - r->plain->workspace_bytes;
    code->trade = r->trade;
    code->tuning = r->plain->tuning;
    return code;
}
