/* evaluate.c: runs the model on every clip of a data set, in batches, with running statistics. */
#include "exact.h"

#include "model/evaluate.h"

#include <stdlib.h>

typedef struct Batch { /* clips that are gathered until there are B of them */
    float *x;          /* [B, T, C, H, W]; zero after the last clip */
    EvaluatedClip *clip;
    int clips;
} Batch;

static bool run_batch(ModelState *state, Batch *batch, const EvaluationVisitor *visitor, Error *error) {
    size_t elements = clip_elements(state->model);
    if (batch->clips == 0) return true;
    for (size_t i = (size_t)batch->clips * elements; i < batch_elements(state->model); i++) batch->x[i] = 0;
    model_evaluate(state, batch->x, batch->clip[0].number, batch->clips);
    for (int i = 0; i < batch->clips; i++) {
        batch->clip[i].x = batch->x + (size_t)i * elements;
        batch->clip[i].reconstruction = state->reconstruction + (size_t)i * elements;
        if (!visitor->visit(visitor->context, &batch->clip[i], error)) return false;
    }
    batch->clips = 0;
    return true;
}

/* The video ends here. Its clips so far are evaluated now, so that the clips of the next video keep their numbers, and so their initial
 * states. */
static bool leave_out(ModelState *state, Batch *batch, int64_t video, const EvaluationVisitor *visitor, Error *error) {
    visitor->leave_out(visitor->context, video, error);
    return run_batch(state, batch, visitor, error);
}

/* *number: of the video's first clip; afterwards of the next video's. */
static bool run_video(ModelState *state, Batch *batch, ClipReader *reader, int64_t video, int64_t clips, int64_t *number,
                      const EvaluationVisitor *visitor, Error *error) {
    const ModelDescription *model = state->model;
    const size_t elements = clip_elements(model);
    const int64_t first = *number;
    *number += clips;
    for (int64_t clip = 0; clip < clips; clip++) {
        if (!clip_read(reader, video, clip * model->T, model->T, batch->x + (size_t)batch->clips * elements, error))
            return visitor->leave_out != NULL ? leave_out(state, batch, video, visitor, error) : clip_give_up(error);
        batch->clip[batch->clips++] = (EvaluatedClip){.number = first + clip, .video = video, .clip = clip};
        if (batch->clips == model->batch && !run_batch(state, batch, visitor, error)) return false;
    }
    return true;
}

bool evaluate_data(ModelState *state, const Dataset *data, const EvaluationVisitor *visitor, Error *error) {
    const ModelDescription *model = state->model;
    ClipReader *reader = clip_reader_open(data, error);
    if (reader == NULL) return false;
    Batch batch = {.x = aligned_floats(batch_elements(model)), .clip = calloc((size_t)model->batch, sizeof *batch.clip)};
    bool good = (batch.x != NULL && batch.clip != NULL) || fail_memory(error, "a batch of clips");
    int64_t number = 0;
    for (int64_t video = 0; good && video < data->count; video++)
        good = run_video(state, &batch, reader, video, dataset_clips(data, video), &number, visitor, error);
    good = good && run_batch(state, &batch, visitor, error);
    clip_reader_close(reader);
    free(batch.x);
    free(batch.clip);
    return good;
}
