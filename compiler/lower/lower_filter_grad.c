/* lower_filter_grad.c: weight gradients by minimal filtering. Each step of lower_filter.c is transposed:
 *
 *   transform   A[p, …, c] = Σ ± x          of the larger image; Q[q, …, k] = Σ ± s of the smaller one: for a few tiles, in scratch
 *   multiply    D[w, c, k] += Σ tiles A · Q  w: a transformed weight; for a block of channels of both sides, in scratch
 *   restore     dw = Σ ± D
 *
 * There are as many products as in the forward pass. Blocks of channels are parallel. If there are few blocks, groups of images are
 * parallel too: each has a gradient of its own, and these are added in index order. */
#include "lower/lower_filter_grad.h"

#include "lower/choose.h"
#include "lower/filter_steps.h"
#include "lower/finish_kernel.h"
#include "lower/grad_groups.h"
#include "lower/kernel_builder.h"
#include "lower/lower_conv.h"
#include "lower/schedule_conv.h"
#include "lower/storage.h"

#include <math.h>

#define V affine_variable

/* Channels of each side at a time. An element of the larger image takes more time to transform, so a block has fewer of its channels, and
 * each is used for more channels of the other side. */
enum { SMALL = 0, LARGE = 1, SMALL_BLOCK = 256, LARGE_BLOCK = 64, TILES = 32, GROUP_ITEMS = 8, CHANNELS_MOST = 512 };

typedef struct FilteredGrad {
    Lowering *l;
    Node *node;
    const Filter *filter[2];
    long tiles[2];
    int vector;                 /* the side that lanes lie along: SMALL, the weight's dimension 0, or LARGE, its dimension 1 */
    const char *along, *across; /* the variables of that side's channels and of the other's: k of the smaller image, c of the larger */
    long block[2];              /* channels of each side at a time */
    long blocks[2];
    long groups;                    /* of images, parallel */
    long images, rows;              /* tiles at a time: images · rows · all columns */
    long tile_vectors, tile_others; /* a register tile: vectors along, values across */
    const Buffer *input[2], *transformed[2], *products, *gradient;
} FilteredGrad;

typedef struct GradPlace {
    Affine block[2], group;     /* of the item */
    Affine local[3], global[3]; /* image, row and column of the tile: in scratch, and of all */
} GradPlace;

/* Adds the variables of an item and of a tile in it. In a product, the tile's variables are summed over (`reduced`). Before that, each
 * tile has a place of its own. */
static GradPlace add_item(const FilteredGrad *f, Compute *compute, bool tile, bool reduced) {
    GradPlace place = {
        .block = {V(add_variable(compute, "kb", f->blocks[SMALL], false)), V(add_variable(compute, "cb", f->blocks[LARGE], false))},
        .group = V(add_variable(compute, "g", f->groups, false))};
    if (!tile) return place;
    const long images = f->node->input[0]->shape[0] / f->groups / f->images;
    const Affine nb = V(add_variable(compute, "nb", images, reduced)), ib = V(add_variable(compute, "ib", f->tiles[0] / f->rows, reduced));
    place.local[0] = V(add_variable(compute, "n", f->images, reduced));
    place.local[1] = V(add_variable(compute, "i", f->rows, reduced));
    place.local[2] = V(add_variable(compute, "j", f->tiles[1], reduced));
    place.global[0] = affine_add(affine_scale(affine_add(affine_scale(place.group, images), nb), f->images), place.local[0]);
    place.global[1] = affine_add(affine_scale(ib, f->rows), place.local[1]);
    place.global[2] = place.local[2];
    return place;
}

static void add_grad_levels(Schedule *schedule) {
    add_level(schedule, "kb", 1, LOOP_PARALLEL);
    add_level(schedule, "cb", 1, LOOP_PARALLEL);
    add_level(schedule, "g", 1, LOOP_PARALLEL);
}

static void add_group_levels(Schedule *schedule) {
    add_grad_levels(schedule);
    add_level(schedule, "nb", 1, LOOP_SERIAL);
    add_level(schedule, "ib", 1, LOOP_SERIAL);
}

/* How a side is transformed: [transformed][element of a tile] of a dimension. */
static int side_elements(const Filter *filter, int side) {
    return side == LARGE ? filter->inputs : filter->outputs;
}
static int side_transformed(const Filter *filter, int side) {
    return side == LARGE ? filter->transformed_inputs : filter->sums;
}
static void side_coefficients(const Filter *filter, int side, int transformed, double *coefficient) {
    for (int e = 0; e < side_elements(filter, side); e++)
        coefficient[e] = side == LARGE ? filter->input[transformed][e] : filter->output[e][transformed];
}

static const Expression *side_element(const FilteredGrad *f, int side, const GradPlace *place, Affine channel, int y, int x) {
    const Filter *v = f->filter[0], *h = f->filter[1];
    const bool large = side == LARGE;
    const Affine row = affine_shift(affine_scale(place->global[1], large ? v->step : v->outputs), y - (large ? f->node->padding[0] : 0));
    const Affine column = affine_shift(affine_scale(place->global[2], large ? h->step : h->outputs), x - (large ? f->node->padding[1] : 0));
    const At at = {.n = place->global[0], .c = channel, .h = row, .w = column};
    const Affine index[4] = {at.n, at.c, at.h, at.w};
    return f->input[side] ? load(f->input[side], index) : node_element(f->l, f->node->input[side], &at);
}

static void add_side(const FilteredGrad *f, Kernel *kernel, int number, int side, int p, const Stage *stage) {
    const Filter *v = f->filter[0], *h = f->filter[1];
    Compute *compute = &kernel->compute[number];
    const GradPlace place = add_item(f, compute, true, false);
    const Affine c = V(add_variable(compute, "c", f->block[side], false));
    const Affine channel = affine_add(affine_scale(place.block[side], f->block[side]), c);
    const int rows = side_elements(v, side), columns = side_elements(h, side), wide = side_transformed(h, side);
    const Expression *tile[FILTER_SIZE][FILTER_SIZE], *column[FILTER_SIZE];
    double coefficient[FILTER_SIZE];
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < columns; x++) tile[y][x] = side_element(f, side, &place, channel, y, x);
    side_coefficients(v, side, p, coefficient);
    combine_rows(rows, columns, coefficient, tile, column);
    for (int q = 0; q < wide; q++) {
        const Affine to[6] = {affine_constant(p), affine_constant(q), place.local[0], place.local[1], place.local[2], c};
        side_coefficients(h, side, q, coefficient);
        add_store(compute, f->transformed[side], to, combine(columns, coefficient, column));
    }
    Schedule *schedule = &kernel->schedule[number];
    add_group_levels(schedule);
    schedule->shared = schedule->levels + (p > 0);
    add_level(schedule, "c", f->l->target->lanes, LOOP_SERIAL);
    if (p == 0 && f->input[side]) {
        schedule->stage[schedule->stages] = *stage;
        schedule->stage[schedule->stages++].level = schedule->levels;
    }
    add_level(schedule, "n", 1, LOOP_SERIAL);
    add_level(schedule, "i", 1, LOOP_SERIAL);
    add_level(schedule, "j", 1, LOOP_SERIAL);
    add_level(schedule, "c", 1, LOOP_VECTOR);
}

/* Adds a product of transformed input a and gradient b to those of a transformed weight. They have to be evenly spaced. */
static void add_term(FilterTerms *weight, int a, int b) {
    const int p = weight->products++;
    if (p == 0) weight->a = a, weight->b = b;
    if (p == 1) weight->a_step = a - weight->a, weight->b_step = b - weight->b;
    if (a != weight->a + p * weight->a_step || b != weight->b + p * weight->b_step)
        die("a transformed weight's products are not evenly spaced");
}

/* Of each transformed weight, the products of transformed inputs (a) and transformed gradients (b) that it takes. */
static void terms_of_weights(const Filter *filter, FilterTerms *terms) {
    for (int w = 0; w < filter->transformed_weights; w++) terms[w] = (FilterTerms){.products = 0};
    for (int s = 0; s < filter->sums; s++)
        for (int p = 0; p < filter->sum[s].products; p++)
            add_term(&terms[filter->sum[s].b + p * filter->sum[s].b_step], filter->sum[s].a + p * filter->sum[s].a_step, s);
}

/* D[p, q, k, c] for the p of one run of transformed weights and the q of another */
static void add_weight_products(const FilteredGrad *f, Kernel *kernel, int number, const FilterRun *a, const FilterRun *b) {
    Compute *compute = &kernel->compute[number];
    const GradPlace place = add_item(f, compute, true, true);
    const Affine k = V(add_variable(compute, "k", f->block[SMALL], false)), c = V(add_variable(compute, "c", f->block[LARGE], false));
    const Affine p = V(add_variable(compute, "p", a->count, false)), q = V(add_variable(compute, "q", b->count, false));
    const Affine u = V(add_variable(compute, "u", a->terms.products, true)), v = V(add_variable(compute, "v", b->terms.products, true));
    const Affine large[6] = {run_a(a, p, u), run_a(b, q, v), place.local[0], place.local[1], place.local[2], c};
    const Affine small[6] = {run_b(a, p, u), run_b(b, q, v), place.local[0], place.local[1], place.local[2], k};
    compute->sum[compute->sum_count++] = op2(MULTIPLY, load(f->transformed[SMALL], small), load(f->transformed[LARGE], large));
    const Affine to[5] = {affine_shift(p, a->first), affine_shift(q, b->first), k, c, affine_constant(0)};
    add_store(compute, f->products, to, sum_value(0, TYPE_F32));
    Schedule *schedule = &kernel->schedule[number];
    const long lanes = f->l->target->lanes;
    add_group_levels(schedule);
    const int group_levels = schedule->shared = schedule->levels;
    add_level(schedule, "p", 1, LOOP_SERIAL);
    add_level(schedule, "q", 1, LOOP_SERIAL);
    add_level(schedule, f->along, f->tile_vectors * lanes, LOOP_SERIAL);
    add_level(schedule, f->across, f->tile_others, LOOP_SERIAL);
    schedule->accumulate = schedule->levels;
    add_level(schedule, "u", 1, LOOP_SERIAL);
    add_level(schedule, "v", 1, LOOP_SERIAL);
    add_level(schedule, "n", 1, LOOP_SERIAL);
    add_level(schedule, "i", 1, LOOP_SERIAL);
    ask_ahead(f->l->target, schedule, group_levels);
    add_level(schedule, "j", 1, LOOP_SERIAL);
    add_level(schedule, f->across, 1, LOOP_UNROLL);
    add_level(schedule, f->along, lanes, LOOP_UNROLL);
    add_level(schedule, f->along, 1, LOOP_VECTOR);
}

/* Of a tap: how much each transformed weight has of it. */
static void tap_coefficients(const Filter *filter, int tap, double *coefficient) {
    for (int w = 0; w < filter->transformed_weights; w++) coefficient[w] = filter->weight[w][tap];
}

/* Row p of the taps. */
static void add_taps(const FilteredGrad *f, Kernel *kernel, int number, int p) {
    const Filter *v = f->filter[0], *h = f->filter[1];
    Compute *compute = &kernel->compute[number];
    const GradPlace place = add_item(f, compute, false, false);
    const Affine k = V(add_variable(compute, "k", f->block[SMALL], false)), c = V(add_variable(compute, "c", f->block[LARGE], false));
    const Expression *tile[FILTER_SIZE][FILTER_SIZE], *column[FILTER_SIZE];
    double coefficient[FILTER_SIZE];
    for (int y = 0; y < v->transformed_weights; y++)
        for (int x = 0; x < h->transformed_weights; x++) {
            const Affine at[5] = {affine_constant(y), affine_constant(x), k, c, affine_constant(0)};
            tile[y][x] = load(f->products, at);
        }
    tap_coefficients(v, p, coefficient);
    combine_rows(v->transformed_weights, h->transformed_weights, coefficient, tile, column);
    for (int q = 0; q < h->kernel; q++) {
        tap_coefficients(h, q, coefficient);
        const Affine to[5] = {affine_add(affine_scale(place.block[SMALL], f->block[SMALL]), k),
                              affine_add(affine_scale(place.block[LARGE], f->block[LARGE]), c), affine_constant(p), affine_constant(q),
                              place.group};
        add_store(compute, f->gradient, to, combine(h->transformed_weights, coefficient, column));
    }
    Schedule *schedule = &kernel->schedule[number];
    add_grad_levels(schedule);
    schedule->shared = schedule->levels;
    add_level(schedule, f->along, f->l->target->lanes, LOOP_SERIAL);
    add_level(schedule, f->across, 1, LOOP_SERIAL);
    add_level(schedule, f->along, 1, LOOP_VECTOR);
}

/* ---- the whole ---- */

/* The cost model's channels of a side at a time: a divisor of all channels, up to a quarter above the block. If the largest divisor is
 * below half of the block (1, of 7 vectors), all channels, unless they are more than twice the block. */
static long model_block(long lanes, int side, long vectors) {
    const long most = (side == LARGE ? LARGE_BLOCK : SMALL_BLOCK) / lanes;
    const long block = largest_divisor(vectors, most + most / 4);
    return lanes * (2 * block < most && vectors <= 2 * most ? vectors : block);
}

static void choose_blocks(FilteredGrad *f, KernelChoice *choice, const Buffer *out) {
    static const ChoiceField fields[2] = {FIELD_BLOCK_SMALL, FIELD_BLOCK_LARGE};
    const Filter *v = f->filter[0], *h = f->filter[1];
    const Target *target = f->l->target;
    const long images = f->node->input[0]->shape[0], lanes = target->lanes;
    for (int side = 0; side < 2; side++) {
        const long all = round_up(out->shape[side], lanes);
        f->block[side] = choose(choice, fields[side], model_block(lanes, side, all / lanes),
                                (Legal){.most = minimum(all, CHANNELS_MOST), .multiple = lanes, .divides = all});
        f->blocks[side] = all / f->block[side];
    }
    /* A group has at least as many tiles as are transformed at once: with fewer, most of the time would go into restoring its gradient. */
    const long items = f->blocks[0] * f->blocks[1], full = maximum(1, images * f->tiles[0] * f->tiles[1] / TILES);
    f->groups = choose(choice, FIELD_GROUPS, largest_divisor(images, minimum(full, (GROUP_ITEMS + items - 1) / items)),
                       (Legal){.most = images, .divides = images});
    const long row_bytes =
        4 * maximum(v->transformed_inputs * h->transformed_inputs * f->block[LARGE], v->sums * h->sums * f->block[SMALL]) * f->tiles[1];
    const long most = maximum(maximum(1, TILES / f->tiles[1]), BLOCK_BYTES_MOST / row_bytes); /* rows of tiles */
    f->rows = choose(choice, FIELD_BLOCK_ROWS, largest_divisor(f->tiles[0], maximum(1, TILES / f->tiles[1])),
                     (Legal){.most = minimum(f->tiles[0], most), .divides = f->tiles[0]});
    const long images_model = f->rows < f->tiles[0] ? 1 : largest_divisor(images / f->groups, maximum(1, TILES / (f->rows * f->tiles[1])));
    f->images = choose(choice, FIELD_BLOCK_IMAGES, images_model,
                       (Legal){.most = maximum(1, minimum(images / f->groups, most / f->rows)), .divides = images / f->groups});
    f->tile_vectors = choose_vectors(choice, f->block[f->vector] / lanes, true);
    const long others = f->block[1 - f->vector], room = (target->registers - 1 - f->tile_vectors) / f->tile_vectors;
    f->tile_others = choose(choice, FIELD_TILE_CHANNELS, largest_divisor(others, tile_values(target, f->tile_vectors)),
                            (Legal){.most = minimum(others, room), .divides = others, .registers = room < others ? target->registers : 0});
}

/* The time relative to the direct gradient's, as in filters.c. Each side is transformed once for each block of the other side. */
static double relative_time(long lanes, const Node *node, const Filter *const filter[2]) {
    const Filter *v = filter[0], *h = filter[1];
    const double small = (double)model_block(lanes, SMALL, (node->shape[SMALL] + lanes - 1) / lanes),
                 large = (double)model_block(lanes, LARGE, (node->shape[LARGE] + lanes - 1) / lanes);
    const double products = (double)(filter_products(v) * filter_products(h)) * small * large;
    const double transform = 3.0 * (v->transformed_inputs * h->transformed_inputs * large + v->sums * h->sums * small);
    return (products + transform) / (v->taps * h->taps * small * large);
}

static bool find_tiles(const Node *node, int size, const Filter *filter[2]) {
    for (int d = 0; d < 2; d++) {
        filter[d] = gather_filter(node->kernel[d], node->stride[d], node->input[SMALL]->shape[2 + d], size);
        if (!filter[d]) return false;
    }
    return true;
}

bool plan_filtered_weight_grad(const Lowering *l, const Node *node, const Filter *filter[2]) {
    const int vector = weight_gradient_lane(l, node);
    const long lanes = l->target->lanes;
    const Algorithm wanted = wanted_algorithm(l, node);
    double best = l->choices->filter_everywhere ? HUGE_VAL : 0.9;
    filter[0] = filter[1] = NULL;
    if (vector < 0 || node->shape[1 - vector] % lanes != 0) return false;
    if (!has_channel_lanes(l, node->input[SMALL]) || !has_channel_lanes(l, node->input[LARGE])) return false;
    for (int size = l->choices->filtering; size >= 2; size -= 2) {
        const Filter *tried[2];
        if (!find_tiles(node, size, tried)) continue;
        const double time = relative_time(lanes, node, tried);
        if (wanted == ALGORITHM_ANY ? time >= best : wanted != filtered_algorithm(tried[0], tried[1])) continue;
        best = time;
        filter[0] = tried[0], filter[1] = tried[1];
    }
    return filter[0] != NULL;
}

void lower_filtered_weight_grad(Lowering *l, Node *node, const Filter *const filter[2]) {
    const Buffer *out = node_buffer(l, node);
    const long lanes = l->target->lanes;
    const int vector = weight_gradient_lane(l, node);
    FilteredGrad f = {.l = l, .node = node, .vector = vector, .along = vector == SMALL ? "k" : "c", .across = vector == SMALL ? "c" : "k"};
    for (int d = 0; d < 2; d++) {
        f.filter[d] = filter[d];
        f.tiles[d] = node->input[SMALL]->shape[2 + d] / filter[d]->outputs;
    }
    Stage stage[2] = {{.level = 0}};
    for (int side = 0; side < 2; side++) {
        const Buffer *input = node_virtual(l, node->input[side]);
        stage[side] = stage_of(l, input, 0);
        if (stage[side].blocked < 0) die("%s has no lanes along the channels of %s", node->name, node->input[side]->name);
        if (side == LARGE || node->input[side]->fused) f.input[side] = input;
    }
    choose_blocks(&f, begin_choice(l, filtered_algorithm(f.filter[0], f.filter[1])), out);
    const Filter *v = f.filter[0], *h = f.filter[1];
    FilterRun run[2][FILTER_SIZE];
    int runs[2], number = 0;
    for (int d = 0; d < 2; d++) {
        FilterTerms terms[FILTER_SIZE];
        terms_of_weights(f.filter[d], terms);
        runs[d] = find_runs(terms, f.filter[d]->transformed_weights, run[d]);
    }
    int computes = runs[0] * runs[1] + v->kernel;
    for (int side = 0; side < 2; side++) computes += side_transformed(v, side);
    Kernel *kernel = new_kernel(node->name, computes);
    for (int side = 0; side < 2; side++) {
        const long shape[6] = {side_transformed(v, side), side_transformed(h, side), f.images, f.rows, f.tiles[1], f.block[side]};
        f.transformed[side] = new_scratch(kernel, side == LARGE ? "transformed" : "transformed_gradient", 6, shape,
                                          (const int[6]){0, 1, 5, 2, 3, 4}, 5, lanes);
    }
    const long shape[5] = {v->transformed_weights, h->transformed_weights, f.block[SMALL], f.block[LARGE], 1};
    f.products =
        new_scratch(kernel, "products", 5, shape, f.vector == SMALL ? (const int[5]){0, 1, 4, 3, 2} : (const int[5]){0, 1, 4, 2, 3}, -1, 1);
    f.gradient = f.groups > 1 ? new_group_gradients(node, out, f.groups) : out;
    for (int side = 1; side >= 0; side--)
        for (int p = 0; p < side_transformed(v, side); p++) add_side(&f, kernel, number++, side, p, &stage[side]);
    for (int p = 0; p < runs[0]; p++)
        for (int q = 0; q < runs[1]; q++) add_weight_products(&f, kernel, number++, &run[0][p], &run[1][q]);
    for (int p = 0; p < v->kernel; p++) add_taps(&f, kernel, number++, p);
    describe_weight_grad(kernel, node);
    kernel->comment = format("%s\nby minimal filtering: %ld products for %d", kernel->comment, filter_products(v) * filter_products(h),
                             v->taps * h->taps);
    finish_kernel(l, kernel, NULL);
    const long channels[2] = {f.blocks[SMALL] * f.block[SMALL], f.blocks[LARGE] * f.block[LARGE]};
    if (f.groups > 1) add_group_sum(l, node, f.gradient, out, channels, f.along, lanes);
}
