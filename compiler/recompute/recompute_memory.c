/* recompute_memory.c: the workspace that a sequence needs. It starts from the program without recomputation: its calls, and the tensors
 * that each of them touches. A node that is computed again calls the same kernels with other tensors. So the workspace of any sequence is
 * known without lowering it. */
#include "recompute/recompute_memory.h"

#include "lower/kernel_buffers.h"
#include "lower/plan.h"

#include <limits.h>
#include <math.h>

enum { NODES_LEAST = 4000, NODES_TIMES = 4, PLACEMENTS_OF_A_NODE = 32 };

/* ---- the program without recomputation ---- */

static void note_call(Footprint *f, PointerMap *known, int call) {
    const Buffer *buffers[MAX_BUFFERS];
    bool written[MAX_BUFFERS];
    const int count = kernel_buffers(f->program->call[call].kernel, buffers, written, MAX_BUFFERS);
    f->touched_from[call] = f->touched_count;
    for (int b = 0; b < count; b++) {
        Tensor *tensor = whole_tensor(buffers[b]->owner);
        if (tensor->kept || tensor->place != PLACE_WORKSPACE) continue;
        bool added;
        long *number = pointer_map_add(known, tensor, &added);
        if (added) {
            *number = f->tensors;
            MAKE_ROOM(f->tensor, f->tensors, f->tensor_capacity);
            f->tensor[f->tensors++] = tensor;
        }
        MAKE_ROOM(f->touched, f->touched_count, f->touched_capacity);
        MAKE_ROOM(f->written, f->touched_count, f->written_capacity);
        f->written[f->touched_count] = written[b];
        f->touched[f->touched_count++] = (int)*number;
    }
    f->touched_from[call + 1] = f->touched_count;
}

static void find_spans(Footprint *f) {
    const Program *program = f->program;
    for (int side = 0; side < 2; side++) f->span[side] = NEW_ARRAY(int, program->call_count);
    for (int first = 0, end; first < program->call_count; first = end) {
        const Scan *scan = program->call[first].scan;
        for (end = first + 1; scan && end < program->call_count && program->call[end].scan == scan;) end++;
        for (int call = first; call < end; call++) f->span[0][call] = first, f->span[1][call] = end - 1;
    }
}

/* A tensor that only the calls of one node touch is a new one wherever that node is computed. */
static void find_owners(Footprint *f, const PointerMap *known) {
    int *node_of = NEW_ARRAY(int, f->tensors);
    f->owner = NEW_ARRAY(Owner, f->tensors);
    f->owner_number = NEW_ARRAY(int, f->tensors);
    for (int t = 0; t < f->tensors; t++) node_of[t] = -1, f->owner[t] = OF_CALLS;
    for (int n = 0; n < f->graph->node_count; n++)
        for (int k = f->touched_from[f->program->first_call[n]]; k < f->touched_from[f->program->first_call[n + 1]]; k++) {
            const int t = f->touched[k];
            if (node_of[t] >= 0 && node_of[t] != n) f->owner[t] = OF_PROGRAM;
            node_of[t] = n;
        }
    f->result = NEW_ARRAY(int, f->candidates);
    for (int i = 0; i < f->candidates; i++) {
        const int t = f->result[i] = (int)*pointer_map_find(known, f->program->buffer[f->candidate[i]->id]->owner);
        f->owner[t] = OF_CANDIDATE;
        f->owner_number[t] = i;
    }
}

static void find_summed(Footprint *f) {
    f->summed = NEW_ARRAY(int, f->graph->node_count);
    for (int i = 0; i < f->graph->node_count; i++) f->summed[i] = -1;
    for (int i = 0; i < f->graph->node_count; i++)
        if (f->program->summed_by[i]) f->summed[f->program->summed_by[i]->id] = i;
}

/* ---- candidates ---- */

static bool can_be_computed_again(const Node *node) {
    const bool product = node->op == OP_CONV2D || node->op == OP_CONV_TRANSPOSE2D || node->op == OP_LINEAR;
    return node->scan ? node->op == OP_LINEAR : product || node->op == OP_UPSAMPLE || operation_is(node->op, ELEMENTWISE | MOVE | POOL);
}

/* Is the node stored in the workspace, and used by gradients? */
static bool is_candidate(const Footprint *f, const Node *node, const PointerMap *known) {
    const Buffer *buffer = f->program->buffer[node->id];
    if (!buffer || !node->forward || !can_be_computed_again(node)) return false;
    const long *number = pointer_map_find(known, buffer->owner);
    return number && f->tensor[*number]->last >= f->program->first_call[f->graph->forward_count];
}

static void find_candidates(Footprint *f, const PointerMap *known) {
    const Graph *graph = f->graph;
    f->candidate = NEW_ARRAY(const Node *, graph->node_count);
    f->candidate_of = NEW_ARRAY(int, graph->node_count);
    for (int i = 0; i < graph->node_count; i++) {
        const bool is = is_candidate(f, graph->node[i], known);
        f->candidate_of[i] = is ? f->candidates : -1;
        if (is) f->candidate[f->candidates++] = graph->node[i];
    }
}

long workspace_without(const TargetCode *code, int steps, int step) {
    long top = code->kept_bytes;
    for (int i = 0; i < code->program_count; i++)
        if (i == step || i >= steps) top = maximum(top, plan_program(code->program[i], code->kept_bytes));
    return top;
}

Footprint *find_footprint(const TargetCode *code, int steps, int step) {
    Footprint *f = NEW(Footprint);
    const Program *program = code->program[step];
    *f = (Footprint){.graph = program->graph, .code = code, .program = program, .touched_from = NEW_ARRAY(int, program->call_count + 1)};
    PointerMap known = {0};
    for (int call = 0; call < program->call_count; call++) note_call(f, &known, call);
    find_spans(f);
    find_candidates(f, &known);
    find_owners(f, &known);
    find_summed(f);
    f->most_nodes = (int)maximum(NODES_LEAST, NODES_TIMES * (long)f->graph->node_count);
    f->least_top = workspace_without(code, steps, -1);
    return f;
}

/* ---- what a sequence touches ---- */

typedef struct Run { /* of a sequence's calls */
    const Footprint *footprint;
    const Sequence *sequence;
    int calls;
    int tensors, capacity; /* those of the footprint, then those of repeated nodes */
    Tensor *tensor;
    int *result;   /* by instance: the tensor of the candidate that it is; −1: none */
    int *first;    /* by node id: its own instance */
    int own_first; /* tensors from here on are of the instance that is being run … */
    int *own;      /* … and in the place of these of the footprint */
    int own_capacity;
    double flops;
} Run;

static int new_tensor_like(Run *run, int tensor) {
    MAKE_ROOM(run->tensor, run->tensors, run->capacity);
    MAKE_ROOM(run->own, run->tensors, run->own_capacity);
    run->tensor[run->tensors] = (Tensor){.bytes = run->footprint->tensor[tensor]->bytes, .first = -1};
    run->own[run->tensors] = tensor;
    return run->tensors++;
}

/* The candidate's result that the instance reads, through nodes without storage; −1 if it reads none. */
static int result_read(const Run *run, int instance, int candidate) {
    const Instance *reader = &run->sequence->instance[instance];
    for (int k = 0; k < reader->node->input_count; k++) {
        const int input = reader->input[k];
        if (input < 0) continue;
        const Node *node = run->sequence->instance[input].node;
        if (run->footprint->candidate_of[node->id] == candidate) return run->result[input];
        const int through = node->fused ? result_read(run, input, candidate) : -1;
        if (through >= 0) return through;
    }
    return -1;
}

static int tensor_of(Run *run, int instance, int tensor) {
    const Footprint *f = run->footprint;
    const bool again = run->sequence->instance[instance].again;
    if (f->owner[tensor] == OF_CANDIDATE) {
        const int summed = f->summed[run->sequence->instance[instance].node->id];
        int read = result_read(run, instance, f->owner_number[tensor]);
        if (read < 0 && summed >= 0 && !again) read = result_read(run, run->first[summed], f->owner_number[tensor]);
        if (read >= 0) return read;
    }
    if (!again || f->owner[tensor] == OF_PROGRAM) return tensor;
    for (int own = run->own_first; own < run->tensors; own++)
        if (run->own[own] == tensor) return own;
    return new_tensor_like(run, tensor);
}

static void run_call(Run *run, int instance, int call) {
    const Footprint *f = run->footprint;
    const Call *made = &f->program->call[call];
    const bool again = run->sequence->instance[instance].again;
    if (again) run->flops += made->kernel->flops * (made->scan ? (double)made->scan->steps : 1);
    for (int k = f->touched_from[call]; k < f->touched_from[call + 1]; k++) {
        if (again && f->written[k] && f->owner[f->touched[k]] == OF_PROGRAM) continue; /* sums for another node: it has them already */
        Tensor *tensor = &run->tensor[tensor_of(run, instance, f->touched[k])];
        const int first = again ? run->calls : run->calls - (call - f->span[0][call]);
        const int last = again ? run->calls : run->calls + f->span[1][call] - call;
        if (tensor->first < 0) tensor->first = first;
        tensor->last = last;
    }
    run->calls++;
}

/* The tensor that holds the instance's result: written by its calls, or by those of the convolution whose kernel it ends. */
static int result_of(Run *run, int instance) {
    const Footprint *f = run->footprint;
    const Instance *made = &run->sequence->instance[instance];
    const int candidate = f->candidate_of[made->node->id];
    if (candidate < 0) return -1;
    if (!made->again) return f->result[candidate];
    for (int own = run->own_first; own < run->tensors; own++)
        if (run->own[own] == f->result[candidate]) return own;
    die("%s has no tensor", made->node->name);
}

static void run_sequence(Run *run) {
    const Footprint *f = run->footprint;
    const int count = run->sequence->count;
    run->result = NEW_ARRAY(int, count);
    run->first = NEW_ARRAY(int, f->graph->node_count);
    for (int i = 0; i < count; i++)
        if (!run->sequence->instance[i].again) run->first[run->sequence->instance[i].node->id] = i;
    for (int t = 0; t < f->tensors; t++) new_tensor_like(run, t);
    run->own_first = run->tensors;
    for (int i = 0; i < count; i++) {
        const Instance *instance = &run->sequence->instance[i];
        const int from = f->program->first_call[instance->node->id], end = f->program->first_call[instance->node->id + 1];
        if (from < end) run->own_first = run->tensors; /* an activation that ends a kernel comes right after it, without calls */
        for (int call = from; call < end; call++) run_call(run, i, call);
        run->result[i] = result_of(run, i);
    }
    run->calls += f->program->call_count - f->program->first_call[f->graph->node_count]; /* the update, which touches no such tensors … */
    for (int t = 0; t < f->tensors; t++)                                                 /* … but gradients */
        if (f->tensor[t]->stays) run->tensor[t].last = run->calls - 1;
}

/* ---- how much that is ---- */

static double excess_over(const long *live, int calls, long limit) {
    double excess = 0;
    for (int call = 0; call < calls; call++) excess += live[call] > limit ? (double)(live[call] - limit) : 0;
    return excess;
}

Need find_need(const Footprint *f, const Keeping *keeping, long limit, long most) {
    arena_enter();
    Run run = {.footprint = f, .sequence = sequence_with(f, keeping)};
    const int nodes = run.sequence->count;
    if (nodes > f->most_nodes) {
        arena_leave();
        return (Need){.bytes = LONG_MAX, .cost = nodes, .flops = HUGE_VAL, .excess = HUGE_VAL};
    }
    run_sequence(&run);
    long *live = NEW_ARRAY(long, run.calls + 2), peak = 0;
    Tensor **used = NEW_ARRAY(Tensor *, run.tensors);
    int used_count = 0;
    for (int t = 0; t < run.tensors; t++) {
        Tensor *tensor = &run.tensor[t];
        if (tensor->first < 0) continue;
        used[used_count++] = tensor;
        live[tensor->first] += round_up(tensor->bytes, 64);
        live[tensor->last + 1] -= round_up(tensor->bytes, 64);
    }
    const long kept = f->code->kept_bytes;
    for (int call = 1; call < run.calls; call++) live[call] += live[call - 1];
    for (int call = 0; call < run.calls; call++) peak = maximum(peak, live[call]);
    Need need = {.cost = nodes,
                 .bytes = maximum(kept + peak, f->least_top),
                 .flops = run.flops,
                 .excess = excess_over(live, run.calls, limit - kept)};
    need.placed = need.bytes <= most;
    if (need.placed) need.cost += (double)used_count * used_count / PLACEMENTS_OF_A_NODE;
    if (need.placed) need.bytes = maximum(place_tensors(used, used_count, kept), f->least_top);
    arena_leave();
    return need;
}

double candidate_flops(const Footprint *f, int candidate) {
    const Node *node = f->candidate[candidate];
    const int *first = &f->program->first_call[node->id];
    if (first[0] == first[1]) first = &f->program->first_call[node->input[0]->id];
    double flops = 0;
    for (int call = first[0]; call < first[1]; call++) {
        const Call *made = &f->program->call[call];
        flops += made->kernel->flops * (made->scan ? (double)made->scan->steps : 1);
    }
    return flops;
}
