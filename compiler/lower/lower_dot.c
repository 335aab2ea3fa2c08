/* lower_dot.c: products of linear layers that sum over many features, with the weight's lanes along those. Both operands are vectors, and
 * each lane has a sum of its own. So the forward product and the data gradient read one layout, and the weight needs no second copy.
 *
 *   parts[g, n, m, l] = Σ c, h, w  x[n, L · c + l, h, w] · w[m, L · c + l, h, w]    over group g of the features
 *   sums[n, m, l]     = Σ g  parts[g, n, m, l]
 *   y[n, m]           = bias and epilogue of  Σ l  sums[n, m, l]
 *
 * Groups are parallel. So operands and weight are read from memory once, or the weight once for each block of rows. A block of features of
 * its rows is staged, and stays in a cache for all outputs. Rows n are sequence b and step t.
 *
 * The number of rows decides how features are cut. So the frame-by-frame run of a trainer adds up in another order than its batches. */
#include "lower/lower_dot.h"

#include "loop/lanes.h"
#include "lower/choose.h"
#include "lower/element.h"
#include "lower/finish_kernel.h"
#include "lower/fuse.h"
#include "lower/kernel_builder.h"
#include "lower/schedule_conv.h"
#include "lower/storage.h"

#include <string.h>

#define V affine_variable

/* In order: the number of features from which summing lanes costs little; the features of a group, and the number of groups; rows and
 * outputs at a time; the staged part of the rows, which stays in the first-level cache for all outputs; outputs whose weights are staged
 * at once; steps between prefetches; scalar sums side by side; time steps of a sequence. */
enum { DOT_FEATURES = 4096, GROUP_FEATURES = 1024, DOT_GROUPS = 8, ROWS_MOST = 32, OUTPUTS_MOST = 128 };
enum { DOT_BYTES = 32 * 1024, STEPS_MOST = 64, STAGED_OUTPUTS = 8, ASKING_STEPS = 8, SUMS = 8, SEQUENCE_MOST = 64 };

typedef struct Dot {
    Lowering *l;
    Node *node;
    int side, other;         /* the weight's dimensions: of the channels that are summed over, of the outputs */
    long outputs, sequences; /* at a time, … */
    long blocks, batch, T;   /* … in so many blocks, of so many */
    long groups_of_channels, groups_of_rows;
    const Buffer *input, *weight; /* virtual */
    const Buffer *parts;
} Dot;

bool can_be_dot(const Lowering *l, const Node *node, int side) {
    const Target *target = l->target;
    const Node *weight = node->input[1];
    if (weight->rank != 6 || node->scan || has_carried_rows(node->input[0]) || target->lanes < 2) return false;
    if (node->steps > SEQUENCE_MOST) return false; /* a sequence's rows are staged together */
    const long *features = &weight->shape[side], *outputs = &weight->shape[3 - side];
    const long count = features[0] * features[1] * features[2];
    if (count < DOT_FEATURES || count < target->lanes * outputs[0] || features[0] % target->lanes != 0) return false;
    return outputs[1] * outputs[2] == 1 && largest_divisor(outputs[0], OUTPUTS_MOST) >= STAGED_OUTPUTS;
}

static void choose_dot(Dot *dot) {
    const Node *node = dot->node, *weight = node->input[1];
    const long *features = &weight->shape[dot->side], lanes = dot->l->target->lanes;
    dot->T = node->steps;
    dot->batch = node->shape[0] / dot->T;
    dot->outputs = largest_divisor(weight->shape[dot->other], OUTPUTS_MOST);
    dot->blocks = weight->shape[dot->other] / dot->outputs;
    dot->sequences = largest_divisor(dot->batch, maximum(1, ROWS_MOST / dot->T));
    const long items = dot->blocks * (dot->batch / dot->sequences);
    const long groups = minimum((DOT_GROUPS + items - 1) / items, features[0] * features[1] * features[2] / GROUP_FEATURES);
    dot->groups_of_channels = largest_divisor(features[0] / lanes, groups);
    dot->groups_of_rows = largest_divisor(features[1], groups / dot->groups_of_channels);
}

typedef struct Block {  /* the part of an iteration of the parallel loops */
    Affine group, c, h; /* the first block of channels and the first row of its features */
    Affine b, m;        /* the first sequence and output */
} Block;

static Block add_block(const Dot *dot, Compute *compute) {
    const long *features = &dot->node->input[1]->shape[dot->side], lanes = dot->l->target->lanes;
    const Affine c = V(add_variable(compute, "gc", dot->groups_of_channels, false)),
                 h = V(add_variable(compute, "gh", dot->groups_of_rows, false));
    const Affine b = V(add_variable(compute, "gb", dot->batch / dot->sequences, false)),
                 m = V(add_variable(compute, "gm", dot->blocks, false));
    return (Block){.group = affine_add(affine_scale(c, dot->groups_of_rows), h),
                   .c = affine_scale(c, features[0] / lanes / dot->groups_of_channels),
                   .h = affine_scale(h, features[1] / dot->groups_of_rows),
                   .b = affine_scale(b, dot->sequences),
                   .m = affine_scale(m, dot->outputs)};
}

static void add_block_levels(Schedule *schedule) {
    add_level(schedule, "gc", 1, LOOP_PARALLEL);
    add_level(schedule, "gh", 1, LOOP_PARALLEL);
    add_level(schedule, "gb", 1, LOOP_PARALLEL);
    add_level(schedule, "gm", 1, LOOP_PARALLEL);
}

/* Stages the weight of a few outputs with the layout that it has in memory, but contiguous: cache lines that are a power of two apart
 * compete for the same sets. */
static Stage stage_of_weight(const Dot *dot, int level) {
    const int a = dot->side, b = dot->other;
    return (Stage){.buffer = dot->weight,
                   .level = level,
                   .order = {a, a + 1, a + 2, b, b + 1, b + 2},
                   .blocked = a,
                   .split = a,
                   .block = dot->l->target->lanes,
                   .phased = -1};
}

static void schedule_parts(const Dot *dot, Kernel *kernel) {
    const long *features = &dot->node->input[1]->shape[dot->side], rows = features[1] / dot->groups_of_rows;
    const long lanes = dot->l->target->lanes, row_bytes = dot->sequences * dot->T * lanes * 4;
    const long steps = maximum(ASKING_STEPS, minimum(STEPS_MOST, DOT_BYTES / row_bytes)); /* vectors of features */
    const long columns = divide_evenly(features[2], steps);
    const ChoiceField fields[3] = {FIELD_TILE_CHANNELS, FIELD_TILE_SEQUENCES, FIELD_TILE_STEPS};
    const long ranges[3] = {dot->outputs, dot->sequences, dot->T};
    const RegisterTile tile = tuned_tile(begin_choice(dot->l, ALGORITHM_DIRECT),
                                         choose_grad_tile(dot->l->target, ranges[0], ranges[1], ranges[2], false), fields, ranges, false);
    Schedule *schedule = &kernel->schedule[0];
    add_block_levels(schedule);
    add_level(schedule, "c", maximum(1, steps / (rows * features[2])), LOOP_SERIAL);
    add_level(schedule, "h", divide_evenly(rows, maximum(1, steps / features[2])), LOOP_SERIAL);
    add_level(schedule, "w", columns, LOOP_SERIAL);
    const int staged = schedule->levels;
    schedule->stage[schedule->stages++] = stage_of(dot->l, dot->input, staged);
    add_level(schedule, "m", round_up(STAGED_OUTPUTS, tile.vectors), LOOP_SERIAL);
    schedule->stage[schedule->stages++] = stage_of_weight(dot, schedule->levels);
    add_level(schedule, "m", tile.vectors, LOOP_SERIAL);
    add_level(schedule, "b", tile.outer, LOOP_SERIAL);
    add_level(schedule, "t", tile.inner, LOOP_SERIAL);
    schedule->accumulate = schedule->levels;
    add_level(schedule, "c", 1, LOOP_SERIAL);
    add_level(schedule, "h", 1, LOOP_SERIAL);
    if (dot->l->target->prefetches) add_level(schedule, "w", divide_evenly(columns, ASKING_STEPS), LOOP_SERIAL);
    ask_ahead(dot->l->target, schedule, staged);
    add_level(schedule, "w", 1, LOOP_SERIAL);
    add_level(schedule, "b", 1, LOOP_UNROLL);
    add_level(schedule, "t", 1, LOOP_UNROLL);
    add_level(schedule, "m", 1, LOOP_UNROLL);
    add_level(schedule, "l", 1, LOOP_VECTOR);
}

static void add_parts(Dot *dot, Kernel *kernel) {
    Compute *compute = &kernel->compute[0];
    const long *features = &dot->node->input[1]->shape[dot->side], lanes = dot->l->target->lanes;
    const Block block = add_block(dot, compute);
    const Affine b = V(add_variable(compute, "b", dot->sequences, false)), t = V(add_variable(compute, "t", dot->T, false));
    const Affine m = V(add_variable(compute, "m", dot->outputs, false)), lane = V(add_variable(compute, "l", lanes, false));
    const Affine c = affine_add(block.c, V(add_variable(compute, "c", features[0] / lanes / dot->groups_of_channels, true)));
    const Affine h = affine_add(block.h, V(add_variable(compute, "h", features[1] / dot->groups_of_rows, true)));
    const Affine w = V(add_variable(compute, "w", features[2], true));
    const Affine row = affine_add(affine_scale(affine_add(block.b, b), dot->T), t), output = affine_add(block.m, m);
    const Affine x[4] = {row, affine_add(affine_scale(c, lanes), lane), h, w};
    Affine index[6] = {{0}};
    memcpy(&index[dot->side], &x[1], 3 * sizeof x[1]);
    index[dot->other] = output;
    compute->sum[compute->sum_count++] = op2(MULTIPLY, load(dot->input, x), load(dot->weight, index));
    const Affine to[4] = {block.group, row, output, lane};
    add_store(compute, dot->parts, to, sum_value(0, TYPE_F32));
    schedule_parts(dot, kernel);
}

/* ---- adding up the parts: groups in index order, then lanes, for any number of threads ---- */

static void add_row_levels(Schedule *schedule) {
    add_level(schedule, "b", 1, LOOP_PARALLEL);
    add_level(schedule, "t", 1, LOOP_PARALLEL);
}

static void add_group_sums(const Dot *dot, Kernel *kernel, const Buffer *sums) {
    Compute *compute = &kernel->compute[0];
    const Affine b = V(add_variable(compute, "b", dot->batch, false)), t = V(add_variable(compute, "t", dot->T, false));
    const Affine m = V(add_variable(compute, "m", sums->shape[0], false)), lane = V(add_variable(compute, "l", sums->shape[1], false));
    const Affine group = V(add_variable(compute, "g", dot->parts->shape[0], true));
    const Affine from[4] = {group, affine_add(affine_scale(b, dot->T), t), m, lane}, to[2] = {m, lane};
    compute->sum[compute->sum_count++] = load(dot->parts, from);
    add_store(compute, sums, to, sum_value(0, TYPE_F32));
    Schedule *schedule = &kernel->schedule[0];
    add_row_levels(schedule);
    add_level(schedule, "m", 1, LOOP_SERIAL);
    schedule->accumulate = schedule->levels;
    add_level(schedule, "g", 1, LOOP_SERIAL);
    add_level(schedule, "l", 1, LOOP_VECTOR);
}

static void add_lane_sums(const Dot *dot, Kernel *kernel, const Buffer *sums, const Buffer *totals) {
    Compute *compute = &kernel->compute[1];
    add_variable(compute, "b", dot->batch, false);
    add_variable(compute, "t", dot->T, false);
    const Affine m = V(add_variable(compute, "m", sums->shape[0], false));
    const Affine from[2] = {m, V(add_variable(compute, "l", sums->shape[1], true))};
    compute->sum[compute->sum_count++] = load(sums, from);
    add_store(compute, totals, from, sum_value(0, TYPE_F32));
    Schedule *schedule = &kernel->schedule[1];
    add_row_levels(schedule);
    schedule->shared = schedule->levels;
    add_level(schedule, "m", SUMS, LOOP_SERIAL);
    schedule->accumulate = schedule->levels;
    add_level(schedule, "l", 1, LOOP_SERIAL);
    add_level(schedule, "m", 1, LOOP_UNROLL);
}

static void add_result(const Dot *dot, Kernel *kernel, const Buffer *totals) {
    Lowering *l = dot->l;
    Node *node = dot->node, *result = node->op == OP_LINEAR ? epilogue_of(l->graph, node) : node;
    Compute *compute = &kernel->compute[2];
    const Affine b = V(add_variable(compute, "b", dot->batch, false)), t = V(add_variable(compute, "t", dot->T, false));
    const Affine m = V(add_variable(compute, "m", totals->shape[0], false));
    const At at = {.steps = dot->T, .b = b, .t = t, .c = m};
    const Expression *sum = load(totals, &m);
    if (node->op == OP_LINEAR) {
        sum = scaled_sum(l, node->input[1], &at, sum);
        if (node->input_count > 2) sum = op2(ADD, sum, feature_value(l, node->input[2], &at));
        sum = epilogue_element(l, node, &at, sum);
    }
    Affine index[4];
    stored_index(result, &at, index);
    add_store(compute, node_buffer(l, result), index, sum);
    Schedule *schedule = &kernel->schedule[2];
    const int lanes = l->target->lanes;
    const bool fit = lanes_fit(compute, "m", lanes);
    add_row_levels(schedule);
    schedule->shared = schedule->levels;
    add_level(schedule, "m", fit ? lanes : 1, LOOP_SERIAL);
    if (fit) add_level(schedule, "m", 1, LOOP_VECTOR);
}

static void lower_result(const Dot *dot) {
    Kernel *kernel = new_kernel(format("%s_sum", dot->node->name), 3);
    const long shape[2] = {dot->outputs * dot->blocks, dot->l->target->lanes};
    const Buffer *sums = new_scratch(kernel, "sums", 2, shape, (const int[2]){0, 1}, -1, 1);
    const Buffer *totals = new_scratch(kernel, "totals", 1, shape, (const int[1]){0}, -1, 1);
    add_group_sums(dot, kernel, sums);
    add_lane_sums(dot, kernel, sums, totals);
    add_result(dot, kernel, totals);
    kernel->serves = dot->node->name;
    kernel->comment = "its sums of groups of features and of lanes, added up";
    set_work(kernel, (double)dot->parts->layout.size);
    finish_kernel(dot->l, kernel, NULL);
}

void lower_dot(Lowering *l, Node *node, int side, const char *comment, double flops) {
    Dot dot = {.l = l, .node = node, .side = side, .other = 3 - side};
    choose_dot(&dot);
    const long parts[4] = {dot.groups_of_channels * dot.groups_of_rows, node->shape[0], dot.outputs * dot.blocks, l->target->lanes};
    dot.input = node_virtual(l, node->input[0]);
    const Buffer *weight = weight_along(l, node->input[1], side);
    dot.weight = virtual_weight(weight, format("%s_in", weight->name));
    dot.parts = new_plain(format("%s_parts", node->name), TYPE_F32, PLACE_WORKSPACE, 4, parts);
    Kernel *kernel = new_kernel(node->name, 1);
    add_parts(&dot, kernel);
    kernel->comment = comment;
    set_product_work(kernel, flops);
    finish_kernel(l, kernel, NULL);
    lower_result(&dot);
}
