/* random_fill.c: many numbers of a stream at once: the same numbers as one by one, by vectors where the processor has them. */
#include "exact.h"

#include "common/random_fill.h"

#include <string.h>
#if defined __x86_64__
#include <immintrin.h>
#endif

/* ---- one block after another ---- */

/* Blocks of four numbers, from block `first` on. */
static void fill_plain(uint64_t seed, RandomStream stream, uint64_t first, float *values, size_t blocks) {
    for (size_t i = 0; i < blocks; i++) {
        const uint64_t index = first + i;
        const PhiloxBlock counter = {{(uint32_t)index, (uint32_t)(index >> 32), (uint32_t)stream, 0}};
        const PhiloxBlock bits = philox(counter, (uint32_t)seed, (uint32_t)(seed >> 32));
        for (size_t k = 0; k < 4; k++) values[4 * i + k] = (float)(bits.word[k] >> 8) * 0x1p-24f;
    }
}

static int always(void) {
    return 1;
}

/* ---- several blocks at once ---- */

#if defined __x86_64__
/* A lane of 64 bits holds a word of one block; what is above its 32 bits is ignored. Lanes 2j and 2j + 1 are blocks j and lanes / 2 + j, so
 * that joining the even lanes of two vectors, and the odd ones, gives blocks in their order. See philox() for the rounds. */
#define FILL_BY_VECTORS(name, features, lanes, multiply, low_halves, high_halves)                                                          \
    typedef uint64_t name##_words __attribute__((vector_size(8 * lanes)));                                                                 \
    typedef int32_t name##_integers __attribute__((vector_size(8 * lanes)));                                                               \
    typedef float name##_floats __attribute__((vector_size(8 * lanes)));                                                                   \
    __attribute__((target(features))) static void name(uint64_t seed, RandomStream stream, uint64_t first, float *values, size_t blocks) { \
        const name##_words zero = {0}, multiplier0 = zero + PHILOX_MULTIPLIER0, multiplier1 = zero + PHILOX_MULTIPLIER1;                   \
        name##_words place = zero + first;                                                                                                 \
        for (int i = 0; i < lanes; i++) place[i] += (uint64_t)(i / 2 + i % 2 * (lanes / 2));                                               \
        for (size_t block = 0; block < blocks; block += lanes, place += lanes) {                                                           \
            name##_words word0 = place, word1 = place >> 32, word2 = zero + (uint64_t)stream, word3 = zero;                                \
            uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);                                                                 \
            for (int round = 0; round < PHILOX_ROUNDS; round++, key0 += PHILOX_WEYL0, key1 += PHILOX_WEYL1) {                              \
                const name##_words product0 = (name##_words)multiply(multiplier0, word0);                                                  \
                const name##_words product1 = (name##_words)multiply(multiplier1, word2);                                                  \
                word0 = product1 >> 32 ^ word1 ^ (uint64_t)key0;                                                                           \
                word1 = product1;                                                                                                          \
                word2 = product0 >> 32 ^ word3 ^ (uint64_t)key1;                                                                           \
                word3 = product0;                                                                                                          \
            }                                                                                                                              \
            const name##_words left = (word0 & UINT32_MAX) | word1 << 32, right = (word2 & UINT32_MAX) | word3 << 32;                      \
            const name##_integers halves[2] = {(name##_integers)low_halves(left, right), (name##_integers)high_halves(left, right)};       \
            for (int half = 0; half < 2; half++) {                                                                                         \
                const name##_integers bits = halves[half] >> 8 & 0xffffff;                                                                 \
                const name##_floats numbers = __builtin_convertvector(bits, name##_floats) * 0x1p-24f;                                     \
                memcpy(values + 4 * block + half * 2 * lanes, &numbers, sizeof numbers);                                                   \
            }                                                                                                                              \
        }                                                                                                                                  \
    }

#define MULTIPLY8(a, b) _mm512_mul_epu32((__m512i)(a), (__m512i)(b))
#define LOW8(a, b) _mm512_unpacklo_epi64((__m512i)(a), (__m512i)(b))
#define HIGH8(a, b) _mm512_unpackhi_epi64((__m512i)(a), (__m512i)(b))
#define MULTIPLY4(a, b) _mm256_mul_epu32((__m256i)(a), (__m256i)(b))
#define LOW4(a, b) _mm256_unpacklo_epi64((__m256i)(a), (__m256i)(b))
#define HIGH4(a, b) _mm256_unpackhi_epi64((__m256i)(a), (__m256i)(b))
FILL_BY_VECTORS(fill_avx512, "avx512f", 8, MULTIPLY8, LOW8, HIGH8)
FILL_BY_VECTORS(fill_avx2, "avx2", 4, MULTIPLY4, LOW4, HIGH4)

static int has_avx512(void) {
    return __builtin_cpu_supports("avx512f") != 0;
}
static int has_avx2(void) {
    return __builtin_cpu_supports("avx2") != 0;
}
#endif

const RandomFiller random_fillers[] = {
#if defined __x86_64__
    {"avx512", 8, fill_avx512, has_avx512},
    {"avx2", 4, fill_avx2, has_avx2},
#endif
    {"plain", 1, fill_plain, always},
};

const int random_filler_count = sizeof random_fillers / sizeof *random_fillers;

/* ---- the numbers from `first` on ---- */

/* Blocks at once; what is before the first block and behind the last ones, one by one. */
void random_fill_by(const RandomFiller *filler, uint64_t seed, RandomStream stream, uint64_t first, float *values, size_t count) {
    size_t done = 0;
    for (; done < count && (first + done) % 4 != 0; done++) values[done] = random_uniform(seed, stream, first + done);
    const size_t blocks = (count - done) / 4 / filler->blocks * filler->blocks;
    filler->fill(seed, stream, (first + done) / 4, values + done, blocks);
    for (done += 4 * blocks; done < count; done++) values[done] = random_uniform(seed, stream, first + done);
}

void random_fill(uint64_t seed, RandomStream stream, uint64_t first, float *values, size_t count) {
    const RandomFiller *filler = random_fillers;
    while (!filler->available()) filler++;
    random_fill_by(filler, seed, stream, first, values, count);
}
