#include "loop.h"

/* Σ c[i] · x^i by Horner's rule; c[0] is the constant term. */
static const Expression *polynomial(const Expression *x, const float *c, int count, float scale) {
    const Expression *value = constant((double)(c[count - 1] * scale));
    for (int i = count - 2; i >= 0; i--) value = op3(MULTIPLY_ADD, value, x, constant((double)(c[i] * scale)));
    return value;
}
#define POLYNOMIAL(x, c, scale) polynomial(x, c, (int)(sizeof(c) / sizeof *(c)), scale)

static const float ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;
static const float log2_e = 0x1.715476p0f, float_max = 0x1.fffffep127f;

static const Expression *subtract_multiple(const Expression *x, const Expression *k, double factor) {
    x = op3(MULTIPLY_ADD, k, constant(-factor * (double)ln2_high), x);
    return op3(MULTIPLY_ADD, k, constant(-factor * (double)ln2_low), x);
}

const Expression *function_exp(const Expression *x) {
    static const float c[] = {1, 1, 0x1.00000cp-1f, 0x1.555514p-3f, 0x1.5549eep-5f, 0x1.1126e4p-7f, 0x1.71bf90p-10f, 0x1.9baa6ap-13f};
    const Expression *clamped = op2(MAXIMUM, constant(-104), op2(MINIMUM, constant(89), x));
    const Expression *j = op1(ROUND, op2(MAXIMUM, op2(MULTIPLY, clamped, constant((double)log2_e / 2)), constant(-75)));
    const Expression *power = op1(POWER_OF_TWO, j);
    const Expression *p = POLYNOMIAL(subtract_multiple(clamped, j, 2), c, 1);
    return op2(MULTIPLY, op2(MULTIPLY, p, power), power);
}

static const Expression *exp_minus_magnitude(const Expression *x) {
    static const float c[] = {1, -1, 0x1.fffffcp-2f, -0x1.555492p-3f, 0x1.5558b0p-5f, -0x1.12398ep-7f, 0x1.6a4d60p-10f};
    const Expression *a = op2(MINIMUM, constant(104), op1(ABSOLUTE, x));
    const Expression *k = op1(ROUND, op2(MINIMUM, op2(MULTIPLY, a, constant((double)log2_e)), constant(150)));
    const Expression *power = op1(POWER_OF_TWO, op2(SUBTRACT, constant(24), k));
    return op2(MULTIPLY, POLYNOMIAL(subtract_multiple(a, k, 1), c, 0x1p-24f), power);
}

const Expression *function_sigmoid(const Expression *x) {
    const Expression *e = exp_minus_magnitude(x);
    const Expression *minus_q = op2(DIVIDE, e, op2(SUBTRACT, constant(-1), e));
    const Expression *numerator = op4(SELECT_GREATER, constant(0), x, e, constant(1));
    return op3(MULTIPLY_ADD, minus_q, numerator, numerator);
}

const Expression *function_tanh(const Expression *x) {
    static const float near[] = {-0x1.5554a4p-2f, 0x1.10ed66p-3f, -0x1.b5604ep-5f, 0x1.423392p-6f, -0x1.389a58p-8f};
    static const float far[] = {0x1.6ce81ep-1f, 0x1.5db8c2p+0f, 0x1.9be23ap-3f, 0x1.79e70cp-2f, -0x1.12c8d0p-4f, 0x1.9d8472p-5f, -0x1.327b20p-7f, 0x1.c509acp-10f, -0x1.7e325cp-16f, -0x1.fcd83ep-17f, 0x1.438460p-19f};
    const Expression *a = op1(ABSOLUTE, x), *square = op2(MULTIPLY, x, x);
    const Expression *small = op3(MULTIPLY_ADD, op2(MULTIPLY, square, x), POLYNOMIAL(square, near, 1), x);
    const Expression *root = POLYNOMIAL(a, far, 1), *one = op4(SELECT_GREATER, constant(0), x, constant(-1), constant(1));
    const Expression *tail = op2(DIVIDE, constant(-2), op3(MULTIPLY_ADD, root, root, constant(1.5)));
    return op4(SELECT_GREATER, a, constant(0.75), op3(MULTIPLY_ADD, tail, one, one), small);
}

const Expression *function_log(const Expression *x) {
    static const float c[] = {-0.5f, 0x1.5556d8p-2f, -0x1.000382p-2f, 0x1.98d82ap-3f, -0x1.538234p-3f, 0x1.317234p-3f, -0x1.2432c6p-3f, 0x1.646a50p-4f};
    const Expression *scaled =
        op2(MULTIPLY, x, op4(SELECT_GREATER, constant(1), x, constant(0x1p32), constant(0x1p-32)));
    scaled = op2(MINIMUM, op2(MAXIMUM, scaled, constant(0x1p-120)), constant(0x1p100));
    const Expression *exponent = op1(EXPONENT, op2(MULTIPLY, scaled, constant(0x1.6a09e6p0)));
    const Expression *f = op2(SUBTRACT, op2(MULTIPLY, scaled, op1(POWER_OF_TWO, op1(NEGATE, exponent))), constant(1));
    const Expression *k = op2(ADD, exponent, op4(SELECT_GREATER, constant(1), x, constant(-32), constant(32)));
    const Expression *rest = op3(MULTIPLY_ADD, op2(MULTIPLY, f, f), POLYNOMIAL(f, c, 1), op2(MULTIPLY, k, constant((double)ln2_low)));
    const Expression *y = op3(MULTIPLY_ADD, k, constant((double)ln2_high), op2(ADD, f, rest));
    const Expression *infinite = op2(MULTIPLY, op2(SUBTRACT, x, constant((double)float_max)), constant((double)float_max));
    const Expression *special = op2(MULTIPLY, infinite, op4(SELECT_GREATER, constant(0), x, constant(0), constant(1)));
    return op4(SELECT_GREATER, x, constant(0), op4(SELECT_GREATER, x, constant((double)float_max), x, y), special);
}

const Expression *function_cos(const Expression *x) {
    static const float c[] = {-0x1.555556p-3f, 0x1.110f76p-7f, -0x1.9f7a62p-13f, 0x1.5dc5c4p-19f};
    const Expression *pi = constant(0x1.921fb6p1);
    const Expression *first = op2(SUBTRACT, constant(0x1.921fb6p0), x), *second = op2(SUBTRACT, x, constant(0x1.2d97c8p2));
    const Expression *d = op4(SELECT_GREATER, x, pi, second, first);
    const Expression *r = op2(ADD, d, op4(SELECT_GREATER, x, pi, constant(-4.71238898038469 + 0x1.2d97c8p2), constant(1.5707963267948966 - 0x1.921fb6p0)));
    const Expression *square = op2(MULTIPLY, r, r);
    return op3(MULTIPLY_ADD, op2(MULTIPLY, square, r), POLYNOMIAL(square, c, 1), r);
}
