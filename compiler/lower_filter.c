/* Convolutions by minimal filtering, with the algorithms of filters.c. Products are summed over the input channels before
 * anything is transformed back, so all but the transforms are matrix products. Each step is a compute of one kernel:
 *   transform     A[p, …, c] = Σ ± x        p: a transformed input; once for a group of images and rows of tiles, in scratch
 *   multiply      S[q, …, k] = Σ c, … A · G  q: a sum; for a block of output channels and a few tiles, in scratch
 *   restore       y = Σ ± S, and what the layer's epilogue makes of it
 * Weights are transformed to G by a kernel of their own, just before; of bundles, when these are made, or where they are multiplied by
 * (lower_inside). */
#include "lower_filter.h"

#include "choose.h"
#include "finish_kernel.h"
#include "fuse.h"
#include "kernel_builder.h"
#include "lower_conv.h"
#include "lower_filter_weight.h"
#include "lower_tiles.h"
#include "schedule_conv.h"
#include "storage.h"

#define V affine_variable

const Expression *combine(int count, const double *coefficient, const Expression *const *value) {
    const Expression *result = NULL;
    for (int pass = 0; pass < 2; pass++) /* what is added before what is subtracted: no negation is wanted */
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

/* ---- how a layer is cut ---- */

typedef struct Cut { /* of images, rows of tiles and columns of tiles: extent = items · blocks · inner */
    long item[3];    /* of an iteration of the parallel loops: blocks · inner */
    long inner[3];   /* of a register tile */
} Cut;

/* Transformed inputs of an item: of tiles of 2, and of 4, of which the same outputs take as much, but fewer share more weights; at most so
 * many tiles, less to keep threads busy. */
enum { FILTER_BYTES_2 = 384 * 1024, FILTER_BYTES_4 = 768 * 1024, FILTER_TILES = 32, BUSY_TILES = 8 };

/* Where weights are transformed inside: input channels at a time, and into how many items the output channels are cut at least. */
enum { INSIDE_CHANNELS = 32, INSIDE_ITEMS = 4 };

/* What is transformed is read from the second cache once for each register tile's vectors: 4 where `wide` and registers allow it; else 2,
 * or what an odd number of them divides into, so that there are sums enough in registers. */
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

typedef struct Cutting { /* what a cut has to fit */
    long extent[3];
    long tiles, values; /* of an item, of a register tile: as many as the cost model wants */
} Cutting;

/* Tiles of an item in dimension d, where those behind it have `taken`. */
static long item_tiles(const Cutting *c, int d, long taken) {
    const long *extent = c->extent;
    long wanted = c->tiles / taken;
    if (d == 1 && extent[0] < BUSY_TILES) wanted = minimum(wanted, maximum(1, extent[0] * extent[1] / BUSY_TILES));
    if (d == 0) wanted = taken == extent[1] * extent[2] ? minimum(wanted, maximum(1, extent[0] / BUSY_TILES)) : 1;
    return largest_divisor(extent[d], wanted);
}

static long tiles_in(const long *count) {
    return count[0] * count[1] * count[2];
}

static void cut_inner(Cut *cut, long values) {
    for (int d = 2; d >= 0; d--) {
        cut->inner[d] = largest_divisor(cut->item[d], values);
        values /= cut->inner[d];
    }
}

/* The cost model's: whole rows of tiles, and then several. Where that leaves fewer values to a register tile than keep multiply-adds busy
 * (11 tiles in a row have no divisor but 1), whatever box of images, rows and columns leaves the most, and of these the smallest. */
static Cut model_cut(const Cutting *c, long most) {
    enum { ENOUGH = 4, MORE = 4 };
    Cut cut;
    long taken = 1;
    for (int d = 2; d >= 0; d--) taken *= cut.item[d] = item_tiles(c, d, taken);
    cut_inner(&cut, c->values);
    if (tiles_in(cut.inner) >= minimum(ENOUGH, c->values)) return cut;
    const long all = tiles_in(c->extent);
    most = minimum(minimum(most, MORE * c->tiles), all / BUSY_TILES);
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

static Cut choose_cut(KernelChoice *choice, const Node *node, const FilterPlan *plan, long vectors, long channels) {
    static const ChoiceField blocks[3] = {FIELD_BLOCK_IMAGES, FIELD_BLOCK_ROWS, FIELD_BLOCK_COLUMNS};
    static const ChoiceField tiles[3] = {FIELD_TILE_IMAGES, FIELD_TILE_ROWS, FIELD_TILE_COLUMNS};
    const Target *target = choice->target;
    const long tile_bytes = 4 * channels * plan->filter[0]->transformed_inputs * plan->filter[1]->transformed_inputs;
    const long bytes = choice->algorithm == ALGORITHM_FILTERED_4 ? FILTER_BYTES_4 : FILTER_BYTES_2;
    const Cutting c = {.extent = {node->shape[0], plan->tiles[0], plan->tiles[1]},
                       .tiles = minimum(FILTER_TILES, maximum(1, bytes / tile_bytes)),
                       .values = tile_values(target, vectors)};
    const long most = maximum(c.tiles, BLOCK_BYTES_MOST / tile_bytes);
    const Cut model = model_cut(&c, maximum(1, bytes / tile_bytes));
    Cut cut;
    bool follows = true; /* the model, so far; else what fits the choices before */
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

/* ---- the computes ---- */

typedef struct Filtered {
    Lowering *l;
    Node *node;
    const FilterPlan *plan;
    Cut cut;
    long k_block; /* output channels at a time */
    long k_item;  /* where weights are transformed inside: output channels of an item … */
    long c_block; /* … and input channels at a time */
    const Buffer *input, *transformed, *weight, *sums;
    const Buffer *taps; /* where weights are transformed inside: what of */
} Filtered;

/* The position n, i, j of a tile from an item's number, a block's and a place in it: the three variables of each dimension. */
typedef struct TilePlace {
    Affine item[3], block[3], inner[3], local[3], global[3];
    Affine channels; /* the first output channel of the item */
} TilePlace;

static TilePlace add_places(const Filtered *f, Compute *compute, bool blocks) {
    static const char *const names[3][3] = {{"n", "nb", "ni"}, {"i", "ib", "ii"}, {"j", "jb", "ji"}};
    const long extent[3] = {f->node->shape[0], f->plan->tiles[0], f->plan->tiles[1]};
    TilePlace place = {.channels = affine_constant(0)};
    if (f->taps) place.channels = affine_scale(V(add_variable(compute, "kg", f->taps->shape[f->plan->out] / f->k_item, false)), f->k_item);
    for (int d = 0; d < 3; d++) {
        const long item = f->cut.item[d], inner = blocks ? f->cut.inner[d] : 1;
        place.item[d] = V(add_variable(compute, names[d][0], extent[d] / item, false));
        place.block[d] = V(add_variable(compute, names[d][1], item / inner, false));
        place.inner[d] = blocks ? V(add_variable(compute, names[d][2], inner, false)) : affine_constant(0);
        place.local[d] = affine_add(affine_scale(place.block[d], inner), place.inner[d]);
        place.global[d] = affine_add(affine_scale(place.item[d], item), place.local[d]);
    }
    return place;
}

enum { ITEM_LEVELS = 3 };

static long k_blocks(const Filtered *f) {
    return (f->taps ? f->k_item : f->weight->shape[3]) / f->k_block;
}

static void add_common_levels(const Filtered *f, Schedule *schedule) {
    schedule->levels = 0;
    if (f->taps) add_level(schedule, "kg", 1, LOOP_PARALLEL);
    add_level(schedule, "n", 1, LOOP_PARALLEL);
    add_level(schedule, "i", 1, LOOP_PARALLEL);
    add_level(schedule, "j", 1, LOOP_PARALLEL);
}

/* The first input channel of a block. */
static Affine add_channels(const Filtered *f, Compute *compute, bool summed) {
    if (!f->taps) return affine_constant(0);
    return affine_scale(V(add_variable(compute, "cb", f->taps->shape[1 - f->plan->out] / f->c_block, summed)), f->c_block);
}

/* A[p, q, nb, ib, jb, c] for one p and all q */
static void add_transform(const Filtered *f, Kernel *kernel, int number, int p, const Stage *stage) {
    const Filter *v = f->plan->filter[0], *h = f->plan->filter[1];
    Compute *compute = &kernel->compute[number];
    const TilePlace place = add_places(f, compute, false);
    const Affine first = add_channels(f, compute, false);
    const Affine c = V(add_variable(compute, "c", f->transformed->shape[5], false));
    const Expression *tile[FILTER_SIZE][FILTER_SIZE], *column[FILTER_SIZE];
    for (int y = 0; y < v->inputs; y++)
        for (int x = 0; x < h->inputs; x++) {
            const Affine at[4] = {place.global[0], affine_add(first, c),
                                  affine_shift(affine_scale(place.global[1], v->step), f->plan->offset[0] + y),
                                  affine_shift(affine_scale(place.global[2], h->step), f->plan->offset[1] + x)};
            tile[y][x] = load(f->input, at);
        }
    combine_rows(v->inputs, h->inputs, v->input[p], tile, column);
    for (int q = 0; q < h->transformed_inputs; q++) {
        const Affine at[6] = {affine_constant(p), affine_constant(q), place.local[0], place.local[1], place.local[2], c};
        add_store(compute, f->transformed, at, combine(h->inputs, h->input[q], column));
    }
    Schedule *schedule = &kernel->schedule[number];
    const long lanes = f->l->target->lanes;
    add_common_levels(f, schedule);
    if (f->taps) add_level(schedule, "cb", 1, LOOP_SERIAL);
    add_level(schedule, "c", lanes, LOOP_SERIAL);
    schedule->shared = schedule->levels;
    if (number == 0) {
        schedule->stage[schedule->stages] = *stage;
        schedule->stage[schedule->stages++].level = schedule->shared;
    }
    add_level(schedule, "nb", 1, LOOP_SERIAL);
    add_level(schedule, "ib", 1, LOOP_SERIAL);
    add_level(schedule, "jb", 1, LOOP_SERIAL);
    add_level(schedule, "c", 1, LOOP_VECTOR);
}

static void add_tile_levels(Schedule *schedule) {
    add_level(schedule, "nb", 1, LOOP_SERIAL);
    add_level(schedule, "ib", 1, LOOP_SERIAL);
    add_level(schedule, "jb", 1, LOOP_SERIAL);
}

/* A block of output channels and a few tiles; where weights are transformed inside, all tiles. */
static void add_block_levels(const Filtered *f, Schedule *schedule) {
    add_common_levels(f, schedule);
    if (f->taps) add_level(schedule, "cb", 1, LOOP_SERIAL);
    add_level(schedule, "kb", 1, LOOP_SERIAL);
    if (!f->taps) add_tile_levels(schedule);
    schedule->shared = schedule->levels;
}

static void add_inner_levels(const Filtered *f, Schedule *schedule, LoopKind kind) {
    add_level(schedule, "ni", 1, kind);
    add_level(schedule, "ii", 1, kind);
    add_level(schedule, "ji", 1, kind);
    add_level(schedule, "k", f->l->target->lanes, kind);
    add_level(schedule, "k", 1, LOOP_VECTOR);
}

/* S[p, q, ni, ii, ji, k] for the p of one run and the q of another */
static void add_products(const Filtered *f, Kernel *kernel, int number, const FilterRun *a, const FilterRun *b) {
    Compute *compute = &kernel->compute[number];
    const TilePlace place = add_places(f, compute, true);
    const Affine kb = V(add_variable(compute, "kb", k_blocks(f), false));
    const Affine k = V(add_variable(compute, "k", f->k_block, false));
    const Affine p = V(add_variable(compute, "p", a->count, false)), q = V(add_variable(compute, "q", b->count, false));
    const Affine first = add_channels(f, compute, true);
    const Affine c = V(add_variable(compute, "c", f->taps ? f->c_block : f->weight->shape[2], true));
    const Affine u = V(add_variable(compute, "u", a->terms.products, true)), v = V(add_variable(compute, "v", b->terms.products, true));
    const Affine from[6] = {run_a(a, p, u), run_a(b, q, v), place.local[0], place.local[1], place.local[2], c};
    const Affine channel = affine_add(affine_scale(kb, f->k_block), k);
    const Affine by[4] = {run_b(a, p, u), run_b(b, q, v), c, channel};
    Affine tap[2] = {affine_add(first, c), affine_add(first, c)};
    tap[f->plan->out] = affine_add(place.channels, channel);
    const Expression *weight = f->taps ? weigh(f->plan, a->terms.b, b->terms.b, f->taps, tap) : load(f->weight, by);
    compute->sum[compute->sum_count++] = op2(MULTIPLY, load(f->transformed, from), weight);
    const Affine *const tile = f->taps ? place.local : place.inner;
    const Affine to[6] = {affine_shift(p, a->first), affine_shift(q, b->first), tile[0], tile[1], tile[2], f->taps ? channel : k};
    add_store(compute, f->sums, to, sum_value(0, TYPE_F32));
    Schedule *schedule = &kernel->schedule[number];
    add_block_levels(f, schedule);
    const int outer = f->taps ? schedule->shared : ITEM_LEVELS;
    if (a->first == 0 && b->first == 0) schedule->shared = outer - (f->taps != NULL); /* with the transforms before it */
    add_level(schedule, "p", 1, LOOP_SERIAL);
    add_level(schedule, "q", 1, LOOP_SERIAL);
    if (f->taps) add_tile_levels(schedule);
    schedule->accumulate = schedule->levels;
    add_level(schedule, "c", f->l->target->lanes, LOOP_SERIAL);
    add_level(schedule, "u", 1, LOOP_SERIAL);
    add_level(schedule, "v", 1, LOOP_SERIAL);
    ask_ahead(f->l->target, schedule, outer);
    schedule->ahead.own = f->taps != NULL;
    add_level(schedule, "c", 1, LOOP_SERIAL);
    add_inner_levels(f, schedule, LOOP_UNROLL);
}

/* Row p of each tile's outputs. */
static void add_restoring(const Filtered *f, Kernel *kernel, int number, int p) {
    const Filter *v = f->plan->filter[0], *h = f->plan->filter[1];
    Compute *compute = &kernel->compute[number];
    const TilePlace place = add_places(f, compute, true);
    const Affine kb = V(add_variable(compute, "kb", k_blocks(f), false));
    const Affine k = V(add_variable(compute, "k", f->k_block, false));
    const Affine channel = affine_add(affine_scale(kb, f->k_block), k);
    const Affine *const in = f->taps ? place.local : place.inner;
    const Expression *tile[FILTER_SIZE][FILTER_SIZE], *column[FILTER_SIZE];
    for (int y = 0; y < v->sums; y++)
        for (int x = 0; x < h->sums; x++) {
            const Affine at[6] = {affine_constant(y), affine_constant(x), in[0], in[1], in[2], f->taps ? channel : k};
            tile[y][x] = load(f->sums, at);
        }
    combine_rows(v->sums, h->sums, v->output[p], tile, column);
    for (int q = 0; q < h->outputs; q++) {
        const At at = {.n = place.global[0],
                       .c = affine_add(place.channels, channel),
                       .h = affine_shift(affine_scale(place.global[1], v->outputs), p),
                       .w = affine_shift(affine_scale(place.global[2], h->outputs), q)};
        store_convolution(f->l, compute, f->node, &at, combine(h->sums, h->output[q], column));
    }
    Schedule *schedule = &kernel->schedule[number];
    if (f->taps) {
        add_common_levels(f, schedule);
        schedule->shared = schedule->levels;
        add_level(schedule, "kb", 1, LOOP_SERIAL);
        add_tile_levels(schedule);
        if (p > 0) schedule->shared = schedule->levels;
    } else {
        add_block_levels(f, schedule);
    }
    add_inner_levels(f, schedule, LOOP_SERIAL);
}

/* Scratch whose dimensions 0 and 1 are outermost, one inside of the other. In bundles each step is an odd number of cache lines: values of
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

static int single_runs(const FilterTerms *sums, int count, FilterRun *runs) {
    for (int i = 0; i < count; i++) runs[i] = (FilterRun){.first = i, .count = 1, .terms = sums[i]};
    return count;
}

/* The kernel of all steps. */
static void lower_steps(Filtered *f, const Stage *stage) {
    const Filter *v = f->plan->filter[0], *h = f->plan->filter[1];
    const long lanes = f->l->target->lanes, channels = f->taps ? f->c_block : round_up(f->node->input[0]->shape[1], lanes);
    FilterRun run[2][FILTER_SIZE];
    int runs[2];
    for (int d = 0; d < 2; d++) runs[d] = (f->taps ? single_runs : find_runs)(f->plan->filter[d]->sum, f->plan->filter[d]->sums, run[d]);
    Kernel *kernel = new_kernel(f->node->name, v->transformed_inputs + runs[0] * runs[1] + v->outputs);
    const long *const item = f->cut.item, *const summed = f->taps ? item : f->cut.inner;
    const long transformed[6] = {v->transformed_inputs, h->transformed_inputs, item[0], item[1], item[2], channels};
    const long sums[6] = {v->sums, h->sums, summed[0], summed[1], summed[2], f->taps ? f->k_item : f->k_block};
    f->transformed = new_slices(f->l, kernel, "transformed", transformed, (const int[6]){0, 1, 5, 2, 3, 4}, 5);
    f->sums = new_slices(f->l, kernel, "sums", sums, (const int[6]){0, 1, 2, 3, 4, 5}, -1);
    int number = 0;
    for (int p = 0; p < v->transformed_inputs; p++) add_transform(f, kernel, number++, p, stage);
    for (int p = 0; p < runs[0]; p++)
        for (int q = 0; q < runs[1]; q++) add_products(f, kernel, number++, &run[0][p], &run[1][q]);
    for (int p = 0; p < v->outputs; p++) add_restoring(f, kernel, number++, p);
    describe_convolution(kernel, f->node);
    kernel->comment = format("%s\nby minimal filtering: %ld products for %d", kernel->comment, filter_products(v) * filter_products(h),
                             v->taps * h->taps);
    if (!f->taps) add_tile_sums(f->l, f->node, kernel, &(Items){"c", 0, item[0], item[1] * v->outputs, item[2] * h->outputs});
    finish_kernel(f->l, kernel, f->node->scan);
}

/* The same algorithm with a sum for each product. */
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

/* Of few images with few tiles each, weights outweigh all else. So they are not made larger: each is read once, and its taps are added up
 * in registers, for a block of both channels that stays in the caches while all tiles are multiplied by it. Items are groups of output
 * channels, each of which transforms the input anew. Nothing of the order of a sum depends on the number of images. */
static bool lower_inside(Lowering *l, Node *node, const FilterPlan *plan, const Buffer *input, const Stage *stage) {
    const Buffer *taps = weight_along(l, node->input[1], plan->out);
    const long lanes = l->target->lanes, outputs = taps->shape[plan->out], channels = taps->shape[1 - plan->out];
    if (layout_lane(&taps->layout) != plan->out) return false; /* as in no bundle */
    KernelChoice *choice = begin_choice(l, filtered_algorithm(plan->filter[0], plan->filter[1]));
    FilterPlan single = *plan;
    for (int d = 0; d < 2; d++) single.filter[d] = single_products(plan->filter[d]);
    Filtered f = {.l = l, .node = node, .plan = &single, .input = input, .taps = taps};
    const long extent[3] = {node->shape[0], plan->tiles[0], plan->tiles[1]};
    long taken = 1;
    for (int d = 2; d >= 0; d--) taken *= f.cut.item[d] = largest_divisor(extent[d], maximum(1, FILTER_TILES / taken));
    const long vectors = choose_vectors(choice, outputs / lanes, taken <= 4), items = tiles_in(extent) / taken;
    cut_inner(&f.cut, tile_values(l->target, vectors));
    f.k_block = vectors * lanes;
    f.c_block = lanes * largest_divisor(channels / lanes, maximum(1, INSIDE_CHANNELS / lanes));
    f.k_item = f.k_block * largest_divisor(outputs / f.k_block, maximum(1, outputs * items / INSIDE_ITEMS / f.k_block));
    lower_steps(&f, stage);
    return true;
}

bool lower_filtered(Lowering *l, Node *node, const FilterPlan *plan) {
    const Filter *v = plan->filter[0], *h = plan->filter[1];
    const long lanes = l->target->lanes;
    const Buffer *input = node_virtual(l, node->input[0]);
    const Stage stage = stage_of(l, input, 0);
    const long outputs = node_buffer(l, epilogue_of(l->graph, node))->shape[1]; /* with padding lanes, which a reconstruction has not */
    if (stage.blocked < 0 || input->shape[1] < round_up(node->input[0]->shape[1], lanes)) return false;
    if (outputs < round_up(node->shape[1], lanes)) return false;
    if (plan->inside) return lower_inside(l, node, plan, input, &stage);
    const int parameter = node->input[1]->parameter->number;
    const bool made = l->parameter[parameter].filter != NULL; /* when the bundle was */
    const Buffer *weight = made ? l->parameter[parameter].value : lower_filtered_weight(l, node, plan);
    if (l->filtered) l->filtered[parameter] = plan;
    KernelChoice *choice = begin_choice(l, filtered_algorithm(v, h));
    /* in bundles, where there are few tiles for each, weights from the second-level cache are what is waited for */
    const bool wide = choice->algorithm == ALGORITHM_FILTERED_4 && !l->choices->few_images;
    const long vectors = choose_vectors(choice, weight->shape[3] / lanes, wide);
    const long channels = round_up(node->input[0]->shape[1], lanes);
    Filtered f = {.l = l, .node = node, .plan = plan, .k_block = vectors * lanes, .input = input, .weight = weight};
    f.cut = choose_cut(choice, node, plan, vectors, channels);
    lower_steps(&f, &stage);
    return true;
}
