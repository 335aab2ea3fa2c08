/* validation.c: how good the weights are on videos that are not trained on. */
#include "exact.h"

#include "training/validation.h"

#include "model/averages.h"
#include "model/outputs.h"
#include "model/quality.h"

typedef struct Validation {
    const ModelState *state;
    const float *batch; /* of clips that are evaluated together; its first clip */
    double loss, psnr;
    int64_t clips;
} Validation;

static bool add_clip(void *context, const EvaluatedClip *clip, Error *error) {
    (void)error;
    Validation *sum = context;
    const ModelDescription *model = sum->state->model;
    sum->loss += clip_loss(model, clip->x, clip->reconstruction);
    sum->psnr += clip_psnr(clip->x, clip->reconstruction, clip_elements(model));
    sum->clips++;
    return true;
}

/* All batches are in the same memory, so the first clip of all shows where they begin. */
static bool add_item(void *context, const EvaluatedClip *clip, Error *error) {
    (void)error;
    Validation *sum = context;
    if (sum->clips == 0) sum->batch = clip->x;
    const size_t item = (size_t)(clip->x - sum->batch) / clip_elements(sum->state->model);
    sum->loss += evaluated_score(sum->state, item);
    sum->psnr += evaluated_psnr(sum->state, sum->batch, item);
    sum->clips++;
    return true;
}

bool validate(ModelState *state, const Dataset *data, Metric *metric, Error *error) {
    Validation sum = {.state = state};
    const EvaluationVisitor visitor = {.visit = state->model->language > 1 ? add_item : add_clip, .context = &sum};
    Averaging averaging;
    if (!averaging_begin(&averaging, state, error)) return false;
    const bool good = evaluate_data(state, data, &visitor, error);
    averaging_end(&averaging, state);
    if (!good) return false;
    metric->validated = true;
    metric->validation_loss = sum.loss / (double)sum.clips;
    metric->validation_psnr = sum.psnr / (double)sum.clips;
    return true;
}
