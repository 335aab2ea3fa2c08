/* target.c: the table of targets, and how each prints the operations of the loop IR (x86-64: target_x86.c; narrow numbers:
 * target_narrow.c). These are the only places with intrinsics.
 *
 * Scalar and vector forms of an operation give the same bits, so that it does not matter which part of a loop was peeled. */
#include "target/target_printing.h"

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
    {"float_round", NULL,
     "float float_round(float a) {\n"
     "    const float shifted = a + 12582912.0f; /* by itself: an assignment drops what C computes with beyond a float */\n"
     "    return shifted - 12582912.0f;\n"
     "}\n"},
    {"double_round", NULL,
     "double double_round(double a) {\n"
     "    const double shifted = a + 6755399441055744.0;\n"
     "    return shifted - 6755399441055744.0;\n"
     "}\n"},
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
    /* Pairs of bfloat16 as compiler/bfloat16.c has them: what AVX512-BF16 does, to the bit. */
    {"bfloat16", "float_bits",
     "uint32_t bfloat16(float a) {\n"
     "    const uint32_t bits = float_bits(a);\n"
     "    if ((bits & 0x7fffffffu) > 0x7f800000u) return bits >> 16 | 0x40u;\n"
     "    if ((bits & 0x7f800000u) == 0) return bits >> 16 & 0x8000u;\n"
     "    return (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;\n"
     "}\n"},
    {"float_pair", "bfloat16", "uint32_t float_pair(float a, float b) { return bfloat16(a) | bfloat16(b) << 16; }\n"},
    {"without_denormal", "float_bits bits_float",
     "float without_denormal(uint32_t bits) { return bits_float((bits & 0x7f800000u) == 0 ? bits & 0x80000000u : bits); }\n"},
    {"flushed_multiply_add", "double_bits bits_double",
     "float flushed_multiply_add(float a, float b, float c) {\n"
     "    const double product = (double)a * (double)b, sum = product + (double)c, taken = sum - product;\n"
     "    const double lost = (product - (sum - taken)) + ((double)c - taken);\n"
     "    uint64_t odd = double_bits(sum); /* rounded to odd, so that the rounding to float is the only one */\n"
     "    if ((lost > 0 || lost < 0) && (odd & 1) == 0) odd = (lost > 0) == (sum > 0) ? odd + 1 : odd - 1;\n"
     "    const uint64_t size = odd & UINT64_C(0x7fffffffffffffff);\n"
     "    if (size < UINT64_C(0x380ffffff0000000)) return (float)bits_double(odd ^ size); /* denormal after rounding */\n"
     "    return (float)bits_double(odd);\n"
     "}\n"},
    {"float_dot_add", "float_bits without_denormal flushed_multiply_add",
     "float float_dot_add(uint32_t a, uint32_t b, float c) {\n"
     "    const float high_a = without_denormal(a & 0xffff0000u), high_b = without_denormal(b & 0xffff0000u);\n"
     "    const float sum = flushed_multiply_add(high_a, high_b, without_denormal(float_bits(c)));\n"
     "    return flushed_multiply_add(without_denormal(a << 16), without_denormal(b << 16), sum);\n"
     "}\n"},
    {NULL, NULL, NULL},
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
    .floats = {"float32x4_t", "vld1q_f32", "vst1q_f32", "vdupq_n_f32", "vdupq_n_f32(0.0f)"},
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
    .floats = {"v128_t", "wasm_v128_load", "wasm_v128_store", "wasm_f32x4_splat", "wasm_f32x4_splat(0.0f)"},
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

static const char generic_prelude[] = "#define LANES 4\n"
                                      "#if !defined(PLAIN_C) && (defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 9))\n"
                                      "#define VECTOR_EXTENSION\n"
                                      "typedef float vector_float __attribute__((vector_size(16)));\n"
                                      "typedef int32_t vector_integer __attribute__((vector_size(16)));\n"
                                      "typedef uint32_t vector_bits __attribute__((vector_size(16)));\n"
                                      "#define LANE(vector, i) ((vector)[i])\n"
                                      "#else\n"
                                      "typedef struct vector_float {\n"
                                      "    float lane[LANES];\n"
                                      "} vector_float;\n"
                                      "#define LANE(vector, i) ((vector).lane[i])\n"
                                      "#endif\n";

#define EACH_OF(elements, value)                                                                                                           \
    "    vector_" elements " result;\n"                                                                                                    \
    "    for (int i = 0; i < LANES; i++) LANE(result, i) = " value ";\n"                                                                   \
    "    return result;\n"
#define EACH_LANE(value) EACH_OF("float", value)
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
    ON_LANES("vector_round", "!float_round", ONE, "return a + 12582912.0f - 12582912.0f;", "float_round(" A ")"),
    ON_LANES("vector_power_of_two", "!float_power_of_two", ONE, "return (vector_float)((vector_bits)(a + 12583039.0f) << 23);",
             "float_power_of_two(" A ")"),
    ON_LANES("vector_exponent", "!float_exponent", ONE,
             "return __builtin_convertvector((vector_integer)((vector_bits)a >> 23) - 127, vector_float);", "float_exponent(" A ")"),
    ON_LANES("vector_mantissa", "!float_mantissa", ONE, "return (vector_float)(((vector_bits)a & 0x007fffffu) | 0x3f800000u);",
             "float_mantissa(" A ")"),
    {"vector_square_root", NULL, "vector_float vector_square_root(" ONE ") {\n" EACH_LANE("sqrtf(" A ")") "}\n"},
    /* what only the emulation wants */
    {"fused_multiply_add", NULL,
     "vector_float fused_multiply_add(" TWO ", vector_float c) {\n" EACH_LANE("__builtin_fmaf(" A ", " B ", " C ")") "}\n"},
    {"load_pairs", NULL,
     "vector_pairs load_pairs(const uint32_t *a) {\n    vector_pairs result;\n    memcpy(&result, a, sizeof result);\n    return result;\n}\n"},
    {"store_pairs", NULL, "void store_pairs(uint32_t *a, vector_pairs b) { memcpy(a, &b, sizeof b); }\n"},
    {"broadcast_pair", NULL, "vector_pairs broadcast_pair(uint32_t a) {\n" EACH_OF("pairs", "a") "}\n"},
    {"vector_pair", "float_pair", "vector_pairs vector_pair(" TWO ") {\n" EACH_OF("pairs", "float_pair(" A ", " B ")") "}\n"},
    {"vector_dot_add", "float_dot_add",
     "vector_float vector_dot_add(vector_pairs a, vector_pairs b, vector_float c) {\n" EACH_LANE("float_dot_add(" A ", " B ", " C
                                                                                                 ")") "}\n"},
    {NULL, NULL, NULL},
};

#undef ONE
#undef TWO
#undef A
#undef B
#undef C
#undef D

#define GENERIC_VECTOR_FORMS                                                                                                               \
    [EXPRESSION_ADD] = "vector_add", [EXPRESSION_SUBTRACT] = "vector_subtract", [EXPRESSION_MULTIPLY] = "vector_multiply",                 \
    [EXPRESSION_DIVIDE] = "vector_divide", [EXPRESSION_MAXIMUM] = "vector_maximum", [EXPRESSION_MINIMUM] = "vector_minimum",               \
    [EXPRESSION_SQUARE_ROOT] = "vector_square_root", [EXPRESSION_ABSOLUTE] = "vector_absolute", [EXPRESSION_NEGATE] = "vector_negate",     \
    [EXPRESSION_SELECT_GREATER] = "vector_select_greater", [EXPRESSION_ROUND] = "vector_round",                                            \
    [EXPRESSION_POWER_OF_TWO] = "vector_power_of_two", [EXPRESSION_EXPONENT] = "vector_exponent",                                          \
    [EXPRESSION_MANTISSA] = "vector_mantissa"

static const TargetPrinting generic = {
    .prelude = generic_prelude,
    .floats = {"vector_float", "vector_load", "vector_store", "vector_broadcast", "vector_broadcast(0.0f)"},
    .on_vector = {GENERIC_VECTOR_FORMS, [EXPRESSION_MULTIPLY_ADD] = "vector_multiply_add"},
    .on_float = {FLOAT_FORMS, [EXPRESSION_SQUARE_ROOT] = "float_square_root"},
    .on_double = {DOUBLE_FORMS, [EXPRESSION_SQUARE_ROOT] = "double_square_root"},
    .helpers = generic_helpers,
    .narrow = generic_narrow,
};

/* ---- avx512_bf16 in plain C: its lanes, so that the schedules are the same, and its operations, to the bit ---- */

static const char emulated_prelude[] = "#define LANES 16\n"
                                       "typedef struct vector_float {\n"
                                       "    float lane[LANES];\n"
                                       "} vector_float;\n"
                                       "typedef struct vector_pairs {\n"
                                       "    uint32_t lane[LANES];\n"
                                       "} vector_pairs;\n"
                                       "#define LANE(vector, i) ((vector).lane[i])\n";

static const TargetPrinting bf16_emulated = {
    .prelude = emulated_prelude,
    .floats = {"vector_float", "vector_load", "vector_store", "vector_broadcast", "vector_broadcast(0.0f)"},
    .pairs = {"vector_pairs", "load_pairs", "store_pairs", "broadcast_pair", "broadcast_pair(0)"},
    .on_vector = {GENERIC_VECTOR_FORMS, [EXPRESSION_MULTIPLY_ADD] = "fused_multiply_add", [EXPRESSION_PAIR] = "vector_pair",
                  [EXPRESSION_DOT_ADD] = "vector_dot_add"},
    .on_float = {FLOAT_FORMS, [EXPRESSION_SQUARE_ROOT] = "float_square_root", [EXPRESSION_MULTIPLY_ADD] = "__builtin_fmaf",
                 [EXPRESSION_PAIR] = "float_pair", [EXPRESSION_DOT_ADD] = "float_dot_add"},
    .on_double = {DOUBLE_FORMS, [EXPRESSION_SQUARE_ROOT] = "double_square_root", [EXPRESSION_MULTIPLY_ADD] = "__builtin_fma"},
    .helpers = generic_helpers,
    .narrow = generic_narrow,
};

/* ---- the table ---- */

/* The cost model's figures: throughputs a cycle, and latency, of current cores of each kind. The second-level cache of Zen 5 is said to
 * give 64 bytes a cycle; avx512 reached half of that, and narrower vectors much less. */
static const Target avx512_target = {
    .name = "avx512",
    .describes = "x86-64 with AVX-512 (F, DQ, VL, BW)",
    .little_endian = true,
    .lanes = 16,
    .registers = 32,
    .fused = true,
    .multiply_adds = 2,
    .loads = 2,
    .streams = 0.5,
    .broadcasts = 2,
    .latency = 4,
    .prefetches = true,
    .nontemporal = true,
    .printing = &avx512_printing,
};

/* A dot product takes longer than a multiply-add: 6 cycles on Zen 4. */
static const Target avx512_bf16_target = {
    .name = "avx512_bf16",
    .describes = "x86-64 with AVX-512 (F, DQ, VL, BW, BF16)",
    .little_endian = true,
    .lanes = 16,
    .registers = 32,
    .fused = true,
    .multiply_adds = 2,
    .loads = 2,
    .streams = 0.5,
    .broadcasts = 2,
    .latency = 6,
    .prefetches = true,
    .nontemporal = true,
    .pairs = true,
    .printing = &avx512_bf16_printing,
};

static const Target bf16_emulated_target = {
    .name = "bf16_emulated",
    .describes = "plain C11 with the bits of avx512_bf16, slowly",
    .lanes = 16,
    .registers = 32,
    .fused = true,
    .multiply_adds = 2,
    .loads = 2,
    .streams = 0.5,
    .broadcasts = 2,
    .latency = 6,
    .pairs = true,
    .emulation = true,
    .printing = &bf16_emulated,
};

static const Target avx2_target = {
    .name = "avx2",
    .describes = "x86-64 with AVX2 and FMA",
    .little_endian = true,
    .lanes = 8,
    .registers = 16,
    .fused = true,
    .multiply_adds = 2,
    .loads = 2,
    .streams = 2,
    .broadcasts = 2,
    .latency = 4,
    .prefetches = true,
    .printing = &avx2_printing,
};

static const Target neon_target = {
    .name = "neon",
    .describes = "64-bit ARM",
    .lanes = 4,
    .registers = 32,
    .fused = true,
    .multiply_adds = 2,
    .loads = 2,
    .streams = 2,
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
    .streams = 2,
    .broadcasts = 1,
    .latency = 4,
    .printing = &generic,
};

static const Target wasm128_target = {
    .name = "wasm128",
    .describes = "WebAssembly with SIMD (inference only)",
    .little_endian = true,
    .lanes = 4,
    .registers = 16,
    .fused = false,
    .multiply_adds = 1,
    .loads = 2,
    .streams = 2,
    .broadcasts = 1,
    .latency = 4,
    .inference_only = true,
    .printing = &wasm128,
};

const Target *const targets[] = {&avx512_target, &avx2_target, &neon_target, &generic_target, NULL};
const Target *const bf16_targets[] = {&avx512_bf16_target, &bf16_emulated_target, NULL};
const Target *const inference_targets[] = {&wasm128_target, NULL};

/* All targets, best first. */
static const Target *const preference[] = {&avx512_bf16_target, &avx512_target,  &avx2_target,         &neon_target,
                                           &wasm128_target,     &generic_target, &bf16_emulated_target};

void sort_targets(const Target **list, int count) {
    int sorted = 0;
    for (size_t i = 0; i < sizeof preference / sizeof *preference; i++)
        for (int k = sorted; k < count; k++) {
            if (list[k] != preference[i]) continue;
            list[k] = list[sorted];
            list[sorted++] = preference[i];
        }
    if (sorted != count) die("%s has no place in preference[] of target.c, the order in which targets are tried", list[sorted]->name);
}

static const Target *find_in(const Target *const *list, const char *name) {
    for (; *list; list++)
        if (strcmp((*list)->name, name) == 0) return *list;
    return NULL;
}

const Target *find_target(const char *name) {
    const Target *const *const lists[] = {targets, bf16_targets, inference_targets};
    const Target *target = NULL;
    for (int i = 0; i < 3 && !target; i++) target = find_in(lists[i], name);
    return target;
}
