/* golden.c: an input of a bundle and the results that it must have. */
#include "bundle/golden.h"

#include "bundle/inference_kind.h"

#include <math.h>

/* Uniform in [0, 1); a function of the place alone. */
double golden_uniform(uint64_t place) {
    const uint64_t hash = hash_bytes(hash_bytes(HASH_START, &place, sizeof place), &place, sizeof place);
    return (double)((hash ^ hash >> 29) >> 11 & 0xfffffffffffffULL) / 0x1p52;
}

/* Smooth waves with a little noise: pixels in [−1, 1], like a video's. */
float golden_pixel(long frame, long c, long h, long w) {
    const double wave = sin(0.31 * (double)h + 0.7 * (double)frame + (double)c) * cos(0.23 * (double)w - 0.4 * (double)frame);
    const double noise = golden_uniform((uint64_t)(((frame * 4 + c) * 4096 + h) * 4096 + w)) - 0.5;
    return (float)(0.7 * wave + 0.4 * noise);
}

const InferenceCode *rounding_code(const Inference *inference) {
    for (int i = 0; i < inference->code_count; i++)
        if (format_has_pairs(inference->code[i]->format)) return inference->code[i];
    return NULL;
}

Golden *compute_golden(const Inference *inference, double *const *parameters, const InferenceCode *code) {
    const Graph *graph = inference->graph[0];
    for (int i = 0; i < graph->node_count; i++) graph->node[i]->rounded = code ? code->rounded[i] : 0;
    return inference->kind->golden(inference, parameters);
}

bool golden_finite(const Golden *golden) {
    bool finite = true;
    for (long i = 0; i < golden->scores; i++) finite = finite && isfinite(golden->score[i]);
    for (long i = 0; i < golden->values; i++) finite = finite && isfinite(golden->value[i]);
    return finite;
}
