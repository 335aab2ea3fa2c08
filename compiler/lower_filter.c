/* Convolutions by minimal filtering, with the algorithms of filters.c. Products are summed over the input channels before
 * anything is transformed back, so all but the transforms are matrix products. Each step is a compute of one kernel:
 *   transform     A[p, …, c] = Σ ± x        p: a transformed input; once for a group of images and rows of tiles, in scratch
 *   multiply      S[q, …, k] = Σ c, … A · G  q: a sum; for a block of output channels and a few tiles, in scratch
 *   restore       y = Σ ± S, and what the layer's epilogue makes of it
 * Weights are transformed to G by a kernel of their own, just before. */
#include "lower_filter.h"

#include "lower_conv.h"
#include "lower_tiles.h"

#define V affine_variable

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

/* Transformed inputs of an item: of tiles of 2, and of 4, of which the same outputs take as much, but fewer share more weights; at most so
 * many tiles, less to keep threads busy. */
enum { FILTER_BYTES_2 = 384 * 1024, FILTER_BYTES_4 = 768 * 1024, FILTER_TILES = 32, BUSY_TILES = 8 };

/* What is transformed is read from the second cache once for each register tile's vectors: the more of them, where there are registers. */
static long tile_vectors(const Target *target, long vectors, bool wide) {
    if (wide && target->registers >= 32 && vectors % 4 == 0) return 4;
    for (long count = 2; count <= (wide ? 5 : 3); count++)
        if (vectors % count == 0 && count * 4 < target->registers) return count;
    return 1;
}

long choose_vectors(KernelChoice *choice, long vectors, bool wide) {
    const Target *target = choice->lowering->target;
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
    const Target *target = choice->lowering->target;
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

enum { ITEM_LEVELS = 3 };

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
    if (a->first == 0 && b->first == 0) schedule->shared = ITEM_LEVELS; /* with the transforms before it */
    add_level(schedule, "p", 1, LOOP_SERIAL);
    add_level(schedule, "q", 1, LOOP_SERIAL);
    schedule->accumulate = schedule->levels;
    add_level(schedule, "c", f->l->target->lanes, LOOP_SERIAL);
    add_level(schedule, "u", 1, LOOP_SERIAL);
    add_level(schedule, "v", 1, LOOP_SERIAL);
    ask_ahead(f->l, schedule, ITEM_LEVELS);
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
    const long outputs = node_buffer(l, epilogue_of(l->graph, node))->shape[1]; /* with padding lanes, which a reconstruction has not */
    if (stage.blocked < 0 || input->shape[1] < round_up(node->input[0]->shape[1], lanes)) return false;
    if (outputs < round_up(node->shape[1], lanes)) return false;
    const int parameter = node->input[1]->parameter->number;
    const bool made = l->parameter[parameter].filter != NULL; /* when the bundle was */
    const Buffer *weight = made ? l->parameter[parameter].value : lower_filtered_weight(l, node, plan);
    if (l->filtered) {
        FilterPlan *copy = NEW(FilterPlan);
        *copy = *plan;
        l->filtered[parameter] = copy;
    }
    KernelChoice *choice = begin_choice(l, node->name, filtered_algorithm(v, h));
    const long vectors = choose_vectors(choice, weight->shape[3] / lanes, choice->algorithm == ALGORITHM_FILTERED_4);
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
    add_tile_sums(l, node, kernel, &(Items){"c", 0, f.cut.item[0], f.cut.item[1] * v->outputs, f.cut.item[2] * h->outputs});
    finish_kernel(l, kernel, node->scan);
    return true;
}
