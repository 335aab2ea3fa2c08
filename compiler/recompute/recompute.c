/* recompute: --max-ram as a rewriting of the graph: what is kept is chosen, the graph rewritten, and lowered. */
#include "recompute/recompute.h"

#include "base/pass.h"
#include "lower/lower.h"
#include "recompute/recompute_search.h"

#include <stdlib.h>
#include <string.h>

/* ---- what was traded ---- */

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

/* The workspace is reckoned without lowering; should the program that is then lowered want more, the next attempt is told so. */
static TargetCode *lower_attempt(TargetCode *plain, const Graph *evaluation, Trade *trade, long workspace) {
    const Footprint *footprint = find_footprint(plain);
    Keeping *keeping = NEW_ARRAY(Keeping, maximum(footprint->candidates, 1));
    TargetCode *code = plain;
    long most = workspace, least = plain->workspace_bytes;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        const Need need = choose_keeping(footprint, most, keeping);
        const Sequence *sequence = sequence_with(footprint, keeping);
        Graph *training = graph_of(program_named(plain, "train")->graph, sequence);
        verify_graph(training);
        code = evaluation ? lower_model(training, evaluation, plain->target, &plain->choices)
                          : lower_alone(training, plain->target, &plain->choices);
        begin_pass(PASS_RECOMPUTE);
        list_again(trade, footprint, sequence);
        least = minimum(least, code->workspace_bytes);
        trade->possible = code->workspace_bytes <= workspace;
        if (trade->possible || need.bytes > most) break;
        most -= code->workspace_bytes - workspace;
    }
    trade->after += (trade->possible ? code->workspace_bytes : least) - plain->workspace_bytes;
    return code;
}

TargetCode *lower_within(TargetCode *plain, const Graph *evaluation, const MemoryLimit *limit) {
    TargetCode *code = plain;
    if (!limit->bytes) return code;
    begin_pass(PASS_RECOMPUTE);
    const long scratch = limit->threads * code->scratch_bytes;
    Trade *trade = NEW(Trade);
    *trade = (Trade){.limit = *limit, .before = code->workspace_bytes + scratch, .after = code->workspace_bytes + scratch};
    const Program *train = program_named(code, "train");
    for (int i = 0; i < train->call_count; i++) {
        const KernelCall *call = &train->call[i];
        trade->step_flops += call->kernel->flops * (call->scan ? (double)call->scan->steps : 1);
    }
    trade->possible = trade->before <= limit->bytes;
    if (!trade->possible) code = lower_attempt(code, evaluation, trade, limit->bytes - scratch);
    code->trade = trade;
    code->tuning = plain->tuning;
    return code;
}
