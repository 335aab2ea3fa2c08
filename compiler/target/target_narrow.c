/* target_narrow.c: how each target reads numbers that are smaller than a float: halves, bfloat16, bytes, pairs of bytes. The value is
 * exact: an integer of 8 bits is a bfloat16.
 *
 * Where there is no instruction for halves: exponent and mantissa, at a float's place, are the number's 2^-112 part, denormals included.
 * That holds for every finite half, and the compiler writes no other. */
#include "target/target_printing.h"

const NarrowForms narrow_forms[TYPES] = {[TYPE_F16] = {"load_f16", "float_of_f16"},
                                         [TYPE_BF16] = {"load_bf16", "float_of_bf16"},
                                         [TYPE_I8] = {"load_i8", "(float)"},
                                         [TYPE_I8_PAIR] = {"load_i8_pairs", "pair_of_i8"}};

#define TWO_TO_THE_112 "5.192296858534828e+33f"

const Helper common_narrow[] = {
    {"float_of_f16", "bits_float",
     "float float_of_f16(uint16_t a) {\n"
     "    return bits_float((a & 0x8000u) << 16 | (a & 0x7fffu) << 13) * " TWO_TO_THE_112 ";\n"
     "}\n"},
    {"float_of_bf16", "bits_float", "float float_of_bf16(uint16_t a) { return bits_float((uint32_t)a << 16); }\n"},
    {"pair_of_i8", "float_bits",
     "uint32_t pair_of_i8(uint16_t a) {\n"
     "    return float_bits((float)(int8_t)(a & 0xffu)) >> 16 | float_bits((float)(int8_t)(a >> 8));\n"
     "}\n"},
    {NULL, NULL, NULL},
};

const Helper avx512_narrow[] = {
    {"load_f16", NULL,
     "__m512 load_f16(const uint16_t *a) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)a)); }\n"},
    {"load_bf16", NULL,
     "__m512 load_bf16(const uint16_t *a) {\n"
     "    const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)a));\n"
     "    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));\n"
     "}\n"},
    {"load_i8", NULL,
     "__m512 load_i8(const int8_t *a) {\n"
     "    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)a)));\n"
     "}\n"},
    /* where there is bfloat16: the first eight pairs come from the last operand */
    {"load_i8_pairs", NULL,
     "__m512i load_i8_pairs(const uint16_t *a) {\n"
     "    const __m128i *const bytes = (const __m128i *)(const void *)a;\n"
     "    const __m512 low = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(bytes)));\n"
     "    const __m512 high = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(bytes + 1)));\n"
     "    return (__m512i)_mm512_cvtne2ps_pbh(high, low);\n"
     "}\n"},
    {NULL, NULL, NULL},
};

const Helper avx2_narrow[] = {
    {"load_f16", NULL,
     "__m256 load_f16(const uint16_t *a) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)a)); }\n"},
    {"load_bf16", NULL,
     "__m256 load_bf16(const uint16_t *a) {\n"
     "    const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)a));\n"
     "    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));\n"
     "}\n"},
    {"load_i8", NULL,
     "__m256 load_i8(const int8_t *a) {\n"
     "    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)a)));\n"
     "}\n"},
    {NULL, NULL, NULL},
};

/* Not every compiler's __builtin_cpu_supports knows F16C. */
const Extra avx2_extra = {.helper = "load_f16",
                          .attribute = "f16c",
                          .setup = {"unsigned a = 1, c = 0;", "__asm__(\"cpuid\" : \"+a\"(a), \"+c\"(c) : : \"ebx\", \"edx\");"},
                          .check = "(c >> 29 & 1) != 0"};

const Helper neon_narrow[] = {
    {"load_f16", NULL, "float32x4_t load_f16(const uint16_t *a) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(a))); }\n"},
    {"load_bf16", NULL,
     "float32x4_t load_bf16(const uint16_t *a) { return vreinterpretq_f32_u32(vshlq_n_u32(vmovl_u16(vld1_u16(a)), 16)); }\n"},
    {"load_i8", NULL,
     "float32x4_t load_i8(const int8_t *a) {\n"
     "    uint32_t four;\n"
     "    memcpy(&four, a, sizeof four);\n"
     "    const int16x8_t wide = vmovl_s8(vreinterpret_s8_u32(vdup_n_u32(four)));\n"
     "    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));\n"
     "}\n"},
    {NULL, NULL, NULL},
};

const Helper wasm128_narrow[] = {
    {"load_f16", NULL,
     "v128_t load_f16(const uint16_t *a) {\n"
     "    const v128_t shifted = wasm_i32x4_shl(wasm_i32x4_load16x4(a), 13); /* the sign is in the four highest bits */\n"
     "    const v128_t bits = wasm_v128_and(shifted, wasm_i32x4_splat((int)0x8fffe000));\n"
     "    return wasm_f32x4_mul(bits, wasm_f32x4_splat(" TWO_TO_THE_112 "));\n"
     "}\n"},
    {"load_bf16", NULL, "v128_t load_bf16(const uint16_t *a) { return wasm_i32x4_shl(wasm_u32x4_load16x4(a), 16); }\n"},
    {"load_i8", NULL,
     "v128_t load_i8(const int8_t *a) {\n"
     "    const v128_t wide = wasm_i16x8_extend_low_i8x16(wasm_v128_load32_zero(a));\n"
     "    return wasm_f32x4_convert_i32x4(wasm_i32x4_extend_low_i16x8(wide));\n"
     "}\n"},
    {NULL, NULL, NULL},
};

/* LANES elements; with the extension, which has four, `extended`, else each by itself. */
#define FOUR(name, needs, type, extended, value)                                                                                           \
    {                                                                                                                                      \
        name, needs,                                                                                                                       \
            "vector_float " name "(const " type " *a) {\n"                                                                                 \
            "#ifdef VECTOR_EXTENSION\n" extended "#else\n"                                                                                 \
            "    vector_float result;\n"                                                                                                   \
            "    for (int i = 0; i < LANES; i++) LANE(result, i) = " value ";\n"                                                           \
            "    return result;\n"                                                                                                         \
            "#endif\n"                                                                                                                     \
            "}\n"                                                                                                                          \
    }
#define SIXTEEN_BITS(type, vector)                                                                                                         \
    "    typedef " type " four __attribute__((vector_size(8)));\n"                                                                         \
    "    four narrow;\n"                                                                                                                   \
    "    memcpy(&narrow, a, sizeof narrow);\n"                                                                                             \
    "    const vector_bits wide = (vector_bits)__builtin_convertvector(narrow, " vector ");\n"

const Helper generic_narrow[] = {
    FOUR("load_f16", "!float_of_f16", "uint16_t",
         SIXTEEN_BITS("int16_t", "vector_integer") /* the sign is in the four highest bits, after the shift */
         "    return (vector_float)((wide << 13) & 0x8fffe000u) * " TWO_TO_THE_112 ";\n",
         "float_of_f16(a[i])"),
    FOUR("load_bf16", "!float_of_bf16", "uint16_t", SIXTEEN_BITS("uint16_t", "vector_bits") "    return (vector_float)(wide << 16);\n",
         "float_of_bf16(a[i])"),
    /* gcc 12 converts four bytes more slowly than it loads them one by one */
    FOUR("load_i8", NULL, "int8_t",
         "    const vector_integer wide = {a[0], a[1], a[2], a[3]};\n"
         "    return __builtin_convertvector(wide, vector_float);\n",
         "(float)a[i]"),
    /* what only the emulation wants */
    {"load_i8_pairs", "pair_of_i8",
     "vector_pairs load_i8_pairs(const uint16_t *a) {\n"
     "    vector_pairs result;\n"
     "    for (int i = 0; i < LANES; i++) LANE(result, i) = pair_of_i8(a[i]);\n"
     "    return result;\n"
     "}\n"},
    {NULL, NULL, NULL},
};
