/* dataset_index.h: what dataset.c, dataset_open.c and clip_reader.c share. */
#ifndef ZOETROPE_DATASET_INDEX_H
#define ZOETROPE_DATASET_INDEX_H

#include "data/dataset.h"
#include "data/resize.h"

/* By this a frame that is decoded again is known to be the same. */
uint64_t hash_levels(const uint8_t *levels, size_t count);

/* Frees what belongs to a video. */
void dataset_video_free(DatasetVideo *video);

/* ---- timestamps.c ---- */

/* Timestamps rise; where nearly all rise by the same, one that rises by more says that frames are missing. Says how many and where; leaves
 * the text as it is where there are none. */
void timestamps_find_gaps(const int64_t *timestamps, int64_t count, char *text, size_t size);

#endif
