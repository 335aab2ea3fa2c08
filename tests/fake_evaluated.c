/* fake_evaluated.c: see fake_evaluated.h. */
#include "fake_evaluated.h"

#include <math.h>
#include <string.h>

enum { ROWS = 12, COLUMNS = 16, FRAME = ROWS * COLUMNS, NOISE = 2, SAMPLE = 3 * 4 * 4, FEATURES = 5 * 2 * 2, PARAMETERS = 2 };
enum { IMAGES = 3, T = 4, CLIPS = 2, SCORED = 2 };

typedef struct Workspace {
    float parameters[PARAMETERS], averages[PARAMETERS];
} Workspace;

static float *block_of(void *workspace, ModelBlock block) {
    return block == MODEL_AVERAGE ? ((Workspace *)workspace)->averages : ((Workspace *)workspace)->parameters;
}

/* The frozen network has no averages. */
static void load(void *workspace, ModelBlock block, const float *values) {
    for (int i = 0; i < (block == MODEL_AVERAGE ? 1 : PARAMETERS); i++) block_of(workspace, block)[i] = values[i];
}

static void save(const void *workspace, ModelBlock block, float *values) {
    Workspace copy;
    memcpy(&copy, workspace, sizeof copy);
    for (int i = 0; i < (block == MODEL_AVERAGE ? 1 : PARAMETERS); i++) values[i] = block_of(&copy, block)[i];
}

static float mean_of(const float *frame) {
    double sum = 0;
    for (int i = 0; i < FRAME; i++) sum += (double)frame[i] / FRAME;
    return frame[0] > 0.9F ? NAN : (float)sum;
}

static void fill(float *values, int count, float value) {
    for (int i = 0; i < count; i++) values[i] = value + 0.01F * (float)i;
}

void (*fake_images_hook)(void);

static void run_images(const ModelStep *step) {
    const Workspace *weights = step->workspace;
    if (fake_images_hook != NULL) fake_images_hook();
    for (int item = 0; item < IMAGES; item++) {
        const float *x = step->input[0] + item * FRAME, *noise = step->input[1] + item * NOISE;
        float *y = step->output[0] + item * FRAME;
        double error = 0;
        for (int i = 0; i < FRAME; i++) {
            y[i] = weights->parameters[0] * x[i];
            error += (double)(y[i] - x[i]) * (double)(y[i] - x[i]) / (4 * FRAME);
        }
        step->output[1][2 * item] = (float)error;
        step->output[1][2 * item + 1] = noise[0];
        fill(step->output[2] + item * SAMPLE, SAMPLE, 0.1F * noise[0]);
        fill(step->output[3] + item * FEATURES, FEATURES, 0);
        step->output[4][item] = x[0] > 0.9F ? NAN : (float)error + weights->parameters[1];
    }
}

static void run_frames(const ModelStep *step) {
    const Workspace *weights = step->workspace;
    for (int item = 0; item < CLIPS; item++)
        for (int frame = 0; frame < SCORED; frame++) {
            const float *x = step->input[0] + (item * T + T - SCORED + frame) * FRAME;
            const int place = item * SCORED + frame;
            for (int i = 0; i < FRAME; i++) {
                step->output[0][place * FRAME + i] = weights->parameters[0] * x[i];
                step->output[1][place * FRAME + i] = x[i];
            }
            step->output[2][place] = mean_of(x) - 0.5F;
        }
}

static void run_silent(const ModelStep *step) {
    for (int item = 0; item < CLIPS; item++) fill(step->output[0] + item * SAMPLE, SAMPLE, 0.1F * step->input[1][item * NOISE]);
}

static void run_clips(const ModelStep *step) {
    run_silent(step);
    for (int item = 0; item < CLIPS; item++) step->output[1][item] = mean_of(step->input[0] + item * T * FRAME);
}

static void normal(float *values, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const float radius = sqrtf(-2 * logf(values[i])), angle = 6.2831853F * values[n + i];
        values[i] = radius * cosf(angle);
        values[n + i] = radius * sinf(angle);
    }
}

static bool always(void) {
    return true;
}

static const ModelTensor parameters[] = {
    {"net.0.weight", 1, {1}, 1, 0, 0, 0, 0, 1},
    {"still.0.weight", 1, {1}, 1, 1, 1, 0, 0, 0},
};
static const char *const state_names[] = {"net.0.weight", "still.0.weight"};
static const ModelGroup groups[] = {
    {.name = "net", .optimizer = "sgd", .learning_rate = 0.01},
    {.name = "still", .frozen = true, .optimizer = "sgd"},
};

#define VIDEO(name, batch, frames, channels, rows, columns)                                                                                \
    { name, 5, {batch, frames, channels, rows, columns}, (batch) * (frames) * (channels) * (rows) * (columns), 0, false, DRAW_NONE, 0, 0 }
#define DRAWN(batch)                                                                                                                       \
    { "noise.z", 2, {batch, NOISE}, (batch)*NOISE, 0, false, DRAW_NORMAL, 0, 0 }

static const ModelArgument image_inputs[] = {VIDEO("x", IMAGES, 1, 1, ROWS, COLUMNS), DRAWN(IMAGES)};
static const ModelArgument image_outputs[] = {VIDEO("output.reconstruction", IMAGES, 1, 1, ROWS, COLUMNS),
                                              VIDEO("output.mean", IMAGES, 1, 2, 1, 1),
                                              VIDEO("output.samples", IMAGES, 1, 3, 4, 4),
                                              VIDEO("output.features", IMAGES, 1, 5, 2, 2),
                                              {"score", 1, {IMAGES}, IMAGES, 0, false, DRAW_NONE, 0, 0}};
static const ModelArgument clip_inputs[] = {VIDEO("x", CLIPS, T, 1, ROWS, COLUMNS), DRAWN(CLIPS)};
static const ModelArgument frame_outputs[] = {VIDEO("output.reconstruction", CLIPS, SCORED, 1, ROWS, COLUMNS),
                                              VIDEO("output.target", CLIPS, SCORED, 1, ROWS, COLUMNS),
                                              {"score", 2, {CLIPS, SCORED}, CLIPS *SCORED, 0, false, DRAW_NONE, 0, 0}};
static const ModelArgument clip_outputs[] = {VIDEO("output.samples", CLIPS, 1, 3, 4, 4),
                                             {"score", 1, {CLIPS}, CLIPS, 0, false, DRAW_NONE, 0, 0}};

#define SYSTEM(model, run, in, out, inputs, outputs, frames, items, first)                                                                 \
    static const ModelProgram model##_programs[] = {{"evaluate", inputs, outputs, 0, in, out, NULL}};                                      \
    static const ModelCode model##_code[] = {{run, NULL, 0}};                                                                              \
    static const ModelTarget model##_target = {.name = "generic",                                                                          \
                                               .available = always,                                                                        \
                                               .workspace_size = sizeof(Workspace),                                                        \
                                               .scratch_size = 64,                                                                         \
                                               .load = load,                                                                               \
                                               .save = save,                                                                               \
                                               .program = model##_code,                                                                    \
                                               .normal = normal};                                                                          \
    static const ModelTarget *const model##_targets[] = {&model##_target};                                                                 \
    const ModelDescription fake_##model = {.name = #model,                                                                                 \
                                           .spec_hash = "00000000deadbeef",                                                                \
                                           .compiler_version = "0",                                                                        \
                                           .precision = "f32",                                                                             \
                                           .canonical_spec = "",                                                                           \
                                           .language = 2,                                                                                  \
                                           .T = frames,                                                                                    \
                                           .channels = 1,                                                                                  \
                                           .height = ROWS,                                                                                 \
                                           .width = COLUMNS,                                                                               \
                                           .batch = items,                                                                                 \
                                           .average = 0.9,                                                                                 \
                                           .iterations = 5,                                                                                \
                                           .strips_every = 5,                                                                              \
                                           .seed = 3,                                                                                      \
                                           .group_count = 2,                                                                               \
                                           .groups = groups,                                                                               \
                                           .parameter_tensors = PARAMETERS,                                                                \
                                           .parameters = parameters,                                                                       \
                                           .parameter_count = PARAMETERS,                                                                  \
                                           .state_names = PARAMETERS,                                                                      \
                                           .state_name = state_names,                                                                      \
                                           .program_count = 1,                                                                             \
                                           .programs = model##_programs,                                                                   \
                                           .evaluate = 0,                                                                                  \
                                           .score_first = first,                                                                           \
                                           .advance = -1,                                                                                  \
                                           .decode = -1,                                                                                   \
                                           .target_count = 1,                                                                              \
                                           .targets = model##_targets}

SYSTEM(images, run_images, image_inputs, image_outputs, 2, 5, 1, IMAGES, 0);
SYSTEM(frames, run_frames, clip_inputs, frame_outputs, 1, 3, T, CLIPS, T - SCORED);
SYSTEM(clips, run_clips, clip_inputs, clip_outputs, 2, 2, T, CLIPS, 0);
SYSTEM(silent, run_silent, clip_inputs, clip_outputs, 2, 1, T, CLIPS, 0);
