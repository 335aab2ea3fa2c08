/* Slices, concatenations and upsampling. A slice is read in place where its indices are affine for whoever reads it; the others copy:
 * rows in parallel, whole vectors where the layout has them. */
#include "lower/lower_moves.h"

#include "graph/shapes.h"
#include "loop/lanes.h"
#include "lower/element.h"
#include "lower/finish_kernel.h"
#include "lower/kernel_builder.h"
#include "lower/storage.h"

#define V affine_variable

/* ---- slices ---- */

At slice_source(const Node *slice, const At *at) {
    const long T = slice->input[0]->steps, rows = slice->first * T;
    At from = *at;
    if (slice->axis == AXIS_CHANNELS) {
        from.c = affine_shift(at->c, slice->first);
    } else if (slice->axis == AXIS_ITEMS) {
        if (at->steps && rows % at->steps == 0) from.b = affine_shift(at->b, rows / at->steps);
        else from.n = affine_shift(row_of(at), rows), from.steps = 0;
    } else {
        const bool split = at->steps == slice->steps;
        if (!split && slice->steps > 1) die("%s: its rows are not split into steps", slice->name);
        from.steps = T;
        from.b = split ? at->b : row_of(at);
        from.t = affine_shift(split ? at->t : affine_constant(0), slice->first);
    }
    return from;
}

/* Of channels in blocks, whole blocks; in planes, any. */
static bool is_view_of_channels(const Lowering *l, const Node *slice) {
    const bool blocked = is_blocked(l->target, slice->input[0]->shape[1]);
    return blocked == is_blocked(l->target, slice->shape[1]) && (!blocked || slice->first % l->target->lanes == 0);
}

bool is_view(const Lowering *l, const Node *node) {
    if (node->op != OP_DETACH && node->op != OP_SLICE) return false;
    if (node->op == OP_DETACH) return node->rank == 4;
    if (node->axis == AXIS_CHANNELS) return is_view_of_channels(l, node);
    return node->axis == AXIS_ITEMS || node->steps == 1;
}

/* ---- kernels over rows ---- */

typedef struct Image { /* a compute over rows b·steps + t of images; in a scan, of one step */
    Compute *compute;
    Variable *c;
    At at;
} Image;

static Image start_image(Kernel *kernel, const Node *node, long items, long steps, long channels, long height, long width) {
    Image image = {.compute = &kernel->compute[0], .at = {.steps = steps}};
    image.at.b = V(add_variable(image.compute, "b", items, false));
    if (node->scan) kernel->time = new_variable("time", steps);
    image.at.t = V(node->scan ? kernel->time : add_variable(image.compute, "t", steps, false));
    image.at.c = V(image.c = add_variable(image.compute, "c", channels, false));
    image.at.h = V(add_variable(image.compute, "h", height, false));
    image.at.w = V(add_variable(image.compute, "w", width, false));
    return image;
}

/* Lanes along the channels, or else along the width; `inner`: loops inside of height and width, each with a variable "u" or "v". */
static void finish_image(Lowering *l, Kernel *kernel, const Node *node, bool inner, bool sums) {
    const Compute *compute = &kernel->compute[0];
    Schedule *schedule = &kernel->schedule[0];
    const int lanes = l->target->lanes;
    const bool channels = lanes_fit(compute, "c", lanes), width = !channels && !inner && lanes_fit(compute, "w", lanes);
    add_level(schedule, "b", 1, LOOP_PARALLEL);
    if (!node->scan) add_level(schedule, "t", 1, LOOP_PARALLEL);
    add_level(schedule, "c", channels ? lanes : 1, LOOP_PARALLEL);
    add_level(schedule, "h", 1, LOOP_SERIAL);
    if (inner && !sums) add_level(schedule, "u", 1, LOOP_SERIAL);
    add_level(schedule, "w", width ? lanes : 1, LOOP_SERIAL);
    if (sums) schedule->accumulate = schedule->levels;
    if (sums) add_level(schedule, "u", 1, LOOP_SERIAL);
    if (inner) add_level(schedule, "v", 1, LOOP_SERIAL);
    if (channels || width) add_level(schedule, channels ? "c" : "w", 1, LOOP_VECTOR);
    finish_kernel(l, kernel, node->scan);
}

/* ---- concatenations ---- */

/* Input number i becomes what lies from `first` on. Returns how many that are. Padding lanes are copied along where nothing else follows.
 */
static long lower_part(Lowering *l, Node *node, int i, long first) {
    Node *input = node->input[i];
    const Buffer *out = node_buffer(l, node);
    const long steps = node->axis == AXIS_STEPS ? input->steps : node->steps, items = input->shape[0] / steps;
    const long count = axis_extent(input, steps, node->axis);
    const bool last = node->axis != AXIS_CHANNELS || i + 1 == node->input_count;
    const long most = node->axis != AXIS_CHANNELS ? out->shape[1] : last ? out->shape[1] - first : count;
    Kernel *kernel = new_kernel(format("%s_from%d", node->name, i), 1);
    const Image image = start_image(kernel, node, items, steps, most, node->shape[2], node->shape[3]);
    const Expression *value = node_element(l, input, &image.at);
    At to = image.at;
    Affine index[4], *const along[] = {&to.b, &to.t, &to.c};
    *along[node->axis] = affine_shift(*along[node->axis], first);
    to.steps = node->steps;
    stored_index(node, &to, index);
    image.c->extent = channels_in(value, image.c, most);
    add_store(image.compute, out, index, value);
    kernel->comment = format("[%ld, %ld, %ld, %ld] of [%ld, %ld, %ld, %ld]", input->shape[0], input->shape[1], input->shape[2],
                             input->shape[3], node->shape[0], node->shape[1], node->shape[2], node->shape[3]);
    set_work(kernel, 0);
    finish_image(l, kernel, node, false, false);
    return count;
}

void lower_concat(Lowering *l, Node *node) {
    long first = 0;
    for (int i = 0; i < node->input_count; i++) first += lower_part(l, node, i, first);
}

/* ---- upsampling ---- */

/* Element (u, v) of the block of copies of an element. */
static At copy_of(Compute *compute, const Node *node, const At *at, bool reduced) {
    const Affine u = V(add_variable(compute, "u", node->stride[0], reduced)), v = V(add_variable(compute, "v", node->stride[1], reduced));
    At copy = *at;
    copy.h = affine_add(affine_scale(at->h, node->stride[0]), u);
    copy.w = affine_add(affine_scale(at->w, node->stride[1]), v);
    return copy;
}

/* y[n, c, sh + u, rw + v] = x[n, c, h, w] */
void lower_upsample(Lowering *l, Node *node) {
    Node *x = node->input[0];
    Kernel *kernel = new_kernel(node->name, 1);
    const Buffer *out = node_buffer(l, node);
    const Image image = start_image(kernel, node, x->shape[0] / node->steps, node->steps, out->shape[1], x->shape[2], x->shape[3]);
    const Expression *value = node_element(l, x, &image.at);
    const At copy = copy_of(image.compute, node, &image.at, false);
    Affine index[4];
    stored_index(node, &copy, index);
    image.c->extent = channels_in(value, image.c, out->shape[1]);
    add_store(image.compute, out, index, value);
    kernel->comment = format("each element %ldx%ld times", node->stride[0], node->stride[1]);
    set_work(kernel, 0);
    finish_image(l, kernel, node, true, false);
}

/* dx[n, c, h, w] = Σ u, v dy[n, c, sh + u, rw + v] */
void lower_upsample_grad(Lowering *l, Node *node) {
    Kernel *kernel = new_kernel(node->name, 1);
    const Buffer *out = node_buffer(l, node);
    const Image image = start_image(kernel, node, node->shape[0] / node->steps, node->steps, out->shape[1], node->shape[2], node->shape[3]);
    const At copy = copy_of(image.compute, node, &image.at, true);
    const Expression *value = node_element(l, node->input[0], &copy);
    Affine index[4];
    stored_index(node, &image.at, index);
    image.c->extent = channels_in(value, image.c, out->shape[1]);
    image.compute->sum[image.compute->sum_count++] = value;
    add_store(image.compute, out, index, sum_value(0, TYPE_F32));
    kernel->comment = format("sums of %ldx%ld elements", node->stride[0], node->stride[1]);
    set_work(kernel, (double)count_elements(node->input[0]) / (node->scan ? (double)node->steps : 1));
    finish_image(l, kernel, node, true, true);
}
