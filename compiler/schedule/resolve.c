/* One iteration of a Compute as a statement: variables replaced by what the loops make of them, sums by registers, virtual
 * buffers by their staged copy or by their definition. */
#include "schedule/schedule_builder.h"

#include <string.h>

typedef struct Resolution {
    Builder *builder;
    const Part *part;
    const Buffer *padded; /* the one virtual buffer that can be read outside of its shape */
    bool outside;         /* yield what is outside of a virtual buffer's shape */
    int condition_count;  /* else: the conditions under which it lies inside */
    Condition condition[4];
    bool rest; /* for a virtual buffer with two values: take `rest` where the index does not tell which one applies */
    bool divided;
    Condition before_rest; /* with `divided`: true where the value applies */
} Resolution;

const Staged *find_staged(const Part *part, const Buffer *buffer) {
    for (int i = 0; i < part->staged_count; i++)
        if (part->staged[i].buffer == buffer) return &part->staged[i];
    return NULL;
}

static Affine resolve_index(const Part *part, Affine index) {
    Affine result = affine_constant(index.constant);
    for (int i = 0; i < index.count; i++) {
        const Variable *variable = index.term[i].variable;
        int v = 0;
        while (v < part->compute->variable_count && part->compute->variable[v] != variable) v++;
        Affine value = v < part->compute->variable_count ? part->range[v].base : affine_variable(variable); /* else: time */
        result = affine_add(result, affine_scale(value, index.term[i].coefficient));
    }
    return result;
}

static void add_condition(Resolution *resolution, Affine value, long limit) {
    for (int i = 0; i < resolution->condition_count; i++)
        if (affine_equal(&resolution->condition[i].value, &value) && resolution->condition[i].limit == limit) return;
    if (resolution->condition_count == 4) {
        refuse(resolution->builder, "too many conditions on padding in one statement; stage it");
        return;
    }
    resolution->condition[resolution->condition_count++] = (Condition){value, limit};
}

static bool takes_rest(Resolution *resolution, const Buffer *buffer, const Affine *index) {
    if (!buffer->rest) return false;
    const Affine *at = &index[buffer->rest_dimension];
    long low, high;
    affine_range(at, &low, &high);
    if (high < buffer->rest_from || low >= buffer->rest_from) return low >= buffer->rest_from;
    const Condition condition = {*at, buffer->rest_from};
    if (resolution->divided && !affine_equal(&resolution->before_rest.value, at))
        refuse(resolution->builder, "%s has two values, by several indices in one statement; stage it", buffer->name);
    resolution->divided = true;
    resolution->before_rest = condition;
    return resolution->rest;
}

static const Expression *resolve_virtual(Resolution *resolution, const Buffer *buffer, const Affine *index) {
    bool outside = false;
    for (int d = 0; d < buffer->rank; d++) {
        long low, high;
        affine_range(&index[d], &low, &high);
        if (low >= 0 && high < buffer->shape[d]) continue;
        outside = true;
        if (resolution->padded && resolution->padded != buffer)
            refuse(resolution->builder, "%s and %s are both read outside of their shapes in one statement; stage one", buffer->name,
                   resolution->padded->name);
        resolution->padded = buffer;
        if (!resolution->outside) add_condition(resolution, index[d], buffer->shape[d]);
    }
    if (outside && resolution->outside) return outside_of(buffer);
    const Expression *value = takes_rest(resolution, buffer, index) ? buffer->rest : buffer->value;
    for (int d = 0; d < buffer->rank; d++) value = expression_substitute(value, buffer->index[d], index[d]);
    return value;
}

static const Expression *resolve_node(const Expression *e, void *context) {
    Resolution *resolution = context;
    const Part *part = resolution->part;
    if (e->kind == EXPRESSION_SUM) {
        const Buffer *registers = part->registers[e->sum];
        Affine index[MAX_RANK] = {0};
        for (int d = 0; d < registers->rank; d++) {
            if (!registers->index[d]) continue;
            int v = find_variable(part->compute, registers->index[d]->name);
            index[d] = affine_add(part->range[v].base, affine_scale(part->register_base[v], -1));
        }
        return load(registers, index);
    }
    if (e->kind != EXPRESSION_LOAD) return e;
    Affine index[MAX_RANK];
    for (int d = 0; d < e->buffer->rank; d++) index[d] = resolve_index(part, e->index[d]);
    const Staged *staged = find_staged(part, e->buffer);
    if (staged) {
        for (int d = 0; d < e->buffer->rank; d++) index[d] = affine_add(index[d], affine_scale(staged->base[d], -1));
        return load(staged->scratch, index);
    }
    if (e->buffer->space == SPACE_VIRTUAL) return resolve_virtual(resolution, e->buffer, index);
    return load(e->buffer, index);
}

static void fill_store(Resolution *resolution, Store *store, const Buffer *buffer, const Affine *index, const Expression *value,
                       bool accumulate) {
    const Expression *resolved = expression_rewrite(value, resolve_node, resolution);
    *store = (Store){.buffer = buffer, .value = resolved, .accumulate = accumulate};
    memcpy(store->index, index, sizeof(Affine) * (size_t)buffer->rank);
}

static Statement *build_assign(Resolution *resolution, Leaf leaf) {
    const Part *part = resolution->part;
    const Compute *compute = part->compute;
    Statement *assign = NEW(Statement);
    assign->kind = STATEMENT_ASSIGN;
    assign->store = NEW_ARRAY(Store, maximum(compute->sum_count, compute->store_count));
    bool in_registers = compute->sum_count > 0 && part->registers[0];
    if (in_registers && leaf != LEAF_STORE) {
        for (int s = 0; s < compute->sum_count; s++) {
            const Expression *so_far = sum_value(s, compute->sum[s]->type), *where = resolve_node(so_far, resolution);
            const Expression *value = compute->largest ? constant(LEAST) : zero_of(where->type);
            if (leaf == LEAF_SUM) value = compute->largest ? larger_of(so_far, compute->sum[s]) : compute->sum[s];
            fill_store(resolution, &assign->store[assign->store_count++], where->buffer, where->index, value,
                       leaf == LEAF_SUM && !compute->largest);
        }
        return assign;
    }
    for (int s = 0; s < compute->store_count; s++) {
        const Store *store = &compute->store[s];
        Affine index[MAX_RANK];
        for (int d = 0; d < store->buffer->rank; d++) index[d] = resolve_index(part, store->index[d]);
        const Expression *zero = zero_of(store->buffer->type);
        bool accumulate = store->accumulate || (part->zeroed && leaf == LEAF_STORE);
        fill_store(resolution, &assign->store[assign->store_count++], store->buffer, index, leaf == LEAF_ZERO ? zero : store->value,
                   accumulate);
    }
    return assign;
}

/* The assignment for indices inside of every shape. Where a buffer has two values, it uses one of them, or chooses by a guard. */
static Statement *build_inside(Resolution *inside, Leaf leaf) {
    Statement *assign = build_assign(inside, leaf);
    if (!inside->divided) return assign;
    inside->rest = true;
    return new_guard(&inside->before_rest, 1, assign, build_assign(inside, leaf));
}

/* Returns an assignment, or a guard around one if unstaged padding is read. */
Statement *build_leaf(Builder *builder, const Part *part, Leaf leaf) {
    if (builder->why) return NULL;
    Resolution inside = {.builder = builder, .part = part}, outside = {.builder = builder, .part = part, .outside = true};
    Statement *assign = build_inside(&inside, leaf);
    if (inside.condition_count == 0) return assign;
    return new_guard(inside.condition, inside.condition_count, assign, build_assign(&outside, leaf));
}
