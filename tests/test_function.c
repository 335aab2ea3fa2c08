#include "../compiler/loop/function.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The functions of function.c against the C library's in double, whose error (2^-29 ulp of a float) does not matter
 * here, for both roundings of MULTIPLY_ADD. An expression is flattened once to a list of operations on blocks of floats. So all 2^32
 * floats can be tried in some minutes a function (ZOETROPE_SLOW=1; 17: each 17th). */

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum { BLOCK = 256, MAX_OPERATIONS = 160 };

Suite *function_suite(void);

typedef struct Operation {
    ExpressionKind kind;
    float constant;
    int operand[4];
} Operation;

typedef struct Code { /* operation i writes value[i] */
    int count;
    const Expression *expression[MAX_OPERATIONS];
    Operation operation[MAX_OPERATIONS];
} Code;

typedef float Block[BLOCK];

static int flatten(Code *code, const Expression *e) {
    for (int i = 0; i < code->count; i++)
        if (code->expression[i] == e) return i;
    Operation operation = {.kind = e->kind, .constant = (float)e->constant};
    for (int i = 0; i < expression_operands(e->kind); i++) operation.operand[i] = flatten(code, e->operand[i]);
    ck_assert_int_lt(code->count, MAX_OPERATIONS);
    ck_assert_int_eq(e->type, TYPE_F32);
    code->expression[code->count] = e;
    code->operation[code->count] = operation;
    return code->count++;
}

/* ---- one operation on a block ---- */

static float float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Two roundings: the product is stored before it is added, so no compiler fuses them. */
static void multiply_then_add(const float *a, const float *b, const float *c, float *result) {
    Block product;
    for (int i = 0; i < BLOCK; i++) product[i] = a[i] * b[i];
    __asm__ volatile("" : : "r"(product) : "memory");
    for (int i = 0; i < BLOCK; i++) result[i] = product[i] + c[i];
}

#ifdef __x86_64__
__attribute__((target("avx2,fma"))) static void multiply_add_by_instruction(const float *a, const float *b, const float *c, float *result) {
    for (int i = 0; i < BLOCK; i++) result[i] = __builtin_fmaf(a[i], b[i], c[i]);
}
#endif

static void multiply_add_fused(const float *a, const float *b, const float *c, float *result) {
#ifdef __x86_64__
    if (__builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2")) {
        multiply_add_by_instruction(a, b, c, result);
        return;
    }
#endif
    for (int i = 0; i < BLOCK; i++) result[i] = fmaf(a[i], b[i], c[i]);
}

/* Set when an operation gets an argument that expression.h does not allow. The functions must not rely on what a target then does. */
static int out_of_contract;

static void round_block(const float *a, float *result) {
    int bad = 0;
    for (int i = 0; i < BLOCK; i++) {
        bad |= !(fabsf(a[i]) < 0x1p22f);
        float magic = a[i] + 0x1.8p23f;
        result[i] = magic - 0x1.8p23f;
    }
    out_of_contract |= bad;
}

static void power_block(const float *a, float *result) {
    int bad = 0;
    for (int i = 0; i < BLOCK; i++) {
        bad |= !(a[i] >= -126) | !(a[i] <= 127);
        result[i] = float_of_bits(bits_of_float(a[i] + (0x1p23f + 127)) << 23);
    }
    out_of_contract |= bad;
}

static void exponent_block(const float *a, float *result) {
    int bad = 0;
    for (int i = 0; i < BLOCK; i++) {
        bad |= !(a[i] >= 0x1p-126f) | !(a[i] <= 0x1.fffffep127f);
        result[i] = (float)((int)(bits_of_float(a[i]) >> 23) - 127);
    }
    out_of_contract |= bad;
}

#define EACH(value)                                                                                                                        \
    for (int i = 0; i < BLOCK; i++) result[i] = (value);                                                                                   \
    break

static void run_operation(const Operation *operation, const Block *values, float *restrict result, bool fused) {
    const float *a = values[operation->operand[0]], *b = values[operation->operand[1]];
    const float *c = values[operation->operand[2]], *d = values[operation->operand[3]];
    switch (operation->kind) {
    case EXPRESSION_ADD:
        EACH(a[i] + b[i]);
    case EXPRESSION_SUBTRACT:
        EACH(a[i] - b[i]);
    case EXPRESSION_MULTIPLY:
        EACH(a[i] * b[i]);
    case EXPRESSION_DIVIDE:
        EACH(a[i] / b[i]);
    case EXPRESSION_MAXIMUM:
        EACH(a[i] > b[i] ? a[i] : b[i]);
    case EXPRESSION_MINIMUM:
        EACH(a[i] < b[i] ? a[i] : b[i]);
    case EXPRESSION_ABSOLUTE:
        EACH(fabsf(a[i]));
    case EXPRESSION_NEGATE:
        EACH(-a[i]);
    case EXPRESSION_SELECT_GREATER:
        EACH(a[i] > b[i] ? c[i] : d[i]);
    case EXPRESSION_MULTIPLY_ADD:
        (fused ? multiply_add_fused : multiply_then_add)(a, b, c, result);
        break;
    case EXPRESSION_ROUND:
        round_block(a, result);
        break;
    case EXPRESSION_POWER_OF_TWO:
        power_block(a, result);
        break;
    case EXPRESSION_EXPONENT:
        exponent_block(a, result);
        break;
    default:
        ck_abort_msg("%s has no place in a function", expression_name(operation->kind));
    }
}

/* ---- a function over many floats ---- */

typedef struct Function {
    const char *name;
    const Expression *(*build)(const Expression *x);
    double (*truth)(double x);
    double most;   /* ulp */
    uint32_t last; /* bits of the last of the floats from 0 up that are tried: 2π, or a NaN */
    bool negative; /* the same with the sign set, too */
} Function;

static double true_sigmoid(double x) {
    double e = exp(-fabs(x));
    return (x < 0 ? e : 1) / (1 + e);
}

static double true_softplus(double x) {
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

static double true_one_minus_exp(double x) {
    return -expm1(-fabs(x));
}

static const Function functions[] = {
    {"exp", function_exp, exp, 2, 0x7fffffff, true},
    {"tanh", function_tanh, tanh, 2, 0x7fffffff, true},
    {"sigmoid", function_sigmoid, true_sigmoid, 2, 0x7fffffff, true},
    {"log", function_log, log, 2, 0x7fffffff, true},
    {"cos", function_cos, cos, 2, 0x40c90fdb, false},
    {"softplus", function_softplus, true_softplus, 3, 0x7fffffff, true},
    {"one_minus_exp", function_one_minus_exp, true_one_minus_exp, 3, 0x7fffffff, true},
};

/* Distance in units of the spacing of floats at `truth`; 2^128 stands for infinity, as in IEEE's rounding. */
static double error_in_ulp(float result, double truth) {
    if (isnan(truth) || isnan(result)) return isnan(truth) && isnan(result) ? 0 : INFINITY;
    truth = fmin(fmax(truth, -0x1p128), 0x1p128);
    double value = fmin(fmax((double)result, -0x1p128), 0x1p128);
    uint64_t bits;
    memcpy(&bits, &truth, sizeof bits);
    int exponent = (int)(bits >> 52 & 0x7ff) - 1023;
    exponent = exponent < -126 ? -126 : exponent > 127 ? 127 : exponent;
    bits = (uint64_t)(1023 + 23 - exponent) << 52;
    double spacings;
    memcpy(&spacings, &bits, sizeof spacings);
    return fabs(value - truth) * spacings;
}

typedef struct Worst {
    double error;
    float at;
} Worst;

typedef struct Trial {
    Code code;
    int input, output;
    Block value[MAX_OPERATIONS];
    Worst worst[2]; /* unfused, fused */
} Trial;

static void start_trial(Trial *trial, const Function *function) {
    memset(trial, 0, sizeof *trial);
    Buffer *buffer = new_buffer("x", TYPE_F32, SPACE_TENSOR, 0, NULL, layout_row_major(0, NULL));
    const Expression *x = load(buffer, NULL);
    trial->input = flatten(&trial->code, x);
    trial->output = flatten(&trial->code, function->build(x));
    for (int k = 0; k < trial->code.count; k++)
        for (int i = 0; i < BLOCK; i++) trial->value[k][i] = trial->code.operation[k].constant;
    out_of_contract = 0;
}

/* value[input] holds the block to try */
static void try_block(Trial *trial, const Function *function) {
    double truth[BLOCK];
    const float *x = trial->value[trial->input], *result = trial->value[trial->output];
    for (int i = 0; i < BLOCK; i++) truth[i] = function->truth((double)x[i]);
    for (int fused = 0; fused < 2; fused++) {
        for (int k = 0; k < trial->code.count; k++)
            if (expression_operands(trial->code.operation[k].kind) > 0)
                run_operation(&trial->code.operation[k], (const Block *)trial->value, trial->value[k], fused);
        for (int i = 0; i < BLOCK; i++) {
            double error = error_in_ulp(result[i], truth[i]);
            if (error > trial->worst[fused].error) trial->worst[fused] = (Worst){error, x[i]};
        }
    }
}

/* Every stride-th float of the function's domain, by its bits. With stride 1 and an unlimited domain, all 2^32. */
static void try_floats(Trial *trial, const Function *function, uint64_t stride) {
    uint64_t last = function->last, count = last + 1;
    if (function->negative) count *= 2;
    for (uint64_t n = 0; n < count;) {
        for (int i = 0; i < BLOCK; i++, n += stride) {
            uint64_t k = n < count ? n : 0;
            trial->value[trial->input][i] = float_of_bits((uint32_t)(k > last ? 0x80000000u + (k - last - 1) : k));
        }
        try_block(trial, function);
    }
}

/* Where a formula changes, overflows, underflows or crosses zero. */
static const float edges[] = {
    0,   0x1p-149f,  0x1p-126f,  0x1p-64f, 0x1p-24f,        0x1p-12f, 0.3465736f,    0.5f,          0.70710678f,   0.75f,        0.6931472f,
    1,   1.0397208f, 1.4142135f, 2,        9.010913f,       16,       87.33655f,     88.02969f,     88.72284f,     103.27893f,   103.97208f,
    104, 0x1p32f,    0x1p64f,    0x1p126f, 0x1.fffffep127f, INFINITY, 0x1.921fb6p0f, 0x1.921fb6p1f, 0x1.2d97c8p2f, 0x1.921fb6p2f};

/* The floats on both sides of each edge, with both signs. */
static void try_edges(Trial *trial, const Function *function) {
    for (size_t k = 0; k < sizeof edges / sizeof *edges; k++)
        for (int negative = 0; negative <= function->negative; negative++) {
            for (int i = 0; i < BLOCK; i++) {
                int64_t bits = (int64_t)bits_of_float(edges[k]) + i - BLOCK / 2, last = function->last;
                bits = bits < 0 ? 0 : bits > last ? last : bits;
                trial->value[trial->input][i] = float_of_bits((uint32_t)bits | (negative ? 0x80000000u : 0));
            }
            try_block(trial, function);
        }
}

static void check_error(const Trial *trial, const Function *function) {
    ck_assert_msg(!out_of_contract, "%s gives an operation what expression.h does not allow it", function->name);
    for (int fused = 0; fused < 2; fused++)
        ck_assert_msg(trial->worst[fused].error <= function->most, "%s(%a), %s: %.3f ulp", function->name, (double)trial->worst[fused].at,
                      fused ? "fused" : "two roundings", trial->worst[fused].error);
}

START_TEST(a_sample_of_all_floats_and_every_edge_is_close_enough) {
    const Function *function = &functions[_i];
    static Trial trial;
    start_trial(&trial, function);
    try_edges(&trial, function);
    try_floats(&trial, function, 997);
    check_error(&trial, function);
}
END_TEST

/* One float of this many is tried; 0: only the sample. */
static uint64_t wanted_stride(void) {
    const char *slow = getenv("ZOETROPE_SLOW");
    return slow ? strtoull(slow, NULL, 10) : 0;
}

START_TEST(many_or_all_floats_are_close_enough) {
    const Function *function = &functions[_i];
    static Trial trial;
    start_trial(&trial, function);
    try_floats(&trial, function, wanted_stride());
    printf("%s: two roundings %.3f ulp at %a, fused %.3f ulp at %a\n", function->name, trial.worst[0].error, (double)trial.worst[0].at,
           trial.worst[1].error, (double)trial.worst[1].at);
    check_error(&trial, function);
}
END_TEST

START_TEST(special_values_are_exact) {
    static const struct {
        int function;
        float x, result;
    } cases[] = {
        {0, 0, 1},
        {0, -INFINITY, 0},
        {0, INFINITY, INFINITY},
        {0, 89, INFINITY},
        {0, -104, 0},
        {1, 0, 0},
        {1, INFINITY, 1},
        {1, -INFINITY, -1},
        {1, 0x1p-149f, 0x1p-149f},
        {1, 20, 1},
        {2, 0, 0.5f},
        {2, INFINITY, 1},
        {2, -INFINITY, 0},
        {3, 1, 0},
        {3, 0, -INFINITY},
        {3, -0.0f, -INFINITY},
        {3, INFINITY, INFINITY},
        {5, INFINITY, INFINITY},
        {5, -INFINITY, 0},
        {5, 30, 30},
        {6, 0, 0},
        {6, INFINITY, 1},
        {6, -INFINITY, 1},
    };
    static Trial trial;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const Function *function = &functions[cases[k].function];
        start_trial(&trial, function);
        for (int i = 0; i < BLOCK; i++) trial.value[trial.input][i] = cases[k].x;
        try_block(&trial, function);
        ck_assert_msg(trial.value[trial.output][0] == cases[k].result, "%s(%a) = %a", function->name, (double)cases[k].x,
                      (double)trial.value[trial.output][0]);
    }
}
END_TEST

Suite *function_suite(void) {
    enum { FUNCTIONS = sizeof functions / sizeof *functions };
    Suite *suite = suite_create("function");
    TCase *fast = tcase_create("sampled");
    tcase_add_loop_test(fast, a_sample_of_all_floats_and_every_edge_is_close_enough, 0, FUNCTIONS);
    tcase_add_test(fast, special_values_are_exact);
    suite_add_tcase(suite, fast);
    if (wanted_stride() > 0) {
        TCase *slow = tcase_create("many or all");
        tcase_set_timeout(slow, 3600);
        tcase_add_loop_test(slow, many_or_all_floats_are_close_enough, 0, FUNCTIONS);
        suite_add_tcase(suite, slow);
    }
    return suite;
}
