/* showing.c: strips of a system in training. */
#include "exact.h"

#include "training/showing.h"

#include "common/file.h"
#include "model/averages.h"
#include "model/outputs.h"
#include "pictures/strip.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t kept_elements(const ShownKind *kind) {
    return (size_t)kind->strips * (size_t)kind->frames * (size_t)kind->channels * (size_t)kind->height * (size_t)kind->width;
}

/* A strip is a clip; of single images, several side by side. */
static bool add_kind(Showing *showing, const char *name, const ModelArgument *argument, Error *error) {
    ShownKind *kind = &showing->kind[showing->kinds];
    if (argument == NULL || argument->rank != 5 || argument->items != 0) return true;
    const int items = (int)argument->shape[0], frames = (int)argument->shape[1];
    const int images = frames > 1 ? 1 : items < SHOWN_IMAGES ? items : SHOWN_IMAGES, strips = items / images;
    *kind = (ShownKind){.name = name,
                        .strips = strips < SHOWN_STRIPS ? strips : SHOWN_STRIPS,
                        .frames = frames * images,
                        .channels = (int)argument->shape[2],
                        .height = (int)argument->shape[3],
                        .width = (int)argument->shape[4]};
    kind->values = malloc(kept_elements(kind) * sizeof(float));
    if (kind->values == NULL) return fail_memory(error, "strips");
    showing->kinds++;
    return true;
}

/* A target has the shape of its reconstruction. */
bool showing_open(Showing *showing, const ModelState *state, Error *error) {
    const ModelArgument *reconstruction = model_output(state, "output.reconstruction");
    *showing = (Showing){.kinds = 0};
    return add_kind(showing, "real", reconstruction, error) && add_kind(showing, "recon", reconstruction, error) &&
           add_kind(showing, "samples", model_output(state, "output.samples"), error);
}

void showing_close(Showing *showing) {
    for (int i = 0; i < showing->kinds; i++) free(showing->kind[i].values);
    *showing = (Showing){.kinds = 0};
}

static const float *values_of(const ModelState *state, const char *kind, const float *x) {
    if (strcmp(kind, "real") == 0) return evaluation_target(state, x);
    return model_buffer(state, strcmp(kind, "recon") == 0 ? "output.reconstruction" : "output.samples");
}

static double batch_psnr(const ModelState *state, const float *x) {
    const size_t batch = (size_t)state->model->batch;
    double sum = 0;
    for (size_t i = 0; i < batch; i++) sum += evaluated_psnr(state, x, i);
    return sum / (double)batch;
}

bool showing_take(Showing *showing, ModelState *state, const float *x, double *psnr, Error *error) {
    Averaging averaging;
    *psnr = NAN;
    if (showing->kinds == 0) return true;
    if (!averaging_begin(&averaging, state, error)) return false;
    model_evaluate(state, x, 0, state->model->batch);
    averaging_end(&averaging, state);
    for (int i = 0; i < showing->kinds; i++) {
        const ShownKind *kind = &showing->kind[i];
        memcpy(kind->values, values_of(state, kind->name, x), kept_elements(kind) * sizeof(float));
    }
    *psnr = batch_psnr(state, x);
    return true;
}

bool showing_write(const Showing *showing, const char *folder, int64_t iteration, Error *error) {
    bool good = true;
    for (int i = 0; good && i < showing->kinds * SHOWN_STRIPS; i++) {
        const ShownKind *kind = &showing->kind[i % showing->kinds];
        const int number = i / showing->kinds;
        if (number >= kind->strips) continue;
        char *path = path_join(folder, "%s_itr%" PRId64 "_no%d.png", kind->name, iteration, number);
        good = strip_write(path, kind->values + (size_t)number * (kept_elements(kind) / (size_t)kind->strips), kind->frames, kind->channels,
                           kind->height, kind->width, FILE_RENAMED, error);
        free(path);
    }
    return good;
}
