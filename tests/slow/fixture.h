/* fixture.h: the parity fixture as one block of floats, for machines without a library that reads safetensors. Everything is in the model's
 * file order: parameters, statistics, x, h0; then PyTorch's results: the losses of 10 steps, the reconstruction and the gradients of the
 * first, parameters and statistics after the last. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include "model.h"

enum { FIXTURE_STEPS = 10 };

typedef struct Fixture {
    float *parameters, *statistics, *x, *h0, *losses, *reconstruction, *gradients, *parameters_after, *statistics_after;
} Fixture;

typedef struct FixturePart {
    float **values;
    size_t count;
} FixturePart;

enum { FIXTURE_PARTS = 9 };

static inline size_t fixture_parts(Fixture *fixture, FixturePart part[FIXTURE_PARTS]) {
    const ModelDescription *model = &model_description;
    size_t frames = (size_t)(model->batch * model->T * model->channels * model->height) * (size_t)model->width;
    size_t parameters = (size_t)model->parameter_count, statistics = (size_t)model->statistic_count;
    const FixturePart parts[FIXTURE_PARTS] = {
        {&fixture->parameters, parameters},
        {&fixture->statistics, statistics},
        {&fixture->x, frames},
        {&fixture->h0, (size_t)(model->gru_layers * model->batch * model->hidden)},
        {&fixture->losses, FIXTURE_STEPS},
        {&fixture->reconstruction, frames},
        {&fixture->gradients, parameters},
        {&fixture->parameters_after, parameters},
        {&fixture->statistics_after, statistics},
    };
    size_t count = 0;
    for (int i = 0; i < FIXTURE_PARTS; i++) {
        part[i] = parts[i];
        count += parts[i].count;
    }
    return count;
}

#endif
