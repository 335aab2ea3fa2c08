/* showing.c: strips of training. */
#include "exact.h"

#include "training/showing.h"

#include "common/file.h"
#include "model/averages.h"
#include "model/evaluate.h"
#include "model/quality.h"
#include "pictures/strip.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Room for the strips of one kind. */
static bool add_strips(Showing *showing, const char *name, const char *source, int strips, ClipShape shape, Error *error) {
    ShownKind *kind = &showing->kind[showing->kinds];
    *kind = (ShownKind){.name = name, .strips = strips, .shape = shape, .source = source};
    kind->values = malloc((size_t)strips * clip_shape_elements(shape) * sizeof(float));
    if (kind->values == NULL) return fail_memory(error, "strips");
    showing->kinds++;
    return true;
}

/* A strip is a clip; of single images, several side by side. What is no picture is not shown. */
static bool add_kind(Showing *showing, const char *name, const ModelArgument *argument, Error *error) {
    if (argument == NULL || !is_picture(output_shape(argument))) return true;
    ClipShape shape = output_shape(argument);
    const int items = (int)argument->shape[0], images = shape.frames > 1 ? 1 : items < SHOWN_IMAGES ? items : SHOWN_IMAGES;
    const int strips = items / images < SHOWN_STRIPS ? items / images : SHOWN_STRIPS;
    shape.frames *= images;
    return add_strips(showing, name, argument->name, strips, shape, error);
}

/* Of version 1, a strip is always a clip. */
static bool add_network(Showing *showing, const ModelDescription *model, Error *error) {
    const int strips = model->batch < SHOWN_STRIPS ? model->batch : SHOWN_STRIPS;
    return add_strips(showing, "real", NULL, strips, data_shape(model), error) &&
           add_strips(showing, "recon", "reconstruction", strips, data_shape(model), error);
}

bool showing_open(Showing *showing, const ModelDescription *model, Error *error) {
    *showing = (Showing){.kinds = 0};
    if (model->language == 1) return add_network(showing, model, error);
    if (model->search == NULL) showing->reconstruction = find_output(model, "reconstruction");
    showing->target = find_output(model, "target");
    /* A target has the shape of its reconstruction. */
    if (!add_kind(showing, "real", showing->reconstruction, error)) return false;
    if (showing->kinds > 0) showing->kind[0].source = showing->target != NULL ? showing->target->name : NULL;
    return add_kind(showing, "recon", showing->reconstruction, error) && add_kind(showing, "samples", find_output(model, "samples"), error);
}

void showing_close(Showing *showing) {
    for (int i = 0; i < showing->kinds; i++) free(showing->kind[i].values);
    *showing = (Showing){.kinds = 0};
}

static const float *values_of(const ModelState *state, const char *buffer, const float *x) {
    return buffer != NULL ? model_buffer(state, buffer) : x;
}

static double batch_psnr(const Showing *showing, const ModelState *state, const float *x) {
    if (showing->reconstruction == NULL) return NAN;
    const float *target = values_of(state, showing->target != NULL ? showing->target->name : NULL, x);
    const float *reconstruction = model_buffer(state, showing->reconstruction->name);
    return mean_psnr(target, reconstruction, state->model->batch, item_elements(showing->reconstruction));
}

static void keep(Showing *showing, const ModelState *state, const float *x) {
    for (int i = 0; i < showing->kinds; i++) {
        const ShownKind *kind = &showing->kind[i];
        memcpy(kind->values, values_of(state, kind->source, x), (size_t)kind->strips * clip_shape_elements(kind->shape) * sizeof(float));
    }
}

bool showing_take(Showing *showing, ModelState *state, const float *x, double *psnr, Error *error) {
    Averaging averaging;
    if (state->model->language == 1) {
        keep(showing, state, x);
        return true;
    }
    *psnr = NAN;
    if (showing->kinds == 0 && showing->reconstruction == NULL) return true;
    if (!averaging_begin(&averaging, state, error)) return false;
    model_sample(state, x);
    averaging_end(&averaging, state);
    keep(showing, state, x);
    *psnr = batch_psnr(showing, state, x);
    return true;
}

bool showing_write(const Showing *showing, const char *folder, int64_t iteration, Error *error) {
    bool good = true;
    for (int i = 0; good && i < showing->kinds * SHOWN_STRIPS; i++) {
        const ShownKind *kind = &showing->kind[i % showing->kinds];
        const int number = i / showing->kinds;
        if (number >= kind->strips) continue;
        char *path = path_join(folder, "%s_itr%" PRId64 "_no%d.png", kind->name, iteration, number);
        const ClipShape *shape = &kind->shape;
        good = strip_write(path, kind->values + (size_t)number * clip_shape_elements(*shape), shape->frames, shape->channels, shape->height,
                           shape->width, FILE_RENAMED, error);
        free(path);
    }
    return good;
}
