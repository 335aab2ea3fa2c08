/* lower_pool.c: pools over time, height and width.
 *
 *   max   y[o] = max over taps k of x[s·o + k − p]        avg   y[o] = Σ over taps k of x[s·o + k − p] / size
 *
 * Their gradients gather, as a transposed convolution does: an input's element belongs to the windows (i + p − k) / s, where that divides,
 * so each phase i mod s has the same taps. Max pooling's gradient goes to the first tap that is the maximum. The backward pass finds it
 * again: `place` says from which tap on, counted from the window's end. */
#include "lower/lower_pool.h"

#include "graph/shapes.h"
#include "loop/lanes.h"
#include "lower/element.h"
#include "lower/finish_kernel.h"
#include "lower/kernel_builder.h"
#include "lower/lower_conv.h"
#include "lower/storage.h"

#define V affine_variable

/* ---- images: [items, T, C, H, W], of rows b·T + t ---- */

typedef struct Images {
    long items, steps, channels, height, width;
} Images;

static Images images_of(const Node *node, long steps) {
    return (Images){node->shape[0] / steps, steps, node->shape[1], node->shape[2], node->shape[3]};
}

enum { B, T, C, H, W, TAP, INDICES };

typedef struct Elements { /* a virtual buffer with the indices of images, and perhaps that of a tap */
    Buffer *buffer;
    Variable *channel;
    At at; /* an element's place */
} Elements;

static Elements new_elements(const Lowering *l, const char *name, const Images *images, int rank, long taps) {
    static const char *const names[INDICES] = {"b", "t", "c", "h", "w", "k"};
    const long channels = stored_channels(l->target, images->channels);
    const long shape[INDICES] = {images->items, images->steps, channels, images->height, images->width, taps};
    Elements elements = {.buffer = new_buffer(name, TYPE_F32, SPACE_VIRTUAL, rank, shape, layout_row_major(rank, shape))};
    Affine index[INDICES];
    for (int d = 0; d < rank; d++) {
        Variable *variable = new_variable(names[d], shape[d]);
        elements.buffer->index[d] = variable;
        index[d] = V(variable);
        if (d == C) elements.channel = variable;
    }
    elements.at = (At){.steps = images->steps, .b = index[B], .t = index[T], .c = index[C], .h = index[H], .w = index[W]};
    return elements;
}

/* With padding lanes where the value has them. */
static const Buffer *define(const Elements *elements, const Expression *value) {
    Buffer *buffer = elements->buffer;
    buffer->value = value;
    elements->channel->extent = buffer->shape[C] = channels_in(value, elements->channel, buffer->shape[C]);
    buffer->layout = layout_row_major(buffer->rank, buffer->shape);
    return buffer;
}

/* A node's elements; `outside` where a window reaches over the edge. */
static const Buffer *padded(Lowering *l, Node *node, const Images *images, double outside) {
    const Elements elements = new_elements(l, format("%s_in", node->name), images, TAP, 0);
    elements.buffer->outside = outside;
    return define(&elements, node_element(l, node, &elements.at));
}

/* ---- taps ---- */

/* From the tap of number i on, a window has [i] elements: the sum of so many ones; a virtual buffer is 0 from its end on. */
static const Buffer *count_taps(Lowering *l, const Node *node) {
    const long size = window_size(&node->window);
    Kernel *kernel = new_kernel(format("%s_taps", node->name), 1);
    Compute *compute = &kernel->compute[0];
    const Buffer *taps = new_plain(format("%s_numbers", node->name), TYPE_F32, PLACE_WORKSPACE, 1, &size);
    const Buffer *ones = new_ones(size);
    const Affine k = V(add_variable(compute, "k", size, false)), rest = affine_add(k, V(add_variable(compute, "r", size, true)));
    compute->sum[compute->sum_count++] = load(ones, &rest);
    add_store(compute, taps, &k, sum_value(0, TYPE_F32));
    finish_naive(l, kernel, 0, "how many taps of a window there are from each on");
    return taps;
}

/* Where tap r, u, v lies in the order of the window. */
static Affine tap_number(const Window *window, const Affine tap[3]) {
    const Affine row = affine_add(affine_scale(tap[0], window->kernel[1]), tap[1]);
    return affine_add(affine_scale(row, window->kernel[2]), tap[2]);
}

/* ---- loops ---- */

/* Variables b, t, c, h, w of the outputs, of these sizes. */
static At add_outputs(Compute *compute, const Images *images, long channels) {
    At at = {.steps = images->steps};
    at.b = V(add_variable(compute, "b", images->items, false));
    at.t = V(add_variable(compute, "t", images->steps, false));
    at.c = V(add_variable(compute, "c", channels, false));
    at.h = V(add_variable(compute, "h", images->height, false));
    at.w = V(add_variable(compute, "w", images->width, false));
    return at;
}

static void add_taps(Compute *compute, const long count[3], Affine tap[3]) {
    static const char *const names[3] = {"r", "u", "v"};
    for (int d = 0; d < 3; d++) tap[d] = V(add_variable(compute, names[d], count[d], true));
}

static void find_windows(const Window *window, const At *at, const Affine tap[3], Affine index[INDICES]) {
    const Affine along[3] = {at->t, at->h, at->w};
    index[B] = at->b;
    index[C] = at->c;
    for (int d = 0; d < 3; d++) {
        const Affine place = affine_add(affine_scale(along[d], window->stride[d]), tap[d]);
        index[d == 0 ? T : d == 1 ? H : W] = affine_shift(place, -window->padding[d]);
    }
}

/* Of whole vectors: the elements of a part of one would lie within the shape or outside, as the iteration has it. */
static bool has_lanes(const Compute *compute, int lanes) {
    return lanes_fit(compute, "c", lanes) && compute->variable[2]->extent % lanes == 0;
}

/* Lanes along the channels of all computes, or none. Rows are parallel, too, where there is little else. */
static void finish_pool(Lowering *l, Kernel *kernel, const Images *images) {
    enum { FEW = 8 };
    const int lanes = l->target->lanes;
    bool channels = true;
    for (int i = 0; i < kernel->compute_count; i++) channels = channels && has_lanes(&kernel->compute[i], lanes);
    const bool few = images->items * images->steps * images->channels < FEW * (channels ? lanes : 1);
    for (int i = 0; i < kernel->compute_count; i++) {
        Schedule *schedule = &kernel->schedule[i];
        add_level(schedule, "b", 1, LOOP_PARALLEL);
        add_level(schedule, "t", 1, LOOP_PARALLEL);
        add_level(schedule, "c", channels ? lanes : 1, LOOP_PARALLEL);
        add_level(schedule, "h", 1, few ? LOOP_PARALLEL : LOOP_SERIAL);
        schedule->shared = i ? 3 + few : 0;
        add_level(schedule, "w", 1, LOOP_SERIAL);
        schedule->accumulate = kernel->compute[i].sum_count ? schedule->levels : -1;
        for (int v = 5; v < kernel->compute[i].variable_count; v++)
            add_level(schedule, kernel->compute[i].variable[v]->name, 1, LOOP_SERIAL);
        if (channels) add_level(schedule, "c", 1, LOOP_VECTOR);
    }
    finish_kernel(l, kernel, NULL);
}

/* ---- windows of the input ---- */

static const char *window_text(const Window *window) {
    return format("windows of %ldx%ldx%ld, stride %ldx%ldx%ld, padding %ldx%ldx%ld", window->kernel[0], window->kernel[1],
                  window->kernel[2], window->stride[0], window->stride[1], window->stride[2], window->padding[0], window->padding[1],
                  window->padding[2]);
}

typedef struct Windows { /* a kernel over the windows of input[0] */
    Kernel *kernel;
    Compute *compute;
    Images images; /* of the outputs */
    At at;
    Affine number;             /* of the tap */
    const Expression *element; /* of the input, that the tap reads */
} Windows;

static Windows start_windows(Lowering *l, Node *node, double outside) {
    Node *x = node->input[0];
    Windows w = {.kernel = new_kernel(node->name, 1), .images = images_of(node, node->steps)};
    const Images inputs = images_of(x, x->steps);
    Affine tap[3], index[INDICES];
    w.compute = &w.kernel->compute[0];
    const Buffer *from = padded(l, x, &inputs, outside);
    w.at = add_outputs(w.compute, &w.images, minimum(node_buffer(l, node)->shape[1], from->shape[C]));
    add_taps(w.compute, node->window.kernel, tap);
    w.number = tap_number(&node->window, tap);
    find_windows(&node->window, &w.at, tap, index);
    w.element = load(from, index);
    set_work(w.kernel, (double)(count_elements(node) * window_size(&node->window)));
    return w;
}

static void finish_windows(Lowering *l, const Windows *w, Node *node, const Expression *term, const Expression *value) {
    Affine index[4];
    stored_index(node, &w->at, index);
    w->compute->variable[2]->extent = channels_in(term, w->compute->variable[2], w->compute->variable[2]->extent);
    w->compute->sum[w->compute->sum_count++] = term;
    add_store(w->compute, node_buffer(l, node), index, value);
    finish_pool(l, w->kernel, &w->images);
}

void lower_pool(Lowering *l, Node *node) {
    const bool largest = node->op == OP_MAX_POOL;
    const Windows w = start_windows(l, node, largest ? LEAST : 0);
    const Expression *sum = sum_value(0, TYPE_F32);
    w.compute->largest = largest;
    w.kernel->comment = format("the %s of %s", largest ? "largest elements" : "means", window_text(&node->window));
    finish_windows(l, &w, node, w.element, largest ? sum : op2(MULTIPLY, sum, constant(1.0 / (double)window_size(&node->window))));
}

void lower_pool_place(Lowering *l, Node *node) {
    const Buffer *taps = count_taps(l, node);
    const Windows w = start_windows(l, node, LEAST);
    const Expression *y = node_element(l, node->input[1], &w.at);
    w.compute->largest = true;
    w.kernel->comment = format("where the largest elements lie of %s", window_text(&node->window));
    finish_windows(l, &w, node, op4(SELECT_GREATER, y, w.element, constant(0), load(taps, &w.number)), sum_value(0, TYPE_F32));
}

/* ---- gradients ---- */

/* dy, or what tap k of a window gets of it. */
static const Buffer *shares(Lowering *l, Node *node, const Images *images) {
    const bool largest = node->op == OP_MAX_POOL_GRAD;
    Node *dy = node->input[largest];
    if (!largest) return padded(l, dy, images, 0);
    const Buffer *taps = count_taps(l, node);
    const Elements elements = new_elements(l, format("%s_shares", node->name), images, INDICES, window_size(&node->window));
    const Affine k = V(elements.buffer->index[TAP]);
    const Expression *place = node_element(l, node->input[0], &elements.at), *tap = load(taps, &k), *none = constant(0);
    const Expression *share = op4(SELECT_GREATER, tap, place, none, node_element(l, dy, &elements.at));
    return define(&elements, op4(SELECT_GREATER, place, tap, none, share));
}

/* The elements of one phase. */
static void lower_phase(Lowering *l, Node *node, Compute *compute, const Buffer *from, const Phase phase[3]) {
    const Buffer *out = node_buffer(l, node);
    const Images images = {node->shape[0] / node->steps, phase[0].count, node->shape[1], phase[1].count, phase[2].count};
    const At at = add_outputs(compute, &images, minimum(out->shape[1], from->shape[C]));
    const Affine position[3] = {at.t, at.h, at.w};
    Affine index[4], read[INDICES] = {[B] = at.b, [C] = at.c}, tap[3];
    At to = {.steps = node->steps, .b = at.b, .c = at.c};
    Affine *const along[3] = {&to.t, &to.h, &to.w};
    for (int d = 0; d < 3; d++) *along[d] = phase_output(&phase[d], position[d]);
    stored_index(node, &to, index);
    const Expression *value = constant(0);
    if (phase[0].taps > 0 && phase[1].taps > 0 && phase[2].taps > 0) {
        add_taps(compute, (long[]){phase[0].taps, phase[1].taps, phase[2].taps}, tap);
        for (int d = 0; d < 3; d++) {
            read[d == 0 ? T : d == 1 ? H : W] = phase_input(&phase[d], position[d], tap[d]);
            tap[d] = phase_tap(&phase[d], tap[d]);
        }
        read[TAP] = tap_number(&node->window, tap);
        compute->sum[compute->sum_count++] = load(from, read);
        value = sum_value(0, TYPE_F32);
        if (node->op == OP_AVG_POOL_GRAD) value = op2(MULTIPLY, value, constant(1.0 / (double)window_size(&node->window)));
    }
    add_store(compute, out, index, value);
}

void lower_pool_gradient(Lowering *l, Node *node) {
    const Window *window = &node->window;
    const long size[3] = {node->steps, node->shape[2], node->shape[3]};
    const Images images = images_of(node, node->steps);
    long phases[3];
    for (int d = 0; d < 3; d++) phases[d] = minimum(window->stride[d], size[d]);
    const Node *dy = node->input[node->input_count - 1];
    const Images small = images_of(dy, dy->shape[0] / images.items);
    const Buffer *from = shares(l, node, &small);
    Kernel *kernel = new_kernel(node->name, (int)(phases[0] * phases[1] * phases[2]));
    for (int i = 0; i < kernel->compute_count; i++) {
        const long number[3] = {i / (phases[1] * phases[2]), i / phases[2] % phases[1], i % phases[2]};
        Phase phase[3];
        for (int d = 0; d < 3; d++)
            phase[d] = scattered_phase(size[d], window->kernel[d], window->stride[d], window->padding[d], number[d]);
        lower_phase(l, node, &kernel->compute[i], from, phase);
    }
    kernel->comment = format("the gradient of pooling by %s", window_text(window));
    set_work(kernel, (double)(count_elements(dy) * window_size(window)));
    finish_pool(l, kernel, &images);
}
