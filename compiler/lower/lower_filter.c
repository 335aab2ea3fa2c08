/* lower_filter.c: convolutions by minimal filtering, with the algorithms of filters.c and the steps of filter_steps.c. The inputs of a
 * group of images and rows of tiles are transformed at once, then multiplied for a block of output channels and a few tiles at a time.
 * If the transformed weights of such a block are too many for the second-level cache, each of them is multiplied by all tiles before the
 * next one, and groups of output channels are parallel too, so that a thread reads few weights many times.
 *
 * A kernel of its own transforms the weights, just before. Those of a bundle are transformed when it is made, or in the kernel that
 * multiplies by them (lower_filter_inside.c). */
#include "lower/lower_filter.h"

#include "lower/choose.h"
#include "lower/filter_steps.h"
#include "lower/finish_kernel.h"
#include "lower/fuse.h"
#include "lower/kernel_builder.h"
#include "lower/lower_conv.h"
#include "lower/lower_filter_inside.h"
#include "lower/lower_filter_weight.h"
#include "lower/lower_tiles.h"
#include "lower/schedule_conv.h"

#define V affine_variable

/* ---- how a layer is cut ---- */

/* Transformed inputs of an item, for tiles of 2 and of 4. For the same outputs, tiles of 4 need as many, but fewer of them share more
 * weights. And the most tiles of an item; fewer, if threads would be idle. */
enum { FILTER_BYTES_2 = 384 * 1024, FILTER_BYTES_4 = 768 * 1024, FILTER_TILES = 32, BUSY_TILES = 8 };
/* Transformed weights: the most of a block of output channels that stay in the second-level cache, and, if those do not, the most of a
 * group of output channels, which stay in the last cache. And the least channels of a group: each group transforms the inputs again. */
enum { STAYING_BYTES = 1 << 20, GROUP_BYTES = 8 << 20, GROUP_CHANNELS = 64 };

typedef struct Cutting { /* the limits of a cut */
    long extent[3];
    long tiles, values; /* of an item and of a register tile: the numbers that the cost model aims at */
    long busy;          /* the least number of items */
} Cutting;

/* The number of tiles of an item in dimension d, if the inner dimensions have `taken`. */
static long item_tiles(const Cutting *c, int d, long taken) {
    const long *extent = c->extent;
    long wanted = c->tiles / taken;
    if (d == 1 && extent[0] < c->busy) wanted = minimum(wanted, maximum(1, extent[0] * extent[1] / c->busy));
    if (d == 0) wanted = taken == extent[1] * extent[2] ? minimum(wanted, maximum(1, extent[0] / c->busy)) : 1;
    return largest_divisor(extent[d], wanted);
}

/* The cost model's cut: whole rows of tiles, and then several rows. That may leave too few values in a register tile to keep the
 * multiply-adds busy: 11 tiles in a row have no divisor but 1. Then it is the box of images, rows and columns that leaves the most values,
 * and of these the smallest. */
static Cut model_cut(const Cutting *c, long most) {
    enum { ENOUGH = 4, MORE = 4 };
    Cut cut;
    long taken = 1;
    for (int d = 2; d >= 0; d--) taken *= cut.item[d] = item_tiles(c, d, taken);
    cut_inner(&cut, c->values);
    if (tiles_in(cut.inner) >= minimum(ENOUGH, c->values)) return cut;
    const long all = tiles_in(c->extent);
    most = minimum(minimum(most, MORE * c->tiles), all / c->busy);
    for (long n = 1; n <= minimum(c->extent[0], most); n++)
        for (long i = 1; i <= minimum(c->extent[1], most / n); i++)
            for (long j = 1; j <= minimum(c->extent[2], most / n / i); j++) {
                if (c->extent[0] % n || c->extent[1] % i || c->extent[2] % j) continue;
                Cut other = {.item = {n, i, j}};
                cut_inner(&other, c->values);
                const long more = tiles_in(other.inner) - tiles_in(cut.inner);
                if (more > 0 || (more == 0 && n * i * j < tiles_in(cut.item))) cut = other;
            }
    return cut;
}

enum { ITEM_LEVELS = 3 };

typedef struct Filtered {
    FilterSteps steps;
    const Buffer *weight;
    long k_block; /* output channels at a time */
    bool apart;   /* one transformed weight at a time, for all tiles of an item; … */
    long k_group; /* … and for so many output channels */
} Filtered;

/* The bytes of transformed weights for an output channel. */
static long weight_bytes(const Filtered *f) {
    return 4 * f->weight->shape[0] * f->weight->shape[1] * f->weight->shape[2];
}

static Cut choose_cut(KernelChoice *choice, const Filtered *f, long vectors, long channels) {
    const Node *node = f->steps.node;
    const FilterPlan *plan = f->steps.plan;
    static const ChoiceField blocks[3] = {FIELD_BLOCK_IMAGES, FIELD_BLOCK_ROWS, FIELD_BLOCK_COLUMNS};
    static const ChoiceField tiles[3] = {FIELD_TILE_IMAGES, FIELD_TILE_ROWS, FIELD_TILE_COLUMNS};
    const Target *target = choice->target;
    const long tile_bytes = 4 * channels * plan->filter[0]->transformed_inputs * plan->filter[1]->transformed_inputs;
    const long bytes = choice->algorithm == ALGORITHM_FILTERED_4 ? FILTER_BYTES_4 : FILTER_BYTES_2;
    const Cutting c = {.extent = {node->shape[0], plan->tiles[0], plan->tiles[1]},
                       .tiles = f->apart ? FILTER_TILES : minimum(FILTER_TILES, maximum(1, bytes / tile_bytes)),
                       .values = tile_values(target, vectors),
                       .busy = f->apart ? maximum(1, BUSY_TILES * GROUP_CHANNELS / f->weight->shape[3]) : BUSY_TILES};
    const long most = maximum(c.tiles, BLOCK_BYTES_MOST / tile_bytes);
    const Cut model = model_cut(&c, maximum(c.tiles, bytes / tile_bytes));
    Cut cut;
    bool follows = true; /* still the model's choice; else whatever fits the earlier choices */
    long taken = 1;      /* tiles of the dimensions so far */
    for (int d = 2; d >= 0; d--) {
        const Legal legal = {.most = maximum(1, minimum(c.extent[d], most / taken)), .divides = c.extent[d]};
        cut.item[d] = choose(choice, blocks[d], follows ? model.item[d] : item_tiles(&c, d, taken), legal);
        follows = follows && cut.item[d] == model.item[d];
        taken *= cut.item[d];
    }
    long wanted = c.values, room = (target->registers - 1 - vectors) / vectors;
    for (int d = 2; d >= 0; d--) {
        const Legal legal = {
            .most = minimum(cut.item[d], room), .divides = cut.item[d], .registers = room < cut.item[d] ? target->registers : 0};
        cut.inner[d] = choose(choice, tiles[d], largest_divisor(cut.item[d], wanted), legal); /* see cut_inner() */
        wanted /= cut.inner[d];
        room /= cut.inner[d];
    }
    return cut;
}

/* Groups of output channels: enough of them for many threads, with few enough weights each. */
static long choose_group(KernelChoice *choice, const Filtered *f) {
    const long *extent = f->steps.plan->tiles, outputs = f->weight->shape[3];
    const long items = f->steps.node->shape[0] * extent[0] * extent[1] / tiles_in(f->steps.cut.item);
    const long wanted = maximum(GROUP_CHANNELS, minimum(outputs * items / BUSY_TILES, GROUP_BYTES / weight_bytes(f)));
    return choose(choice, FIELD_BLOCK_CHANNELS, f->k_block * largest_divisor(outputs / f->k_block, maximum(1, wanted / f->k_block)),
                  (Legal){.most = outputs, .multiple = f->k_block, .divides = outputs});
}

/* ---- the computes ---- */

/* The first output channel of an item. */
static Affine add_first_output(const Filtered *f, Compute *compute) {
    if (!f->apart) return affine_constant(0);
    return affine_scale(V(add_variable(compute, "kg", f->weight->shape[3] / f->k_group, false)), f->k_group);
}

/* The first output channel of a block. */
static Affine add_output_block(const Filtered *f, Compute *compute, Affine group) {
    return affine_add(group, affine_scale(V(add_variable(compute, "kb", f->k_group / f->k_block, false)), f->k_block));
}

static void add_group_item_levels(const Filtered *f, Schedule *schedule) {
    if (f->apart) add_level(schedule, "kg", 1, LOOP_PARALLEL);
    add_item_levels(schedule);
}

static void lower_transform(const Filtered *f, Kernel *kernel, int number, int p, const Stage *stage) {
    Compute *compute = &kernel->compute[number];
    Schedule *schedule = &kernel->schedule[number];
    add_first_output(f, compute);
    const TilePlace place = add_places(&f->steps, compute, false);
    const Affine c = V(add_variable(compute, "c", f->steps.transformed->shape[5], false));
    add_transform(&f->steps, compute, &place, p, c, c);
    add_group_item_levels(f, schedule);
    add_transform_levels(&f->steps, schedule, number == 0 ? stage : NULL);
}

/* A block of output channels and a few tiles, or, `apart`, all tiles; these share one part of the sums' scratch. */
static void add_block_levels(const Filtered *f, Schedule *schedule) {
    add_group_item_levels(f, schedule);
    add_level(schedule, "kb", 1, LOOP_SERIAL);
    if (!f->apart) add_tile_levels(schedule);
    schedule->shared = schedule->levels;
}

static const Affine *place_of_sums(const Filtered *f, const TilePlace *place) {
    return f->apart ? place->local : place->inner;
}

/* S[p, q, ni, ii, ji, k] for the p of one run and the q of another */
static void lower_products(const Filtered *f, Kernel *kernel, int number, const FilterRun *a, const FilterRun *b) {
    Compute *compute = &kernel->compute[number];
    const Affine group = add_first_output(f, compute);
    const TilePlace place = add_places(&f->steps, compute, true);
    const Affine block = add_output_block(f, compute, group), k = V(add_variable(compute, "k", f->k_block, false));
    const Affine p = V(add_variable(compute, "p", a->count, false)), q = V(add_variable(compute, "q", b->count, false));
    const Affine c = V(add_variable(compute, "c", f->weight->shape[2], true));
    const Affine u = V(add_variable(compute, "u", a->terms.products, true)), v = V(add_variable(compute, "v", b->terms.products, true));
    const Affine from[6] = {run_a(a, p, u), run_a(b, q, v), place.local[0], place.local[1], place.local[2], c};
    const Affine by[4] = {run_b(a, p, u), run_b(b, q, v), c, affine_add(block, k)};
    compute->sum[compute->sum_count++] = op2(MULTIPLY, load(f->steps.transformed, from), load(f->weight, by));
    const Affine *tile = place_of_sums(f, &place);
    const Affine to[6] = {affine_shift(p, a->first), affine_shift(q, b->first), tile[0], tile[1], tile[2], k};
    add_store(compute, f->steps.sums, to, sum_value(0, TYPE_F32));
    Schedule *schedule = &kernel->schedule[number];
    const int items = f->apart ? ITEM_LEVELS + 1 : ITEM_LEVELS;
    add_block_levels(f, schedule);
    if (a->first == 0 && b->first == 0) schedule->shared = items; /* with the transforms before it */
    add_level(schedule, "p", 1, LOOP_SERIAL);
    add_level(schedule, "q", 1, LOOP_SERIAL);
    if (f->apart) add_tile_levels(schedule);
    schedule->accumulate = schedule->levels;
    add_level(schedule, "c", f->steps.l->target->lanes, LOOP_SERIAL);
    add_level(schedule, "u", 1, LOOP_SERIAL);
    add_level(schedule, "v", 1, LOOP_SERIAL);
    ask_ahead(f->steps.l->target, schedule, items);
    add_level(schedule, "c", 1, LOOP_SERIAL);
    add_register_levels(&f->steps, schedule, LOOP_UNROLL);
}

static void lower_restoring(const Filtered *f, Kernel *kernel, int number, int p) {
    Compute *compute = &kernel->compute[number];
    Schedule *schedule = &kernel->schedule[number];
    const Affine group = add_first_output(f, compute);
    const TilePlace place = add_places(&f->steps, compute, true);
    const Affine block = add_output_block(f, compute, group), k = V(add_variable(compute, "k", f->k_block, false));
    const Affine *tile = place_of_sums(f, &place);
    const Affine from[4] = {tile[0], tile[1], tile[2], k};
    add_restoring(&f->steps, compute, &place, p, affine_add(block, k), from);
    add_block_levels(f, schedule);
    if (f->apart) add_tile_levels(schedule);
    if (p > 0) schedule->shared = schedule->levels;
    add_register_levels(&f->steps, schedule, LOOP_SERIAL);
}

/* The kernel of all steps. */
static void lower_steps(Filtered *f, const Stage *stage, long channels) {
    FilterSteps *const steps = &f->steps;
    const Filter *v = steps->plan->filter[0], *h = steps->plan->filter[1];
    const long *const item = steps->cut.item;
    FilterRun run[2][FILTER_SIZE];
    int runs[2], number = 0;
    for (int d = 0; d < 2; d++) runs[d] = find_runs(steps->plan->filter[d]->sum, steps->plan->filter[d]->sums, run[d]);
    Kernel *kernel = new_kernel(steps->node->name, v->transformed_inputs + runs[0] * runs[1] + v->outputs);
    steps->transformed = new_transformed(steps, kernel, channels);
    steps->sums = new_sums(steps, kernel, f->apart ? item : steps->cut.inner, f->k_block);
    for (int p = 0; p < v->transformed_inputs; p++) lower_transform(f, kernel, number++, p, stage);
    for (int p = 0; p < runs[0]; p++)
        for (int q = 0; q < runs[1]; q++) lower_products(f, kernel, number++, &run[0][p], &run[1][q]);
    for (int p = 0; p < v->outputs; p++) lower_restoring(f, kernel, number++, p);
    describe_filtered(steps, kernel);
    add_tile_sums(steps->l, steps->node, kernel,
                  &(Items){f->apart ? "kg" : "c", f->apart ? f->k_group : 0, item[0], item[1] * v->outputs, item[2] * h->outputs});
    finish_kernel(steps->l, kernel, steps->node->scan);
}

void lower_filtered(Lowering *l, Node *node, const FilterPlan *plan) {
    const Filter *v = plan->filter[0], *h = plan->filter[1];
    const long lanes = l->target->lanes;
    const Buffer *input = node_virtual(l, node->input[0]);
    const Stage stage = stage_of(l, input, 0);
    if (stage.blocked < 0) die("%s has no lanes along its input channels", node->name);
    if (plan->inside) {
        lower_filtered_inside(l, node, plan, input, &stage);
        return;
    }
    const int parameter = node->input[1]->parameter->number;
    const bool made = l->parameter[parameter].filter != NULL; /* when the bundle was made */
    const Buffer *weight = made ? l->parameter[parameter].value : lower_filtered_weight(l, node, plan);
    KernelChoice *choice = begin_choice(l, filtered_algorithm(v, h));
    /* a bundle has few tiles for each weight, and waits for weights from the second-level cache */
    const bool wide = choice->algorithm == ALGORITHM_FILTERED_4 && !l->choices->few_images;
    const long vectors = choose_vectors(choice, weight->shape[3] / lanes, wide);
    const long channels = round_up(node->input[0]->shape[1], lanes);
    Filtered f = {.steps = {.l = l, .node = node, .plan = plan, .input = input}, .k_block = vectors * lanes, .weight = weight};
    f.apart = choice->algorithm == ALGORITHM_FILTERED_2 && weight_bytes(&f) * f.k_block > STAYING_BYTES;
    f.steps.cut = choose_cut(choice, &f, vectors, channels);
    f.k_group = f.apart ? choose_group(choice, &f) : weight->shape[3];
    lower_steps(&f, &stage, channels);
}
