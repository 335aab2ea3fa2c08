/* element_losses.c: the terms of losses as expressions. A NaN stays a NaN, so that a loss shows it. */
#include "lower/element_losses.h"

#include "loop/function.h"

#define ELEMENT(name) const Expression *element_##name(Lowering *l, Node *node, const At *at, const Expression *const *in)
#define ALONE (void)l, (void)node, (void)at /* in[] is all that it takes */

/* dy, −dy or 0. */
static const Expression *times_sign(const Expression *x, const Expression *dy) {
    const Expression *not_positive = op4(SELECT_GREATER, constant(0), x, op1(NEGATE, dy), op2(MULTIPLY, x, dy));
    return op4(SELECT_GREATER, x, constant(0), dy, not_positive);
}

ELEMENT(SQUARED_DIFFERENCE) {
    ALONE;
    const Expression *apart = op2(SUBTRACT, in[0], in[1]);
    return op2(MULTIPLY, apart, apart);
}
ELEMENT(SQUARED_DIFFERENCE_GRAD) {
    ALONE;
    return op2(MULTIPLY, op2(SUBTRACT, in[0], in[1]), op2(MULTIPLY, constant(2), in[2]));
}
ELEMENT(ABSOLUTE_DIFFERENCE) {
    ALONE;
    return op1(ABSOLUTE, op2(SUBTRACT, in[0], in[1]));
}
ELEMENT(ABSOLUTE_DIFFERENCE_GRAD) {
    ALONE;
    return times_sign(op2(SUBTRACT, in[0], in[1]), in[2]);
}

/* log(1 + x) for x in [0, 1]: what 1 + x loses of a small x is put back (Kahan): log(u) · x / (u − 1), u = 1 + x rounded. */
static const Expression *log_of_one_and(const Expression *x) {
    const Expression *u = op2(ADD, constant(1), x), *step = op2(SUBTRACT, u, constant(1));
    return op4(SELECT_GREATER, step, constant(0), op2(MULTIPLY, function_log(u), op2(DIVIDE, x, step)), x);
}

ELEMENT(BCE_WITH_LOGITS) {
    ALONE;
    const Expression *first = op2(SUBTRACT, op2(MAXIMUM, constant(0), in[0]), op2(MULTIPLY, in[0], in[1]));
    return op2(ADD, first, log_of_one_and(function_exp(op1(NEGATE, op1(ABSOLUTE, in[0])))));
}
ELEMENT(BCE_WITH_LOGITS_GRAD) {
    ALONE;
    return op2(MULTIPLY, op2(SUBTRACT, function_sigmoid(in[0]), in[1]), in[2]);
}

/* p + ε, and 1 − p + ε: ε last, which 1 would swallow */
static const Expression *likely(const Node *node, const Expression *p) {
    return op2(ADD, p, constant(node->epsilon));
}
static const Expression *unlikely(const Node *node, const Expression *p) {
    return op2(ADD, op2(SUBTRACT, constant(1), p), constant(node->epsilon));
}

ELEMENT(BCE) {
    (void)l, (void)at;
    const Expression *yes = function_log(likely(node, in[0])), *no = function_log(unlikely(node, in[0]));
    return op1(NEGATE, op2(ADD, op2(MULTIPLY, in[1], yes), op2(MULTIPLY, op2(SUBTRACT, constant(1), in[1]), no)));
}
ELEMENT(BCE_GRAD) {
    (void)l, (void)at;
    const Expression *no = op2(DIVIDE, op2(SUBTRACT, constant(1), in[1]), unlikely(node, in[0]));
    return op2(MULTIPLY, op2(SUBTRACT, no, op2(DIVIDE, in[1], likely(node, in[0]))), in[2]);
}
ELEMENT(BCE_TARGET_GRAD) {
    (void)l, (void)at;
    return op2(MULTIPLY, op2(SUBTRACT, function_log(unlikely(node, in[0])), function_log(likely(node, in[0]))), in[1]);
}

ELEMENT(KL) {
    ALONE;
    const Expression *variance = op2(SUBTRACT, op2(SUBTRACT, function_exp(in[1]), in[1]), constant(1));
    return op2(MULTIPLY, constant(0.5), op3(MULTIPLY_ADD, in[0], in[0], variance));
}
ELEMENT(KL_GRAD) {
    ALONE;
    return op2(MULTIPLY, op2(SUBTRACT, function_exp(in[0]), constant(1)), op2(MULTIPLY, constant(0.5), in[1]));
}

ELEMENT(ENTROPY) {
    ALONE;
    return op1(NEGATE, op2(MULTIPLY, in[0], function_log(op2(ADD, in[0], constant(1e-12)))));
}
ELEMENT(ENTROPY_GRAD) {
    ALONE;
    const Expression *v = op2(ADD, in[0], constant(1e-12));
    return op1(NEGATE, op2(MULTIPLY, op2(ADD, function_log(v), op2(DIVIDE, in[0], v)), in[1]));
}
ELEMENT(TIMES_GRAD) {
    (void)l, (void)at;
    return op2(MULTIPLY, in[0], op2(MULTIPLY, constant(node->factor), in[1]));
}
ELEMENT(ABSOLUTE) {
    ALONE;
    return op1(ABSOLUTE, in[0]);
}
ELEMENT(ABSOLUTE_GRAD) {
    ALONE;
    return times_sign(in[0], in[1]);
}

/* ---- of other shapes than their inputs ---- */

ELEMENT(DIFFERENCE) {
    (void)in;
    At next = *at;
    Affine *index = node->which == 2 ? &next.h : &next.w;
    *index = affine_shift(*index, 1);
    return op2(SUBTRACT, node_element(l, node->input[0], &next), node_element(l, node->input[0], at));
}

ELEMENT(SPREAD) {
    (void)in;
    At row = *at;
    row.c = row.h = row.w = affine_constant(0);
    return op2(MULTIPLY, constant(node->factor), node_element(l, node->input[0], &row));
}
