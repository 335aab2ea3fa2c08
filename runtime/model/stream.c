/* stream.c: a video frame by frame. A window is kept by runs of the recurrence side by side. With each frame, one run begins; the oldest
 * has seen exactly the last T frames. So a frame has the bits of the last one of a clip, whatever came before. */
#include "exact.h"

#include "model/stream.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of one run. */
static size_t layer_elements(const Stream *stream) {
    return (size_t)stream->model->model->hidden;
}

static size_t run_elements(const Stream *stream) {
    return layer_elements(stream) * (size_t)stream->model->model->gru_layers;
}

bool stream_open(Stream *stream, ModelState *model, Recurrence recurrence, Error *error) {
    const ModelDescription *description = model->model;
    *stream = (Stream){.model = model, .recurrence = recurrence, .runs = description->hidden > 0 ? description->T : 1};
    const size_t elements = run_elements(stream), runs = (size_t)stream->runs;
    stream->start = aligned_floats(elements + 1);
    stream->h = aligned_floats(runs * elements);
    stream->next = aligned_floats(runs * elements);
    stream->code = aligned_floats(runs * (size_t)description->code_size);
    if (stream->start == NULL || stream->h == NULL || stream->next == NULL || stream->code == NULL) {
        stream_close(stream);
        return fail_memory(error, "the state of a stream");
    }
    model_initial_state(model, stream->start);
    stream_begin(stream);
    return true;
}

void stream_close(Stream *stream) {
    free(stream->start);
    free(stream->h);
    free(stream->next);
    free(stream->code);
    *stream = (Stream){0};
}

static void begin_run(Stream *stream, int run) {
    const size_t hidden = layer_elements(stream);
    for (size_t layer = 0; layer < (size_t)stream->model->model->gru_layers; layer++)
        memcpy(stream->h + (layer * (size_t)stream->runs + (size_t)run) * hidden, stream->start + layer * hidden, hidden * sizeof(float));
}

/* A carried state is that of the first run; the others do the same. */
void stream_begin(Stream *stream) {
    stream->seen = 0;
    for (int run = 0; run < stream->runs; run++) begin_run(stream, run);
}

double stream_step(Stream *stream, const float *x, float *reconstruction) {
    const bool window = stream->recurrence == RECURRENCE_WINDOW;
    const int runs = stream->runs;
    const size_t values = (size_t)runs * run_elements(stream);
    int oldest = 0;
    if (window) {
        begin_run(stream, stream->seen % runs);
        oldest = stream->seen < runs ? 0 : (stream->seen + 1) % runs;
    }
    model_advance(stream->model, x, stream->h, stream->next, stream->code);
    const float *code = stream->code + (size_t)oldest * (size_t)stream->model->model->code_size;
    const double loss = model_decode(stream->model, x, code, reconstruction);
    if (!isfinite(loss) || !all_finite(stream->next, values)) {
        if (window) stream_begin(stream);
        return NAN;
    }
    memcpy(stream->h, stream->next, values * sizeof(float));
    if (++stream->seen == 2 * runs) stream->seen = runs;
    return loss;
}
