/* stage: a box of a virtual buffer is computed into scratch, once, before the loops that read it. */
#include "schedule/schedule_builder.h"

#include <string.h>

typedef struct Box { /* the elements that are read, in each dimension: base … base + extent − 1 */
    Affine base[MAX_RANK];
    long extent[MAX_RANK];
    bool any;
} Box;

typedef struct Reading {
    Builder *builder;
    const Buffer *buffer;
    const Part *part;
    Box *box;
    bool seen;
} Reading;

void index_box(int count, const Variable *const *variable, const Range *range, const Affine *index, Affine *base, long *extent) {
    *base = affine_constant(index->constant);
    *extent = 1;
    for (int i = 0; i < index->count; i++) {
        const long coefficient = index->term[i].coefficient;
        int v = 0;
        while (v < count && variable[v] != index->term[i].variable) v++;
        if (v == count) {
            *base = affine_add(*base, affine_scale(affine_variable(index->term[i].variable), coefficient));
            continue;
        }
        const long reach = coefficient * (range[v].extent - 1);
        *base = affine_shift(affine_add(*base, affine_scale(range[v].base, coefficient)), minimum(0, reach));
        *extent += reach < 0 ? -reach : reach;
    }
}

bool widen_range(Affine *base, long *extent, Affine other_base, long other_extent) {
    const Affine apart = affine_add(other_base, affine_scale(*base, -1));
    if (apart.count != 0) return false;
    const long low = minimum(0, apart.constant), high = maximum(*extent, apart.constant + other_extent);
    *base = affine_shift(*base, low);
    *extent = high - low;
    return true;
}

static const Expression *note_reading(const Expression *e, void *context) {
    Reading *reading = context;
    if (e->kind != EXPRESSION_LOAD || e->buffer != reading->buffer) return e;
    Box *box = reading->box;
    const Compute *compute = reading->part->compute;
    reading->seen = true;
    for (int d = 0; d < e->buffer->rank; d++) {
        Affine base;
        long extent;
        index_box(compute->variable_count, (const Variable *const *)compute->variable, reading->part->range, &e->index[d], &base, &extent);
        if (!box->any) {
            box->base[d] = base;
            box->extent[d] = extent;
            continue;
        }
        if (!widen_range(&box->base[d], &box->extent[d], base, extent)) {
            refuse(reading->builder, "the elements that are read of %s are not one box at the level where it is staged", e->buffer->name);
            return e;
        }
    }
    box->any = true;
    return e;
}

static bool reads(const Compute *compute, Reading *reading) {
    for (int s = 0; s < compute->sum_count; s++) expression_rewrite(compute->sum[s], note_reading, reading);
    for (int s = 0; s < compute->store_count; s++) expression_rewrite(compute->store[s].value, note_reading, reading);
    return reading->seen;
}

/* Row-major in the stage's order; a blocked dimension has its lanes innermost, a phased one its phases outside of the rest. */
static Layout stage_layout(const Stage *stage, int rank, const long *extent) {
    if (stage->phased < 0) return layout_ordered(rank, extent, stage->order, stage->flat ? -1 : stage->blocked, stage->block);
    Layout layout = {.size = 1};
    for (int i = rank - 1; i >= 0; i--) {
        int d = stage->order[i];
        if (d != stage->phased) {
            layout.term[layout.count++] = (__typeof__(layout.term[0])){d, 1, 0, layout.size};
            layout.size *= extent[d];
            continue;
        }
        long each = round_up(extent[d], stage->phases) / stage->phases;
        layout.term[layout.count++] = (__typeof__(layout.term[0])){d, stage->phases, 0, layout.size};
        layout.term[layout.count++] = (__typeof__(layout.term[0])){d, 1, stage->phases, layout.size * each};
        layout.size *= each * stage->phases;
    }
    return layout;
}

typedef enum { FILL_VALUE, FILL_REST, FILL_BOTH } Which; /* of a virtual buffer's values; both: by the lane */

typedef struct Filling {
    Builder *builder;
    const Stage *stage;
    const Buffer *scratch;
    const Affine *base;
    Affine at[MAX_RANK]; /* index in scratch so far */
    Which which;
    long value_lanes; /* FILL_BOTH: the lanes before the rest */
} Filling;

static Statement *fill(Filling *filling, int position, bool zero);

static Statement *fill_assign(const Filling *filling, bool zero) {
    const Buffer *buffer = filling->stage->buffer;
    const Expression *value = outside_of(buffer);
    if (!zero) {
        value = filling->which == FILL_REST ? buffer->rest : buffer->value;
        for (int d = 0; d < buffer->rank; d++)
            value = expression_substitute(value, buffer->index[d], affine_add(filling->base[d], filling->at[d]));
    }
    Statement *assign = NEW(Statement);
    *assign = (Statement){.kind = STATEMENT_ASSIGN, .store_count = 1, .store = NEW(Store)};
    assign->store[0] = (Store){.buffer = filling->scratch, .value = value};
    memcpy(assign->store[0].index, filling->at, sizeof filling->at);
    return assign;
}

/* The loop over [from, to) of dimension d in steps of `step`. Its body is appended at `position`. */
static Statement *fill_range(Filling *filling, int d, long from, long to, long step, LoopKind kind, int position, bool zero) {
    if (to <= from) return NULL;
    Affine before = filling->at[d];
    long count = (to - from) / step;
    if (count == 1 && kind != LOOP_VECTOR) {
        filling->at[d] = affine_shift(before, from);
        Statement *straight = fill(filling, position, zero);
        filling->at[d] = before;
        return straight;
    }
    Variable *variable = new_variable(format("%s%s", filling->stage->buffer->index[d]->name, kind == LOOP_VECTOR ? "_lane" : "_s"), count);
    filling->at[d] = affine_add(affine_shift(before, from), affine_scale(affine_variable(variable), step));
    Statement *loop = new_loop(variable, kind, fill(filling, position, zero));
    filling->at[d] = before;
    return loop;
}

/* fill_range() of one of the values. */
static Statement *fill_which(Filling *filling, Which which, int d, long from, long to, long step, int position) {
    const Which before = filling->which;
    filling->which = which;
    Statement *result = fill_range(filling, d, from, to, step, LOOP_SERIAL, position, false);
    filling->which = before;
    return result;
}

/* The lanes of a block. */
static Statement *fill_lanes(Filling *filling, int position, bool zero) {
    const Stage *stage = filling->stage;
    if (stage->split < 0) return fill_assign(filling, zero);
    if (zero || filling->which != FILL_BOTH)
        return fill_range(filling, stage->split, 0, stage->block, 1, stage->blocked >= 0 ? LOOP_VECTOR : LOOP_SERIAL, position + 1, zero);
    Block block;
    block_start(&block);
    block_add(&block, fill_which(filling, FILL_VALUE, stage->split, 0, filling->value_lanes, 1, position + 1));
    block_add(&block, fill_which(filling, FILL_REST, stage->split, filling->value_lanes, stage->block, 1, position + 1));
    return block.first;
}

/* Fills the dimension along which the value changes; it never lies outside of the shape there. Builds the part before the change, the
 * block with the change, and the part after it; for a base that varies, a guard chooses. */
static Statement *fill_values(Filling *filling, int d, long step, int position) {
    const Buffer *buffer = filling->stage->buffer, *scratch = filling->scratch;
    const long extent = scratch->shape[d], from = minimum(extent, maximum(0, buffer->rest_from - filling->base[d].constant));
    const long whole = from / step * step;
    Block block;
    block_start(&block);
    if (filling->base[d].count == 0) {
        block_add(&block, fill_which(filling, FILL_VALUE, d, 0, whole, step, position + 1));
        filling->value_lanes = from - whole;
        if (from > whole) block_add(&block, fill_which(filling, FILL_BOTH, d, whole, whole + step, step, position + 1));
        block_add(&block, fill_which(filling, FILL_REST, d, round_up(from, step), extent, step, position + 1));
        return block.first;
    }
    if (step > 1) refuse(filling->builder, "%s cannot be staged in blocks that begin anywhere: its value changes inside one", buffer->name);
    const Affine before = filling->at[d];
    Variable *variable = new_variable(format("%s_s", buffer->index[d]->name), extent);
    if (extent > 1) filling->at[d] = affine_add(before, affine_variable(variable));
    const Condition before_rest = {affine_add(filling->base[d], filling->at[d]), buffer->rest_from};
    Statement *value = fill(filling, position + 1, false);
    filling->which = FILL_REST;
    Statement *guard = new_guard(&before_rest, 1, value, fill(filling, position + 1, false));
    filling->which = FILL_VALUE;
    filling->at[d] = before;
    return extent == 1 ? guard : new_loop(variable, LOOP_SERIAL, guard);
}

/* Dimension order[position] and all inside of it. */
static Statement *fill(Filling *filling, int position, bool zero) {
    const Stage *stage = filling->stage;
    const Buffer *scratch = filling->scratch;
    if (position == scratch->rank + 1) return fill_assign(filling, zero);
    if (position == scratch->rank) return fill_lanes(filling, position, zero);
    int d = stage->order[position];
    long extent = scratch->shape[d], limit = stage->buffer->shape[d], step = d == stage->split ? stage->block : 1;
    long low, high;
    affine_range(&filling->base[d], &low, &high);
    if (stage->buffer->rest && stage->buffer->rest_dimension == d && !zero) return fill_values(filling, d, step, position);
    const bool channels = d == stage->split; /* never outside of the shape; verify proves that where it depends on an enclosing guard */
    if (zero || channels || (low >= 0 && high + extent <= limit))
        return fill_range(filling, d, 0, extent, step, LOOP_SERIAL, position + 1, zero);
    Block block;
    block_start(&block);
    if (filling->base[d].count == 0 && step == 1) { /* constant: before, inside and after are known */
        long from = minimum(extent, maximum(0, -low)), to = maximum(from, minimum(extent, limit - low));
        block_add(&block, fill_range(filling, d, 0, from, 1, LOOP_SERIAL, position + 1, true));
        block_add(&block, fill_range(filling, d, from, to, 1, LOOP_SERIAL, position + 1, false));
        block_add(&block, fill_range(filling, d, to, extent, 1, LOOP_SERIAL, position + 1, true));
        return block.first;
    }
    Affine before = filling->at[d];
    Variable *variable = new_variable(format("%s_s", stage->buffer->index[d]->name), extent);
    filling->at[d] = extent == 1 ? before : affine_add(before, affine_variable(variable));
    const Condition inside = {affine_add(filling->base[d], filling->at[d]), limit};
    Statement *value = fill(filling, position + 1, false);
    Statement *guard = new_guard(&inside, 1, value, fill(filling, position + 1, true));
    filling->at[d] = before;
    return extent == 1 ? guard : new_loop(variable, LOOP_SERIAL, guard);
}

Statement *build_stage(Builder *builder, Part **parts, int count, const Stage *stage) {
    const Buffer *buffer = stage->buffer;
    Box box = {0};
    bool reader[count];
    for (int i = 0; i < count; i++) {
        Reading reading = {builder, buffer, parts[i], &box, false};
        reader[i] = reads(parts[i]->compute, &reading);
    }
    if (builder->why) return NULL;
    if (!box.any) {
        refuse(builder, "%s is staged, but not read", buffer->name);
        return NULL;
    }
    int b = stage->split;
    /* whole blocks: the layout has padding lanes after the last channel */
    if (b >= 0 && box.extent[b] % stage->block != 0) {
        long low, high;
        box.extent[b] = round_up(box.extent[b], stage->block);
        affine_range(&box.base[b], &low, &high);
        if (low < 0 || high + box.extent[b] > buffer->shape[b]) {
            refuse(builder, "%s cannot be staged in blocks of %ld of dimension %d: from %ld to %ld of %ld", buffer->name, stage->block, b,
                   low, high + box.extent[b], buffer->shape[b]);
            return NULL;
        }
    }
    Layout layout = stage_layout(stage, buffer->rank, box.extent);
    Buffer *scratch =
        new_buffer(format("%s_staged%d", buffer->name, builder->serial++), buffer->type, SPACE_SCRATCH, buffer->rank, box.extent, layout);
    scratch->offset = builder->scratch_top;
    builder->scratch_top += round_up(layout.size * type_size(buffer->type), 64);
    builder->scratch_most = maximum(builder->scratch_most, builder->scratch_top);
    for (int i = 0; i < count; i++) {
        if (!reader[i]) continue;
        if (parts[i]->staged_count == 2) die("three staged buffers in %s", builder->kernel->name);
        Staged *staged = &parts[i]->staged[parts[i]->staged_count++];
        *staged = (Staged){.buffer = buffer, .scratch = scratch};
        memcpy(staged->base, box.base, sizeof box.base);
    }
    Filling filling = {.builder = builder, .stage = stage, .scratch = scratch, .base = box.base};
    return fill(&filling, 0, false);
}
