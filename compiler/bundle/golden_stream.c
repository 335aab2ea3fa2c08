/* golden_stream.c: of version 1: a stream and its expected results, computed in double precision from the graph alone, without any kernel.
 * If a target multiplies in bfloat16, this does too, with sums in double. */
#include "bundle/stream_inference.h"
#include "graph/evaluate_graph.h"

#include <string.h>

static void draw_input(const Inference *inference, Golden *golden) {
    const Node *x = named_node(inference->frame, ROLE_INPUT, "x");
    float *to = golden->x;
    const bool drawn = inference->draws || inference->recurrence == RECURRENCE_CARRIED; /* otherwise the state does not contain it */
    for (long frame = 0; frame < GOLDEN_FRAMES; frame++)
        for (long c = 0; c < x->shape[1]; c++)
            for (long h = 0; h < x->shape[2]; h++)
                for (long w = 0; w < x->shape[3]; w++) *to++ = golden_pixel(frame, c, h, w);
    for (long i = 0; i < inference->h0_elements; i++) golden->h0[i] = drawn ? (float)(2 * golden_uniform((uint64_t)i + (1U << 30)) - 1) : 0;
}

/* A graph's values in double precision, while a stream of it runs. */
typedef struct Stream {
    const Inference *inference;
    double **values, *latent[GOLDEN_FRAMES]; /* by node id; of each of the frames */
    double *state;                           /* [layers, hidden] */
} Stream;

static void show_frame(const Stream *stream, const float *x) {
    double *to = stream->values[named_node(stream->inference->frame, ROLE_INPUT, "x")->id];
    for (long i = 0; i < stream->inference->frame_elements; i++) to[i] = (double)x[i];
}

static void encode_frames(Stream *stream, double *const *parameters, const Golden *golden) {
    const Inference *inference = stream->inference;
    const Graph *graph = inference->frame;
    stream->values = NEW_ARRAY(double *, graph->node_count);
    for (int i = 0; i < graph->parameter_count; i++) stream->values[graph->parameter[i]->node->id] = parameters[i];
    stream->values[named_node(graph, ROLE_INPUT, "x")->id] = NEW_ARRAY(double, inference->frame_elements);
    stream->state = NEW_ARRAY(double, inference->h0_elements);
    const Node *h0 = named_node(graph, ROLE_INPUT, "h0"), *latent = named_node(graph, ROLE_CUT, "latent");
    if (h0) stream->values[h0->id] = stream->state;
    for (long frame = 0; frame < GOLDEN_FRAMES; frame++) {
        show_frame(stream, golden->x + frame * inference->frame_elements);
        evaluate_nodes(graph, stream->values, 0, latent->id + 1);
        stream->latent[frame] = NEW_ARRAY(double, inference->latent_elements);
        memcpy(stream->latent[frame], stream->values[latent->id], sizeof(double) * (size_t)inference->latent_elements);
    }
}

/* Runs frames first … last from h0, in which two frames alternate, and keeps the recurrence's result for the last one. */
static void run_recurrence(const Stream *stream, const Golden *golden, long first, long last) {
    const Inference *inference = stream->inference;
    const Graph *graph = inference->frame;
    const Node *latent = named_node(graph, ROLE_CUT, "latent"), *code = named_node(graph, ROLE_CUT, "code");
    for (long i = 0; i < inference->h0_elements; i++) stream->state[i] = (double)golden->h0[i];
    for (long frame = first; frame <= last; frame++) {
        memcpy(stream->values[latent->id], stream->latent[frame % GOLDEN_FRAMES], sizeof(double) * (size_t)inference->latent_elements);
        evaluate_nodes(graph, stream->values, latent->id + 1, code->id + 1);
        for (int i = 0; i < graph->node_count; i++) {
            const Node *carry = graph->node[i];
            if (carry->op != OP_CARRY) continue;
            const long hidden = carry->shape[1];
            memcpy(stream->state + carry->which * hidden, stream->values[carry->input[1]->id], sizeof(double) * (size_t)hidden);
        }
    }
}

/* With a window: each of the frames is the last one of a clip, by definition. */
Golden *stream_golden(const Inference *inference, double *const *parameters) {
    const Graph *graph = inference->frame;
    const long elements = inference->frame_elements;
    const long frames = GOLDEN_FRAMES * elements;
    Golden *golden = NEW(Golden);
    *golden = (Golden){.scores = GOLDEN_FRAMES, .values = 2 * frames + inference->h0_elements};
    golden->score = NEW_ARRAY(double, golden->scores);
    golden->x = golden->value = NEW_ARRAY(float, golden->values);
    golden->h0 = golden->x + frames;
    golden->reconstruction = golden->h0 + inference->h0_elements;
    draw_input(inference, golden);
    Stream stream = {.inference = inference};
    encode_frames(&stream, parameters, golden);
    for (long i = 0; i < GOLDEN_FRAMES; i++) {
        const long frame = golden_first(inference->spec) + i;
        run_recurrence(&stream, golden, has_window(inference) ? frame - inference->spec->T + 1 : 0, frame);
        show_frame(&stream, golden->x + frame % GOLDEN_FRAMES * elements);
        evaluate_nodes(graph, stream.values, named_node(graph, ROLE_CUT, "code")->id + 1, graph->node_count);
        const double *made = stream.values[named_node(graph, ROLE_OUTPUT, "reconstruction")->id];
        for (long k = 0; k < elements; k++) golden->reconstruction[i * elements + k] = (float)made[k];
        golden->score[i] = stream.values[named_node(graph, ROLE_LOSS, "loss")->id][0] / 4; /* in the scale of [0, 1] */
    }
    return golden;
}
