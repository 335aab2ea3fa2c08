/* kernel_buffers.c: the tensors of a kernel, in the order of its function's parameters; and questions about trees that several printers
 * ask. */
#include "lower/kernel_buffers.h"

typedef struct Tensors {
    const Kernel *kernel;
    const Buffer **buffers;
    bool *written;
    int count, capacity;
    PointerMap seen; /* expressions that were visited already */
} Tensors;

static void note_tensor(Tensors *tensors, const Buffer *buffer, bool written) {
    if (buffer->space != SPACE_TENSOR) return;
    int i = 0;
    while (i < tensors->count && tensors->buffers[i] != buffer) i++;
    if (i == tensors->count) {
        if (i == tensors->capacity) die("%s has more than %d tensors", tensors->kernel->name, tensors->capacity);
        tensors->buffers[i] = buffer;
        tensors->written[i] = false;
        tensors->count++;
    }
    tensors->written[i] = tensors->written[i] || written;
}

static bool note_load(const Expression *e, const void *tensors) {
    if (e->kind == EXPRESSION_LOAD) note_tensor(*(Tensors *const *)tensors, e->buffer, false);
    return false;
}

static void note_tree(Tensors *tensors, const Statement *tree) {
    for (const Statement *s = tree; s; s = s->next) {
        for (int i = 0; i < s->store_count; i++) note_tensor(tensors, s->store[i].buffer, true);
        for (int i = 0; i < s->store_count; i++) expression_any(s->store[i].value, note_load, &tensors, &tensors->seen);
        if (s->kind == STATEMENT_PREFETCH) note_tensor(tensors, s->buffer, false);
        note_tree(tensors, s->body);
        note_tree(tensors, s->other);
    }
}

int kernel_buffers(const Kernel *kernel, const Buffer *buffers[], bool written[], int capacity) {
    Tensors tensors = {.kernel = kernel, .buffers = buffers, .written = written, .capacity = capacity};
    arena_enter();
    note_tree(&tensors, kernel->tree);
    arena_leave();
    return tensors.count;
}

/* ---- questions ---- */

bool expression_any(const Expression *e, bool (*holds)(const Expression *, const void *), const void *context, PointerMap *seen) {
    bool added;
    pointer_map_add(seen, e, &added);
    if (!added) return false;
    if (holds(e, context)) return true;
    for (int i = 0; i < expression_operands(e->kind); i++)
        if (expression_any(e->operand[i], holds, context, seen)) return true;
    return false;
}

static bool indices_use(const Affine *index, int rank, const Variable *variable) {
    for (int d = 0; d < rank; d++)
        if (affine_coefficient(&index[d], variable) != 0) return true;
    return false;
}

static bool load_uses(const Expression *e, const void *variable) {
    return e->kind == EXPRESSION_LOAD && indices_use(e->index, e->buffer->rank, variable);
}

static bool offset_uses(const Offset *offset, const Variable *variable) {
    if (affine_coefficient(&offset->affine, variable) != 0) return true;
    for (int i = 0; i < offset->count; i++)
        if (affine_coefficient(&offset->term[i].inner, variable) != 0) return true;
    return false;
}

static bool uses(const Statement *tree, const Variable *variable, PointerMap *seen) {
    for (const Statement *s = tree; s; s = s->next) {
        for (int i = 0; i < s->condition_count; i++)
            if (indices_use(&s->condition[i].value, 1, variable)) return true;
        for (int i = 0; i < s->store_count; i++) {
            if (indices_use(s->store[i].index, s->store[i].buffer->rank, variable)) return true;
            if (expression_any(s->store[i].value, load_uses, variable, seen)) return true;
        }
        if (s->kind == STATEMENT_PREFETCH && offset_uses(&s->offset, variable)) return true;
        if (uses(s->body, variable, seen) || uses(s->other, variable, seen)) return true;
    }
    return false;
}

bool tree_uses(const Statement *tree, const Variable *variable) {
    if (variable->extent == 1) return false;
    arena_enter();
    const bool result = uses(tree, variable, &(PointerMap){0});
    arena_leave();
    return result;
}

bool kernel_uses_time(const Kernel *kernel) {
    return kernel->time && tree_uses(kernel->tree, kernel->time);
}

static bool stores_to_scratch(const Statement *tree) {
    for (const Statement *s = tree; s; s = s->next) {
        for (int i = 0; i < s->store_count; i++)
            if (s->store[i].buffer->space == SPACE_SCRATCH) return true;
        if (stores_to_scratch(s->body) || stores_to_scratch(s->other)) return true;
    }
    return false;
}

bool kernel_uses_scratch(const Kernel *kernel) {
    return stores_to_scratch(kernel->tree);
}

bool kernel_has_pairs(const Kernel *kernel) {
    for (int i = 0; i < kernel->compute_count; i++)
        if (kernel->compute[i].sum_count > 0 && kernel->compute[i].sum[0]->kind == EXPRESSION_DOT) return true;
    return false;
}
