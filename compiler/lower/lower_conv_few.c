/* lower_conv_few.c: convolutions to few output channels, as at the end of a decoder. A vector does not fit along the outputs, so lanes lie
 * along the input channels.
 *
 *   partial[k, j, l] = Σ c, u, v  x[n, L · c + l, …] · w    for one row of outputs, in scratch
 *   sum[k, j]        = Σ l  partial[k, j, l]
 *   y[n, k, i, j]    = bias and epilogue of sum[k, j], lanes along the row where they fit
 *
 * If the channels are not whole vectors, both operands are staged with zeros behind them. */
#include "lower/lower_conv_few.h"

#include "loop/lanes.h"
#include "lower/choose.h"
#include "lower/finish_kernel.h"
#include "lower/kernel_builder.h"
#include "lower/lower_conv.h"
#include "lower/schedule_conv.h"
#include "lower/storage.h"

#define V affine_variable

enum { FEW = 4, SUMS = 8 };

/* The weight's dimension of the input channels. */
static int weight_channels(const Node *node) {
    return node->op == OP_CONV2D ? 1 : 0;
}

typedef struct Few {
    Lowering *l;
    Node *node;
    int channels; /* the weight's dimension of the input channels */
    const Buffer *input, *weight, *partial, *sum;
    long rows;    /* of outputs for which the input is staged at once */
    long columns; /* of outputs whose sums are in registers */
} Few;

/* A virtual buffer of the same elements, but 0 from index `count` of a dimension on: padding lanes may hold anything. */
static const Buffer *zero_from(const Buffer *from, int dimension, long count) {
    const char *name = format("%s_whole", from->name);
    Buffer *buffer = NEW(Buffer);
    *buffer = *(from->space == SPACE_VIRTUAL ? from : virtual_weight(from, name));
    buffer->name = name;
    buffer->rest = constant(0);
    buffer->rest_dimension = dimension;
    buffer->rest_from = count;
    return buffer;
}

static void add_row_levels(const Few *f, Schedule *schedule) {
    add_level(schedule, "n", 1, LOOP_PARALLEL);
    add_level(schedule, "i", f->rows, LOOP_PARALLEL);
    add_level(schedule, "i", 1, LOOP_SERIAL);
    schedule->shared = schedule->levels;
}

/* With lanes along the input channels, dimension `channels` of the weight. */
static Stage stage_of_weight(const Few *f) {
    return (Stage){.buffer = f->weight,
                   .level = 2,
                   .order = {0, 1, 2, 3},
                   .blocked = f->channels,
                   .split = f->channels,
                   .block = f->l->target->lanes,
                   .phased = -1};
}

static void add_partial(const Few *f, Kernel *kernel, int number, const Phase phase[2], const Stage *stage) {
    Compute *compute = &kernel->compute[number];
    const long lanes = f->l->target->lanes, outputs = f->node->shape[1];
    const Affine n = V(add_variable(compute, "n", f->node->shape[0], false)), i = V(add_variable(compute, "i", phase[0].count, false));
    const Affine k = V(add_variable(compute, "k", outputs, false)), j = V(add_variable(compute, "j", phase[1].count, false));
    const Affine lane = V(add_variable(compute, "l", lanes, false));
    const Affine c = affine_add(affine_scale(V(add_variable(compute, "c", f->input->shape[1] / lanes, true)), lanes), lane);
    const Affine u = V(add_variable(compute, "u", phase[0].taps, true)), v = V(add_variable(compute, "v", phase[1].taps, true));
    const Affine from[4] = {n, c, phase_input(&phase[0], i, u), phase_input(&phase[1], j, v)};
    compute->sum[compute->sum_count++] = op2(MULTIPLY, load(f->input, from), phase_weight(f->node, f->weight, phase, k, c, u, v));
    const Affine to[3] = {k, j, lane};
    add_store(compute, f->partial, to, sum_value(0, TYPE_F32));
    Schedule *schedule = &kernel->schedule[number];
    add_row_levels(f, schedule);
    if (number == 0) {
        schedule->stage[schedule->stages] = *stage;
        schedule->stage[schedule->stages++].level = 2;
        if (f->weight->space == SPACE_VIRTUAL) schedule->stage[schedule->stages++] = stage_of_weight(f);
    }
    add_level(schedule, "j", f->columns, LOOP_SERIAL);
    schedule->accumulate = schedule->levels;
    add_level(schedule, "c", 1, LOOP_SERIAL);
    add_level(schedule, "u", 1, LOOP_SERIAL);
    if (number == 0 && !f->l->choices->few_images) ask_ahead(f->l->target, schedule, 2); /* a few images are in a cache */
    add_level(schedule, "v", 1, LOOP_UNROLL);
    add_level(schedule, "k", 1, LOOP_UNROLL);
    add_level(schedule, "j", 1, LOOP_UNROLL);
    add_level(schedule, "l", 1, LOOP_VECTOR);
}

static void add_sum(const Few *f, Kernel *kernel, int number, const Phase phase[2]) {
    Compute *compute = &kernel->compute[number];
    add_variable(compute, "n", f->node->shape[0], false);
    add_variable(compute, "i", phase[0].count, false);
    const Affine k = V(add_variable(compute, "k", f->node->shape[1], false)), j = V(add_variable(compute, "j", phase[1].count, false));
    const Affine from[3] = {k, j, V(add_variable(compute, "l", f->l->target->lanes, true))};
    compute->sum[compute->sum_count++] = load(f->partial, from);
    add_store(compute, f->sum, from, sum_value(0, TYPE_F32));
    Schedule *schedule = &kernel->schedule[number];
    add_row_levels(f, schedule);
    add_level(schedule, "k", 1, LOOP_SERIAL);
    add_level(schedule, "j", SUMS, LOOP_SERIAL);
    schedule->accumulate = schedule->levels;
    add_level(schedule, "l", 1, LOOP_SERIAL);
    add_level(schedule, "j", 1, LOOP_UNROLL);
}

static void add_result(const Few *f, Kernel *kernel, int number, const Phase phase[2]) {
    Compute *compute = &kernel->compute[number];
    const Affine n = V(add_variable(compute, "n", f->node->shape[0], false)), i = V(add_variable(compute, "i", phase[0].count, false));
    const Affine k = V(add_variable(compute, "k", f->node->shape[1], false)), j = V(add_variable(compute, "j", phase[1].count, false));
    const Affine from[2] = {k, j};
    const At at = {.n = n, .c = k, .h = phase_output(&phase[0], i), .w = phase_output(&phase[1], j)};
    store_convolution(f->l, compute, f->node, &at, load(f->sum, from));
    Schedule *schedule = &kernel->schedule[number];
    const int lanes = f->l->target->lanes;
    const bool vectors = lanes_fit(compute, "j", lanes);
    add_row_levels(f, schedule);
    add_level(schedule, "k", 1, LOOP_SERIAL);
    add_level(schedule, "j", vectors ? lanes : 1, LOOP_SERIAL);
    if (vectors) add_level(schedule, "j", 1, LOOP_VECTOR);
}

/* Bytes of a padded row of all channels. */
static long row_bytes(const Node *node) {
    const Node *from = node->input[0];
    return 4 * from->shape[1] * (from->shape[3] + 2 * node->padding[1]);
}

/* The number of rows of outputs whose input fits in `bytes`, at least one. */
static long rows_within(const Node *node, const Phase *phase, long bytes) {
    long rows = 1;
    while (rows < phase->count && (phase->in_step * rows + phase->taps) * row_bytes(node) <= bytes) rows++;
    return rows;
}

/* Chooses how many rows are staged at once, in blocks of equal size, and the register tile. */
static void choose_sizes(Few *f, KernelChoice *choice) {
    const Phase phase = phase_of(f->node, 0, 0);
    const long blocks = (phase.count + rows_within(f->node, &phase, STAGE_BYTES) - 1) / rows_within(f->node, &phase, STAGE_BYTES);
    const long outputs = f->node->shape[1], columns = maximum(1, SUMS / outputs);
    f->rows = choose(choice, FIELD_BLOCK_ROWS, (phase.count + blocks - 1) / blocks,
                     (Legal){.most = rows_within(f->node, &phase, BLOCK_BYTES_MOST)});
    f->columns =
        choose(choice, FIELD_TILE_COLUMNS, columns,
               (Legal){.most = maximum(columns, (f->l->target->registers - 1 - outputs) / outputs), .registers = f->l->target->registers});
}

/* Does the weight, or its second copy, have its lanes along the input channels? */
static bool weight_has_lanes(const Lowering *l, const Node *node) {
    const WeightLanes *lanes = &l->weight_lanes[node->input[1]->parameter->number];
    const int channels = weight_channels(node);
    return lanes->value == channels || lanes->copy == channels;
}

bool has_few_outputs(const Lowering *l, const Node *node) {
    const long lanes = l->target->lanes;
    const Algorithm wanted = wanted_algorithm(l, node);
    if (wanted != ALGORITHM_ANY && wanted != ALGORITHM_FEW) return false;
    if (node->shape[1] > FEW || node->shape[1] >= lanes || node->scan) return false;
    for (int d = 0; d < 2; d++)
        for (long a = 0; a < phase_count(node, d); a++)
            if (phase_of(node, d, a).taps == 0) return false;
    if (phase_of(node, 0, 0).taps * row_bytes(node) > BLOCK_BYTES_MOST) return false;
    return node->input[1]->parameter && weight_has_lanes(l, node) && has_channel_lanes(l, node->input[0]);
}

void lower_few_outputs(Lowering *l, Node *node) {
    const long lanes = l->target->lanes, phases[2] = {phase_count(node, 0), phase_count(node, 1)};
    Few f = {.l = l, .node = node, .channels = weight_channels(node), .input = node_virtual(l, node->input[0])};
    f.weight = weight_along(l, node->input[1], f.channels);
    Stage stage = stage_of(l, f.input, 0);
    if (stage.blocked < 0 || layout_lane(&f.weight->layout) != f.channels) die("%s has no lanes along its input channels", node->name);
    const long channels = node->input[0]->shape[1];
    if (channels % lanes != 0) {
        f.input = zero_from(f.input, 1, channels);
        stage.buffer = f.input;
        f.weight = zero_from(f.weight, f.channels, channels);
    }
    choose_sizes(&f, begin_choice(l, ALGORITHM_FEW));
    const long shape[3] = {node->shape[1], phase_of(node, 1, 0).count, lanes};
    Kernel *kernel = new_kernel(node->name, (int)(3 * phases[0] * phases[1]));
    f.partial = new_scratch(kernel, "partial", 3, shape, (const int[3]){0, 1, 2}, -1, 1);
    f.sum = new_scratch(kernel, "sum", 2, shape, (const int[2]){0, 1}, -1, 1);
    int number = 0;
    for (long a = 0; a < phases[0]; a++)
        for (long b = 0; b < phases[1]; b++) {
            const Phase phase[2] = {phase_of(node, 0, a), phase_of(node, 1, b)};
            add_partial(&f, kernel, number++, phase, &stage);
            add_sum(&f, kernel, number++, phase);
            add_result(&f, kernel, number++, phase);
        }
    describe_convolution(kernel, node);
    finish_kernel(l, kernel, NULL);
}
