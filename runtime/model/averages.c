/* averages.c: the averages of the weights, and evaluation with them. */
#include "exact.h"

#include "model/averages.h"

#include <stdlib.h>
#include <string.h>

bool model_begin_averages(ModelState *state, Error *error) {
    const size_t count = (size_t)state->model->parameter_count;
    if (state->model->average == 0 || count == 0) return true;
    float *values = malloc(count * sizeof *values);
    if (values == NULL) return fail_memory(error, "the averages of the weights");
    state->target->save(state->workspace, MODEL_PARAMETERS, values);
    state->target->load(state->workspace, MODEL_AVERAGE, values);
    free(values);
    return true;
}

bool averaging_begin(Averaging *averaging, ModelState *state, Error *error) {
    const size_t count = (size_t)state->model->parameter_count;
    *averaging = (Averaging){NULL};
    if (state->model->average == 0 || count == 0) return true;
    float *averages = malloc(count * sizeof *averages);
    averaging->weights = malloc(count * sizeof *averages);
    const bool good = (averages != NULL && averaging->weights != NULL) || fail_memory(error, "the averages of the weights");
    if (good) {
        state->target->save(state->workspace, MODEL_PARAMETERS, averaging->weights);
        memcpy(averages, averaging->weights, count * sizeof *averages); /* what has no averages is left alone below */
        state->target->save(state->workspace, MODEL_AVERAGE, averages);
        state->target->load(state->workspace, MODEL_PARAMETERS, averages);
    } else {
        free(averaging->weights);
        averaging->weights = NULL;
    }
    free(averages);
    return good;
}

void averaging_end(Averaging *averaging, ModelState *state) {
    if (averaging->weights != NULL) state->target->load(state->workspace, MODEL_PARAMETERS, averaging->weights);
    free(averaging->weights);
    averaging->weights = NULL;
}
