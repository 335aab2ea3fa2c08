/* Copies of what lies otherwise than its readers want it.
 *
 * Rows of what a scan carries: they lie with one more to each sequence (storage.c), for the value before the first step. Who reads by
 * sequence and step reads them there; for anybody else, who counts rows as they are, they are copied.
 *
 * What the caller gives lies in planes. An activation of many channels lies in blocks of them, and no vector can be loaded from both. */
#include "lower/lower_rows.h"

#include "loop/lanes.h"
#include "lower/element.h"
#include "lower/finish_kernel.h"
#include "lower/kernel_builder.h"
#include "lower/storage.h"

#define V affine_variable

const Buffer *whole_rows(Lowering *l, Node *node) {
    if (l->whole_rows[node->id]) return l->whole_rows[node->id];
    const char *given = name_of(l->graph, ROLE_OUTPUT, node), *name = format("%s_rows", node->name);
    const Buffer *out = given ? new_plain(given, TYPE_F32, PLACE_STEP, 4, node->shape) : new_activation(l, name, node->shape);
    const Buffer *in = node_buffer(l, node);
    Kernel *kernel = new_kernel(name, 1);
    Compute *compute = &kernel->compute[0];
    const long T = carrying_scan(node)->steps, lanes = l->target->lanes;
    const Affine b = V(add_variable(compute, "b", node->shape[0] / T, false)), t = V(add_variable(compute, "t", T, false));
    Variable *c = add_variable(compute, "c", minimum(out->shape[1], in->shape[1]), false);
    const At at = {.steps = T,
                   .b = b,
                   .t = t,
                   .c = V(c),
                   .h = V(add_variable(compute, "h", node->shape[2], false)),
                   .w = V(add_variable(compute, "w", node->shape[3], false))};
    Affine from[4];
    stored_index(node, &at, from);
    const Affine to[4] = {affine_add(affine_scale(b, T), t), at.c, at.h, at.w};
    add_store(compute, out, to, load(in, from));
    kernel->comment = "the rows of a scan, without what was there before its first step";
    set_work(kernel, 0);
    const bool fit = lanes_fit(compute, "c", (int)lanes);
    Schedule *schedule = &kernel->schedule[0];
    add_level(schedule, "b", 1, LOOP_PARALLEL);
    add_level(schedule, "t", 1, LOOP_PARALLEL);
    add_level(schedule, "c", fit ? lanes : 1, LOOP_SERIAL);
    add_level(schedule, "h", 1, LOOP_SERIAL);
    add_level(schedule, "w", 1, LOOP_SERIAL);
    if (fit) add_level(schedule, "c", 1, LOOP_VECTOR);
    finish_kernel(l, kernel, NULL);
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
