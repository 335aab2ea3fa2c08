/* function.c: exp, tanh, sigmoid, log, cos and two made of them as straight-line expressions in float32, for vectors: no branch, no table,
 * no integer.
 *
 * MULTIPLY_ADD rounds once on some targets and twice on others, so nothing here needs the single rounding: what has to be exact is
 * exact either way. NaN goes through MAXIMUM and MINIMUM as their second operand, and stops as their first; so ROUND, POWER_OF_TWO,
 * EXPONENT and MANTISSA only ever see what expression.h allows them.
 *
 * Coefficients are minimax in units of the result's spacing: Lawson's iteration (least squares, reweighted by the error) on
 * Chebyshev nodes in double, then rounded to float one after another from the lowest, those above fitted again each time. In tanh's
 * `far` and in cos they were afterwards moved by a few units in their last place, to where roundings of all steps together gave the
 * smallest largest error in either rounding.
 *
 * Largest error over every float of the domain (tests/test_function.c with ZOETROPE_SLOW), in ulp, and operations:
 *
 *              two roundings   fused   operations
 *   exp                1.550   1.641           18
 *   tanh               1.877   1.837           22
 *   sigmoid            1.976   1.646           20
 *   log                1.226   1.219           30
 *   cos                1.993   1.816           11   on [0, 2π]
 *   softplus           2.118   2.118           53   of each 37th float
 *   one_minus_exp      2.510   2.510           27   of each 37th float
 */
#include "loop/function.h"

/* ln 2 in two parts. The first has 15 bits, so that its product with an integer of 9 is exact in a float. */
#define LN2_HIGH 0x1.62e4p-1
#define LN2_LOW 0x1.7f7d1cp-20
#define LOG2_E 0x1.715476p0
#define SQUARE_ROOT_2 0x1.6a09e6p0
#define FLOAT_MAX 0x1.fffffep127

/* π/2, π, 3π/2 as the nearest float, and the rest that it lacks. */
#define HALF_PI 0x1.921fb6p0
#define HALF_PI_REST (-0x1.777a5cp-25)
#define PI 0x1.921fb6p1
#define THREE_HALVES_PI 0x1.2d97c8p2
#define THREE_HALVES_PI_REST (-0x1.99bc5cp-27)

/* scale · Σ c[i] · x^i by Horner's rule; scale: a power of two. */
static const Expression *polynomial(const Expression *x, const float *c, size_t count, double scale) {
    const Expression *value = constant((double)c[count - 1] * scale);
    for (size_t i = count - 1; i-- > 0;) value = op3(MULTIPLY_ADD, value, x, constant((double)c[i] * scale));
    return value;
}
#define POLYNOMIAL(x, c, scale) polynomial(x, c, sizeof(c) / sizeof *(c), scale)

/* x − k · factor · ln 2, for an integer k that makes it small; factor: a power of two. The first step is exact. */
static const Expression *subtract_ln2(const Expression *x, const Expression *k, double factor) {
    x = op3(MULTIPLY_ADD, k, constant(-factor * LN2_HIGH), x);
    return op3(MULTIPLY_ADD, k, constant(-factor * LN2_LOW), x);
}

/* e^x = e^r · 2^j · 2^j with j = round(x / (2 ln 2)), r = x − j · 2 ln 2 in [−ln 2, ln 2]: going by two powers of the same factor
 * costs one more coefficient than |r| ≤ ln 2 / 2 would, and saves making a second factor for results below 2^−126 and above 2^127.
 * e^r = 1 + (r + r² c(r)): Horner's rule to the end would add a rounding of r times a number near 1, too much with two roundings.
 * The first product is exact, so a denormal result is rounded once. Beyond the bounds of the clamp the result is 0 or infinity. */
const Expression *function_exp(const Expression *x) {
    static const float c[] = {0x1.00000cp-1f, 0x1.555514p-3f, 0x1.5549eep-5f, 0x1.1126e4p-7f, 0x1.71bf90p-10f, 0x1.9baa6ap-13f};
    const Expression *clamped = op2(MAXIMUM, constant(-104), op2(MINIMUM, constant(89), x));
    const Expression *j = op1(ROUND, op2(MAXIMUM, op2(MULTIPLY, clamped, constant(LOG2_E / 2)), constant(-75)));
    const Expression *power = op1(POWER_OF_TWO, j);
    const Expression *r = subtract_ln2(clamped, j, 2);
    const Expression *p = op2(ADD, op3(MULTIPLY_ADD, op2(MULTIPLY, r, r), POLYNOMIAL(r, c, 1), r), constant(1));
    return op2(MULTIPLY, op2(MULTIPLY, p, power), power);
}

/* e^−|x| = (2^−24 e^−r) · 2^(24 − k) with k = round(|x| / ln 2) ≤ 150, r = |x| − k ln 2: since it is never above 1, one power of two
 * reaches all denormals once 2^−24 stands in the coefficients. */
static const Expression *exp_of_minus_magnitude(const Expression *x) {
    static const float c[] = {1, -1, 0x1.fffffcp-2f, -0x1.555492p-3f, 0x1.5558b0p-5f, -0x1.12398ep-7f, 0x1.6a4d60p-10f};
    const Expression *a = op2(MINIMUM, constant(104), op1(ABSOLUTE, x));
    const Expression *k = op1(ROUND, op2(MINIMUM, op2(MULTIPLY, a, constant(LOG2_E)), constant(150)));
    const Expression *power = op1(POWER_OF_TWO, op2(SUBTRACT, constant(24), k));
    return op2(MULTIPLY, POLYNOMIAL(subtract_ln2(a, k, 1), c, 0x1p-24), power);
}

/* With e = e^−|x| and q = e / (1 + e): 1 − q for x ≥ 0 and e − e q below. Either way the error of q, which has two roundings in it,
 * comes into the result times q or e; the plain quotients 1 / (1 + e) and e / (1 + e) would take all of it. */
const Expression *function_sigmoid(const Expression *x) {
    const Expression *e = exp_of_minus_magnitude(x);
    const Expression *minus_q = op2(DIVIDE, e, op2(SUBTRACT, constant(-1), e));
    const Expression *whole = op4(SELECT_GREATER, constant(0), x, e, constant(1));
    return op3(MULTIPLY_ADD, minus_q, whole, whole);
}

/* |x| ≤ 0.755 (and NaN): x + x³ · near(x²).
 * Else ±(1 − 2 / (1 + e^2|x|)), where only the tail that is taken from 1 has to be approximated, and the less precisely the smaller it
 * is: so one polynomial does for all |x|, far(|x|)² = e^2|x| − 1/2 (that 1/2, because it brings far below 2, hence its spacing to a
 * half, where the tail is largest). It grows without bound, so that large |x| and infinity give ±1 without a clamp. */
const Expression *function_tanh(const Expression *x) {
    static const float near[] = {-0x1.5554a4p-2f, 0x1.10ed66p-3f, -0x1.b5604ep-5f, 0x1.423392p-6f, -0x1.389a58p-8f};
    static const float far[] = {0x1.6bcf42p-1f, 0x1.612712p+0f,  0x1.51d816p-3f, 0x1.b280bap-2f,   -0x1.eba80ap-4f,
                                0x1.568d22p-4f, -0x1.7a1d22p-6f, 0x1.643104p-8f, -0x1.537cccp-11f, 0x1.726c8ep-15f};
    const Expression *a = op1(ABSOLUTE, x), *square = op2(MULTIPLY, x, x);
    const Expression *inner = op3(MULTIPLY_ADD, op2(MULTIPLY, square, x), POLYNOMIAL(square, near, 1), x);
    const Expression *root = POLYNOMIAL(a, far, 1);
    const Expression *minus_tail = op2(DIVIDE, constant(-2), op3(MULTIPLY_ADD, root, root, constant(1.5)));
    const Expression *one = op4(SELECT_GREATER, constant(0), x, constant(-1), constant(1));
    return op4(SELECT_GREATER, a, constant(0.755), op3(MULTIPLY_ADD, minus_tail, one, one), inner);
}

/* What log is where x is not above 0, without writing an infinity or a NaN in the program: (x − max) · max overflows to −inf for 0,
 * and −inf · 0 is NaN below; NaN stays. */
static const Expression *log_outside(const Expression *x) {
    const Expression *infinite = op2(MULTIPLY, op2(SUBTRACT, x, constant(FLOAT_MAX)), constant(FLOAT_MAX));
    return op2(MULTIPLY, infinite, op4(SELECT_GREATER, constant(0), x, constant(0), constant(1)));
}

/* x is first moved by 2^±32 towards 1, which makes denormals normal and leaves room above. Then, with k = floor(log2(√2 x)),
 * x = 2^k (1 + f), f in [√½ − 1, √2 − 1] exact, and log x = k ln 2 + (f + f² c(f)): near 1, k = 0 and f is the result's first term. */
const Expression *function_log(const Expression *x) {
    static const float c[] = {-0.5f,           0x1.5556d8p-2f, -0x1.000382p-2f, 0x1.98d82ap-3f,
                              -0x1.538234p-3f, 0x1.317234p-3f, -0x1.2432c6p-3f, 0x1.646a50p-4f};
    const Expression *scaled = op2(MULTIPLY, x, op4(SELECT_GREATER, constant(1), x, constant(0x1p32), constant(0x1p-32)));
    scaled = op2(MINIMUM, op2(MAXIMUM, scaled, constant(0x1p-120)), constant(0x1p100));
    const Expression *exponent = op1(EXPONENT, op2(MULTIPLY, scaled, constant(SQUARE_ROOT_2)));
    const Expression *f = op2(SUBTRACT, op2(MULTIPLY, scaled, op1(POWER_OF_TWO, op1(NEGATE, exponent))), constant(1));
    const Expression *k = op2(ADD, exponent, op4(SELECT_GREATER, constant(1), x, constant(-32), constant(32)));
    const Expression *rest = op3(MULTIPLY_ADD, op2(MULTIPLY, f, f), POLYNOMIAL(f, c, 1), op2(MULTIPLY, k, constant(LN2_LOW)));
    const Expression *inside = op3(MULTIPLY_ADD, k, constant(LN2_HIGH), op2(ADD, f, rest));
    const Expression *finite = op4(SELECT_GREATER, x, constant(FLOAT_MAX), x, inside);
    return op4(SELECT_GREATER, x, constant(0), finite, log_outside(x));
}

/* cos x = sin(π/2 − x) = sin(x − 3π/2), whichever argument r lies in [−π/2, π/2]: near the zeros of the cosine the subtraction is
 * exact, and what the float lacks of π/2 or 3π/2 is added, so that r, and r + r³ c(r²), have their full relative precision. */
const Expression *function_cos(const Expression *x) {
    static const float c[] = {-0x1.555556p-3f, 0x1.110f76p-7f, -0x1.9f7a62p-13f, 0x1.5dc5c4p-19f};
    const Expression *first = op2(SUBTRACT, constant(HALF_PI), x), *second = op2(SUBTRACT, x, constant(THREE_HALVES_PI));
    const Expression *nearly = op4(SELECT_GREATER, x, constant(PI), second, first);
    const Expression *missing = op4(SELECT_GREATER, x, constant(PI), constant(-THREE_HALVES_PI_REST), constant(HALF_PI_REST));
    const Expression *r = op2(ADD, nearly, missing), *square = op2(MULTIPLY, r, r);
    return op3(MULTIPLY_ADD, op2(MULTIPLY, square, r), POLYNOMIAL(square, c, 1), r);
}

/* max(x, 0) + log(1 + e), e = e^−|x|. The logarithm of the rounded sum u = 1 + e lacks what the rounding lost, e − (u − 1), over u. */
const Expression *function_softplus(const Expression *x) {
    const Expression *e = exp_of_minus_magnitude(x), *u = op2(ADD, constant(1), e);
    const Expression *lost = op2(DIVIDE, op2(SUBTRACT, e, op2(SUBTRACT, u, constant(1))), u);
    return op2(ADD, op2(MAXIMUM, constant(0), x), op2(ADD, function_log(u), lost));
}

/* With t = tanh(|x| / 2): 2 t / (1 + t), in which nothing cancels. */
const Expression *function_one_minus_exp(const Expression *x) {
    const Expression *t = function_tanh(op2(MULTIPLY, op1(ABSOLUTE, x), constant(0.5)));
    return op2(DIVIDE, op2(ADD, t, t), op2(ADD, t, constant(1)));
}
