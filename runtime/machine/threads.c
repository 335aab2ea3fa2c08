/* threads.c: how many threads can run, and how many should? */
#include "machine/threads.h"

#include "common/file.h"
#include "machine/cgroup.h"

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A thread that waits until its starter releases the lock. */
static void *wait_for(void *lock) {
    pthread_mutex_lock(lock);
    pthread_mutex_unlock(lock);
    return NULL;
}

int threads_that_start(int wanted) {
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_t *threads = allocate((size_t)wanted * sizeof *threads);
    int count = 0;
    pthread_mutex_lock(&lock);
    while (count < wanted && pthread_create(&threads[count], NULL, wait_for, &lock) == 0) count++;
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
    free(threads);
    return count;
}

/* ---- how many should run ---- */

/* A mask for as many processors as the kernel has: cpu_set_t may be too small. */
static int count_processors(void) {
    int count = 0;
    for (size_t most = 1024; count == 0 && most <= 1 << 20; most *= 2) {
        cpu_set_t *mask = CPU_ALLOC(most);
        if (mask == NULL) break;
        if (sched_getaffinity(0, CPU_ALLOC_SIZE(most), mask) == 0) count = CPU_COUNT_S(CPU_ALLOC_SIZE(most), mask);
        CPU_FREE(mask);
    }
    if (count == 0) count = (int)sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count;
}

/* The first number of a list (OMP_NUM_THREADS has one for each level of nesting); 0: none. */
static int number_in_environment(const char *name) {
    const char *text = getenv(name);
    char *end;
    if (text == NULL) return 0;
    const long number = strtol(text, &end, 10);
    end += strspn(end, " \t");
    if (end == text || (*end != 0 && *end != ',') || number < 1) return 0;
    return number < MOST_THREADS ? (int)number : MOST_THREADS;
}

ThreadLimits find_thread_limits(const char *root) {
    ThreadLimits limits = {.processors = count_processors(),
                           .omp_num_threads = number_in_environment("OMP_NUM_THREADS"),
                           .omp_thread_limit = number_in_environment("OMP_THREAD_LIMIT")};
    limits.quota = cgroup_quota(root, &limits.quota_file);
    return limits;
}

void thread_limits_free(ThreadLimits *limits) {
    free(limits->quota_file);
    *limits = (ThreadLimits){0};
}

/* 0: no limit. */
static void keep_to(int limit, ThreadBound which, int *threads, ThreadBound *bound) {
    if (limit == 0 || limit >= *threads) return;
    *threads = limit;
    *bound = which;
}

int choose_threads(const ThreadLimits *limits, int64_t wanted, ThreadBound *bound) {
    int threads = MOST_THREADS;
    *bound = BOUND_PROCESSORS;
    if (wanted > 0) {
        threads = wanted < MOST_THREADS ? (int)wanted : MOST_THREADS;
        *bound = BOUND_OPTION;
    } else {
        keep_to(limits->processors, BOUND_PROCESSORS, &threads, bound);
        if (limits->quota > 0 && limits->quota < MOST_THREADS) keep_to((int)ceil(limits->quota), BOUND_QUOTA, &threads, bound);
        keep_to(limits->omp_num_threads, BOUND_OMP_NUM_THREADS, &threads, bound);
    }
    keep_to(limits->omp_thread_limit, BOUND_OMP_THREAD_LIMIT, &threads, bound);
    return threads;
}
