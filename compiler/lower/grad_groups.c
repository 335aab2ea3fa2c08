/* grad_groups.c: groups of images, each with a weight gradient of its own. They give many threads work where the weight is small. The
 * gradients are added up in index order, whatever the number of threads. */
#include "lower/grad_groups.h"

#include "lower/finish_kernel.h"
#include "lower/kernel_builder.h"
#include "lower/storage.h"

#include <string.h>

#define V affine_variable

const Buffer *new_group_gradients(const Node *node, const Buffer *out, long groups) {
    const long shape[5] = {out->shape[0], out->shape[1], out->shape[2], out->shape[3], groups};
    Layout layout = out->layout;
    layout.term[layout.count++] = (__typeof__(layout.term[0])){4, 1, 0, out->layout.size};
    layout.size *= groups;
    return new_tensor(format("%s_groups", node->name), TYPE_F32, PLACE_WORKSPACE, 5, shape, layout);
}

void add_group_sum(Lowering *l, const Node *node, const Buffer *gradients, const Buffer *out, const long channels[2], const char *along,
                   long lanes) {
    const char *across = strcmp(along, "k") == 0 ? "c" : "k";
    Kernel *kernel = new_kernel(format("%s_sum", node->name), 1);
    Compute *compute = &kernel->compute[0];
    const Affine k = V(add_variable(compute, "k", channels[0], false)), c = V(add_variable(compute, "c", channels[1], false));
    const Affine u = V(add_variable(compute, "u", out->shape[2], false)), v = V(add_variable(compute, "v", out->shape[3], false));
    const Affine from[5] = {k, c, u, v, V(add_variable(compute, "g", gradients->shape[4], true))};
    compute->sum[compute->sum_count++] = load(gradients, from);
    add_store(compute, out, from, sum_value(0, TYPE_F32));
    kernel->serves = node->name;
    kernel->comment = "the sum of the gradients of groups of images";
    set_work(kernel, (double)gradients->layout.size);
    Schedule *schedule = &kernel->schedule[0];
    add_level(schedule, along, lanes, LOOP_PARALLEL);
    add_level(schedule, across, l->target->lanes, LOOP_PARALLEL);
    add_level(schedule, "u", 1, LOOP_SERIAL);
    add_level(schedule, "v", 1, LOOP_SERIAL);
    add_level(schedule, across, 1, LOOP_SERIAL);
    schedule->accumulate = schedule->levels;
    add_level(schedule, "g", 1, LOOP_SERIAL);
    if (lanes > 1) add_level(schedule, along, 1, LOOP_VECTOR);
    finish_kernel(l, kernel, NULL);
}
