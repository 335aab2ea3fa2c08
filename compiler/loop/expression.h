/* expression.h: values that are computed from elements of buffers. */
#ifndef ZOETROPE_EXPRESSION_H
#define ZOETROPE_EXPRESSION_H

#include "loop/buffer.h"

/* name, number of operands, meaning. SELECT_GREATER contains the comparison, so there are no truth values. */
#define EXPRESSION_OPERATIONS(X)                                                                                                           \
    X(ADD, 2, "a + b")                                                                                                                     \
    X(SUBTRACT, 2, "a - b")                                                                                                                \
    X(MULTIPLY, 2, "a * b")                                                                                                                \
    X(DIVIDE, 2, "a / b")                                                                                                                  \
    X(MAXIMUM, 2, "a > b ? a : b")                                                                                                         \
    X(MINIMUM, 2, "a < b ? a : b")                                                                                                         \
    X(MULTIPLY_ADD, 3, "a * b + c, fused where the target can")                                                                            \
    X(SQUARE_ROOT, 1, "correctly rounded")                                                                                                 \
    X(ABSOLUTE, 1, "|a|")                                                                                                                  \
    X(NEGATE, 1, "-a")                                                                                                                     \
    X(SELECT_GREATER, 4, "a > b ? c : d; d where a or b is no number")                                                                     \
    X(ROUND, 1, "to the nearest integer, ties to even; |a| < 2^22")                                                                        \
    X(POWER_OF_TWO, 1, "2^a for an integer a in [-126, 127]")                                                                              \
    X(EXPONENT, 1, "floor(log2 a) of a positive normal float, as a float")                                                                 \
    X(MANTISSA, 1, "a / 2^EXPONENT(a), in [1, 2), of a positive normal float")                                                             \
    X(WIDEN, 1, "float to double")                                                                                                         \
    X(NARROW, 1, "double to float")                                                                                                        \
    X(PAIR, 2, "a and b rounded to bfloat16 (nearest, ties to even; denormals are zero), in the low and the high half")                    \
    X(DOT, 2, "of pairs: DOT_ADD(a, b, 0)")                                                                                                \
    X(DOT_ADD, 3, "of pairs a, b and a float c: low(a) * low(b) + (high(a) * high(b) + c), see bfloat16.h")

typedef enum {
    EXPRESSION_CONSTANT, /* constant, of `type` */
    EXPRESSION_LOAD,     /* buffer[index…] */
    EXPRESSION_SUM,      /* sum number `sum` of the Compute; only in its stores, gone after scheduling */
#define X(name, operands, meaning) EXPRESSION_##name,
    EXPRESSION_OPERATIONS(X)
#undef X
        EXPRESSION_KINDS
} ExpressionKind;

struct Expression {
    ExpressionKind kind;
    Type type;
    double constant;
    int sum;
    const Buffer *buffer;
    Affine *index; /* of a LOAD: its buffer's rank of them */
    const Expression *operand[4];
};

int expression_operands(ExpressionKind kind); /* 0 for CONSTANT, LOAD and SUM */
const char *expression_name(ExpressionKind kind);
const Expression *constant(double value); /* f32 */
const Expression *constant_f64(double value);
const Expression *zero_of(Type type);
/* What a VIRTUAL buffer is outside of its shape. */
const Expression *outside_of(const Buffer *buffer);
/* The larger of two floats; no number where one is none, or where both are the same infinity. */
const Expression *larger_of(const Expression *a, const Expression *b);
const Expression *load(const Buffer *buffer, const Affine *index); /* rank indices */
const Expression *sum_value(int sum, Type type);
/* What type operand number i of an operation has whose result is of `type`, and what type the result has where the first operand is
 * `first`. */
Type operand_type(ExpressionKind kind, int i, Type type);
Type result_type(ExpressionKind kind, Type first);
/* Checks operands against operand_type(), and simplifies trivial cases (x + 0, x · 1, constants). */
const Expression *operation(ExpressionKind kind, const Expression *a, const Expression *b, const Expression *c, const Expression *d);
#define op1(kind, a) operation(EXPRESSION_##kind, a, NULL, NULL, NULL)
#define op2(kind, a, b) operation(EXPRESSION_##kind, a, b, NULL, NULL)
#define op3(kind, a, b, c) operation(EXPRESSION_##kind, a, b, c, NULL)
#define op4(kind, a, b, c, d) operation(EXPRESSION_##kind, a, b, c, d)
/* The expression with `variable` replaced in every index. */
const Expression *expression_substitute(const Expression *e, const Variable *variable, Affine by);
/* The expression with every node rewritten bottom-up: rewrite returns a replacement, or its argument. */
typedef const Expression *(*Rewrite)(const Expression *e, void *context);
const Expression *expression_rewrite(const Expression *e, Rewrite rewrite, void *context);

#endif
