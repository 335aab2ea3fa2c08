/* schedule_conv.c: the schedules of convolutions: the variable of the lanes, the register tile, the stages, the parallel loops. Only the
 * cost model's constants and the shapes decide. */
#include "lower/schedule_conv.h"

#include "loop/lanes.h"
#include "lower/choose.h"
#include "lower/kernel_builder.h"
#include "lower/lower_tiles.h"

#include <string.h>

Stage stage_of(const Lowering *l, const Buffer *input, int level) {
    Stage stage = {
        .buffer = input, .level = level, .order = {0, 1, 2, 3}, .blocked = -1, .split = -1, .block = l->target->lanes, .phased = -1};
    Variable *channel = new_variable("channel", input->shape[1]);
    Affine index[4];
    for (int d = 0; d < 4; d++) index[d] = affine_variable(d == 1 ? channel : input->index[d]);
    Compute copy = {.variable_count = 1, .variable = {channel}, .sum_count = 1, .sum = {load(input, index)}};
    if (lanes_fit(&copy, channel->name, l->target->lanes) && channel->extent % l->target->lanes == 0) stage.blocked = stage.split = 1;
    return stage;
}

static bool all_fit(const Kernel *kernel, const char *variable, int lanes, bool stores_only) {
    for (int i = 0; i < kernel->compute_count; i++) {
        Compute compute = kernel->compute[i];
        if (stores_only) compute.sum_count = 0;
        if (!lanes_fit(&compute, variable, lanes)) return false;
    }
    return true;
}

long box_bytes(const ConvShape *shape, long channels, long rows, long columns) {
    return channels * ((rows - 1) * shape->stride[0] + shape->span[0]) * ((columns - 1) * shape->stride[1] + shape->span[1]) * 4;
}

typedef struct Region { /* of outputs for which the input is staged at once */
    long rows, columns;
} Region;

static Region choose_region(const ConvShape *shape, long channels, long tile_rows, long tile_columns, long others) {
    Region region = {tile_rows, shape->columns};
    while (region.columns > tile_columns && box_bytes(shape, channels, region.rows, region.columns) > STAGE_BYTES_MOST)
        region.columns = maximum(tile_columns, round_up(region.columns / 2, tile_columns));
    while (region.rows < shape->rows && box_bytes(shape, channels, region.rows + tile_rows, region.columns) <= STAGE_BYTES)
        region.rows += tile_rows;
    /* enough iterations for many threads, and of equal size */
    while (region.rows > tile_rows && others * ((shape->rows + region.rows - 1) / region.rows) < BUSY_ITEMS) region.rows -= tile_rows;
    long blocks = (shape->rows + region.rows - 1) / region.rows;
    region.rows = round_up((shape->rows + blocks - 1) / blocks, tile_rows);
    /* whole tiles of the sums over outputs, if they need little more */
    const long whole = minimum(shape->rows, round_up(region.rows, shape->summed_rows));
    if (whole % tile_rows == 0 && box_bytes(shape, channels, whole, region.columns) <= 2 * STAGE_BYTES &&
        others * ((shape->rows + whole - 1) / whole) >= BUSY_ITEMS)
        region.rows = whole;
    return region;
}

static long most_within(const ConvShape *shape, long channels, const Region *least, bool rows) {
    const long tile = rows ? least->rows : least->columns, range = round_up(rows ? shape->rows : shape->columns, tile);
    long most = tile;
    while (most < range &&
           box_bytes(shape, channels, rows ? most + tile : least->rows, rows ? least->columns : most + tile) <= BLOCK_BYTES_MOST)
        most += tile;
    return most;
}

/* The region with the chosen rows and columns: each a multiple of the tile's, or all of them. */
static Region tuned_region(KernelChoice *choice, const ConvShape *shape, long channels, long tile_rows, long tile_columns, long others) {
    const Region model = choose_region(shape, channels, tile_rows, tile_columns, others);
    Region region = {tile_rows, tile_columns};
    long most = most_within(shape, channels, &region, false);
    if (most >= shape->columns) most = shape->columns;
    region.columns = choose(choice, FIELD_BLOCK_COLUMNS, model.columns, (Legal){.most = most, .multiple = tile_columns, .ragged = true});
    most = most_within(shape, channels, &region, true);
    region.rows = choose(choice, FIELD_BLOCK_ROWS, model.rows, (Legal){.most = most, .multiple = tile_rows});
    return region;
}

/* The output channels that share one pass over the staged input. Usually all: a pass over weights that no cache keeps costs less than
 * staging the input again. With few images, blocks for several threads, down to weights that stay in the second-level cache. The taps of a
 * phase are not adjacent, so a pass over them costs more: then blocks that stay in the cache, if the inputs are much fewer and all blocks
 * are as large. */
static long choose_outputs(const ConvShape *shape, long tile, long images) {
    const long bytes = shape->channels * shape->taps * shape->outputs * 4, staying = (bytes + WEIGHT_BYTES - 1) / WEIGHT_BYTES;
    const long blocks = minimum((BUSY_ITEMS + images - 1) / images, staying);
    const long stays = round_up((shape->outputs + staying - 1) / staying, tile);
    const bool few_inputs = 2 * staying * (shape->rows + 1) * (shape->columns + 1) <= shape->taps * shape->outputs;
    if (shape->phases > 1 && few_inputs && shape->outputs % stays == 0) return stays;
    return round_up((shape->outputs + blocks - 1) / blocks, tile);
}

/* Lanes along the output channels: each value of the input is broadcast to vectors of weights. */
static void schedule_channels(Lowering *l, const Kernel *kernel, const ConvShape *shape, Schedule *schedule, const Stage *stage) {
    const long lanes = l->target->lanes, images = kernel->compute[0].variable[0]->extent;
    const ChoiceField fields[3] = {FIELD_TILE_VECTORS, FIELD_TILE_ROWS, FIELD_TILE_COLUMNS};
    const long ranges[3] = {shape->outputs / lanes, shape->rows, shape->columns};
    KernelChoice *choice = begin_choice(l, ALGORITHM_DIRECT);
    const RegisterTile tile = tuned_tile(choice, choose_register_tile(l->target, ranges[0], ranges[1], ranges[2]), fields, ranges, false);
    const long outputs = choose(choice, FIELD_BLOCK_CHANNELS, choose_outputs(shape, tile.vectors * lanes, images),
                                (Legal){.most = round_up(shape->outputs, tile.vectors * lanes), .multiple = tile.vectors * lanes});
    const long channels = stage->blocked >= 0 ? round_up(shape->channels, lanes) : shape->channels;
    const long others = images * ((shape->outputs + outputs - 1) / outputs);
    const Region region = tuned_region(choice, shape, channels, tile.outer, tile.inner, others);
    const bool few = shape->channels * shape->span[1] * tile.vectors * tile.outer * tile.inner <= 256;
    add_level(schedule, "k", outputs, LOOP_PARALLEL);
    add_level(schedule, "n", 1, LOOP_PARALLEL);
    add_level(schedule, "i", region.rows, LOOP_PARALLEL);
    if (region.columns < shape->columns) add_level(schedule, "j", region.columns, LOOP_SERIAL);
    schedule->shared = schedule->levels;
    schedule->stage[schedule->stages] = *stage;
    schedule->stage[schedule->stages++].level = schedule->shared;
    add_level(schedule, "k", tile.vectors * lanes, LOOP_SERIAL);
    add_level(schedule, "i", tile.outer, LOOP_SERIAL);
    add_level(schedule, "j", tile.inner, LOOP_SERIAL);
    schedule->accumulate = schedule->levels;
    add_level(schedule, "c", lanes, LOOP_SERIAL);
    add_level(schedule, "u", 1, LOOP_SERIAL);
    add_level(schedule, "v", 1, few ? LOOP_UNROLL : LOOP_SERIAL);
    if (!few) ask_ahead(l->target, schedule, schedule->shared);
    add_level(schedule, "c", 1, few ? LOOP_UNROLL : LOOP_SERIAL);
    add_level(schedule, "i", 1, LOOP_UNROLL);
    add_level(schedule, "j", 1, LOOP_UNROLL);
    add_level(schedule, "k", lanes, LOOP_UNROLL);
    add_level(schedule, "k", 1, LOOP_VECTOR);
}

/* Few output channels: lanes lie along the width, and each weight is broadcast to vectors of the staged rows. With `lanes` 1 there are no
 * lanes. */
static void schedule_columns(Lowering *l, const Kernel *kernel, const ConvShape *shape, Schedule *schedule, const Stage *stage,
                             long lanes) {
    const long images = kernel->compute[0].variable[0]->extent;
    const long ranges[3] = {lanes > 1 ? shape->columns / lanes : minimum(shape->columns, 4), shape->rows, shape->outputs};
    RegisterTile tile = choose_register_tile(l->target, maximum(1, shape->columns / lanes), 1, shape->outputs);
    if (lanes == 1) tile.vectors = ranges[0];
    tile.outer = minimum(shape->rows, maximum(1, 8 / (tile.vectors * tile.inner)));
    KernelChoice *choice = begin_choice(l, ALGORITHM_DIRECT);
    if (lanes > 1) {
        const ChoiceField fields[3] = {FIELD_TILE_VECTORS, FIELD_TILE_ROWS, FIELD_TILE_CHANNELS};
        tile = tuned_tile(choice, tile, fields, ranges, false);
    }
    const long vectors = tile.vectors, rows = tile.outer;
    const Region region = tuned_region(choice, shape, shape->channels, rows, vectors * lanes, images);
    add_level(schedule, "n", 1, LOOP_PARALLEL);
    add_level(schedule, "i", region.rows, LOOP_PARALLEL);
    if (region.columns < shape->columns) add_level(schedule, "j", region.columns, LOOP_SERIAL);
    schedule->shared = schedule->levels;
    Stage planar = *stage;
    planar.level = schedule->shared;
    planar.blocked = -1;
    if (shape->stride[1] > 1) {
        planar.phased = 3;
        planar.phases = shape->stride[1];
    }
    schedule->stage[schedule->stages++] = planar;
    add_level(schedule, "k", tile.inner, LOOP_SERIAL);
    add_level(schedule, "i", rows, LOOP_SERIAL);
    add_level(schedule, "j", vectors * lanes, LOOP_SERIAL);
    schedule->accumulate = schedule->levels;
    add_level(schedule, "c", l->target->lanes, LOOP_SERIAL);
    add_level(schedule, "c", 1, LOOP_SERIAL);
    add_level(schedule, "u", 1, LOOP_SERIAL);
    add_level(schedule, "v", 1, LOOP_UNROLL);
    add_level(schedule, "i", 1, LOOP_UNROLL);
    add_level(schedule, "k", 1, LOOP_UNROLL);
    add_level(schedule, "j", lanes, LOOP_UNROLL);
    if (lanes > 1) add_level(schedule, "j", 1, LOOP_VECTOR);
}

static bool has_variable(const Compute *compute, const char *name) {
    for (int i = 0; i < compute->variable_count; i++)
        if (strcmp(compute->variable[i]->name, name) == 0) return true;
    return false;
}

/* A compute without a sum (a phase that no tap reaches) does not need the levels and stages of the sum. */
static Schedule without_sum(const Schedule *schedule, const Compute *compute) {
    Schedule result = *schedule;
    result.levels = result.stages = 0;
    result.ahead = (Ahead){0};
    result.accumulate = -1;
    for (int i = 0; i < schedule->levels; i++)
        if (has_variable(compute, schedule->level[i].variable)) result.level[result.levels++] = schedule->level[i];
    return result;
}

void schedule_convolution(Lowering *l, Kernel *kernel, const ConvShape *shape) {
    const int lanes = l->target->lanes;
    Schedule schedule = {.accumulate = -1};
    const Stage stage = stage_of(l, shape->staged, 0);
    if (all_fit(kernel, "k", lanes, false)) schedule_channels(l, kernel, shape, &schedule, &stage);
    else schedule_columns(l, kernel, shape, &schedule, &stage, shape->columns >= lanes && all_fit(kernel, "j", lanes, true) ? lanes : 1);
    for (int i = 0; i < kernel->compute_count; i++)
        kernel->schedule[i] = kernel->compute[i].sum_count ? schedule : without_sum(&schedule, &kernel->compute[i]);
}
