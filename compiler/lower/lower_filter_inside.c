/* lower_filter_inside.c: minimal filtering for few images with few tiles each, where reading the weights takes the most time. Transformed
 * weights would be larger, so the weights are read as they are, once. Their taps are added up in registers, for a block of channels of
 * both sides that stays in the caches while all tiles are multiplied by it. Items are groups of output channels, and each item transforms
 * the input again. The order of a sum does not depend on the number of images. */
#include "lower/lower_filter_inside.h"

#include "lower/choose.h"
#include "lower/filter_steps.h"
#include "lower/finish_kernel.h"
#include "lower/kernel_builder.h"
#include "lower/lower_filter_weight.h"
#include "lower/storage.h"

#define V affine_variable

/* The most tiles of an item; input channels at a time; the least number of items that the output channels are cut into. */
enum { INSIDE_TILES = 32, INSIDE_CHANNELS = 32, INSIDE_ITEMS = 4 };

typedef struct Inside {
    FilterSteps steps; /* each product is a sum of its own */
    const Buffer *taps;
    long k_item, k_block; /* output channels of an item, and at a time; … */
    long c_block;         /* … input channels at a time */
} Inside;

/* The first output channel of the item. */
static Affine add_group_variable(const Inside *f, Compute *compute) {
    return affine_scale(V(add_variable(compute, "kg", f->taps->shape[f->steps.plan->out] / f->k_item, false)), f->k_item);
}

/* The first input channel of a block. */
static Affine add_channels(const Inside *f, Compute *compute, bool summed) {
    return affine_scale(V(add_variable(compute, "cb", f->taps->shape[1 - f->steps.plan->out] / f->c_block, summed)), f->c_block);
}

static void add_group_levels(Schedule *schedule) {
    add_level(schedule, "kg", 1, LOOP_PARALLEL);
    add_item_levels(schedule);
}

static void lower_transform(const Inside *f, Kernel *kernel, int number, int p, const Stage *stage) {
    Compute *compute = &kernel->compute[number];
    Schedule *schedule = &kernel->schedule[number];
    add_group_variable(f, compute);
    const TilePlace place = add_places(&f->steps, compute, false);
    const Affine first = add_channels(f, compute, false), c = V(add_variable(compute, "c", f->c_block, false));
    add_transform(&f->steps, compute, &place, p, affine_add(first, c), c);
    add_group_levels(schedule);
    add_level(schedule, "cb", 1, LOOP_SERIAL);
    add_transform_levels(&f->steps, schedule, number == 0 ? stage : NULL);
}

/* S[p, q, n, i, j, k] of all tiles for one p and one q */
static void lower_products(const Inside *f, Kernel *kernel, int number, const FilterRun *a, const FilterRun *b) {
    const FilterPlan *plan = f->steps.plan;
    Compute *compute = &kernel->compute[number];
    const Affine group = add_group_variable(f, compute);
    const TilePlace place = add_places(&f->steps, compute, true);
    const Affine kb = V(add_variable(compute, "kb", f->k_item / f->k_block, false));
    const Affine k = V(add_variable(compute, "k", f->k_block, false)), channel = affine_add(affine_scale(kb, f->k_block), k);
    const Affine p = V(add_variable(compute, "p", a->count, false)), q = V(add_variable(compute, "q", b->count, false));
    const Affine first = add_channels(f, compute, true), c = V(add_variable(compute, "c", f->c_block, true));
    const Affine u = V(add_variable(compute, "u", a->terms.products, true)), v = V(add_variable(compute, "v", b->terms.products, true));
    const Affine from[6] = {run_a(a, p, u), run_a(b, q, v), place.local[0], place.local[1], place.local[2], c};
    Affine tap[2] = {affine_add(first, c), affine_add(first, c)};
    tap[plan->out] = affine_add(group, channel);
    const Expression *weight = weigh(plan, a->terms.b, b->terms.b, f->taps, tap);
    compute->sum[compute->sum_count++] = op2(MULTIPLY, load(f->steps.transformed, from), weight);
    const Affine to[6] = {affine_shift(p, a->first), affine_shift(q, b->first), place.local[0], place.local[1], place.local[2], channel};
    add_store(compute, f->steps.sums, to, sum_value(0, TYPE_F32));
    Schedule *schedule = &kernel->schedule[number];
    add_group_levels(schedule);
    add_level(schedule, "cb", 1, LOOP_SERIAL);
    add_level(schedule, "kb", 1, LOOP_SERIAL);
    const int outer = schedule->levels;
    schedule->shared = a->first == 0 && b->first == 0 ? outer - 1 : outer; /* the first, with the transforms before it */
    add_level(schedule, "p", 1, LOOP_SERIAL);
    add_level(schedule, "q", 1, LOOP_SERIAL);
    add_tile_levels(schedule);
    schedule->accumulate = schedule->levels;
    add_level(schedule, "c", f->steps.l->target->lanes, LOOP_SERIAL);
    add_level(schedule, "u", 1, LOOP_SERIAL);
    add_level(schedule, "v", 1, LOOP_SERIAL);
    ask_ahead(f->steps.l->target, schedule, outer);
    schedule->ahead.own = true;
    add_level(schedule, "c", 1, LOOP_SERIAL);
    add_register_levels(&f->steps, schedule, LOOP_UNROLL);
}

static void lower_restoring(const Inside *f, Kernel *kernel, int number, int p) {
    Compute *compute = &kernel->compute[number];
    Schedule *schedule = &kernel->schedule[number];
    const Affine group = add_group_variable(f, compute);
    const TilePlace place = add_places(&f->steps, compute, true);
    const Affine kb = V(add_variable(compute, "kb", f->k_item / f->k_block, false));
    const Affine k = V(add_variable(compute, "k", f->k_block, false)), channel = affine_add(affine_scale(kb, f->k_block), k);
    const Affine from[4] = {place.local[0], place.local[1], place.local[2], channel};
    add_restoring(&f->steps, compute, &place, p, affine_add(group, channel), from);
    add_group_levels(schedule);
    schedule->shared = schedule->levels;
    add_level(schedule, "kb", 1, LOOP_SERIAL);
    add_tile_levels(schedule);
    if (p > 0) schedule->shared = schedule->levels;
    add_register_levels(&f->steps, schedule, LOOP_SERIAL);
}

/* The kernel of all steps. */
static void lower_steps(Inside *f, const Stage *stage) {
    FilterSteps *const steps = &f->steps;
    const Filter *v = steps->plan->filter[0], *h = steps->plan->filter[1];
    Kernel *kernel = new_kernel(steps->node->name, v->transformed_inputs + v->sums * h->sums + v->outputs);
    steps->transformed = new_transformed(steps, kernel, f->c_block);
    steps->sums = new_sums(steps, kernel, steps->cut.item, f->k_item);
    int number = 0;
    for (int p = 0; p < v->transformed_inputs; p++) lower_transform(f, kernel, number++, p, stage);
    for (int p = 0; p < v->sums; p++)
        for (int q = 0; q < h->sums; q++) {
            const FilterRun a = {.first = p, .count = 1, .terms = v->sum[p]}, b = {.first = q, .count = 1, .terms = h->sum[q]};
            lower_products(f, kernel, number++, &a, &b);
        }
    for (int p = 0; p < v->outputs; p++) lower_restoring(f, kernel, number++, p);
    describe_filtered(steps, kernel);
    finish_kernel(steps->l, kernel, steps->node->scan);
}

static const Filter *single_products(const Filter *filter) {
    Filter *single = NEW(Filter);
    *single = *filter;
    single->sums = 0;
    for (int s = 0; s < filter->sums; s++)
        for (int p = 0; p < filter->sum[s].products; p++) {
            const FilterTerms *sum = &filter->sum[s];
            single->sum[single->sums] = (FilterTerms){.a = sum->a + p * sum->a_step, .b = sum->b + p * sum->b_step, .products = 1};
            for (int o = 0; o < filter->outputs; o++) single->output[o][single->sums] = filter->output[o][s];
            single->sums++;
        }
    return single;
}

void lower_filtered_inside(Lowering *l, Node *node, const FilterPlan *plan, const Buffer *input, const Stage *stage) {
    const Buffer *taps = weight_along(l, node->input[1], plan->out);
    const long lanes = l->target->lanes, outputs = taps->shape[plan->out], channels = taps->shape[1 - plan->out];
    KernelChoice *choice = begin_choice(l, filtered_algorithm(plan->filter[0], plan->filter[1]));
    FilterPlan single = *plan;
    for (int d = 0; d < 2; d++) single.filter[d] = single_products(plan->filter[d]);
    Inside f = {.steps = {.l = l, .node = node, .plan = &single, .input = input}, .taps = taps};
    const long extent[3] = {node->shape[0], plan->tiles[0], plan->tiles[1]};
    long taken = 1;
    for (int d = 2; d >= 0; d--) taken *= f.steps.cut.item[d] = largest_divisor(extent[d], maximum(1, INSIDE_TILES / taken));
    const long vectors = choose_vectors(choice, outputs / lanes, taken <= 4), items = tiles_in(extent) / taken;
    cut_inner(&f.steps.cut, tile_values(l->target, vectors));
    f.k_block = vectors * lanes;
    f.c_block = lanes * largest_divisor(channels / lanes, maximum(1, INSIDE_CHANNELS / lanes));
    f.k_item = f.k_block * largest_divisor(outputs / f.k_block, maximum(1, outputs * items / INSIDE_ITEMS / f.k_block));
    lower_steps(&f, stage);
}
