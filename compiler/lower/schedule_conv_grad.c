/* schedule_conv_grad.c: the schedule of a convolution's weight gradient. The sum runs over all pixels of all images. So a block of
 * channels of both sides is kept in registers and scratch for a few rows, and then added to the gradient in memory. Blocks are parallel.
 * If there are few blocks, groups of images are parallel too, each with a gradient of its own (grad_groups.c). */
#include "lower/schedule_conv_grad.h"

#include "loop/lanes.h"
#include "lower/kernel_builder.h"
#include "lower/schedule_conv.h"

#include <string.h>

/* Channels of each side at a time. An element of the larger image is copied to scratch once for each block of the smaller image's
 * channels. */
enum { GROUP_ITEMS = 8, SMALL_BLOCK = 128, LARGE_BLOCK = 64 };
enum { PIXELS = 1024, PIXELS_LEAST = 64, STAGED_BYTES = 384 * 1024, VECTOR_BYTES = 16 * 1024 };
enum { ASKING_PIXELS = 8 }; /* the most pixels of a row between prefetches */

typedef struct Sides {              /* the operands: one in vectors, by which each value of the other is multiplied */
    const char *vector, *broadcast; /* their channels' variables: k of the smaller image, c of the larger one */
    long width;                     /* lanes; 1: none fit */
    long vectors, others;           /* channels: in vectors, and of the other side */
    bool large_vectors;             /* each tap has vectors of its own, and not values to broadcast */
} Sides;

static Sides find_sides(const Lowering *l, const Compute *compute, const Buffer *small, const Buffer *large) {
    const int lanes = l->target->lanes;
    const long k = compute->variable[0]->extent, c = compute->variable[1]->extent;
    const bool along_k = lanes_fit(compute, "k", lanes) && stage_of(l, small, 0).blocked >= 0;
    const bool along_c = !along_k && lanes_fit(compute, "c", lanes) && stage_of(l, large, 0).blocked >= 0;
    if (along_c) return (Sides){"c", "k", lanes, c / lanes, k, true};
    return along_k ? (Sides){"k", "c", lanes, k / lanes, c, false} : (Sides){"k", "c", 1, 1, c, false};
}

/* Blocks of whole steps, of about `most` channels each. Each thread gets an equal share of them. So the blocks are equal themselves, if
 * that is possible with up to twice as many of them, or with blocks up to a quarter larger. */
static long equal_blocks(long channels, long most, long step) {
    const long steps = (channels + step - 1) / step, fewest = (channels + most + most / 4 - 1) / (most + most / 4);
    for (long blocks = fewest; blocks <= 2 * fewest; blocks++)
        if (steps % blocks == 0) return steps / blocks * step;
    return round_up(divide_evenly(channels, most), step);
}

/* The most pixels of S at a time, over all images. The data that the vectors of a register tile read for one row of the kernel stays in
 * the first-level cache for all tiles of the other side, if there are several. The rest of that cache is left to the gradient and to the
 * other side, whose images may be a power of two apart. With fewer than 64 pixels, sums would be added to the gradient in memory too
 * often. */
static long most_pixels(const Sides *sides, const RegisterTile *tile, const Node *node) {
    const long pixel_bytes = tile->vectors * sides->width * 4 * (sides->large_vectors ? node->stride[1] : 1);
    return sides->others <= tile->outer ? PIXELS : maximum(PIXELS_LEAST, minimum(PIXELS, VECTOR_BYTES / pixel_bytes));
}

WeightGradCut cut_weight_grad(const Lowering *l, const Compute *compute, const Buffer *small, const Buffer *large, const Node *node) {
    const Sides sides = find_sides(l, compute, small, large);
    const Node *s = node->input[0];
    const long images = small->shape[0], rows = s->shape[2], columns = s->shape[3];
    WeightGradCut cut = {.vector = sides.vector, .broadcast = sides.broadcast, .width = sides.width};
    cut.by_rows = sides.others < 2 && node->kernel[0] > 1; /* the first layer: its kernel's rows are the other side of the tile */
    KernelChoice *choice = begin_choice(l, ALGORITHM_DIRECT);
    const ChoiceField fields[3] = {sides.width > 1 ? FIELD_TILE_VECTORS : FIELDS,
                                   cut.by_rows ? FIELD_TILE_KERNEL_ROWS : FIELD_TILE_CHANNELS, FIELD_TILE_KERNEL_COLUMNS};
    const long ranges[3] = {sides.vectors, cut.by_rows ? node->kernel[0] : sides.others, node->kernel[1]};
    const RegisterTile tile = choose_grad_tile(l->target, ranges[0], ranges[1], ranges[2], sides.large_vectors);
    cut.tile = tuned_tile(choice, tile, fields, ranges, sides.large_vectors);
    const long step = cut.tile.vectors * sides.width, channels = sides.vectors * sides.width;
    cut.vector_block = equal_blocks(channels, sides.large_vectors ? LARGE_BLOCK : SMALL_BLOCK, step);
    cut.other_block = equal_blocks(sides.others, sides.large_vectors ? SMALL_BLOCK : LARGE_BLOCK, l->target->lanes);
    cut.other_block = minimum(sides.others, cut.other_block); /* whole blocks of a layout with lanes */
    if (sides.width > 1)
        cut.vector_block = choose(choice, sides.large_vectors ? FIELD_BLOCK_LARGE : FIELD_BLOCK_SMALL, cut.vector_block,
                                  (Legal){.most = round_up(channels, step), .multiple = step});
    cut.other_block = choose(choice, sides.large_vectors ? FIELD_BLOCK_SMALL : FIELD_BLOCK_LARGE, cut.other_block,
                             (Legal){.most = sides.others, .multiple = l->target->lanes, .ragged = true});
    const long blocks = (channels + cut.vector_block - 1) / cut.vector_block * ((sides.others + cut.other_block - 1) / cut.other_block);
    cut.groups = choose(choice, FIELD_GROUPS, blocks >= GROUP_ITEMS ? 1 : largest_divisor(images, (GROUP_ITEMS + blocks - 1) / blocks),
                        (Legal){.most = images, .divides = images});
    const ConvShape shape = {.stride = {node->stride[0], node->stride[1]}, .span = {node->kernel[0], node->kernel[1]}};
    const long of_large = sides.large_vectors ? cut.vector_block : cut.other_block;
    const long of_small = sides.large_vectors ? cut.other_block : cut.vector_block;
    const long row_bytes = box_bytes(&shape, of_large, 1, columns) + of_small * columns * 4;
    const long pixels = most_pixels(&sides, &cut.tile, node);
    cut.images = largest_divisor(images / cut.groups, maximum(1, minimum(256, pixels) / (rows * columns)));
    cut.images = choose(
        choice, FIELD_BLOCK_IMAGES, cut.images,
        (Legal){.most = minimum(images / cut.groups, maximum(cut.images, BLOCK_BYTES_MOST / row_bytes)), .divides = images / cut.groups});
    long most = 1, legal = 1; /* rows, by the cost model and at all */
    for (long fits = 1; fits <= rows; fits++) {
        const long bytes = cut.images * (box_bytes(&shape, of_large, fits, columns) + of_small * fits * columns * 4);
        if (cut.images * fits * columns <= pixels + pixels / 8 && bytes <= STAGED_BYTES) most = fits;
        if (bytes <= BLOCK_BYTES_MOST) legal = fits;
    }
    cut.rows = choose(choice, FIELD_BLOCK_ROWS, divide_evenly(rows, most), (Legal){.most = maximum(most, legal)});
    return cut;
}

/* Of an operand whose channels are taken so many at a time: in vectors only if each time begins with a whole one. */
static Stage stage_of_channels(const Lowering *l, const Buffer *operand, int level, const Variable *channel, long channels) {
    Stage stage = stage_of(l, operand, level);
    if (channels % l->target->lanes != 0 && channels < channel->extent) stage.blocked = stage.split = -1;
    return stage;
}

void schedule_weight_grad(const Lowering *l, Kernel *kernel, const Buffer *small, const Buffer *large, const Node *node,
                          const WeightGradCut *cut) {
    Schedule *schedule = &kernel->schedule[0];
    add_level(schedule, cut->vector, cut->vector_block, LOOP_PARALLEL);
    add_level(schedule, cut->broadcast, cut->other_block, LOOP_PARALLEL);
    add_level(schedule, "g", 1, LOOP_PARALLEL);
    add_level(schedule, "n", cut->images, LOOP_SERIAL);
    add_level(schedule, "i", cut->rows, LOOP_SERIAL);
    Variable *const *channel = kernel->compute[0].variable; /* k of the small side, c of the large one */
    const bool along_large = strcmp(cut->vector, "c") == 0;
    const long of_large = along_large ? cut->vector_block : cut->other_block, of_small = along_large ? cut->other_block : cut->vector_block;
    schedule->stage[schedule->stages++] = stage_of_channels(l, large, schedule->levels, channel[1], of_large);
    if (node->input[0]->fused || small->type == TYPE_PAIR)
        schedule->stage[schedule->stages++] = stage_of_channels(l, small, schedule->levels, channel[0], of_small);
    add_level(schedule, cut->vector, cut->tile.vectors * cut->width, LOOP_SERIAL);
    add_level(schedule, "u", cut->by_rows ? cut->tile.outer : 1, LOOP_SERIAL);
    add_level(schedule, cut->broadcast, cut->by_rows ? 1 : cut->tile.outer, LOOP_SERIAL);
    add_level(schedule, "v", cut->tile.inner, LOOP_SERIAL);
    schedule->accumulate = schedule->levels;
    add_level(schedule, "n", 1, LOOP_SERIAL);
    add_level(schedule, "i", 1, LOOP_SERIAL);
    if (l->target->prefetches) add_level(schedule, "j", divide_evenly(node->input[0]->shape[3], ASKING_PIXELS), LOOP_SERIAL);
    ask_ahead(l->target, schedule, schedule->stage[0].level);
    add_level(schedule, "j", 1, LOOP_SERIAL);
    add_level(schedule, cut->broadcast, 1, LOOP_UNROLL);
    add_level(schedule, "u", 1, LOOP_UNROLL);
    add_level(schedule, "v", 1, LOOP_UNROLL);
    add_level(schedule, cut->vector, cut->width, LOOP_UNROLL);
    if (cut->width > 1) add_level(schedule, cut->vector, 1, LOOP_VECTOR);
}
