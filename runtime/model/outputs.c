/* outputs.c: what the evaluation of a system says about each item of its batch. */
#include "exact.h"

#include "model/outputs.h"

#include "model/quality.h"

#include <math.h>

static const char reconstruction_name[] = "output.reconstruction", target_name[] = "output.target", score_name[] = "score";

bool has_reconstruction(const ModelState *state) {
    return model_output(state, reconstruction_name) != NULL;
}

bool has_score(const ModelState *state) {
    return model_output(state, score_name) != NULL;
}

const float *evaluation_target(const ModelState *state, const float *x) {
    return model_output(state, target_name) != NULL ? model_buffer(state, target_name) : x;
}

double evaluated_psnr(const ModelState *state, const float *x, size_t item) {
    const ModelArgument *argument = model_output(state, reconstruction_name);
    if (argument == NULL) return NAN;
    const size_t elements = item_elements(argument);
    return clip_psnr(evaluation_target(state, x) + item * elements, model_buffer(state, reconstruction_name) + item * elements, elements);
}

double evaluated_score(const ModelState *state, size_t item) {
    const ModelArgument *argument = model_output(state, score_name);
    if (argument == NULL) return NAN;
    const size_t elements = item_elements(argument);
    const float *score = model_buffer(state, score_name) + item * elements;
    double sum = 0;
    for (size_t i = 0; i < elements; i++) sum += (double)score[i];
    return sum / (double)elements;
}
