/* threads.h: how many threads can run, and how many should? */
#ifndef ZOETROPE_THREADS_H
#define ZOETROPE_THREADS_H

#include <stdint.h>

enum { MOST_THREADS = 1024 };

/* Starts up to `wanted` threads that do nothing, and ends them. Returns how many ran at the same time. If OpenMP cannot start a thread, it
 * ends the program in the middle of a step, so it is better to know before. */
int threads_that_start(int wanted);

typedef enum { BOUND_PROCESSORS, BOUND_QUOTA, BOUND_OMP_NUM_THREADS, BOUND_OMP_THREAD_LIMIT, BOUND_OPTION } ThreadBound;

typedef struct ThreadLimits { /* limits of the machine, of containers, and of the environment */
    int processors;           /* that this process may run on */
    double quota;             /* of processor time in a cgroup, in processors; 0: none */
    char *quota_file;         /* which sets the quota; NULL: none */
    int omp_num_threads;      /* 0: not set, or not a number */
    int omp_thread_limit;
} ThreadLimits;

/* `root` stands before /proc and the folders of cgroups: "", but in tests. */
ThreadLimits find_thread_limits(const char *root);
void thread_limits_free(ThreadLimits *limits);

/* How many threads to use: `wanted`, or if that is 0, as many as all limits allow. A fraction of a processor counts as one: a thread that
 * waits for processor time costs no more than idle time would. OpenMP enforces OMP_THREAD_LIMIT, so it limits `wanted` too. *bound: the
 * limit that decided. */
int choose_threads(const ThreadLimits *limits, int64_t wanted, ThreadBound *bound);

#endif
