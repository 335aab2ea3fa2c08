/* lower_pairs.c: convolution by dot products of pairs of bfloat16. The operands are rounded and paired along the sum. The nests and
 * schedules are those of float32 (lower_conv.c, schedule_conv.c), with half as many terms:
 *
 *   forward, data gradient   pairs of channels c and c + H. H is whole blocks, so that two stored vectors make a vector of pairs
 *   weight gradient          pairs of images 2n and 2n + 1, which have their padding in the same places
 *
 * Activations are paired where they are staged. A kernel of its own pairs the weights, just before. */
#include "lower/lower_pairs.h"

#include "loop/lanes.h"
#include "loop/pairs.h"
#include "lower/finish_kernel.h"
#include "lower/kernel_builder.h"
#include "lower/storage.h"
#include "lower/weight_layout.h"

#include <string.h>

#define V affine_variable

long channel_pairs(const Lowering *l, long channels) {
    return round_up((channels + 1) / 2, l->target->lanes);
}

const Buffer *pairs_of_channels(const Lowering *l, const Buffer *input, long channels) {
    const long count = channel_pairs(l, channels);
    return pairs_of(input, 1, count, minimum(count, channels - count), 1, count);
}

const Buffer *pairs_of_images(const Buffer *input) {
    return pairs_of(input, 0, (input->shape[0] + 1) / 2, input->shape[0] / 2, 2, 1);
}

/* ---- weights ---- */

const Buffer *new_paired_weight(const Lowering *l, const Node *convolution, Type type) {
    const Node *weight = convolution->input[1];
    const int out = convolution->op == OP_CONV2D ? 0 : 1;
    long shape[4];
    memcpy(shape, weight->shape, sizeof shape);
    shape[out] = round_up(shape[out], l->target->lanes);
    shape[1 - out] = channel_pairs(l, shape[1 - out]);
    const char *name = format("%s_pairs%s", weight->name, out ? "_back" : "");
    return new_tensor(name, type, PLACE_WORKSPACE, 4, shape, weight_layout(4, shape, out, l->target->lanes, is_read_by_phases(l, weight)));
}

/* Input channels first … first + count − 1 of a weight, to be staged with lanes along the outputs. */
static const Buffer *turned_weight(const Buffer *from, const char *name, int out, long first, long count) {
    long shape[4];
    Affine index[4];
    memcpy(shape, from->shape, sizeof shape);
    shape[1 - out] = count;
    Buffer *buffer = new_buffer(name, TYPE_F32, SPACE_VIRTUAL, 4, shape, layout_row_major(4, shape));
    for (int d = 0; d < 4; d++) {
        buffer->index[d] = new_variable((const char *const[]){"k", "c", "u", "v"}[d], shape[d]);
        index[d] = affine_shift(V(buffer->index[d]), d == 1 - out ? first : 0);
    }
    buffer->value = load(from, index);
    return buffer;
}

typedef struct Pairs { /* to be made of a weight: first … first + count − 1, with a second half or without */
    const Buffer *from, *to;
    int out; /* the dimension of the output channels */
    long first, count;
    bool both;
} Pairs;

/* If the weight has its lanes along the other side, as its gradient wants them, blocks of it are transposed in scratch. */
static void add_pairs(const Lowering *l, Kernel *kernel, int number, const Pairs *pairs) {
    Compute *compute = &kernel->compute[number];
    Schedule *schedule = &kernel->schedule[number];
    const Buffer *const from = pairs->from, *const to = pairs->to;
    const int out = pairs->out;
    const long first = pairs->first, count = pairs->count;
    const long lanes = l->target->lanes, outputs = minimum(to->shape[out], from->shape[out]);
    const bool turn = layout_lane(&from->layout) != out && outputs % lanes == 0;
    const Affine k = V(add_variable(compute, "k", outputs, false)), c = V(add_variable(compute, "c", count, false));
    const Affine u = V(add_variable(compute, "u", to->shape[2], false)), v = V(add_variable(compute, "v", to->shape[3], false));
    Affine index[4] = {[2] = u, [3] = v};
    index[out] = k;
    add_level(schedule, "k", lanes, LOOP_PARALLEL);
    add_level(schedule, "c", minimum(lanes, count), LOOP_PARALLEL);
    const Expression *half[2] = {NULL, constant(0)};
    for (int h = 0; h <= pairs->both; h++) {
        const long start = first + h * to->shape[1 - out];
        const Buffer *source = turn ? turned_weight(from, format("turned%d_%c", number, 'a' + h), out, start, count) : from;
        index[1 - out] = turn ? c : affine_shift(c, start);
        half[h] = load(source, index);
        if (turn)
            schedule->stage[schedule->stages++] =
                (Stage){.buffer = source, .level = 2, .order = {1 - out, 2, 3, out}, .blocked = -1, .split = -1, .phased = -1};
    }
    index[1 - out] = affine_shift(c, first);
    add_store(compute, to, index, op2(PAIR, half[0], half[1]));
    add_level(schedule, "u", 1, LOOP_SERIAL);
    add_level(schedule, "v", 1, LOOP_SERIAL);
    add_level(schedule, "c", 1, LOOP_SERIAL);
    add_level(schedule, "k", 1, turn || lanes_fit(compute, "k", (int)lanes) ? LOOP_VECTOR : LOOP_SERIAL);
}

const Buffer *lower_paired_weight(Lowering *l, const Node *convolution) {
    const Node *weight = convolution->input[1];
    const int out = convolution->op == OP_CONV2D ? 0 : 1;
    const Buffer *from = weight_along(l, weight, out);
    if (value_type(from->type) == TYPE_PAIR) return from;
    const Buffer *to = new_paired_weight(l, convolution, TYPE_PAIR);
    const long count = to->shape[1 - out], both = minimum(count, weight->shape[1 - out] - count);
    Kernel *kernel = new_kernel(format("%s_weight", convolution->name), 1 + (both < count));
    add_pairs(l, kernel, 0, &(Pairs){from, to, out, 0, both, true});
    if (both < count) add_pairs(l, kernel, 1, &(Pairs){from, to, out, both, count - both, false});
    kernel->comment = "the weight rounded to bfloat16, in pairs along its input channels";
    set_work(kernel, 0);
    finish_kernel(l, kernel, NULL);
    return to;
}
