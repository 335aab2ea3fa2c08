/* model_search.c: learning a noise for each item of a batch, by the gradient of its score. */
#include "exact.h"

#include "model/model_search.h"

#include <math.h>
#include <string.h>

typedef struct Search {
    const ModelSearch *model;
    size_t items, elements;           /* of an item */
    float *noise, *moment1, *moment2; /* [items, elements] */
    const float *gradient;
    float coefficients[MODEL_COEFFICIENTS];
} Search;

/* As torch.nn.utils.clip_grad_norm_ of one item's gradient. */
static float clip_factor(const Search *search, const float *gradient) {
    if (search->model->clip_norm == 0) return 1;
    double sum = 0;
    for (size_t i = 0; i < search->elements; i++) sum += (double)gradient[i] * (double)gradient[i];
    const double factor = search->model->clip_norm / (sqrt(sum) + 1e-6);
    return factor < 1 ? (float)factor : 1;
}

static float adam_step(const Search *search, size_t i, float gradient) {
    const ModelGroup *group = &search->model->optimizer;
    search->moment1[i] += (float)(1 - group->beta1) * (gradient - search->moment1[i]);
    search->moment2[i] = (float)group->beta2 * search->moment2[i] + (float)(1 - group->beta2) * gradient * gradient;
    const float deviation = sqrtf(search->moment2[i]) / search->coefficients[1] + (float)group->epsilon;
    return search->coefficients[0] * (search->moment1[i] / deviation);
}

static float sgd_step(const Search *search, size_t i, float gradient) {
    const ModelGroup *group = &search->model->optimizer;
    if (group->momentum == 0) return search->coefficients[0] * gradient;
    search->moment1[i] = (float)group->momentum * search->moment1[i] + gradient;
    return search->coefficients[0] *
           (search->model->nesterov ? gradient + (float)group->momentum * search->moment1[i] : search->moment1[i]);
}

static float rmsprop_step(const Search *search, size_t i, float gradient) {
    const ModelGroup *group = &search->model->optimizer;
    const float alpha = (float)search->model->alpha;
    search->moment1[i] = alpha * search->moment1[i] + (1 - alpha) * gradient * gradient;
    const float step = gradient / (sqrtf(search->moment1[i]) + (float)group->epsilon);
    if (group->momentum == 0) return search->coefficients[0] * step;
    search->moment2[i] = (float)group->momentum * search->moment2[i] + step;
    return search->coefficients[0] * search->moment2[i];
}

/* One update of one item, as torch.optim does it. */
static void update_item(const Search *search, size_t item) {
    const ModelGroup *group = &search->model->optimizer;
    const float factor = clip_factor(search, search->gradient + item * search->elements), decay = (float)group->weight_decay;
    const bool adamw = strcmp(group->optimizer, "adamw") == 0, adam = adamw || strcmp(group->optimizer, "adam") == 0,
               sgd = strcmp(group->optimizer, "sgd") == 0;
    for (size_t i = item * search->elements; i < (item + 1) * search->elements; i++) {
        float gradient = factor * search->gradient[i];
        if (adamw) search->noise[i] *= 1 - search->coefficients[2] * decay;
        else gradient += decay * search->noise[i];
        search->noise[i] -= adam ? adam_step(search, i, gradient) : sgd ? sgd_step(search, i, gradient) : rmsprop_step(search, i, gradient);
    }
}

void model_search(ModelState *state, const float *x) {
    const ModelSearch *model = state->model->search;
    const ModelProgram *program = &state->model->programs[model->program];
    const ModelArgument *gradient = &program->output[0];
    Search search = {.model = model,
                     .items = (size_t)gradient->shape[0],
                     .elements = item_elements(gradient),
                     .noise = model_buffer(state, model->noise),
                     .gradient = model_buffer(state, gradient->name),
                     .moment1 = state->search_moments,
                     .moment2 = state->search_moments + gradient->count};
    memset(state->search_moments, 0, 2 * (size_t)gradient->count * sizeof(float));
    for (int64_t update = 0; update < model->steps; update++) {
        model_run(state, model->program, x);
        update_coefficients(&model->optimizer, update + 1, update, search.coefficients);
        for (size_t item = 0; item < search.items; item++) update_item(&search, item);
    }
}
