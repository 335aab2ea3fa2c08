/* score.h: scores of frames, clips or images: their table, their plot and their worst moments; and the two ways to get them. */
#ifndef ZOETROPE_SCORE_H
#define ZOETROPE_SCORE_H

#include "common/error.h"
#include "model/evaluate.h"
#include "model/stream.h"

#include <stddef.h>
#include <stdint.h>

/* What has a score. */
typedef enum ScoreKind { SCORES_OF_FRAMES, SCORES_OF_CLIPS, SCORES_OF_IMAGES } ScoreKind;
const char *score_noun(ScoreKind kind, int64_t count); /* frame, frames … */

typedef struct VideoScores {
    int64_t first;  /* of scores of frames: the frame that the first one belongs to */
    int64_t scores; /* how many, with … */
    int64_t none;   /* … so many images that could not be read */
    float *score;   /* [scores]; NAN: not finite; INFINITY: none */
} VideoScores;

typedef struct ScoreTable {
    Dataset *data;
    ScoreKind kind;
    VideoScores *videos;                          /* [data->count] */
    int64_t not_finite, first_video, first_score; /* scores that are not finite: how many, and the place of the first */
} ScoreTable;

/* ---- score_table.c ---- */

/* With room for scores of all frames; there are none yet. */
bool score_table_open(ScoreTable *table, Dataset *data, ScoreKind kind, Error *error);
void score_table_close(ScoreTable *table);

/* Score number `number` of a video. Those between it and the last one have none. */
void score_table_add(ScoreTable *table, int64_t video, int64_t number, double score);

void score_table_print_head(const ScoreTable *table);
/* A frame cannot be read: an image has no score, or the rest of a video. */
void score_table_leave_out(ScoreTable *table, int64_t video, int64_t frame, const Error *reason);

/* The video has all of its scores: prints its line. Scores that are not finite are reported. */
void score_table_sum_up(ScoreTable *table, int64_t video);

/* scores.csv. One row for each score: of a frame `video,frame,score`; of a clip `video,first_frame,last_frame,score`; of an image
 * `image,frame,score`, where an idx file or a video has several. */
bool score_table_write(const ScoreTable *table, const char *path, Error *error);

/* The error about scores that are not finite, and about results that are missing; NaN is not larger than any threshold, so a reader of
 * scores alone would miss it. */
bool score_table_check(const ScoreTable *table, const char *path, Error *error);

/* ---- score_moments.c ---- */

enum { MOMENTS = 8 };

typedef struct Moment { /* a clip with a bad frame */
    int64_t video, place, frame;
    double score;
    float *pictures[2];
} Moment;

typedef struct Moments {
    int64_t reach;          /* of two whose places are nearer than this, the worse is kept */
    ClipShape shape[2];     /* of what was there, and of its reconstruction; no frames: it is not kept */
    Moment moment[MOMENTS]; /* worst first */
    int count;
} Moments;

bool moments_open(Moments *moments, int64_t reach, ClipShape real, ClipShape reconstruction, Error *error);
void moments_close(Moments *moments);
/* Keeps a moment if it is one of the worst. Those of a video come in the order of their places. */
void moments_note(Moments *moments, const Moment *moment);
/* Prints them, and writes real_worst<K>_….png and recon_worst<K>_….png. */
bool moments_write(const Moments *moments, const Dataset *data, const char *folder, Error *error);

/* ---- score_plot.c ---- */

/* scores.svg: the scores of all videos, one after another; logarithmic unless some are negative. */
bool score_plot_write(const char *path, const char *title, const ScoreTable *table, Error *error);

/* ---- the ways ---- */

/* score_stream.c: frame by frame, as from a camera; version 1. */
bool score_stream(ScoreTable *table, ModelState *model, Recurrence recurrence, Moments *moments, Error *error);
/* score_clips.c: clip by clip, with the score of the spec. */
bool score_clips(ScoreTable *table, ModelState *model, Moments *moments, Error *error);
/* What it will score; an error if the model has no score. */
bool score_clips_kind(const ModelDescription *model, ScoreKind *kind, Error *error);

#endif
