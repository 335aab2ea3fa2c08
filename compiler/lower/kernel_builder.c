/* kernel_builder.c: building kernels: their computes, their schedules, and their work. */
#include "lower/kernel_builder.h"

#include "base/pointer_map.h"

#include <string.h>

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

const Buffer *new_ones(long count) {
    Buffer *ones = new_buffer("ones", TYPE_F32, SPACE_VIRTUAL, 1, &count, layout_row_major(1, &count));
    ones->index[0] = new_variable("i", count);
    ones->value = constant(1);
    return ones;
}

void add_level(Schedule *schedule, const char *variable, long tile, LoopKind kind) {
    if (schedule->levels == MAX_LEVELS) die("more than %d levels", MAX_LEVELS);
    schedule->level[schedule->levels++] = (Level){variable, tile, kind};
}

void ask_ahead(const Target *target, Schedule *schedule, int outer) {
    if (target->prefetches) schedule->ahead = (Ahead){.outer = outer, .inner = schedule->levels};
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

void set_product_work(Kernel *kernel, double flops) {
    kernel->product = true;
    set_work(kernel, flops);
}
