/* schedule.c: computes and their schedules → a loop tree.
 *
 * A tree is built from the outside in. On the way, each variable has a range: a base, affine in the loop variables so far, and a constant
 * extent. A level cuts the extent into tiles. The remainder becomes a copy of everything below with another constant extent. So all bounds
 * are constants, and no tail is tested at run time. Parallel loops are the exception: each must stay one loop, so a guard chooses between
 * the full tile and the remainder. */
#include "schedule/schedule.h"
#include "loop/matrix_product.h"
#include "loop/unroll.h"
#include "schedule/schedule_builder.h"

#include <string.h>

void block_start(Block *block) {
    block->first = NULL;
    block->end = &block->first;
}

void block_add(Block *block, Statement *list) {
    *block->end = list;
    while (*block->end) block->end = &(*block->end)->next;
}

Statement *new_loop(const Variable *variable, LoopKind kind, Statement *body) {
    Statement *loop = NEW(Statement);
    *loop = (Statement){.kind = STATEMENT_LOOP, .variable = variable, .loop = kind, .body = body};
    return loop;
}

Statement *new_guard(const Condition *condition, int count, Statement *body, Statement *other) {
    Statement *guard = NEW(Statement);
    *guard = (Statement){.kind = STATEMENT_GUARD, .condition_count = count, .body = body, .other = other};
    memcpy(guard->condition, condition, sizeof *condition * (size_t)count);
    return guard;
}

void enter_loop(Builder *builder, const Variable *variable) {
    if (builder->loops == 2 * MAX_LEVELS) die("%s has more than %d nested loops", builder->kernel->name, 2 * MAX_LEVELS);
    builder->loop[builder->loops++] = variable;
}

void leave_loops(Builder *builder, int count) {
    builder->loops -= count;
}

bool refuse(Builder *builder, const char *pattern, ...) {
    va_list arguments;
    va_start(arguments, pattern);
    if (!builder->why) builder->why = format_list(pattern, arguments);
    va_end(arguments);
    return false;
}

int find_variable(const Compute *compute, const char *name) {
    for (int i = 0; i < compute->variable_count; i++)
        if (strcmp(compute->variable[i]->name, name) == 0) return i;
    return -1;
}

static Statement *build(Builder *builder, Part **parts, int count, int level);
static Statement *build_inner(Builder *builder, const Part *part, int level, Leaf leaf);

/* k0, k1, … where several levels step over k; else k. */
static const char *level_name(const Schedule *schedule, int level) {
    const char *name = schedule->level[level].variable;
    int before = 0, all = 0;
    for (int i = 0; i < schedule->levels; i++) {
        if (strcmp(schedule->level[i].variable, name) != 0) continue;
        if (i < level) before++;
        all++;
    }
    return all == 1 ? name : format("%s%d", name, before);
}

static Range *range_at(Part *part, int level) {
    return &part->range[find_variable(part->compute, part->schedule->level[level].variable)];
}

/* Copies of the parts whose range at this level is `extent` long from base + start + tile · variable (NULL: from base + start). */
static int narrowed(Part **parts, int count, int level, const Variable *variable, long tile, long start, Part *copies, Part **result) {
    int kept = 0;
    for (int i = 0; i < count; i++) {
        Part *copy = &copies[kept];
        *copy = *parts[i];
        Range *range = range_at(copy, level);
        range->base = affine_shift(range->base, start);
        if (variable) range->base = affine_add(range->base, affine_scale(affine_variable(variable), tile));
        range->extent = variable ? tile : range->extent - start;
        if (range->extent > 0) result[kept++] = copy;
    }
    return kept;
}

static long full_tiles(Part **parts, int count, int level, long tile) {
    long full = -1;
    for (int i = 0; i < count; i++) {
        long tiles = range_at(parts[i], level)->extent / tile;
        if (full < 0 || tiles < full) full = tiles;
    }
    return full;
}

/* The loop over full tiles, then the remainder, as further loops or unrolled. */
static Statement *build_level(Builder *builder, Part **parts, int count, int level) {
    const Level *step = &parts[0]->schedule->level[level];
    Part *copies = NEW_ARRAY(Part, count);
    Part **sub = NEW_ARRAY(Part *, count);
    long full = full_tiles(parts, count, level, step->tile);
    Block block;
    block_start(&block);
    if (full == 0) { /* at least one part has less than a tile: such parts continue with that, the others separately */
        Part **small = NEW_ARRAY(Part *, count), **large = NEW_ARRAY(Part *, count);
        int smalls = 0, larges = 0;
        for (int i = 0; i < count; i++) {
            if (range_at(parts[i], level)->extent < step->tile) small[smalls++] = parts[i];
            else large[larges++] = parts[i];
        }
        block_add(&block, build(builder, small, smalls, level + 1));
        if (larges) block_add(&block, build_level(builder, large, larges, level));
        return block.first;
    }
    LoopKind kind = step->kind == LOOP_VECTOR && full < parts[0]->schedule->lanes ? LOOP_SERIAL : step->kind;
    if (full == 1 && kind != LOOP_VECTOR) {
        for (int i = 0; i < count; i++) {
            copies[i] = *parts[i];
            range_at(&copies[i], level)->extent = step->tile;
            sub[i] = &copies[i];
        }
        block_add(&block, build(builder, sub, count, level + 1));
    } else {
        Variable *variable = new_variable(level_name(parts[0]->schedule, level), full);
        int kept = narrowed(parts, count, level, variable, step->tile, 0, copies, sub);
        enter_loop(builder, variable);
        block_add(&block, new_loop(variable, kind, build(builder, sub, kept, level + 1)));
        leave_loops(builder, 1);
    }
    copies = NEW_ARRAY(Part, count);
    int left = narrowed(parts, count, level, NULL, step->tile, full * step->tile, copies, sub);
    if (left) block_add(&block, build_level(builder, sub, left, level));
    return block.first;
}

/* How many parts, from parts[0] on, stay in common loops at this level: each but the first shares the level with the one before. */
static int run_together(Part **parts, int count, int level) {
    int together = 1;
    while (together < count && parts[together]->schedule->shared > level) together++;
    return together;
}

typedef struct Nest { /* parallel loops, directly in each other: at levels first … first + count − 1 */
    int first, count;
    const Variable *variable[MAX_VARIABLES];
} Nest;

/* Inside all loops of the nest: handles the iterations from `start` on of the loop at `level`. A guard selects those that are full for all
 * parts. */
static Statement *build_iterations(Builder *builder, const Nest *nest, Part **parts, int count, int level, long start) {
    if (level == nest->first + nest->count) return build(builder, parts, count, level);
    const Variable *variable = nest->variable[level - nest->first];
    Part *copies = NEW_ARRAY(Part, count);
    Part **sub = NEW_ARRAY(Part *, count);
    long same = 0; /* iterations that have the same extents for all parts as the first of them */
    int active = 0;
    for (int i = 0; i < count; i++) {
        const long tile = parts[i]->schedule->level[level].tile; /* each part's own */
        long extent = range_at(parts[i], level)->extent - start * tile;
        if (extent <= 0) continue;
        long run = extent >= tile ? extent / tile : 1;
        if (active == 0 || run < same) same = run;
        copies[active] = *parts[i];
        Range *range = range_at(&copies[active], level);
        if (variable->extent > 1) range->base = affine_add(range->base, affine_scale(affine_variable(variable), tile));
        range->extent = minimum(extent, tile);
        sub[active] = &copies[active];
        active++;
    }
    if (active == 0) return NULL;
    Statement *body = build_iterations(builder, nest, sub, active, level + 1, 0);
    if (start + same >= variable->extent) return body;
    const Condition full = {affine_variable(variable), start + same};
    return new_guard(&full, 1, body, build_iterations(builder, nest, parts, count, level, start + same));
}

/* Builds the parallel loops from `level` on, with the guards for remainders inside of them all. */
static Statement *build_parallel(Builder *builder, Part **parts, int count, int level) {
    const Schedule *schedule = parts[0]->schedule;
    Nest nest = {.first = level};
    for (int l = level; l < schedule->levels && schedule->level[l].kind == LOOP_PARALLEL && run_together(parts, count, l) == count; l++) {
        long most = 0;
        for (int i = 0; i < count; i++) {
            const Level *own = parts[i]->schedule->level;
            long extent = range_at(parts[i], l)->extent;
            for (int before = level; before < l; before++)
                if (strcmp(own[before].variable, own[l].variable) == 0) extent = minimum(extent, own[before].tile);
            most = maximum(most, (extent + own[l].tile - 1) / own[l].tile);
        }
        nest.variable[nest.count++] = new_variable(level_name(schedule, l), most);
    }
    for (int i = 0; i < nest.count; i++) enter_loop(builder, nest.variable[i]);
    Statement *tree = build_iterations(builder, &nest, parts, count, level, 0);
    leave_loops(builder, nest.count);
    for (int i = nest.count; i-- > 0;) tree = new_loop(nest.variable[i], LOOP_PARALLEL, tree);
    return tree;
}

/* From here on, the sums of this part are held in registers, one for each value of the remaining variables that are not reduced, vector
 * lanes last. */
static void allocate_registers(Builder *builder, Part *part, int level) {
    const Compute *compute = part->compute;
    int order[MAX_VARIABLES], rank = 0, last = -1;
    for (int l = level; l < part->schedule->levels; l++)
        if (part->schedule->level[l].kind == LOOP_VECTOR) last = find_variable(compute, part->schedule->level[l].variable);
    for (int i = 0; i < compute->variable_count; i++)
        if (!compute->reduced[i] && i != last && part->range[i].extent > 1) order[rank++] = i;
    if (last >= 0) order[rank++] = last;
    long shape[MAX_RANK] = {1};
    if (rank > MAX_RANK) {
        refuse(builder, "more than %d variables are left below the level where sums move to registers", MAX_RANK);
        return;
    }
    for (int i = 0; i < rank; i++) shape[i] = part->range[order[i]].extent;
    for (int i = 0; i < compute->variable_count; i++) part->register_base[i] = part->range[i].base;
    for (int s = 0; s < compute->sum_count; s++) {
        const char *name = compute->sum_count == 1 ? format("sum%d", builder->serial) : format("sum%d_%c", builder->serial, 'a' + s);
        Buffer *buffer =
            new_buffer(name, compute->sum[s]->type, SPACE_REGISTER, rank ? rank : 1, shape, layout_row_major(rank ? rank : 1, shape));
        for (int i = 0; i < rank; i++) buffer->index[i] = compute->variable[order[i]]; /* which variable an index is, for resolve.c */
        part->registers[s] = buffer;
    }
    builder->serial++;
}

static Statement *build_sums(Builder *builder, Part *part, int level) {
    for (int v = 0; v < part->compute->variable_count; v++)
        if (part->compute->reduced[v] && !part->zeroed && part->range[v].extent < part->compute->variable[v]->extent)
            die("a reduced loop outside %s's registers was not noticed", builder->kernel->name);
    allocate_registers(builder, part, level);
    if (builder->why) return NULL;
    Block block;
    block_start(&block);
    block_add(&block, build_inner(builder, part, level, LEAF_ZERO));
    block_add(&block, build_inner(builder, part, level, LEAF_SUM));
    block_add(&block, build_inner(builder, part, level, LEAF_STORE));
    return block.first;
}

/* The loop over the lanes, inside of guards. */
static Statement *build_vector(Builder *builder, const Variable *variable, Statement *body) {
    if (!body || body->kind != STATEMENT_GUARD) return new_loop(variable, LOOP_VECTOR, body);
    for (int i = 0; i < body->condition_count; i++)
        if (affine_coefficient(&body->condition[i].value, variable) != 0)
            refuse(builder, "%s: padding differs from lane to lane of the vector loop over %s; stage it", builder->kernel->name,
                   variable->name);
    body->body = build_vector(builder, variable, body->body);
    body->other = build_vector(builder, variable, body->other);
    return body;
}

/* The levels from `level` on for one part; for LEAF_ZERO and LEAF_STORE without those of reduced variables. */
static Statement *build_inner(Builder *builder, const Part *part, int level, Leaf leaf) {
    if (builder->why) return NULL;
    const Schedule *schedule = part->schedule;
    while (leaf != LEAF_SUM && level < schedule->levels &&
           part->compute->reduced[find_variable(part->compute, schedule->level[level].variable)])
        level++;
    if (level == schedule->levels) return build_leaf(builder, part, leaf);
    const Level *step = &schedule->level[level];
    Part sub = *part;
    Range *range = range_at(&sub, level);
    long extent = range->extent, full = extent / step->tile;
    Affine base = range->base;
    LoopKind kind = step->kind == LOOP_PARALLEL || (step->kind == LOOP_VECTOR && extent < schedule->lanes) ? LOOP_SERIAL : step->kind;
    Block block;
    block_start(&block);
    if (leaf == LEAF_SUM && builder->ahead && level == schedule->ahead.inner) block_add(&block, build_prefetches(builder, part));
    if (full > 1 || (full == 1 && kind == LOOP_VECTOR)) {
        Variable *variable = new_variable(level_name(schedule, level), full);
        range->base = affine_add(base, affine_scale(affine_variable(variable), step->tile));
        range->extent = step->tile;
        enter_loop(builder, variable);
        Statement *body = build_inner(builder, &sub, level + 1, leaf);
        leave_loops(builder, 1);
        block_add(&block, kind == LOOP_VECTOR ? build_vector(builder, variable, body) : new_loop(variable, kind, body));
    } else if (full == 1) {
        range->extent = step->tile;
        block_add(&block, build_inner(builder, &sub, level + 1, leaf));
    }
    if (extent % step->tile) {
        range->base = affine_shift(base, full * step->tile);
        range->extent = extent % step->tile;
        block_add(&block, build_inner(builder, &sub, level + 1, leaf));
    }
    return block.first;
}

/* Called before the first loop over a summed variable. From there on, sums are partial, and are added to memory. A loop of a single
 * iteration does not count. */
static Statement *build_zeroing(Builder *builder, Part *part, int level) {
    const Level *loop = &part->schedule->level[level];
    const int v = find_variable(part->compute, loop->variable);
    if (!part->compute->reduced[v] || part->zeroed || part->range[v].extent <= loop->tile) return NULL;
    Statement *zeroing = build_inner(builder, part, level, LEAF_ZERO);
    part->zeroed = true;
    return zeroing;
}

/* What is left is a product of matrices: first zeros, unless sums are partial; then, for every value of all variables, a term. */
static Statement *build_call(Builder *builder, const Part *part, int level) {
    Compute *terms = NEW(Compute);
    *terms = *part->compute;
    memset(terms->reduced, 0, sizeof terms->reduced);
    terms->sum_count = 0;
    terms->store[0].value = part->compute->sum[0];
    terms->store[0].accumulate = true;
    Part adding = *part;
    adding.compute = terms;
    Block block;
    block_start(&block);
    if (!part->zeroed) block_add(&block, build_inner(builder, part, level, LEAF_ZERO));
    block_add(&block, build_inner(builder, &adding, level, LEAF_STORE));
    if (builder->why) return NULL;
    Statement *call = NEW(Statement);
    *call = (Statement){.kind = STATEMENT_CALL, .body = block.first};
    MatrixProduct product;
    const char *why = find_matrix_product(call, &product);
    if (why) refuse(builder, "BLAS cannot compute this product: %s", why);
    return call;
}

/* One compute, below the levels that it shares. */
static Statement *build_alone(Builder *builder, Part *part, int level) {
    const Schedule *schedule = part->schedule;
    if (part->compute->sum_count > 0 && level == schedule->accumulate)
        return schedule->call ? build_call(builder, part, level) : build_sums(builder, part, level);
    if (level == schedule->levels) return build_leaf(builder, part, LEAF_STORE);
    if (schedule->level[level].kind == LOOP_PARALLEL) return build_parallel(builder, &part, 1, level);
    if (part->compute->sum_count == 0 && schedule->stages == 0) return build_inner(builder, part, level, LEAF_STORE);
    Block block;
    block_start(&block);
    block_add(&block, build_zeroing(builder, part, level));
    block_add(&block, build_level(builder, &part, 1, level));
    return block.first;
}

static Statement *build(Builder *builder, Part **parts, int count, int level) {
    long top = builder->scratch_top;
    Sources *ahead = builder->ahead;
    for (int i = 0; i < count; i++)
        if (parts[i]->schedule->ahead.inner && parts[i]->schedule->ahead.outer == level) {
            builder->ahead = find_sources(builder, parts, count);
            break;
        }
    Block block;
    block_start(&block);
    for (int i = 0; i < count; i++)
        for (int s = 0; s < parts[i]->schedule->stages && !builder->why; s++)
            if (parts[i]->schedule->stage[s].level == level && !find_staged(parts[i], parts[i]->schedule->stage[s].buffer))
                block_add(&block, build_stage(builder, parts, count, &parts[i]->schedule->stage[s]));
    for (int i = 0, together; i < count && !builder->why; i += together) {
        together = run_together(parts + i, count - i, level);
        if (together == 1) {
            Part copy = *parts[i];
            block_add(&block, build_alone(builder, &copy, level));
            continue;
        }
        Part *copies = NEW_ARRAY(Part, together);
        Part **group = NEW_ARRAY(Part *, together);
        for (int p = 0; p < together; p++) {
            copies[p] = *parts[i + p];
            group[p] = &copies[p];
            block_add(&block, build_zeroing(builder, group[p], level));
        }
        bool parallel = parts[i]->schedule->level[level].kind == LOOP_PARALLEL;
        block_add(&block, (parallel ? build_parallel : build_level)(builder, group, together, level));
    }
    builder->scratch_top = top;
    builder->ahead = ahead;
    return builder->why ? NULL : block.first;
}

/* Checks a schedule before anything is built. */
static bool check_schedule(Builder *builder, const Compute *compute, const Schedule *schedule, const Schedule *before,
                           const Schedule *after) {
    long left[MAX_VARIABLES];
    for (int i = 0; i < compute->variable_count; i++) left[i] = compute->variable[i]->extent;
    bool parallel = true;
    int parallels = 0;
    while (parallels < schedule->levels && schedule->level[parallels].kind == LOOP_PARALLEL) parallels++;
    for (int s = 0; s < schedule->stages; s++)
        if (schedule->stage[s].level < parallels)
            return refuse(builder, "%s is staged at level %d, outside of a parallel loop", schedule->stage[s].buffer->name,
                          schedule->stage[s].level);
    for (int l = 0; l < schedule->levels; l++) {
        const Level *level = &schedule->level[l];
        int v = find_variable(compute, level->variable);
        if (v < 0) return refuse(builder, "level %d: there is no variable %s", l, level->variable);
        if (level->tile < 1) return refuse(builder, "level %d: a tile of %ld of %s", l, level->tile, level->variable);
        left[v] = minimum(left[v], level->tile);
        parallel = parallel && level->kind == LOOP_PARALLEL;
        if (level->kind == LOOP_PARALLEL && !parallel)
            return refuse(builder, "level %d: the parallel loop over %s is not outermost", l, level->variable);
        if (level->kind == LOOP_PARALLEL && compute->reduced[v])
            return refuse(builder, "level %d: %s is summed over, so it cannot be parallel", l, level->variable);
        if (level->kind == LOOP_VECTOR && l != schedule->levels - 1)
            return refuse(builder, "level %d: the vector loop over %s is not innermost", l, level->variable);
        if (level->kind == LOOP_VECTOR && level->tile != 1)
            return refuse(builder, "level %d: a vector loop over tiles of %ld", l, level->tile);
        if (level->kind == LOOP_VECTOR && compute->reduced[v])
            return refuse(builder, "level %d: lanes cannot lie along %s, which is summed over", l, level->variable);
        if (!before || l >= schedule->shared) continue;
        const Level *other = l < before->levels ? &before->level[l] : NULL;
        if (!other || strcmp(level->variable, other->variable) != 0 || level->kind != other->kind ||
            (level->tile != other->tile && level->kind != LOOP_PARALLEL))
            return refuse(builder, "level %d is shared, but differs between computes", l);
    }
    for (int i = 0; i < compute->variable_count; i++)
        if (left[i] > 1)
            return refuse(builder, "%s has tiles of %ld, but no level steps through a tile", compute->variable[i]->name, left[i]);
    const int shared = (int)maximum(before ? schedule->shared : 0, after ? after->shared : 0);
    if (schedule->levels < shared) return refuse(builder, "there are fewer levels than shared ones");
    if (shared > 0 && shared < parallels) return refuse(builder, "not all computes share a parallel loop");
    if (schedule->ahead.inner && (schedule->ahead.outer < parallels || schedule->ahead.outer > schedule->accumulate ||
                                  schedule->ahead.inner <= schedule->accumulate || schedule->ahead.inner >= schedule->levels))
        return refuse(builder, "prefetches inside of %d levels, for the outermost %d, do not fit the schedule", schedule->ahead.inner,
                      schedule->ahead.outer);
    if (schedule->call && (compute->sum_count != 1 || compute->store_count != 1 || compute->store[0].value->kind != EXPRESSION_SUM))
        return refuse(builder, "a call can only store one sum, as it is");
    if (compute->sum_count == 0) return true;
    if (schedule->accumulate < shared || schedule->accumulate > schedule->levels)
        return refuse(builder, "there is no level at which sums can move to registers");
    if (schedule->accumulate < parallels)
        return refuse(builder, "sums are held in registers at level %d, outside of a parallel loop", schedule->accumulate);
    bool partial = false;
    for (int l = 0; l < schedule->accumulate; l++)
        partial = partial || compute->reduced[find_variable(compute, schedule->level[l].variable)];
    if (partial && compute->largest) return refuse(builder, "a largest term that is split outside the registers");
    for (int s = 0; partial && s < compute->store_count; s++)
        if (compute->store[s].value->kind != EXPRESSION_SUM || compute->store[s].accumulate)
            return refuse(builder, "a sum that is split outside the registers can only be stored as it is");
    return true;
}

bool schedule_kernel(Kernel *kernel, const char **why) {
    Builder builder = {.kernel = kernel, .scratch_top = kernel->scratch_size, .scratch_most = kernel->scratch_size};
    Part *parts = NEW_ARRAY(Part, kernel->compute_count);
    Part **list = NEW_ARRAY(Part *, kernel->compute_count);
    for (int i = 0; i < kernel->compute_count; i++) {
        const Compute *compute = &kernel->compute[i];
        if (!check_schedule(&builder, compute, &kernel->schedule[i], i ? &kernel->schedule[i - 1] : NULL,
                            i + 1 < kernel->compute_count ? &kernel->schedule[i + 1] : NULL))
            break;
        parts[i] = (Part){.compute = compute, .schedule = &kernel->schedule[i]};
        for (int v = 0; v < compute->variable_count; v++) parts[i].range[v].extent = compute->variable[v]->extent;
        list[i] = &parts[i];
    }
    Statement *tree = builder.why ? NULL : build(&builder, list, kernel->compute_count, 0);
    if (builder.why) {
        *why = builder.why;
        return false;
    }
    kernel->tree = tree;
    kernel->scratch_size = round_up(builder.scratch_most, 64);
    return true;
}

Schedule naive_schedule(const Compute *compute) {
    Schedule schedule = {.accumulate = -1};
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1 && compute->sum_count > 0) schedule.accumulate = schedule.levels;
        for (int i = 0; i < compute->variable_count; i++)
            if (compute->reduced[i] == (pass == 1)) schedule.level[schedule.levels++] = (Level){compute->variable[i]->name, 1, LOOP_SERIAL};
    }
    return schedule;
}
