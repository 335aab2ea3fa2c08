/* lower_scan.c: operations that occur only in scans: the first value of a carry, and the GRU's cell. */
#include "lower/lower_scan.h"

#include "loop/function.h"
#include "loop/lanes.h"
#include "lower/element.h"
#include "lower/finish_kernel.h"
#include "lower/kernel_builder.h"
#include "lower/storage.h"

#include <string.h>

#define V affine_variable

/* The row that the first step of the scan reads := the initial value, or 0. */
void lower_carry(Lowering *l, Node *node) {
    Kernel *kernel = new_kernel(format("%s_start", node->name), 1);
    Compute *compute = &kernel->compute[0];
    const Buffer *out = node_buffer(l, node);
    const long T = node->scan->steps, batch = node->shape[0] / T;
    Variable *b = add_variable(compute, "b", batch, false), *c = add_variable(compute, "c", node->shape[1], false);
    Variable *h = add_variable(compute, "h", node->shape[2], false), *w = add_variable(compute, "w", node->shape[3], false);
    const At at = {.steps = T, .b = V(b), .t = affine_constant(node->scan->reverse ? T - 1 : 0), .c = V(c), .h = V(h), .w = V(w)};
    Affine index[4];
    stored_index(node, &at, index);
    const Expression *value = constant(0);
    if (node->input[0]) {
        const At from = {.n = affine_shift(V(b), node->which * batch), .c = V(c), .h = V(h), .w = V(w)};
        value = node_element(l, node->input[0], &from);
    }
    add_store(compute, out, index, value);
    kernel->comment = "the value before the first step";
    set_work(kernel, 0);
    Schedule *schedule = &kernel->schedule[0];
    add_level(schedule, "b", 1, LOOP_PARALLEL);
    const char *const inner[3] = {"c", "h", "w"};
    for (int i = 0; i < 3; i++) add_level(schedule, inner[i], 1, LOOP_SERIAL);
    finish_kernel(l, kernel, NULL);
}

/* The values of one element of the hidden state. */
typedef struct Cell {
    const Expression *reset, *update, *candidate, *hidden_candidate, *before; /* r, z, n, W_hn h + b_hn, h */
    At at;
} Cell;

static Cell start_cell(Lowering *l, Kernel *kernel, Node *node) {
    Compute *compute = &kernel->compute[0];
    const Buffer *out = node_buffer(l, node);
    const long T = node->steps;
    kernel->time = new_variable("time", T);
    Variable *b = add_variable(compute, "b", node->shape[0] / T, false), *c = add_variable(compute, "c", out->shape[1], false);
    Cell cell = {.at = {.steps = T, .b = V(b), .t = V(kernel->time), .c = V(c), .w = affine_constant(0)}};
    const Expression *input[3], *hidden[3];
    for (long gate = 0; gate < 3; gate++) {
        At at = cell.at;
        at.h = affine_constant(gate);
        input[gate] = node_element(l, node->input[0], &at);
        hidden[gate] = node_element(l, node->input[1], &at);
    }
    cell.at.h = affine_constant(0);
    cell.reset = function_sigmoid(op2(ADD, input[0], hidden[0]));
    cell.update = function_sigmoid(op2(ADD, input[1], hidden[1]));
    cell.hidden_candidate = hidden[2];
    cell.candidate = function_tanh(op3(MULTIPLY_ADD, cell.reset, hidden[2], input[2]));
    cell.before = node_element(l, node->input[2], &cell.at);
    return cell;
}

static void finish_cell(Lowering *l, Kernel *kernel, Node *node) {
    const bool fit = lanes_fit(&kernel->compute[0], "c", l->target->lanes);
    Schedule *schedule = &kernel->schedule[0];
    add_level(schedule, "b", 1, LOOP_PARALLEL);
    add_level(schedule, "c", fit ? l->target->lanes : 1, LOOP_PARALLEL);
    if (fit) add_level(schedule, "c", 1, LOOP_VECTOR);
    finish_kernel(l, kernel, node->scan);
}

/* h′ = (1 − z) ⊙ n + z ⊙ h = n + z ⊙ (h − n); n = tanh(W_in x + b_in + r ⊙ (W_hn h + b_hn)) */
void lower_gru_cell(Lowering *l, Node *node) {
    Kernel *kernel = new_kernel(node->name, 1);
    const Cell cell = start_cell(l, kernel, node);
    Affine index[4];
    stored_index(node, &cell.at, index);
    const Expression *apart = op2(SUBTRACT, cell.before, cell.candidate);
    add_store(&kernel->compute[0], node_buffer(l, node), index, op3(MULTIPLY_ADD, cell.update, apart, cell.candidate));
    kernel->comment = "h' = (1 - z) n + z h; r, z = sigmoid, n = tanh(input + r hidden)";
    set_work(kernel, 60.0 * (double)(node->shape[0] / node->steps * node->shape[1]));
    finish_cell(l, kernel, node);
}

static Node *result_of(const Node *node, int which) {
    for (int i = 0; i < node->reader_count; i++)
        if (node->reader[i]->op == OP_RESULT && node->reader[i]->which == which) return node->reader[i];
    return NULL;
}

/* dn = dh′ (1 − z) (1 − n²); dz = dh′ (h − n) z (1 − z); dr = dn (W_hn h + b_hn) r (1 − r); dh = dh′ z (what goes by the gates apart) */
void lower_gru_cell_grad(Lowering *l, Node *node) {
    Kernel *kernel = new_kernel(node->name, 1);
    Compute *compute = &kernel->compute[0];
    const Cell cell = start_cell(l, kernel, node);
    const Expression *one = constant(1), *dy = node_element(l, node->input[3], &cell.at);
    const Expression *open = op2(SUBTRACT, one, cell.update);
    const Expression *slope = op3(MULTIPLY_ADD, op1(NEGATE, cell.candidate), cell.candidate, one);
    const Expression *dn = op2(MULTIPLY, op2(MULTIPLY, dy, open), slope);
    const Expression *dz = op2(MULTIPLY, op2(MULTIPLY, dy, op2(SUBTRACT, cell.before, cell.candidate)), op2(MULTIPLY, cell.update, open));
    const Expression *dr =
        op2(MULTIPLY, op2(MULTIPLY, dn, cell.hidden_candidate), op2(MULTIPLY, cell.reset, op2(SUBTRACT, one, cell.reset)));
    const Expression *gates[2][3] = {{dr, dz, dn}, {dr, dz, op2(MULTIPLY, dn, cell.reset)}};
    Node *const to[2] = {node, result_of(node, 1)}, *before = result_of(node, 2);
    Affine index[4];
    for (int side = 0; side < 2; side++)
        for (long gate = 0; gate < 3; gate++) {
            if (!to[side]) continue;
            At at = cell.at;
            at.h = affine_constant(gate);
            stored_index(to[side], &at, index);
            add_store(compute, node_buffer(l, to[side]), index, gates[side][gate]);
        }
    if (before) {
        stored_index(before, &cell.at, index);
        add_store(compute, node_buffer(l, before), index, op2(MULTIPLY, dy, cell.update));
    }
    kernel->comment = "gradients of the input gates, of the hidden gates and of h";
    set_work(kernel, 90.0 * (double)(node->shape[0] / node->steps * node->shape[1]));
    finish_cell(l, kernel, node);
}
