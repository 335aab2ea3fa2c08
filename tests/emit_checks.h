/* emit_checks.h: the end of the programs that test_emit.c prints. It runs their kernels and compares with plain C. The kernels, LANES,
 * FUSED and CHECK_OPERATIONS, a list of CHECK(operation, type of operands, type of result, call), come before it. */
#include <stdio.h>

enum { SPECIALS = 24, COUNT = SPECIALS * SPECIALS, FLOATS = 8192 };

static int failures;

static void expect(int holds, const char *what, int index) {
    if (holds) return;
    if (failures++ < 20) printf("%s differs at %d\n", what, index);
}

/* ---- operations ---- */

static const float special[SPECIALS] = {0.0f,    -0.0f,    1.0f,       -1.0f,       0.5f,       -0.5f,     1.5f,   2.5f,    -2.5f,
                                        3.0f,    127.0f,   -126.0f,    NAN,         INFINITY,   -INFINITY, 1e-40f, -1e-45f, 1.17549435e-38f,
                                        3.4e38f, -3.4e38f, 1.2345678f, -7.6543e-3f, 1048575.5f, 0.3333333f};

/* Operands that an operation is defined for, and its result. */
#define ANY(a) (a)
#define DOMAIN_ROUND(a) (fabs((double)(a)) < 4194304.0 ? (a) : 1)
#define DOMAIN_POWER_OF_TWO(a) (fabs((double)(a)) < 128.0 && (a) == floor((double)(a)) ? (a) : 2)
#define DOMAIN_NORMAL(a) (fabs((double)(a)) >= 1.17549435e-38 && fabs((double)(a)) < 3.5e38 ? ((a) < 0 ? -(a) : (a)) : 1)
#define DOMAIN_ADD ANY
#define DOMAIN_SUBTRACT ANY
#define DOMAIN_MULTIPLY ANY
#define DOMAIN_DIVIDE ANY
#define DOMAIN_MAXIMUM ANY
#define DOMAIN_MINIMUM ANY
#define DOMAIN_MULTIPLY_ADD ANY
#define DOMAIN_SQUARE_ROOT ANY
#define DOMAIN_ABSOLUTE ANY
#define DOMAIN_NEGATE ANY
#define DOMAIN_SELECT_GREATER ANY
#define DOMAIN_EXPONENT DOMAIN_NORMAL
#define DOMAIN_MANTISSA DOMAIN_NORMAL
#define DOMAIN_WIDEN ANY
#define DOMAIN_NARROW ANY

/* The product is volatile so that no compiler can fuse the two. */
static float sum_float(float a, float b, float c) {
    const volatile float product = a * b;
    return FUSED ? fmaf(a, b, c) : product + c;
}
static double sum_double(double a, double b, double c) {
    const volatile double product = a * b;
    return FUSED ? fma(a, b, c) : product + c;
}
static int exponent(double a) {
    int result;
    frexp(a, &result);
    return result - 1;
}
#define ROOT_float sqrtf
#define ROOT_double sqrt
#define RESULT_ADD(type) a + b
#define RESULT_SUBTRACT(type) a - b
#define RESULT_MULTIPLY(type) a *b
#define RESULT_DIVIDE(type) a / b
#define RESULT_MAXIMUM(type) a > b ? a : b
#define RESULT_MINIMUM(type) a < b ? a : b
#define RESULT_MULTIPLY_ADD(type) sum_##type(a, b, c)
#define RESULT_SQUARE_ROOT(type) ROOT_##type(a)
#define RESULT_ABSOLUTE(type) (type) fabs((double)a)
#define RESULT_NEGATE(type) -a
#define RESULT_SELECT_GREATER(type) a > b ? c : d
#define RESULT_ROUND(type) (type) rint((double)a)
#define RESULT_POWER_OF_TWO(type) (type) ldexp(1.0, (int)a)
#define RESULT_EXPONENT(type) (type) exponent((double)a)
#define RESULT_MANTISSA(type) (type) ldexp((double)a, -exponent((double)a))
#define RESULT_WIDEN(type) (type) a
#define RESULT_NARROW(type) (type) a

/* The same bits, or both NaN; rounding may lose the sign of zero. */
#define SAME(x, y, bits) ((x) != (x) ? (y) != (y) : (bits) ? memcmp(&(x), &(y), sizeof(x)) == 0 : (x) == (y))

static float inputs_float[4][COUNT];
static double inputs_double[4][COUNT];
static float output_float[COUNT];
static double output_double[COUNT];

#define CHECK(operation, from, to, bits, call)                                                                                             \
    {                                                                                                                                      \
        from *const A = inputs_##from[0], *const B = inputs_##from[1], *const C = inputs_##from[2], *const D = inputs_##from[3];           \
        to *const out = output_##to;                                                                                                       \
        for (int i = 0; i < COUNT; i++) {                                                                                                  \
            A[i] = (from)(DOMAIN_##operation(special[i / SPECIALS]));                                                                      \
            B[i] = (from)special[i % SPECIALS];                                                                                            \
            C[i] = (from)special[(7 * i + 3) % SPECIALS];                                                                                  \
            D[i] = (from)special[(5 * i + 1) % SPECIALS];                                                                                  \
        }                                                                                                                                  \
        call;                                                                                                                              \
        for (int i = 0; i < COUNT; i++) {                                                                                                  \
            const from a = A[i], b = B[i], c = C[i], d = D[i];                                                                             \
            const to wanted = RESULT_##operation(to);                                                                                      \
            (void)a, (void)b, (void)c, (void)d;                                                                                            \
            expect(SAME(wanted, out[i], bits), #call, i);                                                                                  \
        }                                                                                                                                  \
    }

#ifdef PAIRS
#include "emit_check_pairs.h"
#endif

static void check_operations(void) {
    CHECK_OPERATIONS
}

/* ---- kernels ---- */

static _Alignas(64) float x[FLOATS], y[FLOATS], w[FLOATS], first[FLOATS];
static _Alignas(64) char scratch[3 * 128];

static void fill(float *values, unsigned seed) {
    for (int i = 0; i < FLOATS; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (float)(seed >> 8) * 0x1p-23f - 1.0f;
    }
}

/* Sums in index order, each step rounded as the target rounds. The bits must be the same for any number of threads. */
static void check_tile(int threads) {
    fill(x, 1), fill(w, 2), fill(y, 3), fill(first, 3);
    tile(x, w, y, threads);
    for (int row = 0; row < 5 * 3 * 6; row++)
        for (int k = 0; k < 2 * LANES; k++) {
            const int n = row / 18, i = row / 6 % 3, j = row % 6;
            float sum = 0;
            for (int c = 0; c < 64; c++) sum = sum_float(x[(8 * n + i + j) * 64 + c], w[2 * LANES * c + k], sum);
            expect(y[2 * LANES * row + k] == first[2 * LANES * row + k] + sum, "tile", row);
        }
    tail(x, w, y, threads);
    for (int n = 0; n < 5; n++)
        for (int k = 0; k < 3; k++) {
            float sum = 0;
            for (int c = 0; c < 64; c++) sum = sum_float(x[8 * n * 64 + c], w[3 * c + k], sum);
            expect(y[3 * n + k] == sum, "tail", n);
        }
}

static void check_guards(int threads) {
    fill(x, 4), fill(y, 5);
    for (int time = 0; time < 3; time++) {
        guards(x, y, time, scratch, threads);
        for (int n = 0; n < 7; n++)
            for (int i = 0; i < 12; i++)
                expect(y[12 * n + i] == (i >= 2 && i < 10 ? x[8 * (3 * n + time) + i - 2] : -1.0f), "guards", 12 * n + i);
    }
}

static void check_order(void) {
    fill(x, 6), fill(first, 6);
    order(x, y, 1);
    for (int r = 0; r < 4; r++) {
        const float a = first[2 * r], b = first[2 * r + 1] + 1.0f, sum = sum_float(a, a, b);
        expect(x[2 * r] == sum && x[2 * r + 1] == b && y[r] == sum + sum, "order", r);
    }
}

static void check_overlap(void) {
    fill(x, 6), fill(first, 6);
    overlap(y, x, 1); /* in the order in which they are stored to */
    for (int k = 0; k < LANES; k++) {
        expect(y[k] == first[k] && y[LANES + k] == (k == 1 ? 5.0f : first[k]), "overlap", k);
        expect(x[k] == first[k] + first[k], "overlap", LANES + k);
    }
    expect(y[2 * LANES] == first[1] && y[2 * LANES + 1] == x[1], "overlap", 2 * LANES);
}

static void check_centred(int threads) {
    fill(x, 7), fill(first, 7);
    centred(x, y, threads);
    for (int k = 0; k < LANES; k++) {
        double sum = 0;
        for (int n = 0; n < 6; n++) sum += (double)first[LANES * n + k];
        const float mean = (float)(sum / 6);
        for (int n = 0; n < 6; n++) expect(x[LANES * n + k] == first[LANES * n + k] - mean, "centred", n);
    }
}

static void check_past(int threads) {
    fill(x, 8), fill(y, 9);
    past(y, x, threads);
    for (int i = 0; i < 12 * LANES; i++) expect(y[i] == 2 * x[i], "past", i);
}

/* The value of a half or a bfloat16, by its definition. */
static double narrow_value(int bits, int mantissa_bits, int bias) {
    const int exponent = (bits & 0x7fff) >> mantissa_bits, mantissa = bits & ((1 << mantissa_bits) - 1);
    const double size = ldexp(exponent ? mantissa + (1 << mantissa_bits) : mantissa, (exponent ? exponent : 1) - bias - mantissa_bits);
    return bits & 0x8000 ? -size : size;
}

/* Every finite value, to the bit. */
static void check_narrow(void) {
    static uint16_t sixteen[65536];
    static int8_t eight[256];
    static float out[4][65536];
    for (int i = 0; i < 65536; i++) sixteen[i] = (uint16_t)i;
    for (int i = 0; i < 256; i++) eight[i] = (int8_t)(i - 128);
    f16_scalar(out[0], sixteen, 1), f16_vector(out[1], sixteen, 1);
    bf16_scalar(out[2], sixteen, 1), bf16_vector(out[3], sixteen, 1);
    for (int i = 0; i < 65536; i++) {
        const float half = (float)narrow_value(i, 10, 15), bfloat16 = (float)narrow_value(i, 7, 127);
        for (int k = 0; k < 2 && (i & 0x7fff) < 0x7c00; k++) expect(SAME(out[k][i], half, 1), k ? "f16 vector" : "f16", i);
        for (int k = 2; k < 4 && (i & 0x7fff) < 0x7f80; k++) expect(SAME(out[k][i], bfloat16, 1), k > 2 ? "bf16 vector" : "bf16", i);
    }
    i8_scalar(out[0], eight, 1), i8_vector(out[1], eight, 1);
    for (int i = 0; i < 256; i++) expect(out[0][i] == (float)(i - 128) && out[1][i] == out[0][i], "i8", i);
#ifdef PAIRS
    static uint32_t both[2][65536];
    i8_pairs_scalar(both[0], sixteen, 1), i8_pairs_vector(both[1], sixteen, 1);
    for (int i = 0; i < 65536; i++) {
        const uint32_t pair = bfloat16_pair((float)((i & 0xff) - (i & 0x80) * 2), (float)((i >> 8) - (i >> 15) * 256));
        expect(both[0][i] == pair && both[1][i] == pair, "i8 pairs", i);
    }
#endif
}

int main(void) {
    check_operations();
    check_narrow();
    check_order();
    check_overlap();
    for (int threads = 1; threads <= 3; threads++) {
        check_tile(threads);
        check_guards(threads);
        check_centred(threads);
        check_past(threads);
    }
    return failures != 0;
}
