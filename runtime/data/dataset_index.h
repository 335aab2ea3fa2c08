/* dataset_index.h: shared by dataset.c, dataset_open.c and clip_reader.c. */
#ifndef ZOETROPE_DATASET_INDEX_H
#define ZOETROPE_DATASET_INDEX_H

#include "data/dataset.h"
#include "data/resize.h"

/* Shows that a frame that is decoded again is the same. */
uint64_t hash_levels(const uint8_t *levels, size_t count);

/* Frees what belongs to a video. */
void dataset_video_free(DatasetVideo *video);

/* ---- timestamps.c ---- */

/* If nearly all timestamps rise by the same interval, one that rises by more means that frames are missing. Writes how many and where; does
 * not change the text if none are missing. */
void timestamps_find_gaps(const int64_t *timestamps, int64_t count, char *text, size_t size);

#endif
