/* bits.c: bits WEIGHTS prints, for each available target, a hash of the results of a stream and a clip, or the error of opening the model.
 *
 * Compiled with -DBUNDLE=tiny -DUPPER=TINY -DBUNDLE_HEADER='"tiny.h"', and the bundle's files. */
#include BUNDLE_HEADER

#include <stdio.h>
#include <stdlib.h>

#define JOIN_AGAIN(a, b) a##_##b
#define JOIN(a, b) JOIN_AGAIN(a, b)
#define CALL(name) JOIN(BUNDLE, name)
#define SIZE(name) JOIN(UPPER, name)

enum { T = SIZE(T), FRAME = SIZE(FRAME_SIZE), CLIP = SIZE(CLIP_SIZE), STATE = SIZE(STATE_SIZE) };
static const char *const targets[] = {"avx512_bf16", "bf16_emulated", "avx512", "avx2", "neon", "wasm128", "generic"};
static _Alignas(64) unsigned char weights[SIZE(WEIGHTS_SIZE)];
static uint8_t levels[CLIP], levels_out[CLIP];
static float x[CLIP], y[CLIP], frame[FRAME], state[STATE];

static uint64_t hash_of(uint64_t hash, const void *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) hash = (hash ^ ((const unsigned char *)bytes)[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t run(const CALL(model) * model, void *workspace) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    double score;
    CALL(reset)(state, 7);
    for (int t = 0; t < T; t++) {
        CALL(step)(model, state, workspace, x + t * FRAME, frame, &score);
        hash = hash_of(hash_of(hash, frame, sizeof frame), &score, sizeof score);
    }
    hash = hash_of(hash, state, sizeof state);
    CALL(reconstruct)(model, workspace, x, NULL, y);
    CALL(reconstruct_u8)(model, workspace, levels, NULL, levels_out);
    return hash_of(hash_of(hash, y, sizeof y), levels_out, sizeof levels_out);
}

int main(int count, char **arguments) {
    FILE *file = count == 2 ? fopen(arguments[1], "rb") : NULL;
    if (!file || fread(weights, 1, sizeof weights, file) != sizeof weights) return 2;
    void *workspace = malloc(SIZE(WORKSPACE_SIZE)(1));
    if (!workspace) return 2;
    uint32_t random = 1;
    for (int i = 0; i < CLIP; i++) {
        random = random * 1664525u + 1013904223u;
        levels[i] = (uint8_t)(random >> 24);
        x[i] = (float)((int32_t)(random >> 8) - (1 << 23)) / (float)(1 << 23);
    }
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        CALL(model) model;
        const int error = CALL(model_open_target)(&model, weights, sizeof weights, 1, targets[i]);
        if (error == SIZE(ERROR_TARGET) || error == SIZE(ERROR_CPU)) continue;
        if (error) printf("%s: %s\n", targets[i], CALL(error_text)(error));
        else printf("%s: %016llx\n", targets[i], (unsigned long long)run(&model, workspace));
    }
    return 0;
}
