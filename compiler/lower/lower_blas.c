/* lower_blas.c: products of linear layers by calls of OpenBLAS's sgemm, where a tuning file asks for them.
 *
 *   forward          y[n, o]  = Σ i  x[n, i] · w[o, i]       rows n, columns o, terms i; then bias and epilogue
 *   data gradient    dx[n, i] = Σ o  dy[n, o] · w[o, i]      rows n, columns i, terms o
 *   weight gradient  dw[o, i] = Σ n  dy[n, o] · x[n, i]      rows: the features without lanes, columns: those with lanes; terms n
 *
 * The result of a call is a block of rows and columns in scratch. Shapes and choices decide how large blocks are, never the number of
 * threads, and BLAS runs in the thread that calls it. So the bits are the same for any number of threads. Terms are cut into blocks whose
 * calls follow one another. What has lanes in memory, or is computed where it is read, is staged as a matrix for each call. A second
 * compute then stores the block where it belongs, with bias and epilogue. */
#include "lower/lower_blas.h"

#include "loop/lanes.h"
#include "lower/choose.h"
#include "lower/element.h"
#include "lower/finish_kernel.h"
#include "lower/fuse.h"
#include "lower/kernel_builder.h"
#include "lower/products.h"
#include "lower/schedule_conv.h"
#include "lower/storage.h"

#include <string.h>

#define V affine_variable

/* Of a call, as the cost model has it. OpenBLAS packs both factors anew in each call: small blocks pack more for each product, large ones
 * leave other threads idle. */
enum { ROWS_MODEL = 256, COLUMNS_MODEL = 256, COLUMNS_LEAST = 64, TERMS_MODEL = 512, CALLS_MODEL = 8 };
enum { MATRIX_ELEMENTS = BLOCK_BYTES_MOST / 4 };

typedef struct Side { /* rows, columns or terms: rows n of the operands, or features [channels, height, width] */
    const char *const *name;
    long extent[3];
    long block[3]; /* of these in a call */
} Side;

static const char *const row_names[3] = {"n", NULL, NULL}, *const out_names[3] = {"o", "p", "q"}, *const in_names[3] = {"c", "h", "w"};

typedef struct Indices { /* of a side, in a compute: of the whole operand, and of the block */
    Affine at[3], inside[3];
} Indices;

typedef struct Blas {
    Lowering *l;
    Node *node, *result;
    const Buffer *first, *second; /* factors; virtual */
    int lane;                     /* of the second factor: the dimension along which its lanes lie; −1: none */
    bool gradient;                /* of a weight */
    Side rows, columns, terms;
    const Buffer *block; /* the result of a call */
} Blas;

bool can_be_blas(const Lowering *l, const Node *node) {
    if (node->op != OP_LINEAR && node->op != OP_LINEAR_DATA_GRAD && node->op != OP_LINEAR_WEIGHT_GRAD) return false;
    if (l->target->pairs || l->weight_type != TYPE_F32 || node->scan || has_carried_rows(node)) return false;
    return !has_carried_rows(epilogue_of(l->graph, (Node *)(uintptr_t)node));
}

/* ---- sides ---- */

static bool is_rows(const Side *side) {
    return side->name == row_names;
}

static Side rows_of(long rows) {
    return (Side){.name = row_names, .extent = {rows, 1, 1}};
}

/* The features of a weight from dimension `first` on; no more channels than both have. */
static Side features_of(const long *shape, int first, long channels) {
    return (Side){.name = first == 0 ? out_names : in_names,
                  .extent = {minimum(shape[first], channels), shape[first + 1], shape[first + 2]}};
}

static long block_size(const Side *side) {
    return side->block[0] * side->block[1] * side->block[2];
}

/* Can the channels of the side be copied as vectors into the rows of a matrix? Rows are padded to whole vectors, which features of several
 * pixels must not be. */
static bool copies_vectors(const Side *side, long lanes) {
    return side->extent[0] % lanes == 0 || side->extent[1] * side->extent[2] == 1;
}

/* Chooses how much of a side is in a block of about `model`, and of no more than `most`. Blocks of a result are equal; the last of terms
 * may be smaller. Whole vectors of channels, and if possible whole rows and images of features, are kept together. */
static void choose_block(KernelChoice *choice, ChoiceField field, Side *side, long model, long most) {
    const bool equal = field != FIELD_CALL_TERMS;
    const long lanes = choice->target->lanes, extent = side->extent[0], unit = is_rows(side) ? 1 : minimum(extent, lanes);
    long inner = 1;
    for (int d = 2; d > 0; d--, inner *= side->block[d + 1]) {
        const long room = maximum(1, minimum(2 * model, most) / (unit * inner));
        side->block[d] = equal ? largest_divisor(side->extent[d], room) : divide_evenly(side->extent[d], room);
    }
    inner = side->block[1] * side->block[2];
    const bool whole = equal && extent % unit != 0;
    const Legal legal = {.most = whole ? extent : maximum(unit, minimum(extent, most / inner / unit * unit)),
                         .multiple = unit,
                         .ragged = whole || !equal,
                         .divides = equal ? extent : 0};
    const long wanted = maximum(1, minimum(model, most) / (inner * unit));
    const long value = unit * (equal ? largest_divisor(extent / unit, wanted) : divide_evenly((extent + unit - 1) / unit, wanted));
    side->block[0] = choose(choice, field, whole ? extent : minimum(extent, value), legal);
}

static void choose_blocks(Blas *blas) {
    KernelChoice *choice = begin_choice(blas->l, ALGORITHM_BLAS);
    const long features = blas->columns.extent[0] * blas->columns.extent[1] * blas->columns.extent[2];
    const long columns = maximum(COLUMNS_LEAST, minimum(COLUMNS_MODEL, features / CALLS_MODEL));
    choose_block(choice, FIELD_CALL_COLUMNS, &blas->columns, columns, MATRIX_ELEMENTS / ROWS_MODEL);
    choose_block(choice, FIELD_CALL_ROWS, &blas->rows, ROWS_MODEL, MATRIX_ELEMENTS / block_size(&blas->columns));
    const long larger = maximum(block_size(&blas->rows), block_size(&blas->columns));
    choose_block(choice, FIELD_CALL_TERMS, &blas->terms, TERMS_MODEL, MATRIX_ELEMENTS / larger);
}

/* Variables over the blocks, then over what is inside of one. */
static const char *block_variable(const Side *side, int d) {
    return format("%s_block", side->name[d]);
}

static Indices add_blocks(Compute *compute, const Side *side) {
    Indices place = {0};
    for (int d = 0; d < 3 && side->name[d]; d++)
        place.at[d] =
            affine_scale(V(add_variable(compute, block_variable(side, d), side->extent[d] / side->block[d], false)), side->block[d]);
    return place;
}

static void add_inside(Compute *compute, const Side *side, Indices *place) {
    for (int d = 0; d < 3 && side->name[d]; d++) {
        place->inside[d] = V(add_variable(compute, side->name[d], side->block[d], false));
        place->at[d] = affine_add(place->at[d], place->inside[d]);
    }
}

static Indices add_terms(Compute *compute, const Side *side) {
    Indices place = {0};
    for (int d = 0; d < 3 && side->name[d]; d++) place.at[d] = V(add_variable(compute, side->name[d], side->extent[d], true));
    return place;
}

static void add_block_levels(const Blas *blas, Schedule *schedule) {
    for (int d = 0; d < 3 && blas->rows.name[d]; d++) add_level(schedule, block_variable(&blas->rows, d), 1, LOOP_PARALLEL);
    for (int d = 0; d < 3; d++) add_level(schedule, block_variable(&blas->columns, d), 1, LOOP_PARALLEL);
}

/* Height and width first, and channels innermost, whose lanes are copied as vectors. */
static void add_levels(Schedule *schedule, const Side *side) {
    for (int i = 0; i < 3; i++)
        if (side->name[(i + 1) % 3]) add_level(schedule, side->name[(i + 1) % 3], 1, LOOP_SERIAL);
}

/* ---- the product ---- */

/* The index of the block in scratch: that of its row, then that of its column. */
static void block_index(const Indices *row, const Indices *column, Affine index[6]) {
    memcpy(index, row->inside, sizeof row->inside);
    memcpy(index + 3, column->inside, sizeof column->inside);
}

/* The elements of an operand [n, c, h, w]. */
static const Expression *row_element(const Buffer *buffer, Affine n, const Affine features[3]) {
    const Affine index[4] = {n, features[0], features[1], features[2]};
    return load(buffer, index);
}

static const Expression *weight_element(const Blas *blas, const Indices *column, const Indices *term) {
    Affine index[6];
    const bool forward = blas->node->op == OP_LINEAR;
    memcpy(index, forward ? column->at : term->at, sizeof column->at);
    memcpy(index + 3, forward ? term->at : column->at, sizeof column->at);
    return load(blas->second, index);
}

/* Do rows of this operand lie in memory as a matrix? Its features are then one pixel's, or in planes. */
static bool lies_as_matrix(const Buffer *operand) {
    const Expression *value = operand->value;
    if (value->kind != EXPRESSION_LOAD || operand->rest || value->buffer->space != SPACE_TENSOR || value->buffer->type != TYPE_F32)
        return false;
    for (int d = 0; d < 4; d++) {
        const Affine own = V(operand->index[d]);
        if (operand->shape[d] > 1 && !affine_equal(&value->index[d], &own)) return false;
    }
    return operand->shape[2] * operand->shape[3] == 1;
}

/* Rows of an operand with these features, as a matrix whose rows are n. */
static void stage_rows(const Blas *blas, Schedule *schedule, const Buffer *operand, const Side *features) {
    if (lies_as_matrix(operand)) return;
    Stage stage = stage_of(blas->l, operand, schedule->levels);
    const int order[4] = {0, 2, 3, 1};
    memcpy(stage.order, order, sizeof order);
    stage.flat = true;
    if (!copies_vectors(features, blas->l->target->lanes)) stage.blocked = stage.split = -1;
    schedule->stage[schedule->stages++] = stage;
}

/* A weight's block, as a matrix whose columns, or rows, are along its lanes. */
static void stage_weight(const Blas *blas, Schedule *schedule) {
    const int inner = blas->lane == 3 ? 3 : 0, outer = 3 - inner;
    const bool in_columns = (blas->columns.name == out_names) == (inner == 0);
    const bool vectors = blas->lane >= 0 && copies_vectors(in_columns ? &blas->columns : &blas->terms, blas->l->target->lanes);
    schedule->stage[schedule->stages++] = (Stage){.buffer = blas->second,
                                                  .level = schedule->levels,
                                                  .order = {outer + 1, outer + 2, outer, inner + 1, inner + 2, inner},
                                                  .blocked = vectors ? inner : -1,
                                                  .split = vectors ? inner : -1,
                                                  .block = blas->l->target->lanes,
                                                  .flat = true,
                                                  .phased = -1};
}

static void schedule_product(const Blas *blas, Schedule *schedule) {
    add_block_levels(blas, schedule);
    for (int d = 0; d < 3 && blas->terms.name[d]; d++)
        if (blas->terms.block[d] < blas->terms.extent[d]) add_level(schedule, blas->terms.name[d], blas->terms.block[d], LOOP_SERIAL);
    stage_rows(blas, schedule, blas->first, blas->gradient ? &blas->rows : &blas->terms);
    if (blas->gradient) stage_rows(blas, schedule, blas->second, &blas->columns);
    else stage_weight(blas, schedule);
    schedule->accumulate = schedule->levels;
    schedule->call = true;
    add_levels(schedule, &blas->rows);
    add_levels(schedule, &blas->columns);
    add_levels(schedule, &blas->terms);
}

static void add_product(const Blas *blas, Kernel *kernel) {
    Compute *compute = &kernel->compute[0];
    Indices row = add_blocks(compute, &blas->rows), column = add_blocks(compute, &blas->columns);
    add_inside(compute, &blas->rows, &row);
    add_inside(compute, &blas->columns, &column);
    const Indices term = add_terms(compute, &blas->terms);
    const Expression *first = blas->gradient ? row_element(blas->first, term.at[0], row.at) : row_element(blas->first, row.at[0], term.at);
    const Expression *second = blas->gradient ? row_element(blas->second, term.at[0], column.at) : weight_element(blas, &column, &term);
    compute->sum[compute->sum_count++] = op2(MULTIPLY, first, second);
    Affine index[6];
    block_index(&row, &column, index);
    add_store(compute, blas->block, index, sum_value(0, TYPE_F32));
    schedule_product(blas, &kernel->schedule[0]);
}

/* ---- the result ---- */

static const Expression *finished(const Blas *blas, const At *at, const Expression *sum) {
    Lowering *l = blas->l;
    Node *node = blas->node;
    if (node->op != OP_LINEAR) return sum;
    sum = scaled_sum(l, node->input[1], at, sum);
    if (node->input_count > 2) sum = op2(ADD, sum, feature_value(l, node->input[2], at));
    return epilogue_element(l, node, at, sum);
}

static void add_result(const Blas *blas, Kernel *kernel) {
    Compute *compute = &kernel->compute[1];
    Indices row = add_blocks(compute, &blas->rows), column = add_blocks(compute, &blas->columns);
    add_inside(compute, &blas->rows, &row);
    add_inside(compute, &blas->columns, &column);
    Affine from[6], to[6];
    block_index(&row, &column, from);
    const Expression *value = load(blas->block, from);
    const Buffer *out = node_buffer(blas->l, blas->result);
    if (blas->gradient) {
        const bool outputs = blas->columns.name == out_names;
        memcpy(to, outputs ? column.at : row.at, sizeof row.at);
        memcpy(to + 3, outputs ? row.at : column.at, sizeof row.at);
    } else {
        const At at = {.n = row.at[0], .c = column.at[0], .h = column.at[1], .w = column.at[2]};
        value = finished(blas, &at, value);
        stored_index(blas->result, &at, to);
    }
    add_store(compute, out, to, value);
    Schedule *schedule = &kernel->schedule[1];
    const int lanes = blas->l->target->lanes;
    const bool aligned = blas->columns.block[0] % lanes == 0 || blas->columns.block[0] == blas->columns.extent[0];
    const bool fit = aligned && lanes_fit(compute, blas->columns.name[0], lanes);
    add_block_levels(blas, schedule);
    schedule->shared = schedule->levels;
    if (!blas->gradient) add_levels(schedule, &blas->rows);
    for (int d = 1; d < 3; d++) add_level(schedule, blas->columns.name[d], 1, LOOP_SERIAL);
    add_level(schedule, blas->columns.name[0], fit ? lanes : 1, LOOP_SERIAL);
    if (blas->gradient) add_levels(schedule, &blas->rows); /* a weight has all of them side by side for these lanes */
    if (fit) add_level(schedule, blas->columns.name[0], 1, LOOP_VECTOR);
}

/* ---- the three products ---- */

static Blas describe_product(Lowering *l, Node *node) {
    const bool forward = node->op == OP_LINEAR;
    const int outputs = forward ? 0 : 3, inputs = 3 - outputs; /* dimensions of the weight */
    const Node *weight = node->input[1];
    const Buffer *stored = weight_along(l, weight, outputs);
    Blas blas = {.l = l, .node = node, .result = forward ? epilogue_of(l->graph, node) : node, .lane = layout_lane(&stored->layout)};
    blas.first = node_virtual(l, node->input[0]);
    blas.second = virtual_weight(stored, format("%s_in", stored->name));
    blas.rows = rows_of(node->shape[0]);
    blas.columns = features_of(stored->shape, outputs, node_buffer(l, blas.result)->shape[1]);
    blas.terms = features_of(weight->shape, inputs, blas.first->shape[1]);
    return blas;
}

static Blas describe_gradient(Lowering *l, Node *node) {
    const Buffer *out = node_buffer(l, node);
    const int columns = layout_lane(&out->layout) == 0 ? 0 : 3;
    Blas blas = {.l = l, .node = node, .result = node, .lane = -1, .gradient = true};
    blas.first = node_virtual(l, node->input[columns == 0]);
    blas.second = node_virtual(l, node->input[columns != 0]);
    blas.rows = features_of(out->shape, 3 - columns, blas.first->shape[1]);
    blas.columns = features_of(out->shape, columns, blas.second->shape[1]);
    blas.terms = rows_of(node->input[0]->shape[0]);
    return blas;
}

bool lower_as_blas(Lowering *l, Node *node, const char *comment, double flops) {
    if (product_of_node(l, node)->algorithm != ALGORITHM_BLAS) return false;
    Kernel *kernel = new_kernel(node->name, 2);
    Blas blas = node->op == OP_LINEAR_WEIGHT_GRAD ? describe_gradient(l, node) : describe_product(l, node);
    choose_blocks(&blas);
    long shape[6];
    memcpy(shape, blas.rows.block, sizeof blas.rows.block);
    memcpy(shape + 3, blas.columns.block, sizeof blas.columns.block);
    blas.block = new_scratch(kernel, "product", 6, shape, (const int[6]){1, 2, 0, 4, 5, 3}, -1, 1);
    add_product(&blas, kernel);
    add_result(&blas, kernel);
    kernel->comment = format("%s\nby calls of BLAS: blocks of %ld rows and %ld columns, %ld terms at a time", comment,
                             block_size(&blas.rows), block_size(&blas.columns), block_size(&blas.terms));
    kernel->read_late = blas.gradient; /* the optimizer reads it */
    l->code->calls_blas = true;
    set_product_work(kernel, flops);
    finish_kernel(l, kernel, NULL);
    return true;
}
