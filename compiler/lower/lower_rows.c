/* lower_rows.c: copies of values whose readers need another layout.
 *
 * What a scan carries has one more row for each sequence (storage.c): the value before the first step. A kernel that reads by sequence
 * and step reads the rows where they lie. Any other kernel reads a copy without that row.
 *
 * The caller's values lie in planes. An activation of many channels lies in blocks of them, and no vector can be loaded from both. */
#include "lower/lower_rows.h"

#include "loop/lanes.h"
#include "lower/element.h"
#include "lower/finish_kernel.h"
#include "lower/kernel_builder.h"
#include "lower/storage.h"

#define V affine_variable

void lower_row_copy(Lowering *l, Node *node, const RowCopy *copy) {
    static const char *const names[3] = {"c", "h", "w"};
    const Buffer *inside = node_buffer(l, node), *outside = copy->outside;
    const long steps = maximum(copy->steps, 1), channels = minimum(outside->shape[1], inside->shape[1]);
    const long extent[3] = {channels, node->shape[2], node->shape[3]};
    Kernel *kernel = new_kernel(copy->name, 1);
    Compute *compute = &kernel->compute[0];
    Schedule *schedule = &kernel->schedule[0];
    At at = {.steps = steps, .b = V(add_variable(compute, "b", node->shape[0] / steps, false)), .t = affine_constant(0)};
    if (copy->steps) at.t = V(add_variable(compute, "t", steps, false));
    Affine *const position[3] = {&at.c, &at.h, &at.w};
    Affine there[4] = {affine_shift(row_of(&at), copy->row)}, here[4];
    for (int d = 0; d < 3; d++) there[1 + d] = *position[d] = V(add_variable(compute, names[d], extent[d], false));
    stored_index(node, &at, here);
    if (copy->out) add_store(compute, outside, there, load(inside, here));
    else add_store(compute, inside, here, load(outside, there));
    kernel->comment = copy->comment;
    set_work(kernel, 0);
    const bool fit = lanes_fit(compute, "c", l->target->lanes);
    add_level(schedule, "b", 1, copy->loops);
    if (copy->steps) add_level(schedule, "t", 1, copy->loops);
    add_level(schedule, "c", fit ? l->target->lanes : 1, LOOP_SERIAL);
    for (int d = 1; d < 3; d++) add_level(schedule, names[d], 1, LOOP_SERIAL);
    if (fit) add_level(schedule, "c", 1, LOOP_VECTOR);
    finish_kernel(l, kernel, NULL);
}

const Buffer *whole_rows(Lowering *l, Node *node) {
    if (l->whole_rows[node->id]) return l->whole_rows[node->id];
    const char *given = name_of(l->graph, ROLE_OUTPUT, node), *name = format("%s_rows", node->name);
    const Buffer *out = given ? new_given(given, TYPE_F32, 4, node->shape) : new_activation(l, name, node->shape);
    const RowCopy copy = {.name = name,
                          .comment = "the rows of a scan, without what was there before its first step",
                          .outside = out,
                          .steps = carrying_scan(node)->steps,
                          .out = true,
                          .loops = LOOP_PARALLEL};
    lower_row_copy(l, node, &copy);
    return l->whole_rows[node->id] = out;
}

bool is_given_for_blocks(const Lowering *l, const Node *node) {
    if (node->op != OP_INPUT || node->rank != 4 || !is_blocked(l->target, node->shape[1])) return false;
    if (node->shape[2] * node->shape[3] == 1 || !name_of(l->graph, ROLE_INPUT, node)) return false;
    for (int i = 0; i < node->reader_count; i++) {
        const Operation op = node->reader[i]->op;
        if (op != OP_MULTIPLY && op != OP_SAMPLE && op != OP_SAMPLE_LOG_VARIANCE_GRAD && op != OP_SAMPLE_NOISE_GRAD) return false;
    }
    return true;
}

/* In squares of a vector of channels and as many columns. */
const Buffer *given_in_blocks(Lowering *l, Node *node) {
    if (l->whole_rows[node->id]) return l->whole_rows[node->id];
    const char *name = format("%s_in_blocks", node->name);
    const Buffer *out = new_activation(l, name, node->shape), *in = node_buffer(l, node);
    static const char *const names[4] = {"n", "c", "h", "w"};
    Kernel *kernel = new_kernel(name, 1);
    Affine index[4];
    for (int d = 0; d < 4; d++) index[d] = V(add_variable(&kernel->compute[0], names[d], node->shape[d], false));
    add_store(&kernel->compute[0], out, index, load(in, index));
    kernel->comment = "what the caller gives, with its channels in blocks";
    set_work(kernel, 0);
    Schedule *schedule = &kernel->schedule[0];
    add_level(schedule, "n", 1, LOOP_PARALLEL);
    add_level(schedule, "c", l->target->lanes, LOOP_PARALLEL);
    add_level(schedule, "h", 1, LOOP_SERIAL);
    add_level(schedule, "w", l->target->lanes, LOOP_SERIAL);
    add_level(schedule, "c", 1, LOOP_SERIAL);
    add_level(schedule, "w", 1, LOOP_SERIAL);
    finish_kernel(l, kernel, NULL);
    return l->whole_rows[node->id] = out;
}

void lower_scan_outputs(Lowering *l, const Scan *scan) {
    for (int i = 0; i < l->graph->named[ROLE_OUTPUT].count; i++) {
        Node *node = l->graph->named[ROLE_OUTPUT].entry[i].node;
        if (node->scan == scan && has_carried_rows(node)) whole_rows(l, node);
    }
}
