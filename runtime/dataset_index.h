/* dataset_index.h: what dataset.c and clip_reader.c share. */
#ifndef ZOETROPE_DATASET_INDEX_H
#define ZOETROPE_DATASET_INDEX_H

#include "resize.h"

/* By this a frame that is decoded again is known to be the same. */
uint64_t hash_levels(const uint8_t *levels, size_t count);

#endif
