/* lower_tiles.c: sums over tiles of images, in a kernel of their own or at the end of a convolution's kernel. */
#include "lower/lower_tiles.h"

#include "loop/lanes.h"
#include "lower/element.h"
#include "lower/finish_kernel.h"
#include "lower/fuse.h"
#include "lower/kernel_builder.h"
#include "lower/storage.h"

#include <stdlib.h>
#include <string.h>

#define V affine_variable

enum { TILE_ELEMENTS = 64, TILE_COLUMNS = 32, TILE_COLUMNS_LEAST = 8, CHAINS = 2 };

Tiles tiles_of(const Node *node) {
    const long height = node->shape[2], width = node->shape[3];
    Tiles tiles = {.rows = 1, .columns = width};
    if (width > TILE_ELEMENTS && largest_divisor(width, TILE_COLUMNS) >= TILE_COLUMNS_LEAST)
        tiles.columns = largest_divisor(width, TILE_COLUMNS);
    tiles.rows = largest_divisor(height, maximum(1, TILE_ELEMENTS / tiles.columns));
    tiles.down = height / tiles.rows;
    tiles.across = width / tiles.columns;
    return tiles;
}

/* ---- the sums ---- */

static bool has_tile_sums(const Node *node) {
    return node->op == OP_BATCH_NORM_STATISTICS || node->op == OP_BATCH_NORM_SUMS || (node->op == OP_BIAS_GRAD && node->pixels);
}

/* Only what it reads is summed, nothing beside it. */
static bool is_plain_sum(const Node *node) {
    return node->op == OP_BIAS_GRAD || node->op == OP_FRAME_SUM;
}

static int values_of(const Node *node) {
    return is_plain_sum(node) ? 1 : 2;
}

static const char *comment_of(const Node *node) {
    if (node->op == OP_BATCH_NORM_STATISTICS) return "mean and sum of squared distances from it";
    if (node->op == OP_BATCH_NORM_SUMS) return "sums of dy and of dy (x - mean)";
    return node->op == OP_BIAS_GRAD ? "sum of dy" : "sum";
}

/* A Compute over n, the channel, tile (i, j) and the elements (q, w) of a tile. `channels`: how far the channel may run. */
static At start_tiles(Compute *compute, const Node *node, const char *channel, long channels, Affine partial_index[4]) {
    const Tiles tiles = tiles_of(node);
    const Affine n = V(add_variable(compute, "n", node->shape[0], false)), c = V(add_variable(compute, channel, channels, false));
    const Affine i = V(add_variable(compute, "i", tiles.down, false)), j = V(add_variable(compute, "j", tiles.across, false));
    const Affine q = V(add_variable(compute, "q", tiles.rows, true)), w = V(add_variable(compute, "w", tiles.columns, true));
    const Affine index[4] = {n, c, affine_add(affine_scale(i, tiles.across), j), affine_constant(0)};
    memcpy(partial_index, index, sizeof index);
    return (At){.n = n, .c = c, .h = affine_add(affine_scale(i, tiles.rows), q), .w = affine_add(affine_scale(j, tiles.columns), w)};
}

/* Two passes over a tile that is in a cache: its mean, then M2 = Σ (x − mean)². */
static void add_moments(Lowering *l, Node *node, Compute *compute, const char *channel, const Buffer *partial) {
    Node *x = node->input[0];
    const Tiles tiles = tiles_of(x);
    Affine mean[4], square[4];
    At at = start_tiles(&compute[0], x, channel, partial->shape[1], mean);
    compute[0].sum[compute[0].sum_count++] = node_element(l, x, &at);
    add_store(&compute[0], partial, mean, op2(MULTIPLY, sum_value(0, TYPE_F32), constant(1.0 / (double)(tiles.rows * tiles.columns))));
    at = start_tiles(&compute[1], x, channel, partial->shape[1], square);
    const Expression *centred = op2(SUBTRACT, node_element(l, x, &at), load(partial, square));
    compute[1].sum[compute[1].sum_count++] = op2(MULTIPLY, centred, centred);
    square[3] = affine_constant(1);
    add_store(&compute[1], partial, square, sum_value(0, TYPE_F32));
}

static void add_gradient_sums(Lowering *l, Node *node, Compute *compute, const char *channel, const Buffer *partial) {
    const bool plain = is_plain_sum(node);
    Node *dy = node->input[plain ? 0 : 2];
    Affine index[4];
    const At at = start_tiles(compute, dy, channel, partial->shape[1], index);
    const Expression *gradient = node_element(l, dy, &at);
    compute->sum[compute->sum_count++] = gradient;
    add_store(compute, partial, index, sum_value(0, TYPE_F32));
    if (plain) return;
    const Expression *centred = op2(SUBTRACT, node_element(l, node->input[0], &at), channel_value(l, node->input[1], at.c, 0));
    compute->sum[compute->sum_count++] = op2(MULTIPLY, gradient, centred);
    index[3] = affine_constant(1);
    add_store(compute, partial, index, sum_value(1, TYPE_F32));
}

static int computes_of(const Node *node) {
    return node->op == OP_BATCH_NORM_STATISTICS ? 2 : 1;
}

static const Buffer *new_partial(Lowering *l, const Node *node) {
    const Node *image = node->input[0];
    const long shape[4] = {image->shape[0], image->shape[1], tiles_in_image(tiles_of(image)), values_of(node)};
    return new_activation(l, format("%s_partial", node->name), shape);
}

/* Adds the computes, over padding lanes too if all operands have them. Returns false if lanes do not fit along the channels. */
static bool add_sums(Lowering *l, Node *node, Compute *compute, const char *channel, const Buffer *partial) {
    (node->op == OP_BATCH_NORM_STATISTICS ? add_moments : add_gradient_sums)(l, node, compute, channel, partial);
    bool fit = true;
    for (int i = 0; i < computes_of(node); i++) {
        Variable *c = compute[i].variable[1];
        for (int s = 0; s < compute[i].sum_count; s++) c->extent = channels_in(compute[i].sum[s], c, c->extent);
    }
    for (int i = 0; i < computes_of(node); i++) fit = fit && lanes_fit(&compute[i], channel, l->target->lanes);
    return fit;
}

/* Adds the levels below the parallel ones: lanes along the channels, and `chains` independent sums at a time. These are of several tiles
 * or, if an iteration has too few tiles, of several vectors of channels. */
static void schedule_sums(const Lowering *l, const Node *node, Schedule *schedule, const char *channel, long down, long chains, bool fit) {
    const int parallels = schedule[0].levels;
    const long lanes = fit ? l->target->lanes : 1, tiles = minimum(chains, down), vectors = chains / tiles;
    for (int i = 0; i < computes_of(node); i++) {
        add_level(&schedule[i], channel, vectors * lanes, LOOP_SERIAL);
        add_level(&schedule[i], "n", 1, LOOP_SERIAL);
        add_level(&schedule[i], "i", tiles, LOOP_SERIAL);
        add_level(&schedule[i], "j", 1, LOOP_SERIAL);
        schedule[i].accumulate = schedule[i].levels;
        schedule[i].shared = i == 0 ? parallels : schedule[i].levels;
        add_level(&schedule[i], "q", 1, LOOP_SERIAL);
        add_level(&schedule[i], "w", 1, LOOP_SERIAL);
        add_level(&schedule[i], "i", 1, LOOP_UNROLL);
        add_level(&schedule[i], channel, lanes, LOOP_UNROLL);
        if (fit) add_level(&schedule[i], channel, 1, LOOP_VECTOR);
    }
}

/* ---- in a kernel of their own ---- */

const Buffer *tile_sums(Lowering *l, Node *node) {
    if (l->tile_sums[node->id]) return l->tile_sums[node->id];
    const Node *image = node->input[0];
    const Buffer *partial = l->tile_sums[node->id] = new_partial(l, node);
    Kernel *kernel = new_kernel(format("%s_tiles", node->name), computes_of(node));
    const bool fit = add_sums(l, node, kernel->compute, "c", partial);
    for (int i = 0; i < kernel->compute_count; i++) {
        add_level(&kernel->schedule[i], "n", 1, LOOP_PARALLEL);
        add_level(&kernel->schedule[i], "c", fit ? l->target->lanes : 1, LOOP_PARALLEL);
    }
    schedule_sums(l, node, kernel->schedule, "c", 1, 1, fit); /* memory is the bottleneck */
    kernel->comment = format("%s, for tiles of each image and channel", comment_of(node));
    set_work(kernel,
             (is_plain_sum(node) ? 1.0 : 4.0) * (double)(image->shape[0] * image->shape[1]) * (double)(image->shape[2] * image->shape[3]));
    finish_kernel(l, kernel, NULL);
    return partial;
}

/* ---- in the kernel of a convolution ---- */

/* Does an iteration of `size` rows or columns (0: all) consist of whole tiles? */
static bool has_whole_tiles(long size, long tile, long count) {
    return size == 0 || size % tile == 0 || size >= tile * count;
}

static bool fits(const Tiles *tiles, const Items *items) {
    return has_whole_tiles(items->rows, tiles->rows, tiles->down) && has_whole_tiles(items->columns, tiles->columns, tiles->across);
}

static long tiles_of_item(long size, long tile) {
    return (size + tile - 1) / tile;
}

/* Adds the parallel levels of the kernel's other computes, with steps in tiles. */
static void add_item_levels(Schedule *schedule, const Schedule *like, const Tiles *tiles, const Items *items) {
    for (int l = 0; l < like->levels && like->level[l].kind == LOOP_PARALLEL; l++) {
        const char *variable = like->level[l].variable;
        const long tile = strcmp(variable, items->channel) == 0 ? items->channels
                          : strcmp(variable, "n") == 0          ? items->images
                          : strcmp(variable, "i") == 0          ? tiles_of_item(items->rows, tiles->rows)
                                                                : tiles_of_item(items->columns, tiles->columns);
        add_level(schedule, variable, tile, LOOP_PARALLEL);
    }
}

/* Returns false and does nothing if the sums do not fit. */
static bool add_to_kernel(Lowering *l, Node *node, Kernel *kernel, const Items *items) {
    const Tiles tiles = tiles_of(node->input[0]);
    const int count = computes_of(node), before = kernel->compute_count;
    Compute compute[2] = {0};
    Schedule schedule[2] = {{.accumulate = -1}, {.accumulate = -1}};
    if (!fits(&tiles, items)) return false;
    const Buffer *partial = new_partial(l, node);
    if (!add_sums(l, node, compute, items->channel, partial)) return false;
    for (int i = 0; i < count; i++) add_item_levels(&schedule[i], &kernel->schedule[before - 1], &tiles, items);
    const long down = items->rows ? tiles_of_item(items->rows, tiles.rows) : tiles.down;
    schedule_sums(l, node, schedule, items->channel, down, node->op == OP_BATCH_NORM_STATISTICS ? CHAINS : 1, true);
    const Kernel larger = *new_kernel(kernel->name, before + count);
    memcpy(larger.compute, kernel->compute, sizeof(Compute) * (size_t)before);
    memcpy(larger.schedule, kernel->schedule, sizeof(Schedule) * (size_t)before);
    memcpy(&larger.compute[before], compute, sizeof(Compute) * (size_t)count);
    memcpy(&larger.schedule[before], schedule, sizeof(Schedule) * (size_t)count);
    kernel->compute = larger.compute;
    kernel->schedule = larger.schedule;
    kernel->compute_count = larger.compute_count;
    kernel->comment = format("%s\nand, for tiles of %ldx%ld of each image and channel, the %s", kernel->comment, tiles.rows, tiles.columns,
                             comment_of(node));
    l->tile_sums[node->id] = partial;
    return true;
}

static const Node *later(const Node *a, const Node *b) {
    return !a || (b && b->id > a->id) ? b : a;
}

/* The last node with a kernel of those that are read to compute an element of this one, fused nodes being computed on the way; NULL if
 * there is none. */
static const Node *last_read(const Node *node) {
    const Node *last = NULL;
    if (!node->fused) return operation_is(node->op, STORAGE) ? NULL : node;
    for (int i = 0; i < node->input_count; i++) last = later(last, last_read(node->input[i]));
    return last;
}

static const Node *last_summed(const Node *node) {
    const Node *last = NULL;
    for (int i = 0; i < node->input_count; i++) last = later(last, last_read(node->input[i]));
    return last;
}

/* Is an element of the node computed from the convolution's at another place? There the kernel may not have been yet. */
static bool reads_elsewhere(const Node *node, const Node *convolution, bool elsewhere) {
    if (!node->fused) return elsewhere && node == convolution;
    for (int i = 0; i < node->input_count; i++)
        if (reads_elsewhere(node->input[i], convolution, elsewhere || node->op == OP_SLICE)) return true;
    return false;
}

static bool sums_in_place(const Node *node, const Node *convolution) {
    for (int i = 0; i < node->input_count; i++)
        if (reads_elsewhere(node->input[i], convolution, false)) return false;
    return true;
}

/* The node that sums tiles of values that are computed from the convolution's result and earlier results; NULL if there is none. */
static Node *summing_reader(const Node *convolution, const Node *through) {
    for (int i = 0; i < through->reader_count; i++) {
        Node *reader = through->reader[i];
        if (has_tile_sums(reader) && last_summed(reader) == convolution && sums_in_place(reader, convolution)) return reader;
        Node *behind = reader->fused ? summing_reader(convolution, reader) : NULL;
        if (behind) return behind;
    }
    return NULL;
}

/* Convolutions of the forward pass sum only for statistics. So computing one of them again (recompute.h) changes nothing for other nodes.
 */
static Node *summing_node(const Lowering *l, const Node *convolution) {
    if (l->choices->sums_apart || convolution->scan || epilogue_of(l->graph, (Node *)convolution) != convolution) return NULL;
    Node *node = summing_reader(convolution, convolution);
    return node && convolution->forward && node->op != OP_BATCH_NORM_STATISTICS ? NULL : node;
}

long summed_rows(const Lowering *l, const Node *convolution) {
    const Node *node = summing_node(l, convolution);
    return node ? tiles_of(node->input[0]).rows : 1;
}

void add_tile_sums(Lowering *l, Node *convolution, Kernel *kernel, const Items *items) {
    Node *node = summing_node(l, convolution);
    if (!node || !add_to_kernel(l, node, kernel, items)) return;
    l->summed_by[node->id] = convolution;
    set_work(kernel, kernel->flops); /* bytes, too */
}
