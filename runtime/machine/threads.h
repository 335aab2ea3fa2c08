/* threads.h: how many threads can there be, and how many should there be? */
#ifndef ZOETROPE_THREADS_H
#define ZOETROPE_THREADS_H

#include <stdint.h>

enum { MOST_THREADS = 1024 };

/* Starts up to `wanted` threads that do nothing, and ends them. Returns how many there were at a time. OpenMP ends the program where it
 * cannot start one, in the middle of a step; so it is better known before. */
int threads_that_start(int wanted);

typedef enum { BOUND_PROCESSORS, BOUND_QUOTA, BOUND_OMP_NUM_THREADS, BOUND_OMP_THREAD_LIMIT, BOUND_OPTION } ThreadBound;

typedef struct ThreadLimits { /* what is found of the machine, of a container, and in the environment */
    int processors;           /* that this process may run on */
    double quota;             /* of processor time in a cgroup, in processors; 0: none */
    char *quota_file;         /* which says so; NULL: none */
    int omp_num_threads;      /* 0: not set, or no number */
    int omp_thread_limit;
} ThreadLimits;

/* `root` stands before /proc and the folders of cgroups: "", but in tests. */
ThreadLimits find_thread_limits(const char *root);
void thread_limits_free(ThreadLimits *limits);

/* How many threads to use: `wanted`, or, where that is 0, as many as all of the limits allow. A fraction of a processor counts as one,
 * since threads that wait for time do no harm that idle time would not do. OpenMP itself keeps to OMP_THREAD_LIMIT, so `wanted` does too.
 * *bound: what decided. */
int choose_threads(const ThreadLimits *limits, int64_t wanted, ThreadBound *bound);

#endif
