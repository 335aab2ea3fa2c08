/* Minimal filtering (Winograd, "Arithmetic complexity of computations", 1980; Cook and Toom) of convolutions with kernels of 3.
 *
 * A tile of outputs is computed from transformed inputs and weights with fewer products than it has taps:
 *   stride 1: 2 outputs from 4 inputs by 4 products instead of 6
 *   stride 2: split into its phases, of 2 taps and of 1: 2 outputs from 5 inputs by 5 instead of 6; its transpose: 4 outputs from
 *             3 inputs by 5 instead of 6
 * and in two dimensions by the product of both numbers: 25 for 36, or 16 for 36. Products are summed over the input channels before
 * anything is transformed back, so all but the transforms are matrix products. Each step is a compute of one kernel:
 *   transform     A[p, …, c] = Σ ± x        p: a transformed input; once for a group of images and rows of tiles, in scratch
 *   multiply      S[q, …, k] = Σ c, … A · G  q: a sum; for a block of output channels and a few tiles, in scratch
 *   restore       y = Σ ± S, and what the layer's epilogue makes of it
 * Weights are transformed to G by a kernel of their own, just before. */
#include "lower_filter.h"

#include "lower_conv.h"

#include <string.h>

#define V affine_variable

/* ---- the algorithms of one dimension; products that always go together are summed at once ---- */

static const Filter gather1 = {
    .outputs = 2,
    .inputs = 4,
    .step = 2,
    .transformed_inputs = 4,
    .transformed_weights = 4,
    .sums = 4,
    .taps = 6,
    .input = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}},
    .weight = {{1, 0, 0}, {.5, .5, .5}, {.5, -.5, .5}, {0, 0, 1}},
    .sum = {{0, 0, 0, 0, 1}, {1, 0, 1, 0, 1}, {2, 0, 2, 0, 1}, {3, 0, 3, 0, 1}},
    .output = {{1, 1, 1, 0}, {0, 1, -1, -1}},
};

/* y[2i], y[2i + 1] of stride 2: the even taps by F(2, 2), the odd one directly. */
static const Filter gather2 = {
    .outputs = 2,
    .inputs = 5,
    .step = 4,
    .transformed_inputs = 5,
    .transformed_weights = 4,
    .sums = 3,
    .taps = 6,
    .input = {{1, 0, -1, 0, 0}, {0, 0, 1, 0, 0}, {0, 0, -1, 0, 1}, {0, 1, 0, 0, 0}, {0, 0, 0, 1, 0}},
    .weight = {{1, 0, 0}, {1, 0, 1}, {0, 0, 1}, {0, 1, 0}},
    .sum = {{0, 3, 0, 3, 2}, {1, 0, 1, 0, 1}, {2, 2, 2, 1, 2}},
    .output = {{1, 1, 0}, {0, 1, 1}},
};

/* The transpose of gather2: four outputs from x0, x1, x2: x0 w1, x0 w2 + x1 w0, x1 w1, x1 w2 + x2 w0. */
static const Filter scatter2 = {
    .outputs = 4,
    .inputs = 3,
    .step = 2,
    .transformed_inputs = 4,
    .transformed_weights = 4,
    .sums = 5,
    .taps = 6,
    .input = {{1, 0, 0}, {1, -1, 0}, {0, 1, 0}, {0, -1, 1}},
    .weight = {{0, 1, 0}, {0, 0, 1}, {1, 0, 1}, {1, 0, 0}},
    .sum = {{0, 0, 0, 0, 1}, {1, 0, 1, 0, 1}, {2, 0, 2, 0, 1}, {3, 0, 3, 0, 1}, {2, 0, 0, 0, 1}},
    .output = {{1, 0, 0, 0, 0}, {0, 1, 1, 0, 0}, {0, 0, 0, 0, 1}, {0, 0, 1, 1, 0}},
};

int find_runs(const FilterTerms *sums, int count, FilterRun *runs) {
    int found = 0;
    for (int i = 0; i < count; i++) {
        FilterRun *last = found ? &runs[found - 1] : NULL;
        const FilterTerms *before = i ? &sums[i - 1] : NULL, *sum = &sums[i];
        const bool alike = last && sum->products == before->products && sum->a_step == before->a_step && sum->b_step == before->b_step;
        if (alike && (last->count == 1 || (sum->a - before->a == last->a_by && sum->b - before->b == last->b_by))) {
            last->a_by = sum->a - before->a;
            last->b_by = sum->b - before->b;
            last->count++;
        } else {
            runs[found++] = (FilterRun){.first = i, .count = 1, .terms = *sum};
        }
    }
    return found;
}

Affine run_a(const FilterRun *run, Affine sum, Affine term) {
    return affine_shift(affine_add(affine_scale(sum, run->a_by), affine_scale(term, run->terms.a_step)), run->terms.a);
}

Affine run_b(const FilterRun *run, Affine sum, Affine term) {
    return affine_shift(affine_add(affine_scale(sum, run->b_by), affine_scale(term, run->terms.b_step)), run->terms.b);
}

/* ---- where it wins ---- */

const Filter *gather_filter(long kernel, long stride, long outputs) {
    const Filter *filter = stride == 1 ? &gather1 : &gather2;
    return kernel == 3 && stride <= 2 && outputs % filter->outputs == 0 ? filter : NULL;
}

/* Sets what the plan has of one dimension; false: it has no algorithm. */
static bool plan_dimension(const Node *node, int d, FilterPlan *plan) {
    const long kernel = node->kernel[d], stride = node->stride[d], padding = node->padding[d], outputs = node->shape[2 + d];
    const bool gathers = node->op == OP_CONV2D;
    const Filter *filter = NULL;
    plan->reversed[d] = !gathers && stride == 1; /* a transposed convolution of stride 1 is one, with the taps in reverse */
    if (gathers || stride == 1) {
        filter = gather_filter(kernel, stride, outputs);
        plan->offset[d] = gathers ? -padding : padding - 2;
    } else if (kernel == 3 && stride == 2 && padding % 2 == 1 && outputs % scatter2.outputs == 0) {
        filter = &scatter2;
        plan->offset[d] = (padding - 1) / 2;
    }
    plan->filter[d] = filter;
    if (filter) plan->tiles[d] = outputs / filter->outputs;
    return filter != NULL;
}

long filter_products(const Filter *filter) {
    long products = 0;
    for (int i = 0; i < filter->sums; i++) products += filter->sum[i].products;
    return products;
}

/* Time of a tile in multiply-adds of vectors, beside that of the direct one: transforming an element of the input takes about as long as
 * three, restoring a sum or an output as long as two. */
static bool wins(const FilterPlan *plan, double channels, double outputs) {
    const Filter *v = plan->filter[0], *h = plan->filter[1];
    const double direct = (double)(v->taps * h->taps) * channels * outputs;
    const double products = (double)(filter_products(v) * filter_products(h)) * channels * outputs;
    const double transform = 3.0 * v->transformed_inputs * h->transformed_inputs * channels;
    const double restore = 2.0 * (v->sums * h->sums + v->outputs * h->outputs) * outputs;
    return products + transform + restore < 0.9 * direct;
}

/* For one image: do the products that it saves take longer than reading what it adds to the weights, at a float a cycle? Twice as long,
 * since an image has too few tiles for the loops to be at their best. */
static bool pays_for_weights(const Target *target, const FilterPlan *plan) {
    const Filter *v = plan->filter[0], *h = plan->filter[1];
    const long saved = (v->taps * h->taps - filter_products(v) * filter_products(h)) * plan->tiles[0] * plan->tiles[1];
    return saved >= 2 * target->lanes * (v->transformed_weights * h->transformed_weights - 9);
}

bool plan_filter(const Lowering *l, const Node *node, FilterPlan *plan) {
    if (!l->choices->filtering) return false;
    if (node->op != OP_CONV2D && node->op != OP_CONV_TRANSPOSE2D) return false;
    if (!plan_dimension(node, 0, plan) || !plan_dimension(node, 1, plan)) return false;
    plan->out = node->op == OP_CONV2D ? 0 : 1;
    const long channels = node->input[0]->shape[1], outputs = node->shape[1];
    if (!is_blocked(l->target, channels) || !is_blocked(l->target, outputs)) return false;
    const Algorithm wanted = wanted_algorithm(l, node->name);
    if (wanted != ALGORITHM_ANY) return wanted == ALGORITHM_FILTERED;
    if (l->choices->few_images && !pays_for_weights(l->target, plan)) return false;
    return l->choices->filter_everywhere || wins(plan, (double)channels, (double)outputs);
}

/* ---- weights ---- */

/* [k / lanes][vertical][horizontal][c][lanes of k] */
const Buffer *new_filtered_weight(const Lowering *l, const Node *node, const FilterPlan *plan) {
    const char *name = format("%s_filtered%s", node->input[1]->name, node->op == OP_CONV2D ? "" : "_back");
    const long shape[4] = {plan->filter[0]->transformed_weights, plan->filter[1]->transformed_weights, node->input[0]->shape[1],
                           round_up(node->shape[1], l->target->lanes)};
    const int order[4] = {3, 0, 1, 2};
    return new_tensor(name, TYPE_F32, PLACE_WORKSPACE, 4, shape, layout_ordered(4, shape, order, 3, l->target->lanes));
}

const Expression *combine(int count, const double *coefficient, const Expression *const *value) {
    const Expression *result = NULL;
    for (int pass = 0; pass < 2; pass++) /* what is added before what is subtracted: no negation is wanted */
        for (int i = 0; i < count; i++) {
            const double size = coefficient[i] < 0 ? -coefficient[i] : coefficient[i];
            if (coefficient[i] == 0 || (coefficient[i] < 0) != (pass == 1)) continue;
            const Expression *term = size == 1 ? value[i] : op2(MULTIPLY, value[i], constant(size));
            if (result) result = pass == 1 ? op2(SUBTRACT, result, term) : op2(ADD, result, term);
            else result = pass == 1 ? op1(NEGATE, term) : term;
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

/* Of transformed weight p of a dimension: how much it has of each tap. */
static void weigh_taps(const FilterPlan *plan, int d, int p, double coefficient[3]) {
    for (int t = 0; t < 3; t++) coefficient[t] = plan->filter[d]->weight[p][plan->reversed[d] ? 2 - t : t];
}

/* The weight read through a virtual buffer, which is staged with dimension `out` innermost. */
static const Buffer *virtual_weight(const Buffer *from, const char *name) {
    Buffer *buffer = new_buffer(format("%s_turned", name), TYPE_F32, SPACE_VIRTUAL, 4, from->shape, layout_row_major(4, from->shape));
    Affine index[4];
    for (int d = 0; d < 4; d++) {
        buffer->index[d] = new_variable((const char *const[]){"k", "c", "u", "v"}[d], from->shape[d]);
        index[d] = V(buffer->index[d]);
    }
    buffer->value = load(from, index);
    return buffer;
}

void filter_taps(const FilterPlan *plan, const double taps[9], double *filtered) {
    const int rows = plan->filter[0]->transformed_weights, columns = plan->filter[1]->transformed_weights;
    double vertical[3], horizontal[3];
    for (int p = 0; p < rows; p++)
        for (int q = 0; q < columns; q++) {
            double sum = 0;
            weigh_taps(plan, 0, p, vertical);
            weigh_taps(plan, 1, q, horizontal);
            for (int t = 0; t < 9; t++) sum += vertical[t / 3] * horizontal[t % 3] * taps[t];
            filtered[p * columns + q] = sum;
        }
}

/* A kernel of its own, just before the convolution, so that what it makes lives no longer. */
static const Buffer *lower_filtered_weight(Lowering *l, const Node *node, const FilterPlan *plan) {
    const Node *weight = node->input[1];
    const Buffer *filtered = new_filtered_weight(l, node, plan);
    const Filter *v = plan->filter[0], *h = plan->filter[1];
    const Buffer *stored = weight_along(l, weight, plan->out), *from = stored;
    Kernel *kernel = new_kernel(format("%s_weight", node->name), v->transformed_weights);
    const long lanes = l->target->lanes, outputs = minimum(filtered->shape[3], stored->shape[plan->out]);
    /* Lanes along the other side, as the weight gradient wants them: a block is turned in scratch. */
    const bool turn = layout_lane(&stored->layout) != plan->out && outputs % lanes == 0;
    Stage stage = {.level = 2, .order = {1 - plan->out, 2, 3, plan->out}, .blocked = -1, .split = -1, .phased = -1};
    if (turn) stage.buffer = from = virtual_weight(stored, weight->name);
    for (int p = 0; p < v->transformed_weights; p++) {
        Compute *compute = &kernel->compute[p];
        Variable *k = add_variable(compute, "k", outputs, false);
        Variable *c = add_variable(compute, "c", filtered->shape[2], false);
        const Expression *tap[3][FILTER_SIZE], *column[3];
        for (int t = 0; t < 3; t++)
            for (int u = 0; u < 3; u++) {
                Affine index[4] = {[2] = affine_constant(t), [3] = affine_constant(u)};
                index[plan->out] = V(k);
                index[1 - plan->out] = V(c);
                tap[t][u] = load(from, index);
            }
        double coefficient[3];
        weigh_taps(plan, 0, p, coefficient);
        combine_rows(3, 3, coefficient, tap, column);
        for (int q = 0; q < h->transformed_weights; q++) {
            const Affine index[4] = {affine_constant(p), affine_constant(q), V(c), V(k)};
            weigh_taps(plan, 1, q, coefficient);
            add_store(compute, filtered, index, combine(3, coefficient, column));
        }
        Schedule *schedule = &kernel->schedule[p];
        add_level(schedule, "k", lanes, LOOP_PARALLEL);
        add_level(schedule, "c", minimum(lanes, c->extent), LOOP_PARALLEL);
        if (turn && p == 0) schedule->stage[schedule->stages++] = stage;
        add_level(schedule, "c", 1, LOOP_SERIAL);
        schedule->shared = 3;
        add_level(schedule, "k", 1, turn || lanes_fit(compute, "k", (int)lanes) ? LOOP_VECTOR : LOOP_SERIAL);
    }
    kernel->serves = node->name;
    kernel->comment = "the weight as minimal filtering multiplies by it: sums of its taps";
    set_work(kernel, 0);
    finish_kernel(l, kernel, NULL);
    return filtered;
}

/* ---- how a layer is cut ---- */

typedef struct Cut { /* of images, rows of tiles and columns of tiles: extent = items · blocks · inner */
    long item[3];    /* of an iteration of the parallel loops: blocks · inner */
    long inner[3];   /* of a register tile */
} Cut;

enum {
    FILTER_BYTES = 384 * 1024,
    FILTER_TILES = 64,
    BUSY_TILES = 8
}; /* transformed inputs of an item; at most so many tiles, less to keep threads busy */

static long tile_vectors(long vectors) {
    return vectors % 2 == 0 ? 2 : 1;
}

long choose_vectors(KernelChoice *choice, long vectors) {
    const int registers = choice->lowering->target->registers;
    const long room = (registers - 1) / 2;
    const Legal legal = {.most = minimum(vectors, room), .divides = vectors, .registers = room < vectors ? registers : 0};
    return choose(choice, FIELD_TILE_VECTORS, tile_vectors(vectors), legal);
}

long tile_values(const Target *target, long vectors) {
    return minimum(8, (target->registers - 1 - vectors) / vectors);
}

static Cut choose_cut(KernelChoice *choice, const Node *node, const FilterPlan *plan, long vectors, long channels) {
    static const ChoiceField blocks[3] = {FIELD_BLOCK_IMAGES, FIELD_BLOCK_ROWS, FIELD_BLOCK_COLUMNS};
    static const ChoiceField tiles[3] = {FIELD_TILE_IMAGES, FIELD_TILE_ROWS, FIELD_TILE_COLUMNS};
    const Target *target = choice->lowering->target;
    const long extent[3] = {node->shape[0], plan->tiles[0], plan->tiles[1]};
    const long tile_bytes = 4 * channels * plan->filter[0]->transformed_inputs * plan->filter[1]->transformed_inputs;
    const long model = minimum(FILTER_TILES, maximum(1, FILTER_BYTES / tile_bytes)), most = maximum(model, BLOCK_BYTES_MOST / tile_bytes);
    Cut cut;
    long taken = 1; /* tiles of the dimensions so far */
    for (int d = 2; d >= 0; d--) {
        long wanted = model / taken;
        if (d == 1 && extent[0] < BUSY_TILES) wanted = minimum(wanted, maximum(1, extent[0] * extent[1] / BUSY_TILES));
        if (d == 0) wanted = taken == extent[1] * extent[2] ? minimum(wanted, maximum(1, extent[0] / BUSY_TILES)) : 1;
        const Legal legal = {.most = maximum(1, minimum(extent[d], most / taken)), .divides = extent[d]};
        cut.item[d] = choose(choice, blocks[d], largest_divisor(extent[d], wanted), legal);
        taken *= cut.item[d];
    }
    long wanted = tile_values(target, vectors), room = (target->registers - 1 - vectors) / vectors;
    for (int d = 2; d >= 0; d--) {
        const Legal legal = {
            .most = minimum(cut.item[d], room), .divides = cut.item[d], .registers = room < cut.item[d] ? target->registers : 0};
        cut.inner[d] = choose(choice, tiles[d], largest_divisor(cut.item[d], wanted), legal);
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
    const Buffer *input, *transformed, *weight, *sums;
} Filtered;

/* The position n, i, j of a tile from an item's number, a block's and a place in it: the three variables of each dimension. */
typedef struct TilePlace {
    Affine item[3], block[3], inner[3], local[3], global[3];
} TilePlace;

static TilePlace add_places(const Filtered *f, Compute *compute, bool blocks) {
    static const char *const names[3][3] = {{"n", "nb", "ni"}, {"i", "ib", "ii"}, {"j", "jb", "ji"}};
    const long extent[3] = {f->node->shape[0], f->plan->tiles[0], f->plan->tiles[1]};
    TilePlace place;
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

static void add_common_levels(Schedule *schedule) {
    schedule->levels = 0;
    add_level(schedule, "n", 1, LOOP_PARALLEL);
    add_level(schedule, "i", 1, LOOP_PARALLEL);
    add_level(schedule, "j", 1, LOOP_PARALLEL);
}

/* A[p, q, nb, ib, jb, c] for one p and all q */
static void add_transform(const Filtered *f, Kernel *kernel, int number, int p, const Stage *stage) {
    const Filter *v = f->plan->filter[0], *h = f->plan->filter[1];
    Compute *compute = &kernel->compute[number];
    const TilePlace place = add_places(f, compute, false);
    const Affine c = V(add_variable(compute, "c", f->transformed->shape[5], false));
    const Expression *tile[FILTER_SIZE][FILTER_SIZE], *column[FILTER_SIZE];
    for (int y = 0; y < v->inputs; y++)
        for (int x = 0; x < h->inputs; x++) {
            const Affine at[4] = {place.global[0], c, affine_shift(affine_scale(place.global[1], v->step), f->plan->offset[0] + y),
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
    add_common_levels(schedule);
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

static void add_block_levels(Schedule *schedule) {
    add_common_levels(schedule);
    add_level(schedule, "kb", 1, LOOP_SERIAL);
    add_level(schedule, "nb", 1, LOOP_SERIAL);
    add_level(schedule, "ib", 1, LOOP_SERIAL);
    add_level(schedule, "jb", 1, LOOP_SERIAL);
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
    const Affine kb = V(add_variable(compute, "kb", f->weight->shape[3] / f->k_block, false));
    const Affine k = V(add_variable(compute, "k", f->k_block, false));
    const Affine p = V(add_variable(compute, "p", a->count, false)), q = V(add_variable(compute, "q", b->count, false));
    const Affine c = V(add_variable(compute, "c", f->weight->shape[2], true));
    const Affine u = V(add_variable(compute, "u", a->terms.products, true)), v = V(add_variable(compute, "v", b->terms.products, true));
    const Affine from[6] = {run_a(a, p, u), run_a(b, q, v), place.local[0], place.local[1], place.local[2], c};
    const Affine by[4] = {run_b(a, p, u), run_b(b, q, v), c, affine_add(affine_scale(kb, f->k_block), k)};
    compute->sum[compute->sum_count++] = op2(MULTIPLY, load(f->transformed, from), load(f->weight, by));
    const Affine to[6] = {affine_shift(p, a->first), affine_shift(q, b->first), place.inner[0], place.inner[1], place.inner[2], k};
    add_store(compute, f->sums, to, sum_value(0, TYPE_F32));
    Schedule *schedule = &kernel->schedule[number];
    add_block_levels(schedule);
    if (a->first == 0 && b->first == 0) schedule->shared = 3; /* with the transforms before it */
    add_level(schedule, "p", 1, LOOP_SERIAL);
    add_level(schedule, "q", 1, LOOP_SERIAL);
    schedule->accumulate = schedule->levels;
    add_level(schedule, "c", f->l->target->lanes, LOOP_SERIAL);
    add_level(schedule, "u", 1, LOOP_SERIAL);
    add_level(schedule, "v", 1, LOOP_SERIAL);
    add_level(schedule, "c", 1, LOOP_SERIAL);
    add_inner_levels(f, schedule, LOOP_UNROLL);
}

/* Row p of each tile's outputs. */
static void add_restoring(const Filtered *f, Kernel *kernel, int number, int p) {
    const Filter *v = f->plan->filter[0], *h = f->plan->filter[1];
    Compute *compute = &kernel->compute[number];
    const TilePlace place = add_places(f, compute, true);
    const Affine kb = V(add_variable(compute, "kb", f->weight->shape[3] / f->k_block, false));
    const Affine k = V(add_variable(compute, "k", f->k_block, false));
    const Expression *tile[FILTER_SIZE][FILTER_SIZE], *column[FILTER_SIZE];
    for (int y = 0; y < v->sums; y++)
        for (int x = 0; x < h->sums; x++) {
            const Affine at[6] = {affine_constant(y), affine_constant(x), place.inner[0], place.inner[1], place.inner[2], k};
            tile[y][x] = load(f->sums, at);
        }
    combine_rows(v->sums, h->sums, v->output[p], tile, column);
    for (int q = 0; q < h->outputs; q++) {
        const At at = {.n = place.global[0],
                       .c = affine_add(affine_scale(kb, f->k_block), k),
                       .h = affine_shift(affine_scale(place.global[1], v->outputs), p),
                       .w = affine_shift(affine_scale(place.global[2], h->outputs), q)};
        store_convolution(f->l, compute, f->node, &at, combine(h->sums, h->output[q], column));
    }
    Schedule *schedule = &kernel->schedule[number];
    add_block_levels(schedule);
    add_inner_levels(f, schedule, LOOP_SERIAL);
}

bool lower_filtered(Lowering *l, Node *node, const FilterPlan *plan) {
    const Filter *v = plan->filter[0], *h = plan->filter[1];
    const long lanes = l->target->lanes;
    const Buffer *input = node_virtual(l, node->input[0]);
    const Stage stage = stage_of(l, input, 0);
    if (stage.blocked < 0 || input->shape[1] < round_up(node->input[0]->shape[1], lanes)) return false;
    const int parameter = node->input[1]->parameter->number;
    const bool made = l->parameter[parameter].filter != NULL; /* when the bundle was */
    const Buffer *weight = made ? l->parameter[parameter].value : lower_filtered_weight(l, node, plan);
    if (l->filtered) {
        FilterPlan *copy = NEW(FilterPlan);
        *copy = *plan;
        l->filtered[parameter] = copy;
    }
    KernelChoice *choice = begin_choice(l, node->name, ALGORITHM_FILTERED);
    const long vectors = choose_vectors(choice, weight->shape[3] / lanes);
    const long channels = round_up(node->input[0]->shape[1], lanes);
    Filtered f = {.l = l, .node = node, .plan = plan, .k_block = vectors * lanes, .input = input, .weight = weight};
    f.cut = choose_cut(choice, node, plan, vectors, channels);
    FilterRun run[2][FILTER_SIZE];
    int runs[2];
    for (int d = 0; d < 2; d++) runs[d] = find_runs(plan->filter[d]->sum, plan->filter[d]->sums, run[d]);
    Kernel *kernel = new_kernel(node->name, v->transformed_inputs + runs[0] * runs[1] + v->outputs);
    const long transformed[6] = {v->transformed_inputs, h->transformed_inputs, f.cut.item[0], f.cut.item[1], f.cut.item[2], channels};
    const long sums[6] = {v->sums, h->sums, f.cut.inner[0], f.cut.inner[1], f.cut.inner[2], f.k_block};
    f.transformed = new_scratch(kernel, "transformed", 6, transformed, (const int[6]){0, 1, 5, 2, 3, 4}, 5, lanes);
    f.sums = new_scratch(kernel, "sums", 6, sums, (const int[6]){0, 1, 2, 3, 4, 5}, -1, 1);
    int number = 0;
    for (int p = 0; p < v->transformed_inputs; p++) add_transform(&f, kernel, number++, p, &stage);
    for (int p = 0; p < runs[0]; p++)
        for (int q = 0; q < runs[1]; q++) add_products(&f, kernel, number++, &run[0][p], &run[1][q]);
    for (int p = 0; p < v->outputs; p++) add_restoring(&f, kernel, number++, p);
    describe_convolution(kernel, node);
    kernel->comment = format("%s\nby minimal filtering: %ld products for %d", kernel->comment, filter_products(v) * filter_products(h),
                             v->taps * h->taps);
    finish_kernel(l, kernel, node->scan);
    return true;
}
