/* peak.c: what this machine can do at most: multiply-adds a second in float32, and bytes read from memory a second.
 *
 *     build/peak [MOST_THREADS]     prints one JSON object
 *
 * The loops multiply-add in registers only, with enough independent chains to hide the latency, in the widest instructions that the
 * CPU has. Each figure is the best of several short runs: what disturbs a run makes it slower, never faster. */
#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RUNS = 7, MOST_THREADS = 256, CHAINS = 12 };
#define READ_BYTES ((size_t)256 << 20) /* many times any cache */

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- the loops ---- */

typedef float Vector4 __attribute__((vector_size(16)));
typedef float Vector8 __attribute__((vector_size(32)));
typedef float Vector16 __attribute__((vector_size(64)));
typedef uint64_t Words __attribute__((vector_size(64)));

/* Does X for each chain. Chains are variables by themselves and not an array, which might live in memory. */
#define EACH_CHAIN(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define CHAIN_START(i) sum##i = term * (float)i;
#define CHAIN_STEP(i) sum##i = sum##i * factor + term;
#define CHAIN_END(i) total += sum##i;

/* Runs `rounds` times CHAINS multiply-adds of a vector. The chains converge to 1, so no value is denormal or infinite; their sum
 * is the result, so that the compiler keeps them. (A macro: the instruction set is a property of the function.) */
#define MULTIPLY_ADD_LOOP(name, Vector, attribute)                                                                                         \
    attribute static float name(uint64_t rounds) {                                                                                         \
        const Vector factor = (Vector){0} + 0.5f, term = factor;                                                                           \
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
    int lanes;
    float (*loop)(uint64_t rounds);
    int (*available)(void);
} kinds[] = {
#if defined __x86_64__
    {"avx512", 16, loop_avx512, has_avx512},
    {"avx2", 8, loop_avx2, has_avx2},
#endif
    {"generic", 4, loop_plain, always},
};

/* ---- threads ---- */

typedef struct Work {
    const struct Kind *kind; /* NULL: read memory */
    uint64_t rounds;
    const Words *memory;
    pthread_barrier_t *start;
    double begin, end;
    volatile float result;
} Work;

static float read_memory(const Words *memory) {
    Words sum[4] = {{0}, {0}, {0}, {0}};
    for (size_t i = 0; i + 4 <= READ_BYTES / sizeof *memory; i += 4) {
        for (size_t j = 0; j < 4; j++) sum[j] ^= memory[i + j];
    }
    sum[0] ^= sum[1] ^ sum[2] ^ sum[3];
    return (float)(sum[0][0] & 1);
}

static void *run_work(void *argument) {
    Work *work = argument;
    pthread_barrier_wait(work->start);
    work->begin = seconds();
    work->result = work->kind != NULL ? work->kind->loop(work->rounds) : read_memory(work->memory);
    work->end = seconds();
    return NULL;
}

/* Seconds from the first thread's begin to the last one's end, at best. */
static double best_time(Work model, int threads, Words *const *memory) {
    double best = 1e300;
    for (int run = 0; run < RUNS; run++) {
        pthread_barrier_t start;
        pthread_t thread[MOST_THREADS];
        static Work work[MOST_THREADS];
        pthread_barrier_init(&start, NULL, (unsigned)threads);
        for (int i = 0; i < threads; i++) {
            work[i] = model;
            work[i].start = &start;
            work[i].memory = memory != NULL ? memory[i] : NULL;
            if (pthread_create(&thread[i], NULL, run_work, &work[i]) != 0) exit((fputs("peak: cannot start a thread\n", stderr), 1));
        }
        double begin = 1e300, end = 0;
        for (int i = 0; i < threads; i++) {
            pthread_join(thread[i], NULL);
            if (work[i].begin < begin) begin = work[i].begin;
            if (work[i].end > end) end = work[i].end;
        }
        pthread_barrier_destroy(&start);
        if (end - begin < best) best = end - begin;
    }
    return best;
}

static double gigaflops(const struct Kind *kind, int threads) {
    Work work = {.kind = kind, .rounds = 1000};
    while (best_time(work, 1, NULL) < 0.02) work.rounds *= 2;
    double operations = 2.0 * CHAINS * (double)kind->lanes * (double)work.rounds * threads;
    return 1e-9 * operations / best_time(work, threads, NULL);
}

static double gigabytes(int threads) {
    static Words *memory[MOST_THREADS];
    for (int i = 0; i < threads; i++) {
        if (memory[i] != NULL) continue;
        memory[i] = aligned_alloc(64, READ_BYTES);
        if (memory[i] == NULL) exit((fputs("peak: out of memory\n", stderr), 1));
        memset(memory[i], i + 1, READ_BYTES);
    }
    Work work = {.kind = NULL};
    return 1e-9 * (double)READ_BYTES * threads / best_time(work, threads, memory);
}

int main(int count, char **arguments) {
    int most = count > 1 ? atoi(arguments[1]) : 2;
    if (most < 1 || most > MOST_THREADS) {
        fprintf(stderr, "usage: peak [MOST_THREADS]; MOST_THREADS from 1 to %d\n", MOST_THREADS);
        return 2;
    }
    printf("{");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!kinds[i].available()) continue;
        printf("\"%s_gflops\": [", kinds[i].name);
        for (int threads = 1; threads <= most; threads++) printf("%s%.1f", threads > 1 ? ", " : "", gigaflops(&kinds[i], threads));
        printf("], ");
    }
    printf("\"read_gbytes\": [");
    for (int threads = 1; threads <= most; threads++) printf("%s%.1f", threads > 1 ? ", " : "", gigabytes(threads));
    printf("]}\n");
    return 0;
}
