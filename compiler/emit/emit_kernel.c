/* emit_kernel.c: a kernel's loop tree as C functions.
 *
 *   static TARGET_CODE void NAME_body(ptrdiff_t item, tensors…, ptrdiff_t time, char *scratch)    one iteration of the parallel loops
 *   static void NAME(tensors…, ptrdiff_t time, char *scratch, int threads)                         all of them
 */
#include "emit/emitter.h"
#include "loop/unroll.h"

#include <string.h>

enum { MAX_PHASES = 16 };

/* A kernel with less work than this (FLOPs and bytes together) should not wake other threads. Starting and joining two threads takes 2 to
 * 3 microseconds if they spin, and 40 if they sleep in between. One thread does this much work in 5. */
static const double least_parallel_work = 1 << 18;

/* The outermost parts of a tree: nests of parallel loops, and the statements between them, one after another. */
typedef struct Phase {
    int parallel_count;
    const Variable *parallel[MAX_DEPTH]; /* outermost first */
    long items;
    Statement *tree; /* what one item does */
    const char *function;
    Emitter *emitter;
    bool scratch_used, time_used;
} Phase;

/* ---- the tree made ready ---- */

static bool is_double(const Expression *e, const void *unused) {
    (void)unused;
    return e->type == TYPE_F64;
}

/* Vectors hold floats, or pairs: a loop over lanes with doubles in it is an ordinary loop. */
static bool is_vector(const Statement *loop) {
    PointerMap seen = {0};
    for (const Statement *s = loop->body; s; s = s->next)
        for (int i = 0; i < s->store_count; i++)
            if (s->store[i].buffer->type == TYPE_F64 || expression_any(s->store[i].value, is_double, NULL, &seen)) return false;
    return true;
}

/* A copy in which loops that run once are replaced by their bodies, and vector loops that cannot be vectors by ordinary loops. */
static Statement *prepare(const Statement *list, int lanes) {
    Statement *first = NULL, **end = &first;
    for (const Statement *s = list; s; s = s->next) {
        Statement *copy = NEW(Statement);
        *copy = *s;
        copy->next = NULL;
        copy->body = prepare(s->body, lanes);
        copy->other = prepare(s->other, lanes);
        if (s->kind == STATEMENT_LOOP && s->loop == LOOP_VECTOR) {
            if (!is_vector(s)) copy->loop = LOOP_SERIAL;
            else if (s->variable->extent != lanes)
                die("a vector loop of %ld iterations on a target with %d lanes", s->variable->extent, lanes);
        }
        if (s->kind == STATEMENT_LOOP && copy->loop == LOOP_SERIAL && s->variable->extent == 1) copy = copy->body;
        for (*end = copy; *end; end = &(*end)->next) {}
    }
    return first;
}

static bool is_parallel(const Statement *s) {
    return s->kind == STATEMENT_LOOP && s->loop == LOOP_PARALLEL;
}

static int split_phases(Statement *tree, Phase *phases) {
    int count = 0;
    for (Statement *s = tree, *next; s; s = next) {
        if (count == MAX_PHASES) die("a kernel has more than %d parallel regions", MAX_PHASES);
        Phase *phase = &phases[count++];
        *phase = (Phase){.items = 1, .tree = s};
        next = s->next;
        if (is_parallel(s)) {
            s->next = NULL;
            for (; phase->tree && is_parallel(phase->tree) && !phase->tree->next; phase->tree = phase->tree->body) {
                phase->parallel[phase->parallel_count++] = phase->tree->variable;
                phase->items *= phase->tree->variable->extent;
            }
            continue;
        }
        while (next && !is_parallel(next)) s = next, next = s->next;
        s->next = NULL;
    }
    return count;
}

/* ---- blocks ---- */

/* The parts of value ≥ 0 and value < limit that do not follow from the ranges of the variables; NULL: it is always true. */
static const char *condition_text(const Emitter *emitter, const Condition *condition) {
    long low, high;
    const Affine known = with_only_values(emitter, &condition->value);
    affine_range(&known, &low, &high);
    const char *value = affine_text(emitter, &condition->value);
    if (low < 0 && high >= condition->limit) return format("0 <= %s && %s < %ld", value, value, condition->limit);
    if (low < 0) return format("0 <= %s", value);
    if (high >= condition->limit) return format("%s < %ld", value, condition->limit);
    return NULL;
}

static void emit_block(Emitter *emitter, CBlock *out, const Statement *first);

/* A guard on one variable, such as those that choose between full tiles and the remainder. In each branch, the variable has some of its
 * values. */
static void emit_branch(Emitter *emitter, CBlock *out, const Statement *guard, bool holds) {
    const Affine *value = &guard->condition[0].value;
    const long limit = guard->condition[0].limit;
    int d = emitter->depth - 1;
    const bool single = guard->condition_count == 1 && value->count == 1 && value->constant == 0 && value->term[0].coefficient == 1;
    while (single && d >= 0 && emitter->variable[d] != value->term[0].variable) d--;
    if (!single || d < 0) {
        emit_block(emitter, out, holds ? guard->body : guard->other);
        return;
    }
    const long first = emitter->first[d], end = emitter->end[d];
    if (holds) emitter->end[d] = minimum(end, limit);
    else emitter->first[d] = maximum(first, limit);
    emit_block(emitter, out, holds ? guard->body : guard->other);
    emitter->first[d] = first;
    emitter->end[d] = end;
}

static void emit_guard(Emitter *emitter, CBlock *out, const Statement *guard) {
    Text conditions = {0};
    for (int i = 0; i < guard->condition_count; i++) {
        const char *condition = condition_text(emitter, &guard->condition[i]);
        if (condition) text_add(&conditions, "%s%s", conditions.length ? " && " : "", condition);
    }
    if (!conditions.length) {
        emit_block(emitter, out, guard->body);
        return;
    }
    if (guard->body) emit_branch(emitter, c_nested(out, "", "if (%s)", conditions.bytes), guard, true);
    if (guard->body && guard->other) emit_branch(emitter, c_nested(out, "", "else"), guard, false);
    else if (guard->other) emit_branch(emitter, c_nested(out, "", "if (!(%s))", conditions.bytes), guard, false);
}

/* The local variables whose home is one of the statements from `first` up to `end`. Those at home in a run of assignments are declared
 * where they get their first value. */
static void declare_locals(Emitter *emitter, CBlock *out, const Statement *first, const Statement *end, bool run) {
    for (const Statement *s = first; s != end; s = s->next) {
        for (int i = 0; i < emitter->element_count && !run; i++) {
            Element *element = &emitter->element[i];
            if (element->home == s && !element->declared && element->reads) declare_element(emitter, out, element);
        }
        for (int i = 0; i < emitter->buffer_count; i++) {
            UsedBuffer *used = &emitter->buffer[i];
            if (!used->array || used->home != s || used->declared) continue;
            c_line(out, "_Alignas(64) %s %s[%ld];", type_name(emitter, used->buffer->type, false), used->name, used->buffer->layout.size);
            used->declared = true;
        }
    }
}

static bool is_straight(const Statement *s) {
    return s->kind == STATEMENT_ASSIGN || (s->kind == STATEMENT_LOOP && s->loop == LOOP_VECTOR);
}

static void emit_block(Emitter *emitter, CBlock *out, const Statement *first) {
    for (const Statement *s = first, *next; s; s = next) {
        next = s->next;
        if (is_straight(s)) {
            while (next && is_straight(next)) next = next->next;
            declare_locals(emitter, out, s, next, true);
            emit_run(emitter, out, s, next);
            continue;
        }
        declare_locals(emitter, out, s, next, false);
        if (s->kind == STATEMENT_GUARD) {
            emit_guard(emitter, out, s);
        } else if (s->kind == STATEMENT_PREFETCH) {
            const CExpression *element = c_atom("&%s[%s]", used_buffer(emitter, s->buffer)->name, offset_text(emitter, &s->offset));
            use_helper(emitter->helpers, emitter->target, "prefetch_line");
            c_evaluate(out, c_call("prefetch_line", 1, &element));
        } else if (s->kind == STATEMENT_CALL) {
            emit_product_call(emitter, out, s);
        } else {
            push_variable(emitter, s->variable);
            const char *name = emitter->variable_name[emitter->depth - 1];
            emit_block(emitter, c_for(out, name, s->variable->extent), s->body);
            pop_variable(emitter);
        }
    }
}

/* ---- functions ---- */

static const char *parameter_text(const Emitter *emitter, const UsedBuffer *used) {
    return format("%s%s *restrict %s", used->written ? "" : "const ", type_name(emitter, used->buffer->type, false), used->name);
}

/* item → the variables of the parallel loops, the last one fastest. */
static void declare_parallel(const Phase *phase, CBlock *out) {
    long after = phase->items, before = 1;
    for (int i = 0; i < phase->parallel_count; i++) {
        long extent = phase->parallel[i]->extent;
        after /= extent;
        if (extent > 1 && tree_uses(phase->tree, phase->parallel[i])) {
            const char *quotient = after > 1 ? format("item / %ld", after) : "item";
            const char *value = before > 1 ? format("%s %% %ld", quotient, extent) : quotient;
            c_line(out, "const ptrdiff_t %s = %s;", phase->emitter->variable_name[(phase->emitter->kernel->time != NULL) + i], value);
        }
        before *= extent;
    }
}

static void declare_scratch(const Emitter *emitter, CBlock *out) {
    for (int i = 0; i < emitter->buffer_count; i++) {
        const UsedBuffer *used = &emitter->buffer[i];
        if (used->buffer->space != SPACE_SCRATCH) continue;
        const char *type = type_name(emitter, used->buffer->type, false);
        const char *address = used->buffer->offset ? format("(scratch + %ld)", used->buffer->offset) : "scratch";
        c_line(out, "%s *const %s = (%s *)%s;", type, used->name, type, address);
    }
}

static void emit_body(CBlock *file, Phase *phase) {
    Emitter *emitter = phase->emitter;
    if (emitter->kernel->time) push_variable(emitter, emitter->kernel->time);
    for (int i = 0; i < phase->parallel_count; i++) push_variable(emitter, phase->parallel[i]);
    find_registers(emitter, phase->tree);
    Text parameters = {0};
    if (phase->items > 1) text_add(&parameters, "ptrdiff_t item");
    for (int i = 0; i < emitter->buffer_count; i++) {
        phase->scratch_used = phase->scratch_used || emitter->buffer[i].buffer->space == SPACE_SCRATCH;
        if (emitter->buffer[i].buffer->space != SPACE_TENSOR) continue;
        text_add(&parameters, "%s%s", parameters.length ? ", " : "", parameter_text(emitter, &emitter->buffer[i]));
    }
    phase->time_used = emitter->kernel->time && tree_uses(phase->tree, emitter->kernel->time);
    if (phase->time_used) text_add(&parameters, "%sptrdiff_t %s", parameters.length ? ", " : "", emitter->variable_name[0]);
    if (phase->scratch_used) text_add(&parameters, "%schar *scratch", parameters.length ? ", " : "");
    CBlock *body = c_nested(file, "", "static %svoid %s(%s)", emitter->printing->attribute ? "TARGET_CODE " : "", phase->function,
                            parameters.length ? parameters.bytes : "void");
    declare_parallel(phase, body);
    declare_scratch(emitter, body);
    emit_block(emitter, body, phase->tree);
    if (emitter->nontemporal) c_line(body, "%s;", emitter->printing->fence);
    c_blank(file);
}

/* ---- the plain function ---- */

/* The call of a phase's body, with the names that the tensors have in the plain function. */
static const CExpression *body_call(const Phase *phase, const Emitter *plain, long scratch_stride) {
    const CExpression *argument[MAX_BUFFERS + 3];
    int count = 0;
    if (phase->items > 1) argument[count++] = c_atom("item");
    for (int i = 0; i < phase->emitter->buffer_count; i++) {
        const Buffer *buffer = phase->emitter->buffer[i].buffer;
        if (buffer->space == SPACE_TENSOR) argument[count++] = c_atom("%s", used_buffer((Emitter *)plain, buffer)->name);
    }
    if (phase->time_used) argument[count++] = c_atom("time");
    if (phase->scratch_used && phase->items > 1) argument[count++] = c_atom("scratch + %ld * (ptrdiff_t)THREAD_NUMBER", scratch_stride);
    else if (phase->scratch_used) argument[count++] = c_atom("scratch");
    return c_call(phase->function, count, argument);
}

static void emit_phase_loop(CBlock *out, const Phase *phase, const Emitter *plain, long scratch_stride, bool *threads_used) {
    const Kernel *kernel = plain->kernel;
    if (phase->items == 1) {
        c_evaluate(out, body_call(phase, plain, scratch_stride));
        return;
    }
    const double work = kernel->flops + kernel->bytes / (double)(kernel->time ? kernel->time->extent : 1); /* bytes: of all steps */
    if (work == 0 || work >= least_parallel_work) {
        c_directive(out, "#ifdef _OPENMP");
        c_directive(out, "#pragma omp parallel for num_threads(threads) schedule(static)");
        if (!*threads_used) {
            c_directive(out, "#else");
            c_line(out, "(void)threads;");
        }
        c_directive(out, "#endif");
        *threads_used = true;
    }
    c_evaluate(c_for(out, "item", phase->items), body_call(phase, plain, scratch_stride));
}

static const char *quantity(double value) {
    static const char *const prefix[] = {"", " k", " M", " G", " T"};
    int i = 0;
    for (; value >= 10000 && i < 4; i++) value /= 1000;
    return format("%.*f%s", i ? 1 : 0, value, prefix[i]);
}

static void emit_comment(CBlock *file, const Kernel *kernel, const char *name, long scratch_stride) {
    Text text = {0};
    text_add(&text, "%s", kernel->comment ? kernel->comment : name);
    if (text.bytes[text.length - 1] != '\n') text_add(&text, "\n");
    text_add(&text, "%s FLOPs, %s bytes of memory traffic", quantity(kernel->flops), quantity(kernel->bytes));
    if (kernel->scratch_size) text_add(&text, ", %ld bytes of scratch in steps of %ld a thread", kernel->scratch_size, scratch_stride);
    text_add(&text, ".");
    if (kernel->schedule_note) text_add(&text, "\n%s", kernel->schedule_note);
    c_comment(file, text.bytes);
}

static void emit_plain(CBlock *file, const Kernel *kernel, const Phase *phases, int count, Emitter *plain, const char *name,
                       long scratch_stride) {
    const Buffer *buffers[MAX_BUFFERS];
    bool written[MAX_BUFFERS], scratch = false, threads_used = false;
    Text parameters = {0};
    int buffer_count = kernel_buffers(kernel, buffers, written, MAX_BUFFERS);
    for (int i = 0; i < buffer_count; i++) {
        UsedBuffer *used = used_buffer(plain, buffers[i]);
        used->written = written[i];
        used->name = buffer_name(plain, buffers[i]);
        text_add(&parameters, "%s, ", parameter_text(plain, used));
    }
    for (int i = 0; i < count; i++) scratch = scratch || phases[i].scratch_used;
    if (kernel_uses_time(kernel)) text_add(&parameters, "ptrdiff_t time, ");
    if (scratch) text_add(&parameters, "char *scratch, ");
    CBlock *body = c_nested(file, "", "static void %s(%sint threads)", name, parameters.length ? parameters.bytes : "");
    CBlock *calls = c_block();
    for (int i = 0; i < count; i++) emit_phase_loop(calls, &phases[i], plain, scratch_stride, &threads_used);
    if (!threads_used) c_line(body, "(void)threads;");
    c_append(body, calls);
    c_blank(file);
}

static Emitter *new_emitter(const Emitter *like) {
    Emitter *emitter = NEW(Emitter);
    *emitter = *like;
    reserve_names(emitter);
    name_set_add(&emitter->fixed, emitter->function);
    return emitter;
}

static void emit_functions(CBlock *file, const Emitter *like, long scratch_stride) {
    const Kernel *kernel = like->kernel;
    Phase phases[MAX_PHASES];
    int count = split_phases(prepare(unroll_loops(kernel->tree), like->target->lanes), phases);
    Emitter *plain = new_emitter(like);
    name_set_add(&plain->fixed, "time");
    for (int i = 0; i < count; i++) {
        phases[i].function = count > 1 ? format("%s_body_%d", like->function, i + 1) : format("%s_body", like->function);
        phases[i].emitter = new_emitter(like);
        name_set_add(&plain->fixed, phases[i].function);
        emit_body(file, &phases[i]);
    }
    emit_plain(file, kernel, phases, count, plain, like->function, scratch_stride);
}

void emit_kernel(CBlock *file, const Kernel *kernel, const char *name, const Target *target, long scratch_stride, HelperSet *helpers) {
    if (!kernel->tree) die("%s has not been scheduled", kernel->name);
    emit_comment(file, kernel, name, scratch_stride);
    const Emitter like = {.kernel = kernel, .function = name, .target = target, .printing = target->printing, .helpers = helpers};
    emit_functions(file, &like, scratch_stride);
}

const char *kernel_essence(const Kernel *kernel, const Target *target, long scratch_stride) {
    CBlock *block = c_block();
    Text text = {0};
    HelperSet helpers = {0};
    const Emitter like = {
        .kernel = kernel, .function = "kernel", .target = target, .printing = target->printing, .helpers = &helpers, .anonymous = true};
    emit_functions(block, &like, scratch_stride);
    c_print(&text, block, 0);
    return text.bytes;
}
