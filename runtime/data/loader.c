/* loader.c: a ring of batches, filled by one thread and emptied by another. */
#include "exact.h"

#include "data/loader.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum { SLOTS = 4 /* three that are read ahead, and the one in use */ };

struct Loader {
    const Dataset *dataset;
    uint64_t seed;
    int64_t first;
    int batch;
    size_t clip_values; /* T · C · H · W */
    ClipReader *reader; /* the thread's */
    float *slots[SLOTS];
    pthread_t thread;
    pthread_mutex_t mutex; /* protects everything below */
    pthread_cond_t changed;
    int64_t filled; /* batches read so far */
    int64_t taken;  /* batches returned so far; the last is still in use */
    int64_t waits;
    bool stopping, failed;
    Error error; /* set if failed */
};

static bool loader_stopping(Loader *loader) {
    pthread_mutex_lock(&loader->mutex);
    bool stopping = loader->stopping;
    pthread_mutex_unlock(&loader->mutex);
    return stopping;
}

static bool fill(Loader *loader, int64_t iteration, float *pixels, Error *error) {
    for (int place = 0; place < loader->batch && !loader_stopping(loader); place++, pixels += loader->clip_values) {
        Clip clip = dataset_draw(loader->dataset, loader->seed, iteration, loader->batch, place);
        if (!clip_read(loader->reader, clip.video, clip.start, loader->dataset->T, pixels, error)) return clip_give_up(error);
    }
    return true;
}

static void *run(void *argument) {
    Loader *loader = argument;
    pthread_mutex_lock(&loader->mutex);
    while (!loader->stopping && !loader->failed) {
        /* Slots in use: filled ones that are not taken yet, and the last one taken. */
        if (loader->filled - loader->taken >= SLOTS - 1) {
            pthread_cond_wait(&loader->changed, &loader->mutex);
            continue;
        }
        int64_t number = loader->filled;
        pthread_mutex_unlock(&loader->mutex);
        Error error;
        bool good = fill(loader, loader->first + number, loader->slots[number % SLOTS], &error);
        pthread_mutex_lock(&loader->mutex);
        if (good) loader->filled++;
        else loader->failed = true, loader->error = error;
        pthread_cond_broadcast(&loader->changed);
    }
    pthread_mutex_unlock(&loader->mutex);
    return NULL;
}

static void loader_free(Loader *loader) {
    clip_reader_close(loader->reader);
    for (int i = 0; i < SLOTS; i++) free(loader->slots[i]);
    pthread_mutex_destroy(&loader->mutex);
    pthread_cond_destroy(&loader->changed);
    free(loader);
}

static size_t slot_bytes(const Dataset *dataset, int batch) {
    size_t values = (size_t)batch * (size_t)dataset->T * (size_t)dataset->channels * (size_t)dataset->height * (size_t)dataset->width;
    return (values * sizeof(float) + 63) / 64 * 64;
}

size_t loader_memory_bytes(const Dataset *dataset, int batch) {
    return SLOTS * slot_bytes(dataset, batch);
}

/* Signals are for the training thread. The loader's thread starts with all of them blocked. */
static bool start_thread(Loader *loader) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&loader->thread, NULL, run, loader);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code == 0;
}

Loader *loader_start(const Dataset *dataset, uint64_t seed, int64_t first_iteration, int batch, Error *error) {
    Loader *loader = calloc(1, sizeof *loader);
    if (!loader) {
        fail_memory(error, "batches");
        return NULL;
    }
    *loader = (Loader){.dataset = dataset, .seed = seed, .first = first_iteration, .batch = batch};
    loader->clip_values = (size_t)dataset->T * (size_t)dataset->channels * (size_t)dataset->height * (size_t)dataset->width;
    pthread_mutex_init(&loader->mutex, NULL);
    pthread_cond_init(&loader->changed, NULL);
    loader->reader = clip_reader_open(dataset, error);
    bool good = loader->reader != NULL;
    for (int i = 0; good && i < SLOTS; i++) {
        loader->slots[i] = aligned_alloc(64, slot_bytes(dataset, batch));
        good = loader->slots[i] || fail_memory(error, "batches");
    }
    if (good && (start_thread(loader) || fail(error, "cannot start the thread that reads videos: too many threads are running")))
        return loader;
    loader_free(loader);
    return NULL;
}

const float *loader_next(Loader *loader, Error *error) {
    pthread_mutex_lock(&loader->mutex);
    if (loader->filled == loader->taken && !loader->failed) loader->waits++;
    while (loader->filled == loader->taken && !loader->failed) pthread_cond_wait(&loader->changed, &loader->mutex);
    const float *pixels = NULL;
    if (loader->filled > loader->taken) pixels = loader->slots[loader->taken++ % SLOTS];
    else fail(error, "%s", loader->error.text);
    pthread_cond_broadcast(&loader->changed);
    pthread_mutex_unlock(&loader->mutex);
    return pixels;
}

int64_t loader_waits(const Loader *loader) {
    return loader->waits;
}

void loader_stop(Loader *loader) {
    if (!loader) return;
    pthread_mutex_lock(&loader->mutex);
    loader->stopping = true;
    pthread_cond_broadcast(&loader->changed);
    pthread_mutex_unlock(&loader->mutex);
    pthread_join(loader->thread, NULL);
    loader_free(loader);
}
