/* filter_steps.c: the common steps of minimal filtering: see filter_steps.h. */
#include "lower/filter_steps.h"

#include "lower/choose.h"
#include "lower/kernel_builder.h"
#include "lower/lower_conv.h"

#define V affine_variable

const Expression *combine(int count, const double *coefficient, const Expression *const *value) {
    const Expression *result = NULL;
    for (int pass = 0; pass < 2; pass++) /* additions before subtractions: then no negation is needed */
        for (int i = 0; i < count; i++) {
            const double size = coefficient[i] < 0 ? -coefficient[i] : coefficient[i];
            if (coefficient[i] == 0 || (coefficient[i] < 0) != (pass == 1)) continue;
            if (!result && size == 1) result = pass == 1 ? op1(NEGATE, value[i]) : value[i];
            else if (!result) result = op2(MULTIPLY, value[i], constant(coefficient[i]));
            else if (size == 1) result = pass == 1 ? op2(SUBTRACT, result, value[i]) : op2(ADD, result, value[i]);
            else result = op3(MULTIPLY_ADD, value[i], constant(coefficient[i]), result);
        }
    return result;
}

void combine_rows(int rows, int columns, const double *coefficient, const Expression *const tile[][FILTER_SIZE],
                  const Expression **column) {
    for (int x = 0; x < columns; x++) {
        const Expression *value[FILTER_SIZE];
        for (int y = 0; y < rows; y++) value[y] = tile[y][x];
        column[x] = combine(rows, coefficient, value);
    }
}

/* ---- register tiles ---- */

/* Transformed inputs are read from the second-level cache once for each register tile. So a tile has 4 vectors where `wide` and the
 * registers allow it; else 2, or a divisor of an odd number of vectors, so that registers hold enough sums. */
static long tile_vectors(const Target *target, long vectors, bool wide) {
    if (wide && target->registers >= 32 && vectors % 4 == 0) return 4;
    for (long count = 2; count <= (wide ? 5 : 3); count++)
        if (vectors % count == 0 && count * 4 < target->registers) return count;
    return 1;
}

long choose_vectors(KernelChoice *choice, long vectors, bool wide) {
    const Target *target = choice->target;
    const long room = (target->registers - 1) / 2;
    const Legal legal = {.most = minimum(vectors, room), .divides = vectors, .registers = room < vectors ? target->registers : 0};
    return choose(choice, FIELD_TILE_VECTORS, tile_vectors(target, vectors, wide), legal);
}

long tile_values(const Target *target, long vectors) {
    return minimum(8, (target->registers - 1 - vectors) / vectors);
}

long tiles_in(const long *count) {
    return count[0] * count[1] * count[2];
}

void cut_inner(Cut *cut, long values) {
    for (int d = 2; d >= 0; d--) {
        cut->inner[d] = largest_divisor(cut->item[d], values);
        values /= cut->inner[d];
    }
}

/* ---- computes ---- */

TilePlace add_places(const FilterSteps *steps, Compute *compute, bool blocks) {
    static const char *const names[3][3] = {{"n", "nb", "ni"}, {"i", "ib", "ii"}, {"j", "jb", "ji"}};
    const long extent[3] = {steps->node->shape[0], steps->plan->tiles[0], steps->plan->tiles[1]};
    TilePlace place;
    for (int d = 0; d < 3; d++) {
        const long item = steps->cut.item[d], inner = blocks ? steps->cut.inner[d] : 1;
        place.item[d] = V(add_variable(compute, names[d][0], extent[d] / item, false));
        place.block[d] = V(add_variable(compute, names[d][1], item / inner, false));
        place.inner[d] = blocks ? V(add_variable(compute, names[d][2], inner, false)) : affine_constant(0);
        place.local[d] = affine_add(affine_scale(place.block[d], inner), place.inner[d]);
        place.global[d] = affine_add(affine_scale(place.item[d], item), place.local[d]);
    }
    return place;
}

void add_transform(const FilterSteps *steps, Compute *compute, const TilePlace *place, int p, Affine channel, Affine c) {
    const Filter *v = steps->plan->filter[0], *h = steps->plan->filter[1];
    const Expression *tile[FILTER_SIZE][FILTER_SIZE], *column[FILTER_SIZE];
    for (int y = 0; y < v->inputs; y++)
        for (int x = 0; x < h->inputs; x++) {
            const Affine at[4] = {place->global[0], channel,
                                  affine_shift(affine_scale(place->global[1], v->step), steps->plan->offset[0] + y),
                                  affine_shift(affine_scale(place->global[2], h->step), steps->plan->offset[1] + x)};
            tile[y][x] = load(steps->input, at);
        }
    combine_rows(v->inputs, h->inputs, v->input[p], tile, column);
    for (int q = 0; q < h->transformed_inputs; q++) {
        const Affine at[6] = {affine_constant(p), affine_constant(q), place->local[0], place->local[1], place->local[2], c};
        add_store(compute, steps->transformed, at, combine(h->inputs, h->input[q], column));
    }
}

void add_restoring(const FilterSteps *steps, Compute *compute, const TilePlace *place, int p, Affine channel, const Affine from[4]) {
    const Filter *v = steps->plan->filter[0], *h = steps->plan->filter[1];
    const Expression *tile[FILTER_SIZE][FILTER_SIZE], *column[FILTER_SIZE];
    for (int y = 0; y < v->sums; y++)
        for (int x = 0; x < h->sums; x++) {
            const Affine at[6] = {affine_constant(y), affine_constant(x), from[0], from[1], from[2], from[3]};
            tile[y][x] = load(steps->sums, at);
        }
    combine_rows(v->sums, h->sums, v->output[p], tile, column);
    for (int q = 0; q < h->outputs; q++) {
        const At at = {.n = place->global[0],
                       .c = channel,
                       .h = affine_shift(affine_scale(place->global[1], v->outputs), p),
                       .w = affine_shift(affine_scale(place->global[2], h->outputs), q)};
        store_convolution(steps->l, compute, steps->node, &at, combine(h->sums, h->output[q], column));
    }
}

/* ---- levels ---- */

void add_item_levels(Schedule *schedule) {
    add_level(schedule, "n", 1, LOOP_PARALLEL);
    add_level(schedule, "i", 1, LOOP_PARALLEL);
    add_level(schedule, "j", 1, LOOP_PARALLEL);
}

void add_tile_levels(Schedule *schedule) {
    add_level(schedule, "nb", 1, LOOP_SERIAL);
    add_level(schedule, "ib", 1, LOOP_SERIAL);
    add_level(schedule, "jb", 1, LOOP_SERIAL);
}

void add_register_levels(const FilterSteps *steps, Schedule *schedule, LoopKind kind) {
    add_level(schedule, "ni", 1, kind);
    add_level(schedule, "ii", 1, kind);
    add_level(schedule, "ji", 1, kind);
    add_level(schedule, "k", steps->l->target->lanes, kind);
    add_level(schedule, "k", 1, LOOP_VECTOR);
}

void add_transform_levels(const FilterSteps *steps, Schedule *schedule, const Stage *stage) {
    add_level(schedule, "c", steps->l->target->lanes, LOOP_SERIAL);
    schedule->shared = schedule->levels;
    if (stage) {
        schedule->stage[schedule->stages] = *stage;
        schedule->stage[schedule->stages++].level = schedule->shared;
    }
    add_tile_levels(schedule);
    add_level(schedule, "c", 1, LOOP_VECTOR);
}

/* ---- scratch ---- */

/* In bundles each step is an odd number of cache lines: values of
 * one element of all of them, which transforms write and read together, then lie in different sets of a cache. */
static const Buffer *new_slices(const Lowering *l, Kernel *kernel, const char *name, const long shape[6], const int order[6], int blocked) {
    enum { LINE = 16 };
    Buffer *buffer = new_scratch(kernel, name, 6, shape, order, blocked, blocked < 0 ? 1 : l->target->lanes);
    if (!l->choices->few_images) return buffer;
    Layout *layout = &buffer->layout;
    const long before = layout->size;
    for (int i = 2; i > 0; i--) {
        long *stride = &layout->term[layout->count - i].stride;
        if (i == 1) *stride = shape[1] * layout->term[layout->count - 2].stride;
        *stride = LINE * ((*stride + LINE - 1) / LINE | 1);
    }
    layout->size = shape[0] * layout->term[layout->count - 1].stride;
    kernel->scratch_size += round_up(layout->size * 4, 64) - round_up(before * 4, 64);
    return buffer;
}

const Buffer *new_transformed(const FilterSteps *steps, Kernel *kernel, long channels) {
    const long *const item = steps->cut.item;
    const long shape[6] = {
        steps->plan->filter[0]->transformed_inputs, steps->plan->filter[1]->transformed_inputs, item[0], item[1], item[2], channels};
    return new_slices(steps->l, kernel, "transformed", shape, (const int[6]){0, 1, 5, 2, 3, 4}, 5);
}

const Buffer *new_sums(const FilterSteps *steps, Kernel *kernel, const long tiles[3], long channels) {
    const long shape[6] = {steps->plan->filter[0]->sums, steps->plan->filter[1]->sums, tiles[0], tiles[1], tiles[2], channels};
    return new_slices(steps->l, kernel, "sums", shape, (const int[6]){0, 1, 2, 3, 4, 5}, -1);
}

void describe_filtered(const FilterSteps *steps, Kernel *kernel) {
    const Filter *v = steps->plan->filter[0], *h = steps->plan->filter[1];
    describe_convolution(kernel, steps->node);
    kernel->comment = format("%s\nby minimal filtering: %ld products for %d", kernel->comment, filter_products(v) * filter_products(h),
                             v->taps * h->taps);
}
