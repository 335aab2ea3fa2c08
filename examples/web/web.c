/* web.c: the bundle as a WebAssembly module. All memory is static; the page writes the weights and each frame where the addresses say. */
#include "tiny.h"

#include <string.h>

/* ---- libc ---- */

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    unsigned char *t = to;
    const unsigned char *f = from;
    for (size_t i = 0; i < size; i++) t[i] = f[i];
    return to;
}

void *memset(void *to, int value, size_t size) {
    unsigned char *t = to;
    for (size_t i = 0; i < size; i++) t[i] = (unsigned char)value;
    return to;
}

int memcmp(const void *a, const void *b, size_t size) {
    const unsigned char *p = a, *q = b;
    for (size_t i = 0; i < size; i++)
        if (p[i] != q[i]) return p[i] < q[i] ? -1 : 1;
    return 0;
}

int strcmp(const char *a, const char *b) {
    while (*a && *a == *b) a++, b++;
    return (unsigned char)*a - (unsigned char)*b;
}

/* ---- the network ---- */

static _Alignas(TINY_ALIGNMENT) unsigned char weights[TINY_WEIGHTS_SIZE];
static char workspace[TINY_WORKSPACE_SIZE(1)];
static float state[TINY_STATE_SIZE];
static uint8_t frame[TINY_FRAME_SIZE], reconstruction[TINY_FRAME_SIZE];
static tiny_model model;

#define EXPORT(name) __attribute__((export_name(name)))

EXPORT("weights_address") unsigned char *weights_address(void) {
    return weights;
}
EXPORT("weights_size") int weights_size(void) {
    return TINY_WEIGHTS_SIZE;
}
EXPORT("frame_address") uint8_t *frame_address(void) {
    return frame;
}
EXPORT("reconstruction_address") uint8_t *reconstruction_address(void) {
    return reconstruction;
}
EXPORT("height") int height(void) {
    return TINY_HEIGHT;
}
EXPORT("width") int width(void) {
    return TINY_WIDTH;
}

/* 0, or the address of an error text. */
EXPORT("start") const char *start(void) {
    const int error = tiny_model_open(&model, weights, sizeof weights, 1);
    tiny_reset(state, 0);
    return error ? tiny_error_text(error) : 0;
}

EXPORT("reset") void reset(void) {
    tiny_reset(state, 0);
}

/* The largest difference of a pixel in the self-test, or −1 if it fails. */
EXPORT("selftest") double selftest(void) {
    double difference;
    return tiny_selftest(&model, workspace, &difference) ? -1 : difference;
}

/* Reconstructs the frame at frame_address(); returns its score, or −1 if that is not finite. */
EXPORT("step") double step(void) {
    double score;
    return tiny_step_u8(&model, state, workspace, frame, reconstruction, &score) ? -1 : score;
}
