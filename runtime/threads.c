/* threads.c: how many threads can there be? */
#include "threads.h"

#include "file.h"

#include <pthread.h>
#include <stdlib.h>

/* Lives until the lock, which the starter holds, is free. */
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
