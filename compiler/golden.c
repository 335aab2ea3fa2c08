/* golden: an input and what has to come of it, in double precision from the graph alone: no kernel has a part in it. Where a target
 * multiplies in bfloat16, so does this, with sums in double. */
#include "inference.h"

#include <math.h>
#include <string.h>

/* Uniform in [0, 1), a function of the place alone. */
static double uniform(uint64_t place) {
    const uint64_t hash = hash_bytes(hash_bytes(HASH_START, &place, sizeof place), &place, sizeof place);
    return (double)((hash ^ hash >> 29) >> 11 & 0xfffffffffffffULL) / 0x1p52;
}

/* Smooth waves with a little noise: pixels in [−1, 1], like a video's. */
static float pixel(long frame, long c, long h, long w) {
    const double wave = sin(0.31 * (double)h + 0.7 * (double)frame + (double)c) * cos(0.23 * (double)w - 0.4 * (double)frame);
    const double noise = uniform((uint64_t)(((frame * 4 + c) * 4096 + h) * 4096 + w)) - 0.5;
    return (float)(0.7 * wave + 0.4 * noise);
}

static void draw_input(const Inference *inference, Golden *golden) {
    const Node *x = named_node(inference->frame, ROLE_INPUT, "x");
    float *to = golden->x;
    for (long frame = 0; frame < golden->frames; frame++)
        for (long c = 0; c < x->shape[1]; c++)
            for (long h = 0; h < x->shape[2]; h++)
                for (long w = 0; w < x->shape[3]; w++) *to++ = pixel(frame, c, h, w);
    for (long i = 0; i < inference->state_elements; i++) golden->state[i] = (float)(2 * uniform((uint64_t)i + (1U << 30)) - 1);
}

/* The frame graph once; `state` is what it starts from, and then what it leaves. */
static void run_frame(const Inference *inference, double *const *parameters, const float *x, double *state, float *y, double *score) {
    const Graph *graph = inference->frame;
    double **values = NEW_ARRAY(double *, graph->node_count);
    for (int i = 0; i < graph->parameter_count; i++) values[graph->parameter[i]->node->id] = parameters[i];
    const Node *h0 = named_node(graph, ROLE_INPUT, "h0");
    double *const frame = values[named_node(graph, ROLE_INPUT, "x")->id] = NEW_ARRAY(double, inference->frame_elements);
    for (long i = 0; i < inference->frame_elements; i++) frame[i] = (double)x[i];
    if (h0) values[h0->id] = state;
    evaluate_graph(graph, values);
    for (int i = 0; i < graph->node_count; i++) {
        const Node *carry = graph->node[i];
        if (carry->op != OP_CARRY) continue;
        const long hidden = carry->shape[1];
        memcpy(state + carry->which * hidden, values[carry->input[1]->id], sizeof(double) * (size_t)hidden);
    }
    const double *made = values[named_node(graph, ROLE_OUTPUT, "reconstruction")->id];
    for (long i = 0; i < inference->frame_elements; i++) y[i] = (float)made[i];
    *score = values[named_node(graph, ROLE_LOSS, "loss")->id][0] / 4; /* in the scale of [0, 1] */
}

const InferenceCode *rounding_code(const Inference *inference) {
    for (int i = 0; i < inference->code_count; i++)
        if (format_has_pairs(inference->code[i]->format)) return inference->code[i];
    return NULL;
}

Golden *compute_golden(const Inference *inference, double *const *parameters, const InferenceCode *code) {
    for (int i = 0; i < inference->frame->node_count; i++) inference->frame->node[i]->rounded = code ? code->rounded[i] : 0;
    Golden *golden = NEW(Golden);
    *golden = (Golden){.frames = GOLDEN_FRAMES,
                       .x = NEW_ARRAY(float, GOLDEN_FRAMES * inference->frame_elements),
                       .state = NEW_ARRAY(float, inference->state_elements),
                       .reconstruction = NEW_ARRAY(float, GOLDEN_FRAMES * inference->frame_elements),
                       .final_state = NEW_ARRAY(float, inference->state_elements),
                       .score = NEW_ARRAY(double, GOLDEN_FRAMES)};
    draw_input(inference, golden);
    double *state = NEW_ARRAY(double, inference->state_elements);
    for (long i = 0; i < inference->state_elements; i++) state[i] = (double)golden->state[i];
    for (long frame = 0; frame < GOLDEN_FRAMES; frame++)
        run_frame(inference, parameters, golden->x + frame * inference->frame_elements, state,
                  golden->reconstruction + frame * inference->frame_elements, &golden->score[frame]);
    for (long i = 0; i < inference->state_elements; i++) golden->final_state[i] = (float)state[i];
    return golden;
}

static bool all_finite(const float *values, long count) {
    for (long i = 0; i < count; i++)
        if (!isfinite(values[i])) return false;
    return true;
}

bool golden_finite(const Inference *inference, const Golden *golden) {
    for (int frame = 0; frame < golden->frames; frame++)
        if (!isfinite(golden->score[frame])) return false;
    return all_finite(golden->reconstruction, golden->frames * inference->frame_elements) &&
           all_finite(golden->final_state, inference->state_elements);
}
