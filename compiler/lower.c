/* lower: a graph → the kernels and programs of one target. */
#include "lower.h"
#include "pass.h"
#include "pointer_map.h"
#include "tuning.h"

#include <string.h>

/* ---- kernels under construction ---- */

Kernel *new_kernel(const char *name, int computes) {
    Kernel *kernel = NEW(Kernel);
    *kernel = (Kernel){.name = name, .comment = "", .compute_count = computes};
    kernel->compute = NEW_ARRAY(Compute, computes);
    kernel->schedule = NEW_ARRAY(Schedule, computes);
    for (int i = 0; i < computes; i++) kernel->schedule[i].accumulate = -1;
    return kernel;
}

Variable *add_variable(Compute *compute, const char *name, long extent, bool reduced) {
    if (compute->variable_count == MAX_VARIABLES) die("more than %d variables", MAX_VARIABLES);
    Variable *variable = new_variable(name, extent);
    compute->reduced[compute->variable_count] = reduced;
    compute->variable[compute->variable_count++] = variable;
    return variable;
}

void add_store(Compute *compute, const Buffer *buffer, const Affine *index, const Expression *value) {
    if (compute->store_count == MAX_STORES) die("more than %d stores", MAX_STORES);
    Store *store = &compute->store[compute->store_count++];
    *store = (Store){.buffer = buffer, .value = value};
    memcpy(store->index, index, sizeof(Affine) * (size_t)buffer->rank);
    if (buffer->type == TYPE_F64 && value->type == TYPE_F32) store->value = op1(WIDEN, value);
    if (buffer->type == TYPE_F32 && value->type == TYPE_F64) store->value = op1(NARROW, value);
}

Buffer *new_scratch(Kernel *kernel, const char *name, int rank, const long *shape, const int *order, int blocked, long block) {
    Buffer *buffer = new_buffer(name, TYPE_F32, SPACE_SCRATCH, rank, shape, layout_ordered(rank, shape, order, blocked, block));
    buffer->offset = kernel->scratch_size;
    kernel->scratch_size += round_up(buffer->layout.size * 4, 64);
    return buffer;
}

void add_level(Schedule *schedule, const char *variable, long tile, LoopKind kind) {
    if (schedule->levels == MAX_LEVELS) die("more than %d levels", MAX_LEVELS);
    schedule->level[schedule->levels++] = (Level){variable, tile, kind};
}

void ask_ahead(const Lowering *l, Schedule *schedule, int outer) {
    if (l->target->prefetches) schedule->ahead = (Ahead){.outer = outer, .inner = schedule->levels};
}

/* ---- can the lanes of a vector lie along a variable? ---- */

typedef struct Fitting {
    const Variable *variable;
    int lanes;
    bool fits;
} Fitting;

static const Expression *fit_load(const Expression *e, void *context);

static void fit_index(Fitting *fitting, const Buffer *buffer, const Affine *index, const Expression *value) {
    for (int d = 0; d < buffer->rank; d++) {
        long coefficient = affine_coefficient(&index[d], fitting->variable);
        if (coefficient == 0) continue;
        if (buffer->space == SPACE_VIRTUAL) { /* along its own variable, as staged: unit steps there */
            Fitting inner = {buffer->index[d], fitting->lanes, true};
            expression_rewrite(value, fit_load, &inner);
            fitting->fits = fitting->fits && inner.fits && coefficient == 1;
            continue;
        }
        bool adjacent = false;
        long whole = buffer->shape[d];
        for (int t = 0; t < buffer->layout.count; t++) {
            if (buffer->layout.term[t].dimension != d || buffer->layout.term[t].stride != 1 || buffer->layout.term[t].divisor != 1)
                continue;
            long modulus = buffer->layout.term[t].modulus;
            adjacent = modulus == 0 || modulus == fitting->lanes;
            if (modulus == fitting->lanes && (index[d].constant % fitting->lanes != 0 || whole % fitting->lanes != 0)) adjacent = false;
        }
        fitting->fits = fitting->fits && adjacent && coefficient == 1 && buffer->type != TYPE_F64;
    }
}

static const Expression *fit_load(const Expression *e, void *context) {
    if (e->kind == EXPRESSION_LOAD) fit_index(context, e->buffer, e->index, e->buffer->value);
    return e;
}

bool lanes_fit(const Compute *compute, const char *variable, int lanes) {
    Fitting fitting = {.lanes = lanes, .fits = true};
    for (int i = 0; i < compute->variable_count; i++)
        if (strcmp(compute->variable[i]->name, variable) == 0) fitting.variable = compute->variable[i];
    if (!fitting.variable || fitting.variable->extent < lanes) return false;
    for (int s = 0; s < compute->sum_count; s++) {
        if (compute->sum[s]->type == TYPE_F64) return false;
        expression_rewrite(compute->sum[s], fit_load, &fitting);
    }
    for (int s = 0; s < compute->store_count; s++) {
        const Store *store = &compute->store[s];
        bool depends = false;
        for (int d = 0; d < store->buffer->rank; d++) depends = depends || affine_coefficient(&store->index[d], fitting.variable) != 0;
        if (!depends) return false;
        fit_index(&fitting, store->buffer, store->index, NULL);
        expression_rewrite(store->value, fit_load, &fitting);
    }
    return fitting.fits;
}

/* ---- work ---- */

typedef struct Traffic {
    PointerMap seen; /* buffers */
    double bytes;
} Traffic;

static void count_buffer(Traffic *traffic, const Buffer *buffer) {
    bool added;
    pointer_map_add(&traffic->seen, buffer, &added);
    if (added && buffer->space == SPACE_TENSOR) traffic->bytes += (double)(buffer->layout.size * type_size(buffer->type));
}

static const Expression *count_load(const Expression *e, void *context) {
    if (e->kind != EXPRESSION_LOAD) return e;
    count_buffer(context, e->buffer);
    if (e->buffer->space == SPACE_VIRTUAL) expression_rewrite(e->buffer->value, count_load, context); /* `rest` loads nothing else */
    return e;
}

void set_work(Kernel *kernel, double flops) {
    Traffic traffic = {.bytes = 0};
    for (int i = 0; i < kernel->compute_count; i++) {
        const Compute *compute = &kernel->compute[i];
        for (int s = 0; s < compute->sum_count; s++) expression_rewrite(compute->sum[s], count_load, &traffic);
        for (int s = 0; s < compute->store_count; s++) {
            count_buffer(&traffic, compute->store[s].buffer);
            expression_rewrite(compute->store[s].value, count_load, &traffic);
        }
    }
    kernel->flops = flops;
    kernel->bytes = traffic.bytes;
}

/* ---- finishing ---- */

static const char *schedule_words(const Kernel *kernel) {
    const Schedule *schedule = &kernel->schedule[0];
    static const char *const kinds[] = {"", " parallel", " unrolled", " lanes"};
    Text text = {0};
    for (int i = 0; i < schedule->levels; i++) {
        for (int s = 0; s < schedule->stages; s++)
            if (schedule->stage[s].level == i) text_add(&text, "stage %s | ", schedule->stage[s].buffer->name);
        if (i == schedule->accumulate) text_add(&text, "sum in registers | ");
        const Level *level = &schedule->level[i];
        text_add(&text, level->tile > 1 ? "%s in tiles of %ld" : "%s", level->variable, level->tile);
        text_add(&text, "%s%s", kinds[level->kind], i + 1 < schedule->levels ? ", " : "");
    }
    return text.bytes;
}

void add_call(Program *program, const Kernel *kernel, Scan *scan) {
    MAKE_ROOM(program->call, program->call_count, program->call_capacity);
    program->call[program->call_count++] = (Call){kernel, scan};
}

/* Why the kernel cannot be run as it was chosen to be. Of the cost model's choices that is a bug; a tuning file's are its writer's. */
static void refuse_kernel(const Lowering *l, const Kernel *kernel, const char *why) {
    const TuningEntry *entry = l->choices && l->choices->tuning ? tuning_entry(l->choices->tuning, l->target, kernel->name) : NULL;
    if (!entry) {
        if (kernel->tree) print_kernel(stderr, kernel);
        die("%s for %s: %s", kernel->name, l->target->name, why);
    }
    l->choices->tuning->refused++;
    tuning_error(l->choices->tuning, &entry->key, "choose smaller tiles or blocks", "`%s` cannot be run like this on %s: %s", kernel->name,
                 l->target->name, why);
}

/* Alone, whose tensors begin at cache lines. */
static bool writes_workspace(const Kernel *kernel) {
    for (int i = 0; i < kernel->compute_count; i++)
        for (int s = 0; s < kernel->compute[i].store_count; s++) {
            const Buffer *buffer = kernel->compute[i].store[s].buffer;
            if (buffer->space == SPACE_TENSOR && ((const Tensor *)buffer->owner)->place != PLACE_WORKSPACE) return false;
        }
    return true;
}

/* What a scan's kernels want once (a weight in pairs) is made before its loop, by the calls of its first node. */
static void add_call_before_scan(Lowering *l, const Kernel *kernel) {
    Program *program = l->program;
    add_call(program, kernel, NULL);
    memmove(&program->call[l->body_call + 1], &program->call[l->body_call],
            sizeof(Call) * (size_t)(program->call_count - 1 - l->body_call));
    program->call[l->body_call++] = (Call){kernel, NULL};
    for (int i = l->body_node; i <= l->lowered; i++) l->first_call[i]++;
}

void finish_kernel(Lowering *l, Kernel *kernel, Scan *scan) {
    const char *why = NULL;
    Text violation = text_begin(); /* outlives the verifier's memory */
    const Pass pass = begin_pass(PASS_SCHEDULE);
    for (int i = 0; i < kernel->compute_count; i++) kernel->schedule[i].lanes = l->target->lanes;
    if (schedule_kernel(kernel, &why)) {
        kernel->schedule_note = schedule_words(kernel);
        kernel->tree = unroll_loops(kernel->tree);
        if (l->target->nontemporal && kernel->read_late && writes_workspace(kernel)) mark_nontemporal(kernel->tree, l->target->lanes);
        begin_pass(PASS_VERIFY);
        arena_enter();
        why = verify_kernel(kernel, l->target->lanes);
        if (why) text_add(&violation, "%s", why);
        arena_leave();
    }
    begin_pass(pass);
    if (why) refuse_kernel(l, kernel, violation.length ? violation.bytes : why);
    else if (!scan && l->body) add_call_before_scan(l, kernel);
    else add_call(l->program, kernel, scan);
}

/* ---- the graph, node by node ---- */

typedef void (*Lower)(Lowering *l, Node *node);

static const Lower lowerings[OP_COUNT] = {
    [OP_CARRY] = NULL, /* storage only; its first value is copied before the scan: lower_carry */
    [OP_CONV2D] = lower_convolution,
    [OP_CONV_TRANSPOSE2D] = lower_convolution,
    [OP_CONV2D_WEIGHT_GRAD] = lower_conv2d_weight_grad,
    [OP_LINEAR] = lower_linear,
    [OP_LINEAR_DATA_GRAD] = lower_linear_data_grad,
    [OP_LINEAR_WEIGHT_GRAD] = lower_linear_weight_grad,
    [OP_BIAS_GRAD] = lower_bias_grad,
    [OP_BATCH_NORM_STATISTICS] = lower_batch_norm_statistics,
    [OP_BATCH_NORM_RUNNING] = lower_batch_norm_running,
    [OP_BATCH_NORM_SUMS] = lower_batch_norm_sums,
    [OP_SELECT_ROW] = lower_element,
    [OP_GRU_CELL] = lower_gru_cell,
    [OP_GRU_CELL_GRAD] = lower_gru_cell_grad,
    [OP_MSE] = lower_loss,
    [OP_L1] = lower_loss,
};

void start_graph(Lowering *l, const Graph *graph) {
    l->graph = graph;
    l->buffer = NEW_ARRAY(const Buffer *, graph->node_count);
    l->whole_rows = NEW_ARRAY(const Buffer *, graph->node_count);
    l->tile_sums = NEW_ARRAY(const Buffer *, graph->node_count);
    l->summed_by = NEW_ARRAY(const Node *, graph->node_count);
    l->first_call = NEW_ARRAY(int, graph->node_count + 1);
    begin_pass(PASS_FUSE);
    fuse_graph(l);
    begin_pass(PASS_LOWER);
    for (int i = 0; i < graph->parameter_count; i++) node_buffer(l, graph->parameter[i]->node);
}

static bool has_weight(const Node *node) {
    return operation_is(node->op, PRODUCT) && node->op != OP_CONV2D_WEIGHT_GRAD && node->op != OP_LINEAR_WEIGHT_GRAD;
}

/* Between the nodes of one scan, or of none, and those of the next; NULL: the last node was the last one. */
static void enter_scan(Lowering *l, const Scan *before, const Node *node) {
    const Graph *graph = l->graph;
    l->body = NULL;
    if (before) lower_scan_outputs(l, before);
    if (!node || !node->scan) return;
    for (int k = node->id; k < graph->node_count && graph->node[k]->scan == node->scan; k++)
        if (graph->node[k]->op == OP_CARRY) lower_carry(l, graph->node[k]);
    l->body = node->scan;
    l->body_call = l->program->call_count;
    l->body_node = node->id + 1;
}

void lower_nodes(Lowering *l, int first, int end, Program *program) {
    const Graph *graph = l->graph;
    l->program = program;
    const Scan *scan = NULL;
    for (int i = first; i < end; i++) {
        Node *node = graph->node[i];
        l->first_call[i] = program->call_count;
        l->lowered = i;
        if (node->scan != scan) enter_scan(l, scan, node);
        scan = node->scan;
        if (node->fused) continue;
        if (has_weight(node) && !node->input[1]->parameter) die("%s: a weight that is computed, and no parameter", node->name);
        if (lowerings[node->op]) lowerings[node->op](l, node);
        else if (!operation_is(node->op, ELEMENTWISE | STORAGE)) die("%s has no lowering", operation_name(node->op));
        else if (operation_is(node->op, ELEMENTWISE) && (!node->input_count || epilogue_of(graph, node->input[0]) != node))
            lower_element(l, node);
        if (name_of(graph, ROLE_LOSS, node) && !is_double(node)) lower_loss_for_caller(l, node);
    }
    if (scan) enter_scan(l, scan, NULL);
    l->first_call[end] = program->call_count;
}

static void lower_graph(Lowering *l, const Graph *graph, Program *program) {
    start_graph(l, graph);
    lower_nodes(l, 0, graph->node_count, program);
    program->graph = graph;
    program->measured = true;
    program->buffer = l->buffer;
    program->first_call = l->first_call;
    program->summed_by = l->summed_by;
}

const Choices default_choices = {.filtering = 2};

Program *add_program(TargetCode *code, const char *name, const char *comment) {
    MAKE_ROOM(code->program, code->program_count, code->program_capacity);
    Program *program = NEW(Program);
    *program = (Program){.name = name, .comment = comment};
    return code->program[code->program_count++] = program;
}

Program *program_named(const TargetCode *code, const char *name) {
    for (int i = 0; i < code->program_count; i++)
        if (strcmp(code->program[i]->name, name) == 0) return code->program[i];
    die("no program is called %s", name);
}

static TargetCode *new_code(const Target *target) {
    TargetCode *code = NEW(TargetCode);
    *code = (TargetCode){.target = target, .renew = {.name = "renew"}, .normal = {.name = "normal"}};
    return code;
}

static Choices possible_choices(const Target *target, const Choices *choices) {
    Choices possible = *choices;
    if (target->pairs) possible.filtering = 0; /* its sums would lose bits that bfloat16 does not have to spare */
    return possible;
}

/* Storage for the parameters, and the program `train`, without the update. */
static Program *lower_training(Lowering *l, const Graph *training) {
    Program *train = add_program(l->code, "train", "One step of training: forward, backward, update.");
    train->tuned = true;
    allocate_parameters(l);
    lower_graph(l, training, train);
    return train;
}

TargetCode *lower_alone(const Graph *graph, const Target *target, const Choices *choices) {
    begin_pass(PASS_LOWER);
    TargetCode *code = new_code(target);
    const Choices possible = possible_choices(target, choices);
    Lowering l = {.target = target, .code = code, .graph = graph, .choices = &possible};
    lower_training(&l, graph);
    l.program = add_program(code, "update", "The optimizers' steps.");
    lower_update(&l);
    lower_transfers(&l);
    l.program = &code->renew;
    lower_renew(&l);
    begin_pass(PASS_PLAN);
    plan_workspace(code);
    return code;
}

TargetCode *lower_model(const Graph *training, const Graph *evaluation, const Target *target, const Choices *choices) {
    begin_pass(PASS_LOWER);
    TargetCode *code = new_code(target);
    const Choices possible = possible_choices(target, choices);
    Lowering l = {.target = target, .code = code, .graph = training, .choices = &possible};
    Program *train = lower_training(&l, training);
    lower_update(&l);
    l.program = &code->renew;
    lower_renew(&l);
    for (int i = 0; i < code->renew.call_count; i++) add_call(train, code->renew.call[i].kernel, NULL);
    lower_transfers(&l);
    l.program = &code->normal;
    lower_normal(&l);
    lower_graph(&l, evaluation, add_program(code, "evaluate", "Forward, with running statistics."));
    lower_stream(&l, training->spec, add_program(code, "stream", "One frame of one video, with running statistics; the state moves on."));
    begin_pass(PASS_PLAN);
    plan_workspace(code);
    return code;
}
