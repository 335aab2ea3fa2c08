/* target.c: the table of targets, and how each prints the operations of the loop IR. The only place with intrinsics.
 *
 * Scalar and vector forms of an operation give the same bits, so that it does not matter which part of a loop was peeled. */
#include "target_printing.h"

#include <string.h>

/* ---- plain C ---- */

const Helper common_helpers[] = {
    {"float_bits", NULL, "uint32_t float_bits(float a) {\n    uint32_t bits;\n    memcpy(&bits, &a, sizeof bits);\n    return bits;\n}\n"},
    {"bits_float", NULL, "float bits_float(uint32_t bits) {\n    float a;\n    memcpy(&a, &bits, sizeof a);\n    return a;\n}\n"},
    {"double_bits", NULL,
     "uint64_t double_bits(double a) {\n    uint64_t bits;\n    memcpy(&bits, &a, sizeof bits);\n    return bits;\n}\n"},
    {"bits_double", NULL, "double bits_double(uint64_t bits) {\n    double a;\n    memcpy(&a, &bits, sizeof a);\n    return a;\n}\n"},
    {"float_maximum", NULL, "float float_maximum(float a, float b) { return a > b ? a : b; }\n"},
    {"float_minimum", NULL, "float float_minimum(float a, float b) { return a < b ? a : b; }\n"},
    {"float_select_greater", NULL, "float float_select_greater(float a, float b, float c, float d) { return a > b ? c : d; }\n"},
    {"double_maximum", NULL, "double double_maximum(double a, double b) { return a > b ? a : b; }\n"},
    {"double_minimum", NULL, "double double_minimum(double a, double b) { return a < b ? a : b; }\n"},
    {"double_select_greater", NULL, "double double_select_greater(double a, double b, double c, double d) { return a > b ? c : d; }\n"},
    {"float_absolute", "float_bits bits_float", "float float_absolute(float a) { return bits_float(float_bits(a) & 0x7fffffffu); }\n"},
    {"double_absolute", "double_bits bits_double",
     "double double_absolute(double a) { return bits_double(double_bits(a) & UINT64_C(0x7fffffffffffffff)); }\n"},
    /* Adding 1.5 · 2^23 leaves the integer in the low bits, rounded to even; 1.5 · 2^52 for double. Every target rounds so, in vectors too:
     * it costs no more than the instructions for it, and they differ in the sign of a zero. */
    {"float_round", NULL, "float float_round(float a) { return a + 12582912.0f - 12582912.0f; }\n"},
    {"double_round", NULL, "double double_round(double a) { return a + 6755399441055744.0 - 6755399441055744.0; }\n"},
    {"float_power_of_two", "float_bits bits_float",
     "float float_power_of_two(float a) { return bits_float(float_bits(a + 12583039.0f) << 23); }\n"},
    {"double_power_of_two", "double_bits bits_double",
     "double double_power_of_two(double a) { return bits_double(double_bits(a + 6755399441056767.0) << 52); }\n"},
    {"float_exponent", "float_bits", "float float_exponent(float a) { return (float)((int32_t)(float_bits(a) >> 23) - 127); }\n"},
    {"double_exponent", "double_bits", "double double_exponent(double a) { return (double)((int32_t)(double_bits(a) >> 52) - 1023); }\n"},
    {"float_mantissa", "float_bits bits_float",
     "float float_mantissa(float a) { return bits_float((float_bits(a) & 0x007fffffu) | 0x3f800000u); }\n"},
    {"double_mantissa", "double_bits bits_double",
     "double double_mantissa(double a) {\n"
     "    return bits_double((double_bits(a) & UINT64_C(0x000fffffffffffff)) | UINT64_C(0x3ff0000000000000));\n"
     "}\n"},
    {NULL, NULL, NULL},
};

/* What all targets share of a table of scalar operations; square root and multiply-add are added to it. */
#define SCALAR_FORMS(type)                                                                                                                 \
    [EXPRESSION_ADD] = "+", [EXPRESSION_SUBTRACT] = "-", [EXPRESSION_MULTIPLY] = "*", [EXPRESSION_DIVIDE] = "/",                           \
    [EXPRESSION_NEGATE] = "-", [EXPRESSION_MAXIMUM] = type "_maximum", [EXPRESSION_MINIMUM] = type "_minimum",                             \
    [EXPRESSION_SELECT_GREATER] = type "_select_greater", [EXPRESSION_ABSOLUTE] = type "_absolute",                                        \
    [EXPRESSION_POWER_OF_TWO] = type "_power_of_two", [EXPRESSION_EXPONENT] = type "_exponent", [EXPRESSION_MANTISSA] = type "_mantissa",  \
    [EXPRESSION_ROUND] = type "_round"
#define FLOAT_FORMS SCALAR_FORMS("float"), [EXPRESSION_NARROW] = "(float)"
#define DOUBLE_FORMS SCALAR_FORMS("double"), [EXPRESSION_WIDEN] = "(double)"

/* ---- x86-64 ---- */

#define X86_SQUARE_ROOTS                                                                                                                   \
    {"float_square_root", NULL, "float float_square_root(float a) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(a))); }\n"}, {             \
        "double_square_root", NULL,                                                                                                        \
            "double double_square_root(double a) { return _mm_cvtsd_f64(_mm_sqrt_sd(_mm_setzero_pd(), _mm_set_sd(a))); }\n"                \
    }

static const Helper avx512_helpers[] = {
    X86_SQUARE_ROOTS,
    {"vector_negate", NULL, "__m512 vector_negate(__m512 a) { return _mm512_xor_ps(a, _mm512_set1_ps(-0.0f)); }\n"},
    {"vector_select_greater", NULL,
     "__m512 vector_select_greater(__m512 a, __m512 b, __m512 c, __m512 d) {\n"
     "    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), d, c);\n"
     "}\n"},
    {"vector_round", NULL,
     "__m512 vector_round(__m512 a) {\n"
     "    const __m512 magic = _mm512_set1_ps(12582912.0f);\n"
     "    return _mm512_sub_ps(_mm512_add_ps(a, magic), magic);\n"
     "}\n"},
    {"vector_power_of_two", NULL,
     "__m512 vector_power_of_two(__m512 a) {\n"
     "    const __m512i biased = _mm512_castps_si512(_mm512_add_ps(a, _mm512_set1_ps(12583039.0f)));\n"
     "    return _mm512_castsi512_ps(_mm512_slli_epi32(biased, 23));\n"
     "}\n"},
    {"vector_exponent", NULL,
     "__m512 vector_exponent(__m512 a) {\n"
     "    const __m512i biased = _mm512_srli_epi32(_mm512_castps_si512(a), 23);\n"
     "    return _mm512_cvtepi32_ps(_mm512_sub_epi32(biased, _mm512_set1_epi32(127)));\n"
     "}\n"},
    {"vector_mantissa", NULL,
     "__m512 vector_mantissa(__m512 a) {\n"
     "    const __m512i fraction = _mm512_and_si512(_mm512_castps_si512(a), _mm512_set1_epi32(0x007fffff));\n"
     "    return _mm512_castsi512_ps(_mm512_or_si512(fraction, _mm512_set1_epi32(0x3f800000)));\n"
     "}\n"},
    {NULL, NULL, NULL},
};

static const TargetPrinting avx512 = {
    .condition = "defined(__x86_64__)",
    .include = "<immintrin.h>",
    .attribute = "avx512f,avx512dq,avx512vl,avx512bw,avx2,fma",
    .processor = (const char *const[]){"avx512f", "avx512dq", "avx512vl", "avx512bw", "avx2", "fma", NULL},
    .vector = "__m512",
    .vector_load = "_mm512_loadu_ps",
    .vector_store = "_mm512_storeu_ps",
    .vector_broadcast = "_mm512_set1_ps",
    .vector_zero = "_mm512_setzero_ps()",
    .on_vector = {[EXPRESSION_ADD] = "_mm512_add_ps",
                  [EXPRESSION_SUBTRACT] = "_mm512_sub_ps",
                  [EXPRESSION_MULTIPLY] = "_mm512_mul_ps",
                  [EXPRESSION_DIVIDE] = "_mm512_div_ps",
                  [EXPRESSION_MAXIMUM] = "_mm512_max_ps",
                  [EXPRESSION_MINIMUM] = "_mm512_min_ps",
                  [EXPRESSION_MULTIPLY_ADD] = "_mm512_fmadd_ps",
                  [EXPRESSION_SQUARE_ROOT] = "_mm512_sqrt_ps",
                  [EXPRESSION_ABSOLUTE] = "_mm512_abs_ps",
                  [EXPRESSION_NEGATE] = "vector_negate",
                  [EXPRESSION_SELECT_GREATER] = "vector_select_greater",
                  [EXPRESSION_ROUND] = "vector_round",
                  [EXPRESSION_POWER_OF_TWO] = "vector_power_of_two",
                  [EXPRESSION_EXPONENT] = "vector_exponent",
                  [EXPRESSION_MANTISSA] = "vector_mantissa"},
    .on_float = {FLOAT_FORMS, [EXPRESSION_SQUARE_ROOT] = "float_square_root", [EXPRESSION_MULTIPLY_ADD] = "__builtin_fmaf"},
    .on_double = {DOUBLE_FORMS, [EXPRESSION_SQUARE_ROOT] = "double_square_root", [EXPRESSION_MULTIPLY_ADD] = "__builtin_fma"},
    .helpers = avx512_helpers,
    .narrow = avx512_narrow,
};

static const Helper avx2_helpers[] = {
    X86_SQUARE_ROOTS,
    {"vector_negate", NULL, "__m256 vector_negate(__m256 a) { return _mm256_xor_ps(a, _mm256_set1_ps(-0.0f)); }\n"},
    {"vector_absolute", NULL, "__m256 vector_absolute(__m256 a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }\n"},
    {"vector_select_greater", NULL,
     "__m256 vector_select_greater(__m256 a, __m256 b, __m256 c, __m256 d) {\n"
     "    return _mm256_blendv_ps(d, c, _mm256_cmp_ps(a, b, _CMP_GT_OQ));\n"
     "}\n"},
    {"vector_round", NULL,
     "__m256 vector_round(__m256 a) {\n"
     "    const __m256 magic = _mm256_set1_ps(12582912.0f);\n"
     "    return _mm256_sub_ps(_mm256_add_ps(a, magic), magic);\n"
     "}\n"},
    {"vector_power_of_two", NULL,
     "__m256 vector_power_of_two(__m256 a) {\n"
     "    const __m256i biased = _mm256_castps_si256(_mm256_add_ps(a, _mm256_set1_ps(12583039.0f)));\n"
     "    return _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23));\n"
     "}\n"},
    {"vector_exponent", NULL,
     "__m256 vector_exponent(__m256 a) {\n"
     "    const __m256i biased = _mm256_srli_epi32(_mm256_castps_si256(a), 23);\n"
     "    return _mm256_cvtepi32_ps(_mm256_sub_epi32(biased, _mm256_set1_epi32(127)));\n"
     "}\n"},
    {"vector_mantissa", NULL,
     "__m256 vector_mantissa(__m256 a) {\n"
     "    const __m256i fraction = _mm256_and_si256(_mm256_castps_si256(a), _mm256_set1_epi32(0x007fffff));\n"
     "    return _mm256_castsi256_ps(_mm256_or_si256(fraction, _mm256_set1_epi32(0x3f800000)));\n"
     "}\n"},
    {NULL, NULL, NULL},
};

static const TargetPrinting avx2 = {
    .condition = "defined(__x86_64__)",
    .include = "<immintrin.h>",
    .attribute = "avx2,fma",
    .processor = (const char *const[]){"avx2", "fma", NULL},
    .vector = "__m256",
    .vector_load = "_mm256_loadu_ps",
    .vector_store = "_mm256_storeu_ps",
    .vector_broadcast = "_mm256_set1_ps",
    .vector_zero = "_mm256_setzero_ps()",
    .on_vector = {[EXPRESSION_ADD] = "_mm256_add_ps",
                  [EXPRESSION_SUBTRACT] = "_mm256_sub_ps",
                  [EXPRESSION_MULTIPLY] = "_mm256_mul_ps",
                  [EXPRESSION_DIVIDE] = "_mm256_div_ps",
                  [EXPRESSION_MAXIMUM] = "_mm256_max_ps",
                  [EXPRESSION_MINIMUM] = "_mm256_min_ps",
                  [EXPRESSION_MULTIPLY_ADD] = "_mm256_fmadd_ps",
                  [EXPRESSION_SQUARE_ROOT] = "_mm256_sqrt_ps",
                  [EXPRESSION_ABSOLUTE] = "vector_absolute",
                  [EXPRESSION_NEGATE] = "vector_negate",
                  [EXPRESSION_SELECT_GREATER] = "vector_select_greater",
                  [EXPRESSION_ROUND] = "vector_round",
                  [EXPRESSION_POWER_OF_TWO] = "vector_power_of_two",
                  [EXPRESSION_EXPONENT] = "vector_exponent",
                  [EXPRESSION_MANTISSA] = "vector_mantissa"},
    .on_float = {FLOAT_FORMS, [EXPRESSION_SQUARE_ROOT] = "float_square_root", [EXPRESSION_MULTIPLY_ADD] = "__builtin_fmaf"},
    .on_double = {DOUBLE_FORMS, [EXPRESSION_SQUARE_ROOT] = "double_square_root", [EXPRESSION_MULTIPLY_ADD] = "__builtin_fma"},
    .helpers = avx2_helpers,
    .narrow = avx2_narrow,
    .extra = &avx2_extra,
};

/* ---- ARM, 64 bits ---- */

static const Helper neon_helpers[] = {
    {"float_square_root", NULL, "float float_square_root(float a) { return vget_lane_f32(vsqrt_f32(vdup_n_f32(a)), 0); }\n"},
    {"double_square_root", NULL, "double double_square_root(double a) { return vget_lane_f64(vsqrt_f64(vdup_n_f64(a)), 0); }\n"},
    {"vector_maximum", NULL, "float32x4_t vector_maximum(float32x4_t a, float32x4_t b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }\n"},
    {"vector_minimum", NULL, "float32x4_t vector_minimum(float32x4_t a, float32x4_t b) { return vbslq_f32(vcltq_f32(a, b), a, b); }\n"},
    {"vector_select_greater", NULL,
     "float32x4_t vector_select_greater(float32x4_t a, float32x4_t b, float32x4_t c, float32x4_t d) {\n"
     "    return vbslq_f32(vcgtq_f32(a, b), c, d);\n"
     "}\n"},
    {"vector_round", NULL,
     "float32x4_t vector_round(float32x4_t a) {\n"
     "    const float32x4_t magic = vdupq_n_f32(12582912.0f);\n"
     "    return vsubq_f32(vaddq_f32(a, magic), magic);\n"
     "}\n"},
    {"vector_power_of_two", NULL,
     "float32x4_t vector_power_of_two(float32x4_t a) {\n"
     "    const uint32x4_t biased = vreinterpretq_u32_f32(vaddq_f32(a, vdupq_n_f32(12583039.0f)));\n"
     "    return vreinterpretq_f32_u32(vshlq_n_u32(biased, 23));\n"
     "}\n"},
    {"vector_exponent", NULL,
     "float32x4_t vector_exponent(float32x4_t a) {\n"
     "    const int32x4_t biased = vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_f32(a), 23));\n"
     "    return vcvtq_f32_s32(vsubq_s32(biased, vdupq_n_s32(127)));\n"
     "}\n"},
    {"vector_mantissa", NULL,
     "float32x4_t vector_mantissa(float32x4_t a) {\n"
     "    const uint32x4_t fraction = vandq_u32(vreinterpretq_u32_f32(a), vdupq_n_u32(0x007fffffu));\n"
     "    return vreinterpretq_f32_u32(vorrq_u32(fraction, vdupq_n_u32(0x3f800000u)));\n"
     "}\n"},
    {NULL, NULL, NULL},
};

static const TargetPrinting neon = {
    .condition = "defined(__aarch64__)",
    .include = "<arm_neon.h>",
    .vector = "float32x4_t",
    .vector_load = "vld1q_f32",
    .vector_store = "vst1q_f32",
    .vector_broadcast = "vdupq_n_f32",
    .vector_zero = "vdupq_n_f32(0.0f)",
    .on_vector = {[EXPRESSION_ADD] = "vaddq_f32",
                  [EXPRESSION_SUBTRACT] = "vsubq_f32",
                  [EXPRESSION_MULTIPLY] = "vmulq_f32",
                  [EXPRESSION_DIVIDE] = "vdivq_f32",
                  [EXPRESSION_MAXIMUM] = "vector_maximum",
                  [EXPRESSION_MINIMUM] = "vector_minimum",
                  [EXPRESSION_MULTIPLY_ADD] = "vfmaq_f32(3,1,2)",
                  [EXPRESSION_SQUARE_ROOT] = "vsqrtq_f32",
                  [EXPRESSION_ABSOLUTE] = "vabsq_f32",
                  [EXPRESSION_NEGATE] = "vnegq_f32",
                  [EXPRESSION_SELECT_GREATER] = "vector_select_greater",
                  [EXPRESSION_ROUND] = "vector_round",
                  [EXPRESSION_POWER_OF_TWO] = "vector_power_of_two",
                  [EXPRESSION_EXPONENT] = "vector_exponent",
                  [EXPRESSION_MANTISSA] = "vector_mantissa"},
    .on_float = {FLOAT_FORMS, [EXPRESSION_SQUARE_ROOT] = "float_square_root", [EXPRESSION_MULTIPLY_ADD] = "__builtin_fmaf"},
    .on_double = {DOUBLE_FORMS, [EXPRESSION_SQUARE_ROOT] = "double_square_root", [EXPRESSION_MULTIPLY_ADD] = "__builtin_fma"},
    .helpers = neon_helpers,
    .narrow = neon_narrow,
};

/* ---- WebAssembly: 128 bits, without the relaxed instructions, so that every browser has the same bits ---- */

static const Helper wasm128_helpers[] = {
    {"float_square_root", NULL, "float float_square_root(float a) { return __builtin_sqrtf(a); }\n"},
    {"double_square_root", NULL, "double double_square_root(double a) { return __builtin_sqrt(a); }\n"},
    {"vector_multiply_add", NULL,
     "v128_t vector_multiply_add(v128_t a, v128_t b, v128_t c) { return wasm_f32x4_add(wasm_f32x4_mul(a, b), c); }\n"},
    {"vector_select_greater", NULL,
     "v128_t vector_select_greater(v128_t a, v128_t b, v128_t c, v128_t d) { return wasm_v128_bitselect(c, d, wasm_f32x4_gt(a, b)); }\n"},
    {"vector_round", NULL,
     "v128_t vector_round(v128_t a) {\n"
     "    const v128_t magic = wasm_f32x4_splat(12582912.0f);\n"
     "    return wasm_f32x4_sub(wasm_f32x4_add(a, magic), magic);\n"
     "}\n"},
    {"vector_power_of_two", NULL,
     "v128_t vector_power_of_two(v128_t a) { return wasm_i32x4_shl(wasm_f32x4_add(a, wasm_f32x4_splat(12583039.0f)), 23); }\n"},
    {"vector_exponent", NULL,
     "v128_t vector_exponent(v128_t a) {\n"
     "    return wasm_f32x4_convert_i32x4(wasm_i32x4_sub(wasm_u32x4_shr(a, 23), wasm_i32x4_splat(127)));\n"
     "}\n"},
    {"vector_mantissa", NULL,
     "v128_t vector_mantissa(v128_t a) {\n"
     "    return wasm_v128_or(wasm_v128_and(a, wasm_i32x4_splat(0x007fffff)), wasm_i32x4_splat(0x3f800000));\n"
     "}\n"},
    {NULL, NULL, NULL},
};

static const TargetPrinting wasm128 = {
    .condition = "defined(__wasm_simd128__)",
    .include = "<wasm_simd128.h>",
    .vector = "v128_t",
    .vector_load = "wasm_v128_load",
    .vector_store = "wasm_v128_store",
    .vector_broadcast = "wasm_f32x4_splat",
    .vector_zero = "wasm_f32x4_splat(0.0f)",
    .on_vector = {[EXPRESSION_ADD] = "wasm_f32x4_add",
                  [EXPRESSION_SUBTRACT] = "wasm_f32x4_sub",
                  [EXPRESSION_MULTIPLY] = "wasm_f32x4_mul",
                  [EXPRESSION_DIVIDE] = "wasm_f32x4_div",
                  [EXPRESSION_MAXIMUM] = "wasm_f32x4_pmax(2,1)", /* pmax(b, a) is b < a ? a : b */
                  [EXPRESSION_MINIMUM] = "wasm_f32x4_pmin(2,1)",
                  [EXPRESSION_MULTIPLY_ADD] = "vector_multiply_add",
                  [EXPRESSION_SQUARE_ROOT] = "wasm_f32x4_sqrt",
                  [EXPRESSION_ABSOLUTE] = "wasm_f32x4_abs",
                  [EXPRESSION_NEGATE] = "wasm_f32x4_neg",
                  [EXPRESSION_SELECT_GREATER] = "vector_select_greater",
                  [EXPRESSION_ROUND] = "vector_round",
                  [EXPRESSION_POWER_OF_TWO] = "vector_power_of_two",
                  [EXPRESSION_EXPONENT] = "vector_exponent",
                  [EXPRESSION_MANTISSA] = "vector_mantissa"},
    .on_float = {FLOAT_FORMS, [EXPRESSION_SQUARE_ROOT] = "float_square_root"},
    .on_double = {DOUBLE_FORMS, [EXPRESSION_SQUARE_ROOT] = "double_square_root"},
    .helpers = wasm128_helpers,
    .narrow = wasm128_narrow,
};

/* ---- any C11 compiler ----
 *
 * Vectors are GCC's vector extension where it exists (which gcc and clang turn into SSE, VSX, … at any optimisation level),
 * else a struct of four floats. Both give the same bits. Measured on a register tile of 4 × 2 vectors, GFLOP/s on one core, gcc 12
 * / clang 14 at -O2: extension 38 / 38, struct 38 / 13 (gcc -O3: 9), plain loops over lanes 43 / 19 (gcc -O3: 9).
 * PLAIN_C asks for the struct. */

static const char generic_prelude[] = "#if !defined(PLAIN_C) && (defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 9))\n"
                                      "#define VECTOR_EXTENSION\n"
                                      "typedef float vector_float __attribute__((vector_size(16)));\n"
                                      "typedef int32_t vector_integer __attribute__((vector_size(16)));\n"
                                      "typedef uint32_t vector_bits __attribute__((vector_size(16)));\n"
                                      "#define LANE(vector, i) ((vector)[i])\n"
                                      "#else\n"
                                      "typedef struct vector_float {\n"
                                      "    float lane[4];\n"
                                      "} vector_float;\n"
                                      "#define LANE(vector, i) ((vector).lane[i])\n"
                                      "#endif\n";

#define EACH_LANE(value)                                                                                                                   \
    "    vector_float result;\n"                                                                                                           \
    "    for (int i = 0; i < 4; i++) LANE(result, i) = " value ";\n"                                                                       \
    "    return result;\n"
/* An operation on vectors: `needs` helpers for floats, with the extension `extended`, else each lane's `value`. */
#define ON_LANES(name, needs, parameters, extended, value)                                                                                 \
    {                                                                                                                                      \
        name, needs,                                                                                                                       \
            "vector_float " name "(" parameters ") {\n"                                                                                    \
            "#ifdef VECTOR_EXTENSION\n"                                                                                                    \
            "    " extended "\n"                                                                                                           \
            "#else\n" EACH_LANE(value) "#endif\n"                                                                                          \
                                       "}\n"                                                                                               \
    }
#define ONE "vector_float a"
#define TWO ONE ", vector_float b"
#define A "LANE(a, i)"
#define B "LANE(b, i)"
#define C "LANE(c, i)"
#define D "LANE(d, i)"

static const Helper generic_helpers[] = {
    {"float_square_root", NULL, "float float_square_root(float a) { return sqrtf(a); }\n"},
    {"double_square_root", NULL, "double double_square_root(double a) { return sqrt(a); }\n"},
    {"vector_load", NULL,
     "vector_float vector_load(const float *a) {\n    vector_float result;\n    memcpy(&result, a, sizeof result);\n    return result;\n}\n"},
    {"vector_store", NULL, "void vector_store(float *a, vector_float b) { memcpy(a, &b, sizeof b); }\n"},
    ON_LANES("vector_broadcast", NULL, "float a", "const vector_float result = {a, a, a, a};\n    return result;", "a"),
    ON_LANES("vector_add", NULL, TWO, "return a + b;", A " + " B),
    ON_LANES("vector_subtract", NULL, TWO, "return a - b;", A " - " B),
    ON_LANES("vector_multiply", NULL, TWO, "return a * b;", A " * " B),
    ON_LANES("vector_divide", NULL, TWO, "return a / b;", A " / " B),
    ON_LANES("vector_multiply_add", NULL, TWO ", vector_float c", "return a * b + c;", A " * " B " + " C),
    ON_LANES("vector_select_greater", "!float_select_greater", TWO ", vector_float c, vector_float d",
             "const vector_integer greater = a > b;\n"
             "    return (vector_float)(((vector_integer)c & greater) | ((vector_integer)d & ~greater));",
             "float_select_greater(" A ", " B ", " C ", " D ")"),
    ON_LANES("vector_maximum", "vector_select_greater", TWO, "return vector_select_greater(a, b, a, b);", A " > " B " ? " A " : " B),
    ON_LANES("vector_minimum", "vector_select_greater", TWO, "return vector_select_greater(b, a, a, b);", A " < " B " ? " A " : " B),
    ON_LANES("vector_absolute", "!float_absolute", ONE, "return (vector_float)((vector_bits)a & 0x7fffffffu);", "float_absolute(" A ")"),
    ON_LANES("vector_negate", NULL, ONE, "return -a;", "-" A),
    ON_LANES("vector_round", NULL, ONE, "return a + 12582912.0f - 12582912.0f;", A " + 12582912.0f - 12582912.0f"),
    ON_LANES("vector_power_of_two", "!float_power_of_two", ONE, "return (vector_float)((vector_bits)(a + 12583039.0f) << 23);",
             "float_power_of_two(" A ")"),
    ON_LANES("vector_exponent", "!float_exponent", ONE,
             "return __builtin_convertvector((vector_integer)((vector_bits)a >> 23) - 127, vector_float);", "float_exponent(" A ")"),
    ON_LANES("vector_mantissa", "!float_mantissa", ONE, "return (vector_float)(((vector_bits)a & 0x007fffffu) | 0x3f800000u);",
             "float_mantissa(" A ")"),
    {"vector_square_root", NULL, "vector_float vector_square_root(" ONE ") {\n" EACH_LANE("sqrtf(" A ")") "}\n"},
    {NULL, NULL, NULL},
};

#undef ONE
#undef TWO
#undef A
#undef B
#undef C
#undef D

static const TargetPrinting generic = {
    .prelude = generic_prelude,
    .vector = "vector_float",
    .vector_load = "vector_load",
    .vector_store = "vector_store",
    .vector_broadcast = "vector_broadcast",
    .vector_zero = "vector_broadcast(0.0f)",
    .on_vector = {[EXPRESSION_ADD] = "vector_add",
                  [EXPRESSION_SUBTRACT] = "vector_subtract",
                  [EXPRESSION_MULTIPLY] = "vector_multiply",
                  [EXPRESSION_DIVIDE] = "vector_divide",
                  [EXPRESSION_MAXIMUM] = "vector_maximum",
                  [EXPRESSION_MINIMUM] = "vector_minimum",
                  [EXPRESSION_MULTIPLY_ADD] = "vector_multiply_add",
                  [EXPRESSION_SQUARE_ROOT] = "vector_square_root",
                  [EXPRESSION_ABSOLUTE] = "vector_absolute",
                  [EXPRESSION_NEGATE] = "vector_negate",
                  [EXPRESSION_SELECT_GREATER] = "vector_select_greater",
                  [EXPRESSION_ROUND] = "vector_round",
                  [EXPRESSION_POWER_OF_TWO] = "vector_power_of_two",
                  [EXPRESSION_EXPONENT] = "vector_exponent",
                  [EXPRESSION_MANTISSA] = "vector_mantissa"},
    .on_float = {FLOAT_FORMS, [EXPRESSION_SQUARE_ROOT] = "float_square_root"},
    .on_double = {DOUBLE_FORMS, [EXPRESSION_SQUARE_ROOT] = "double_square_root"},
    .helpers = generic_helpers,
    .narrow = generic_narrow,
};

/* ---- the table ---- */

/* The cost model's figures: throughputs and latency, a cycle, of current cores of each kind. */
static const Target avx512_target = {
    .name = "avx512",
    .describes = "x86-64 with AVX-512 (F, DQ, VL, BW)",
    .lanes = 16,
    .registers = 32,
    .fused = true,
    .multiply_adds = 2,
    .loads = 2,
    .broadcasts = 2,
    .latency = 4,
    .printing = &avx512,
};

static const Target avx2_target = {
    .name = "avx2",
    .describes = "x86-64 with AVX2 and FMA",
    .lanes = 8,
    .registers = 16,
    .fused = true,
    .multiply_adds = 2,
    .loads = 2,
    .broadcasts = 2,
    .latency = 4,
    .printing = &avx2,
};

static const Target neon_target = {
    .name = "neon",
    .describes = "64-bit ARM",
    .lanes = 4,
    .registers = 32,
    .fused = true,
    .multiply_adds = 2,
    .loads = 2,
    .broadcasts = 2,
    .latency = 4,
    .printing = &neon,
};

static const Target generic_target = {
    .name = "generic",
    .describes = "plain C11, for every machine",
    .lanes = 4,
    .registers = 16,
    .fused = false,
    .multiply_adds = 1,
    .loads = 2,
    .broadcasts = 1,
    .latency = 4,
    .printing = &generic,
};

static const Target wasm128_target = {
    .name = "wasm128",
    .describes = "WebAssembly with SIMD (inference only)",
    .lanes = 4,
    .registers = 16,
    .fused = false,
    .multiply_adds = 1,
    .loads = 2,
    .broadcasts = 1,
    .latency = 4,
    .inference_only = true,
    .printing = &wasm128,
};

const Target *const targets[] = {&avx512_target, &avx2_target, &neon_target, &generic_target, NULL};
const Target *const inference_targets[] = {&wasm128_target, NULL};

static const Target *find_in(const Target *const *list, const char *name) {
    for (; *list; list++)
        if (strcmp((*list)->name, name) == 0) return *list;
    return NULL;
}

const Target *find_target(const char *name) {
    const Target *target = find_in(targets, name);
    return target ? target : find_in(inference_targets, name);
}
