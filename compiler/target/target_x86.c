/* target_x86.c: how C is printed for x86-64 with vector instructions. */
#include "target/target_printing.h"

#define X86_SQUARE_ROOTS                                                                                                                   \
    {"float_square_root", NULL, "float float_square_root(float a) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(a))); }\n"}, {             \
        "double_square_root", NULL,                                                                                                        \
            "double double_square_root(double a) { return _mm_cvtsd_f64(_mm_sqrt_sd(_mm_setzero_pd(), _mm_set_sd(a))); }\n"                \
    }

/* Into the second-level cache: the operands being multiplied fill the first. */
#define X86_PREFETCH                                                                                                                       \
    { "prefetch_line", NULL, "void prefetch_line(const void *address) { _mm_prefetch((const char *)address, _MM_HINT_T1); }\n" }

static const Helper avx512_helpers[] = {
    X86_SQUARE_ROOTS,
    X86_PREFETCH,
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
    {"vector_pair", NULL,
     "__m512i vector_pair(__m512 a, __m512 b) {\n"
     "    const __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(a));\n"
     "    const __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(b));\n"
     "    return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));\n"
     "}\n"},
    {"broadcast_pair", NULL, "__m512i broadcast_pair(uint32_t a) { return _mm512_set1_epi32((int)a); }\n"},
    {"vector_dot_add", NULL,
     "__m512 vector_dot_add(__m512i a, __m512i b, __m512 c) { return _mm512_dpbf16_ps(c, (__m512bh)a, (__m512bh)b); }\n"},
    {"float_pair", NULL,
     "uint32_t float_pair(float a, float b) {\n"
     "    return (uint32_t)_mm_cvtsi128_si32((__m128i)_mm_cvtneps_pbh(_mm_setr_ps(a, b, 0.0f, 0.0f)));\n"
     "}\n"},
    {"float_dot_add", NULL,
     "float float_dot_add(uint32_t a, uint32_t b, float c) {\n"
     "    const __m128bh pair_a = (__m128bh)_mm_cvtsi32_si128((int)a), pair_b = (__m128bh)_mm_cvtsi32_si128((int)b);\n"
     "    return _mm_cvtss_f32(_mm_dpbf16_ps(_mm_set_ss(c), pair_a, pair_b));\n"
     "}\n"},
    {NULL, NULL, NULL},
};

#define AVX512_VECTOR_FORMS                                                                                                                \
    [EXPRESSION_ADD] = "_mm512_add_ps", [EXPRESSION_SUBTRACT] = "_mm512_sub_ps", [EXPRESSION_MULTIPLY] = "_mm512_mul_ps",                  \
    [EXPRESSION_DIVIDE] = "_mm512_div_ps", [EXPRESSION_MAXIMUM] = "_mm512_max_ps", [EXPRESSION_MINIMUM] = "_mm512_min_ps",                 \
    [EXPRESSION_MULTIPLY_ADD] = "_mm512_fmadd_ps", [EXPRESSION_SQUARE_ROOT] = "_mm512_sqrt_ps", [EXPRESSION_ABSOLUTE] = "_mm512_abs_ps",   \
    [EXPRESSION_NEGATE] = "vector_negate", [EXPRESSION_SELECT_GREATER] = "vector_select_greater", [EXPRESSION_ROUND] = "vector_round",     \
    [EXPRESSION_POWER_OF_TWO] = "vector_power_of_two", [EXPRESSION_EXPONENT] = "vector_exponent",                                          \
    [EXPRESSION_MANTISSA] = "vector_mantissa"
#define AVX512_FLOAT_FORMS FLOAT_FORMS, [EXPRESSION_SQUARE_ROOT] = "float_square_root", [EXPRESSION_MULTIPLY_ADD] = "__builtin_fmaf"
#define AVX512_FEATURES "avx512f,avx512dq,avx512vl,avx512bw,avx2,fma"
#define AVX512_PROCESSOR "avx512f", "avx512dq", "avx512vl", "avx512bw", "avx2", "fma"
#define AVX512_FLOATS                                                                                                                      \
    { "__m512", "_mm512_loadu_ps", "_mm512_storeu_ps", "_mm512_set1_ps", "_mm512_setzero_ps()" }

const TargetPrinting avx512_printing = {
    .condition = "defined(__x86_64__)",
    .include = "<immintrin.h>",
    .attribute = AVX512_FEATURES,
    .processor = (const char *const[]){AVX512_PROCESSOR, NULL},
    .floats = AVX512_FLOATS,
    .nontemporal = "_mm512_stream_ps",
    .fence = "_mm_sfence()",
    .on_vector = {AVX512_VECTOR_FORMS},
    .on_float = {AVX512_FLOAT_FORMS},
    .on_double = {DOUBLE_FORMS, [EXPRESSION_SQUARE_ROOT] = "double_square_root", [EXPRESSION_MULTIPLY_ADD] = "__builtin_fma"},
    .helpers = avx512_helpers,
    .narrow = avx512_narrow,
};

/* Pairs of bfloat16 are integers of 32 bits everywhere but in the instruction itself, so that loads, stores and broadcasts are usual ones.
 */
const TargetPrinting avx512_bf16_printing = {
    .condition = "defined(__x86_64__)",
    .include = "<immintrin.h>",
    .attribute = AVX512_FEATURES ",avx512bf16",
    .processor = (const char *const[]){AVX512_PROCESSOR, "avx512bf16", NULL},
    .floats = AVX512_FLOATS,
    .nontemporal = "_mm512_stream_ps",
    .fence = "_mm_sfence()",
    .pairs = {"__m512i", "_mm512_loadu_si512", "_mm512_storeu_si512", "broadcast_pair", "_mm512_setzero_si512()"},
    .on_vector = {AVX512_VECTOR_FORMS, [EXPRESSION_PAIR] = "vector_pair", [EXPRESSION_DOT_ADD] = "vector_dot_add"},
    .on_float = {AVX512_FLOAT_FORMS, [EXPRESSION_PAIR] = "float_pair", [EXPRESSION_DOT_ADD] = "float_dot_add"},
    .on_double = {DOUBLE_FORMS, [EXPRESSION_SQUARE_ROOT] = "double_square_root", [EXPRESSION_MULTIPLY_ADD] = "__builtin_fma"},
    .helpers = avx512_helpers,
    .narrow = avx512_narrow,
};

static const Helper avx2_helpers[] = {
    X86_SQUARE_ROOTS,
    X86_PREFETCH,
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

const TargetPrinting avx2_printing = {
    .condition = "defined(__x86_64__)",
    .include = "<immintrin.h>",
    .attribute = "avx2,fma",
    .processor = (const char *const[]){"avx2", "fma", NULL},
    .floats = {"__m256", "_mm256_loadu_ps", "_mm256_storeu_ps", "_mm256_set1_ps", "_mm256_setzero_ps()"},
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
