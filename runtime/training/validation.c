/* validation.c: how good the weights are on videos that are not trained on. */
#include "exact.h"

#include "training/validation.h"

#include "model/quality.h"

#include <math.h>

typedef struct Validation {
    const ModelDescription *model;
    double loss, psnr;
    int64_t clips;
} Validation;

static bool add_clip(void *context, const EvaluatedClip *clip, Error *error) {
    (void)error;
    Validation *sum = context;
    const float *reconstruction = clip->reconstruction;
    if (sum->model->language == 1) sum->loss += clip_loss(sum->model, clip->x, reconstruction);
    else sum->loss += clip->scores > 0 ? mean_score(clip) : NAN;
    sum->psnr += reconstruction != NULL ? clip_psnr(clip->target, reconstruction, clip_shape_elements(clip->shape)) : NAN;
    sum->clips++;
    return true;
}

bool validate(ModelState *state, const Dataset *data, Metric *metric, Error *error) {
    Validation sum = {.model = state->model};
    const EvaluationVisitor visitor = {.visit = add_clip, .context = &sum};
    if (!evaluate_data(state, data, &visitor, error)) return false;
    metric->validated = true;
    metric->validation_loss = sum.loss / (double)sum.clips;
    metric->validation_psnr = sum.psnr / (double)sum.clips;
    return true;
}
