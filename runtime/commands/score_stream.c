/* score_stream.c: the frames of videos one by one, as from a camera. */
#include "exact.h"

#include "commands/score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Scoring {
    ScoreTable *table;
    Moments *moments;
    Stream stream;
    int T;
    size_t values;             /* of a frame */
    float *x, *reconstruction; /* [T, C, H, W], the current frame last; black before the first frame */
} Scoring;

static void score_frame(Scoring *run, int64_t video, int64_t frame) {
    const size_t last = run->values * (size_t)(run->T - 1);
    const double loss = stream_step(&run->stream, run->x + last, run->reconstruction + last);
    const double score = loss / 4; /* from pixels in [-1, 1] to [0, 1] */
    score_table_add(run->table, video, frame, score);
    if (isfinite((float)score)) moments_note(run->moments, &(Moment){video, frame, frame, score, {run->x, run->reconstruction}});
}

/* If the video has changed since it was opened, the frames before keep their scores, and all other images. */
static void score_video(Scoring *run, ClipReader *reader, int64_t video) {
    const size_t last = run->values * (size_t)(run->T - 1);
    Error reason;
    stream_begin(&run->stream);
    for (size_t i = 0; i < last + run->values; i++) run->x[i] = run->reconstruction[i] = -1;
    for (int64_t frame = 0; frame < run->table->data->videos[video].frames; frame++) {
        memmove(run->x, run->x + run->values, last * sizeof(float));
        memmove(run->reconstruction, run->reconstruction + run->values, last * sizeof(float));
        if (!clip_read(reader, video, frame, 1, run->x + last, &reason)) {
            score_table_leave_out(run->table, video, frame, &reason);
            if (!run->table->data->videos[video].source.images) break;
            continue;
        }
        score_frame(run, video, frame);
    }
    score_table_sum_up(run->table, video);
}

bool score_stream(ScoreTable *table, ModelState *model, Recurrence recurrence, Moments *moments, Error *error) {
    const ModelDescription *description = model->model;
    const size_t clip = clip_elements(description);
    Scoring run = {.table = table, .moments = moments, .T = description->T, .values = clip / (size_t)description->T};
    if (!moments_open(moments, run.T, data_shape(description), data_shape(description), error)) return false;
    run.x = aligned_floats(clip);
    run.reconstruction = aligned_floats(clip);
    bool good = (run.x != NULL && run.reconstruction != NULL) || fail_memory(error, "frames");
    good = good && stream_open(&run.stream, model, recurrence, error);
    ClipReader *reader = good ? clip_reader_open(table->data, error) : NULL;
    good = reader != NULL;
    if (good) score_table_print_head(table);
    for (int64_t video = 0; good && video < table->data->count; video++) score_video(&run, reader, video);
    clip_reader_close(reader);
    stream_close(&run.stream);
    free(run.x);
    free(run.reconstruction);
    return good;
}
