/* dataset.h: videos as clips of T frames, or single images, in the shape that a model sees.
 *
 * Opening a data set decodes every video once, from beginning to end, to count its frames. Decoded frames, resized to levels of 8 bits, are
 * kept while they fit in the cache. For a video that does not fit, only 16 bytes a frame are kept (timestamp and a hash of the levels),
 * and its clips are decoded from the file when they are needed. Both give the same values to the bit: a frame that is read again is
 * compared with its hash.
 *
 * An open data set does not change, so threads may share it. Each thread reads with its own ClipReader.
 */
#ifndef ZOETROPE_DATASET_H
#define ZOETROPE_DATASET_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/error.h"
#include "common/file_identity.h"
#include "data/video.h"

typedef struct DatasetOptions {
    int T; /* frames of a clip, ≥ 1; shorter videos are left out */
    int channels, height, width;
    bool images;        /* stills are single images, not frames, and idx files are read; T is 1 */
    size_t cache_bytes; /* 0: DATASET_CACHE_BYTES */
    FILE *warnings;     /* a line for each video left out; NULL: standard error */
    /* Called after every 256 frames that are read while opening, and after each video. Called with path NULL before a warning, which must
     * not be printed after progress on the same line. May be NULL. */
    void (*progress)(void *context, int64_t videos, int64_t frames, const char *path);
    void *progress_context;
    /* Opening ends with an error as soon as this is not 0; a signal handler may set it. May be NULL. */
    const volatile sig_atomic_t *stop;
} DatasetOptions;
#define DATASET_CACHE_BYTES ((size_t)1 << 30)

typedef struct DatasetVideo {
    VideoSource source;
    int64_t frames;           /* ≥ T; or so many single images */
    int64_t before;           /* frames of the videos before it */
    uint8_t *levels;          /* [frames, C, H, W] if the video is in the cache, or NULL and: */
    int64_t *timestamps;      /* [frames] */
    uint64_t *hashes;         /* [frames], of each frame's levels */
    bool ordered;             /* timestamps rise from frame to frame, so that they identify frames */
    char *name;               /* for messages: the path, or "the 3 still images of" a folder that also holds videos */
    bool dispensable;         /* stills beside videos, too few for a clip, that were not named */
    char *path, *folder;      /* source.path, source.folder … */
    char **names;             /* … and source.names point to these */
    FileIdentity *identities; /* [files]: the file, or one for each still; none for a drawn video */
    int64_t files;
} DatasetVideo;

/* What was found while opening. */
typedef struct DatasetCounts {
    int64_t files;      /* files, and sets of stills */
    int64_t unreadable; /* videos that cannot be decoded, warned about */
    int64_t brief;      /* videos of less than T frames, warned about */
    int64_t damaged;    /* videos that are used though they are partly damaged; warned about */
    int64_t gaps;       /* videos that are used though frames seem to be missing; warned about */
    int64_t turned;     /* videos that are turned because of their metadata */
    int64_t duplicates; /* further paths to the same videos */
    int64_t proxies;    /* small copies beside their originals, left out */
    int64_t hidden;     /* hidden names and leftovers of tools, skipped silently */
    int64_t labels;     /* idx files of labels, left alone */
    int64_t others;     /* files, pipes and the like that are not videos and do not look like it, skipped silently */
    int64_t unreadable_folders;
} DatasetCounts;

typedef struct Dataset {
    int T, channels, height, width;
    DatasetVideo *videos; /* [count], in order of path within each of the paths given */
    int64_t count;
    int64_t frames;     /* of all videos */
    int64_t images;     /* how many of them are single images, in … */
    int64_t image_sets; /* … so many of the videos: stills of a folder, or an idx file */
    int64_t cached;     /* videos that are in the cache */
    DatasetCounts counts;
    size_t memory;     /* see dataset_memory_bytes */
    char **incomplete; /* [incomplete_count]: names of what is left out or damaged, entirely or partly */
    int64_t incomplete_count;
} Dataset;

/* paths: files and folders. In a folder, every video in it and in its sub-folders counts, ordered bytewise by path; a folder's own still
 * images are one video, in natural order of names. docs/data.md says what is data. Unreadable videos and those shorter than T are left out
 * with a warning. NULL with an error if a path does not exist, if no video is left (the error says what was found), if opening was stopped,
 * or without memory. */
Dataset *dataset_open(const char *const *paths, int path_count, const DatasetOptions *options, Error *error);

/* Videos that the program draws itself: numbers first … first + videos − 1 of the endless sequence of `seed`, each with `frames`
 * frames. Sets whose numbers do not overlap have no video in common: train on 0 … 63, validate on DATASET_SYNTHETIC_VALIDATION …. */
Dataset *dataset_open_synthetic(uint64_t seed, uint64_t first, int64_t videos, int64_t frames, const DatasetOptions *options, Error *error);
#define DATASET_SYNTHETIC_VALIDATION (UINT64_C(1) << 32)

void dataset_close(Dataset *dataset);

/* One line: videos, frames, what was left out. DATASET_DESCRIPTION bytes are enough. */
enum { DATASET_DESCRIPTION = 640 };
void dataset_describe(const Dataset *dataset, char *text, size_t size);

/* Records that something is left out or damaged. */
void dataset_note_incomplete(Dataset *dataset, const char *name);
/* Records that a frame can no longer be read: an image is left out, or the rest of a video. */
void dataset_note_lost(Dataset *dataset, int64_t video, int64_t frame);

/* If something that was asked for is left out or damaged: false, with an error that names it. */
bool dataset_check_complete(const Dataset *dataset, Error *error);

/* What a second set has in common with a first one. */
typedef struct DatasetOverlap {
    int64_t items, both; /* videos and single images of the second: all, and those of which a file is also in the first */
    const char *noun;    /* of all of them: "image", "videos" … */
    const char *nouns;   /* of several */
    char *first;         /* the path of one of both; the caller frees it */
} DatasetOverlap;
DatasetOverlap dataset_overlap(const Dataset *one, const Dataset *two);

/* Bytes that the data set holds: the cache, the index of streamed videos, and names of files. At most cache_bytes + 16 bytes a frame of the
 * streamed videos + a little for each video. While opening, and in each ClipReader, one decoder is open on top of that, with the few
 * frames that it needs at their own size. */
size_t dataset_memory_bytes(const Dataset *dataset);

/* Frames start … start + T − 1 of a video. */
typedef struct Clip {
    int64_t video, start;
} Clip;

/* The clip at a place in the batch of a training iteration: a video drawn uniformly, then its start uniformly among all frames − T + 1. If
 * there are single images, one of all images and frames, drawn uniformly. It depends only on the arguments. */
Clip dataset_draw(const Dataset *dataset, uint64_t seed, int64_t iteration, int batch, int place);

/* The file that frame or image `frame` of a video is in; the caller frees the path. */
char *dataset_frame_path(const Dataset *dataset, int64_t video, int64_t frame);

/* A video split into consecutive clips without overlap: how many, and frames left over at its end. Clip k starts at frame k · T. */
int64_t dataset_clips(const Dataset *dataset, int64_t video);
int64_t dataset_left_over(const Dataset *dataset, int64_t video);

/* Reads frames. It keeps the last video open, so reading in order decodes each frame once. */
typedef struct ClipReader ClipReader;

/* NULL with an error when out of memory. */
ClipReader *clip_reader_open(const Dataset *dataset, Error *error);
void clip_reader_close(ClipReader *reader);

/* Frames start … start + count − 1 of a video, for any 0 ≤ start, start + count ≤ frames → pixels: [count, C, H, W] in [−1, 1]. False with
 * an error that names the file if it has changed since the data set was opened. */
bool clip_read(ClipReader *reader, int64_t video, int64_t start, int64_t count, float *pixels, Error *error);

/* Adds the remedy to such an error if it ends the work. Returns false. */
bool clip_give_up(Error *error);

#endif
