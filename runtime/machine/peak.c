/* peak.c: the peak of this machine.
 *
 * The loops multiply-add in registers only, with enough independent chains to hide the latency. Each figure is the best of several
 * short runs: what disturbs a run makes it slower, never faster. */
#include "machine/peak.h"

#include "machine/clock.h"

#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined __x86_64__
#include <immintrin.h>
#endif

enum { RUNS = 7, CHAINS = 12 };
#define READ_BYTES ((size_t)256 << 20) /* many times any cache */

/* ---- the loops ---- */

typedef float Vector4 __attribute__((vector_size(16)));
typedef float Vector8 __attribute__((vector_size(32)));
typedef float Vector16 __attribute__((vector_size(64)));
typedef uint64_t Words __attribute__((vector_size(64)));

/* Does X for each chain. Chains are separate variables, not an array, which might be kept in memory. */
#define EACH_CHAIN(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define CHAIN_START(i) sum##i = term * (float)i;
#define CHAIN_STEP(i) sum##i = sum##i * factor + term;
#define CHAIN_START_DOT(i) sum##i = (Vector16){0} + half * (float)(i + 1); /* equal chains would be computed once */
#define CHAIN_DOT(i) sum##i = (Vector16)_mm512_dpbf16_ps((__m512)sum##i, factor, term);
#define CHAIN_END(i) total += sum##i;

/* What the chains compute with: unknown to a compiler, which leaves out a multiply-add whose result it can tell beforehand. */
static volatile float half = 0.5f;

/* Runs `rounds` times CHAINS multiply-adds of a vector. The chains converge to 1, so no value is denormal or infinite; their sum
 * is the result, so that the compiler keeps them. (A macro: the instruction set is a property of the function.) */
#define MULTIPLY_ADD_LOOP(name, Vector, attribute)                                                                                         \
    attribute static float name(uint64_t rounds) {                                                                                         \
        const Vector factor = (Vector){0} + half, term = (Vector){0} + half;                                                               \
        Vector total = {0}, sum0, sum1, sum2, sum3, sum4, sum5, sum6, sum7, sum8, sum9, sum10, sum11;                                      \
        EACH_CHAIN(CHAIN_START)                                                                                                            \
        for (uint64_t i = 0; i < rounds; i++) {                                                                                            \
            EACH_CHAIN(CHAIN_STEP)                                                                                                         \
        }                                                                                                                                  \
        EACH_CHAIN(CHAIN_END)                                                                                                              \
        return total[0];                                                                                                                   \
    }

#if defined __x86_64__
MULTIPLY_ADD_LOOP(loop_avx512, Vector16, __attribute__((target("avx512f"))))
MULTIPLY_ADD_LOOP(loop_avx2, Vector8, __attribute__((target("avx2,fma"))))
/* The same with dot products of pairs of bfloat16, two multiply-adds a lane. The products of a pair add up to zero. */
__attribute__((target("avx512f,avx512bf16"))) static float loop_avx512_bf16(uint64_t rounds) {
    const int halves = half > 0 ? 0x3f003f00 : 0;
    const __m512bh factor = (__m512bh)_mm512_set1_epi32(halves), term = (__m512bh)_mm512_set1_epi32((int)((unsigned)halves | 0x80000000));
    Vector16 total = {0}, sum0, sum1, sum2, sum3, sum4, sum5, sum6, sum7, sum8, sum9, sum10, sum11;
    EACH_CHAIN(CHAIN_START_DOT)
    for (uint64_t i = 0; i < rounds; i++) {
        EACH_CHAIN(CHAIN_DOT)
    }
    EACH_CHAIN(CHAIN_END)
    return total[0];
}
static int has_avx512_bf16(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bf16");
}
static int has_avx512(void) {
    return __builtin_cpu_supports("avx512f") != 0;
}
static int has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif
MULTIPLY_ADD_LOOP(loop_plain, Vector4, )
static int always(void) {
    return 1;
}

static const struct Kind {
    const char *name;
    int lanes; /* multiply-adds of an instruction */
    float (*loop)(uint64_t rounds);
    int (*available)(void);
} kinds[] = {
#if defined __x86_64__
    {"avx512", 16, loop_avx512, has_avx512},
    {"avx512_bf16", 32, loop_avx512_bf16, has_avx512_bf16},
    {"avx2", 8, loop_avx2, has_avx2},
#endif
    {"generic", 4, loop_plain, always},
};

/* ---- measuring ---- */

static float read_memory(const Words *memory, size_t count) {
    Words sum[4] = {{0}, {0}, {0}, {0}};
    for (size_t i = 0; i + 4 <= count; i += 4) {
        for (size_t j = 0; j < 4; j++) sum[j] ^= memory[i + j];
    }
    sum[0] ^= sum[1] ^ sum[2] ^ sum[3];
    return (float)(sum[0][0] & 1);
}

/* The least seconds until the last thread has done its part: multiply-adds, or its share of `memory`. */
static double best_time(const struct Kind *kind, uint64_t rounds, const Words *memory, int threads) {
    double best = 1e300;
    const size_t share = READ_BYTES / sizeof *memory / (size_t)threads;
    for (int run = 0; run < RUNS; run++) {
        double begin = 0;
        volatile float result = 0;
#pragma omp parallel num_threads(threads)
        {
            float mine;
#pragma omp barrier
#pragma omp single
            begin = clock_seconds();
            if (memory != NULL) mine = read_memory(memory + share * (size_t)omp_get_thread_num(), share);
            else mine = kind->loop(rounds);
#pragma omp critical
            result += mine;
        }
        best = fmin(best, clock_seconds() - begin);
        (void)result; /* used, so that the work is not removed */
    }
    return best;
}

enum { KINDS = sizeof kinds / sizeof *kinds };

static int find_kind(const char *target) {
    int i = 0;
    while (i < KINDS && (strcmp(kinds[i].name, target) != 0 || !kinds[i].available())) i++;
    return i;
}

bool peak_known(const char *target) {
    return find_kind(target) < KINDS;
}

double peak_flops(const char *target, int threads) {
    const int found = find_kind(target);
    const struct Kind *kind = &kinds[found < KINDS ? found : KINDS - 1];
    uint64_t rounds = 1000;
    while (best_time(kind, rounds, NULL, 1) < 0.02) rounds *= 2;
    return 2.0 * CHAINS * (double)kind->lanes * (double)rounds * threads / best_time(kind, rounds, NULL, threads);
}

double peak_bandwidth(int threads) {
    Words *memory = aligned_alloc(64, READ_BYTES);
    if (memory == NULL) return 0;
    memset(memory, 1, READ_BYTES);
    double seconds = best_time(NULL, 0, memory, threads);
    free(memory);
    return (double)READ_BYTES / seconds;
}
