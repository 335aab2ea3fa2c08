/* data_folder.h: a temporary folder of videos and pictures, and its data set, for the tests of data. */
#ifndef ZOETROPE_DATA_FOLDER_H
#define ZOETROPE_DATA_FOLDER_H

#include "data/dataset.h"
#include "sample_video.h"

/* A fixture. */
void make_folder(void);
void remove_folder(void);

extern char *folder;               /* of the test that runs */
extern char *warnings;             /* the warnings of dataset_open */
extern const DatasetOptions small; /* T = 4, grey, 12 × 16 */

/* The path of a name in the folder, valid until the next call. */
const char *inside(const char *name);
void make_folder_inside(const char *name);
void write_text(const char *name, const char *text);
/* 24 × 32 pixels, unless the sample says otherwise. */
void write_video(const char *name, SampleVideo sample);

/* Opens a path (NULL: the test's folder). */
Dataset *try_open(const char *path, DatasetOptions options, Error *error);
Dataset *try_open_paths(const char *const *paths, int count, DatasetOptions options, Error *error);
/* The test's folder, which must contain videos. */
Dataset *opened(DatasetOptions options);

void expect_warning(const char *text);

/* Checks that the test's folder, which was last opened with `small`, gives the same pixels and warnings without a cache. Closes the data
 * set. */
void expect_the_same_streamed(Dataset *dataset);

#endif
