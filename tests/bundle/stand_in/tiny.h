/* tiny.h: the interface of a bundle of specs/tiny.yaml without the network, for the examples: bright frames have no finite score. */
#ifndef TINY_H
#define TINY_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { TINY_CHANNELS = 1, TINY_HEIGHT = 48, TINY_WIDTH = 48, TINY_FRAME_SIZE = 48 * 48, TINY_STATE_SIZE = 1, TINY_WEIGHTS_SIZE = 64 };
enum { TINY_ALIGNMENT = 64, TINY_OK = 0, TINY_ERROR_NOT_FINITE };
#define TINY_WORKSPACE_SIZE(threads) (64 * (size_t)(threads))

typedef struct tiny_model {
    int threads;
} tiny_model;

static inline const char *tiny_error_text(int error) {
    return error ? "no finite number" : "ok";
}
static inline int tiny_model_open(tiny_model *model, const void *memory, size_t size, int threads) {
    model->threads = threads;
    return memory && size ? TINY_OK : TINY_ERROR_NOT_FINITE;
}
static inline int tiny_model_open_target(tiny_model *model, const void *memory, size_t size, int threads, const char *target) {
    return target ? TINY_ERROR_NOT_FINITE : tiny_model_open(model, memory, size, threads);
}
static inline int tiny_model_verify(const tiny_model *model) {
    return model->threads < 0;
}
static inline const char *tiny_model_target(const tiny_model *model) {
    return model->threads > 0 ? "none" : "";
}
static inline int tiny_selftest(const tiny_model *model, void *workspace, double *difference) {
    *difference = 0;
    return !model || !workspace;
}
static inline double tiny_selftest_tolerance(const tiny_model *model) {
    return model->threads;
}
static inline void tiny_reset(float *state, uint64_t seed) {
    state[0] = (float)seed;
}
static inline int tiny_step(const tiny_model *model, float *state, void *workspace, const float *in, float *out, double *score) {
    float most = -1;
    (void)model, (void)state, (void)workspace;
    memcpy(out, in, sizeof(float) * TINY_FRAME_SIZE);
    for (int i = 0; i < TINY_FRAME_SIZE; i++) most = in[i] > most ? in[i] : most;
    *score = most > 0.25F ? (double)NAN : 0.5;
    return most > 0.25F ? TINY_ERROR_NOT_FINITE : TINY_OK;
}
static inline int tiny_step_u8(const tiny_model *model, float *state, void *workspace, const uint8_t *in, uint8_t *out, double *score) {
    (void)model, (void)state, (void)workspace;
    memcpy(out, in, TINY_FRAME_SIZE);
    *score = in[0] > 200 ? (double)NAN : 0.5;
    return in[0] > 200 ? TINY_ERROR_NOT_FINITE : TINY_OK;
}

#endif
