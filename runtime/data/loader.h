/* loader.h: a thread that reads training batches ahead. */
#ifndef ZOETROPE_LOADER_H
#define ZOETROPE_LOADER_H

#include <stdint.h>

#include "common/error.h"
#include "data/dataset.h"

typedef struct Loader Loader;

/* Starts to read the batches of iterations first_iteration, first_iteration + 1, … that dataset_draw draws. The data set must outlive the
 * loader. NULL with an error without memory or threads. */
Loader *loader_start(const Dataset *dataset, uint64_t seed, int64_t first_iteration, int batch, Error *error);

/* The next iteration's batch: [B, T, C, H, W] in [−1, 1], aligned to 64 bytes, valid until the next call. Waits until it is ready. NULL
 * with an error if a video can no longer be read; every further call then also returns NULL. */
const float *loader_next(Loader *loader, Error *error);

/* How often loader_next had to wait. */
int64_t loader_waits(const Loader *loader);

/* Ends the thread, at the latest after its current clip. May be NULL. */
void loader_stop(Loader *loader);

/* Bytes of the batches that a loader holds. */
size_t loader_memory_bytes(const Dataset *dataset, int batch);

#endif
