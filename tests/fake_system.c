/* fake_system.c: see fake_system.h. */
#include "fake_system.h"

#include <math.h>
#include <string.h>

enum { PARAMETERS = 4, STATISTICS = 2, FRAME = SYSTEM_CLIP / SYSTEM_T };
enum { D_WEIGHT, G_WEIGHT, G_BIAS, F_WEIGHT };

typedef struct Workspace { /* parameters lie in reverse, so load and save must convert */
    float parameters[PARAMETERS], gradients[PARAMETERS], moment1[PARAMETERS], average[PARAMETERS], statistics[STATISTICS];
} Workspace;

void (*fake_system_hook)(int step);
double fake_system_poison;
float fake_system_average = 0.9F;

static const ModelTensor parameters[] = {
    {"d.0.weight", 1, {1}, 1, 0, 0, 0.5, 0, 0},
    {"g.0.weight", 2, {1, 1}, 1, 1, 1, 0.5, 0, 0},
    {"g.0.bias", 1, {1}, 1, 2, 1, 0.5, 0, 0},
    {"f.0.weight", 1, {1}, 1, 3, 2, 0.5, 0, 0},
};
static const ModelTensor statistics[] = {
    {"g.1.running_mean", 1, {1}, 1, 0, 1, 0, 0, 0},
    {"g.1.running_var", 1, {1}, 1, 1, 1, 0, 0, 1},
};
static const char *const state_names[] = {
    "d.0.weight", "g.0.weight", "g.0.bias", "g.1.running_mean", "g.1.running_var", "g.1.num_batches_tracked", "f.0.weight",
};

static float *block_of(Workspace *workspace, ModelBlock block) {
    float *const blocks[MODEL_BLOCKS] = {workspace->parameters, workspace->gradients, workspace->moment1, NULL,
                                         workspace->statistics, workspace->average};
    return blocks[block];
}

/* Only g has moments; f has no averages. */
static bool has(ModelBlock block, int parameter) {
    if (block == MODEL_MOMENT1) return parameter == G_WEIGHT || parameter == G_BIAS;
    return block != MODEL_AVERAGE || parameter != F_WEIGHT;
}

static void load(void *workspace, ModelBlock block, const float *values) {
    const int count = block == MODEL_STATISTICS ? STATISTICS : PARAMETERS;
    for (int i = 0; i < count; i++)
        if (block == MODEL_STATISTICS || has(block, i)) block_of(workspace, block)[count - 1 - i] = values[i];
}

static void save(const void *workspace, ModelBlock block, float *values) {
    const int count = block == MODEL_STATISTICS ? STATISTICS : PARAMETERS;
    Workspace copy;
    memcpy(&copy, workspace, sizeof copy);
    for (int i = 0; i < count; i++)
        if (block == MODEL_STATISTICS || has(block, i)) values[i] = block_of(&copy, block)[count - 1 - i];
}

/* As if each program had two kernels. */
static void finish(const ModelStep *step) {
    for (int kernel = 0; kernel < 2 && step->done != NULL; kernel++) step->done(step->context, kernel);
}

static void average(const float *values, float *averages, int first, int last) {
    for (int i = first; i <= last; i++) averages[i] = fake_system_average * averages[i] + (1 - fake_system_average) * values[i];
}

static void discriminator_step(const ModelStep *step) {
    const float *x = step->input[0], *e = step->input[1], *k = step->input[2];
    float values[PARAMETERS], slopes[PARAMETERS] = {0}, averages[PARAMETERS] = {0};
    double real = 0, fake = 0, slope = 0;
    if (fake_system_hook != NULL) fake_system_hook(0);
    save(step->workspace, MODEL_PARAMETERS, values);
    save(step->workspace, MODEL_AVERAGE, averages);
    for (int i = 0; i < SYSTEM_ELEMENTS; i++) {
        const double seen = (double)k[i] * (double)x[i], made = (double)(values[G_WEIGHT] * e[i] + values[G_BIAS]);
        const double w = (double)values[D_WEIGHT], off = w * seen - 1;
        real += off * off / SYSTEM_ELEMENTS;
        fake += w * w * made * made / SYSTEM_ELEMENTS;
        slope += 2 * (off * seen + w * made * made) / SYSTEM_ELEMENTS;
    }
    step->loss[0] = real;
    step->loss[1] = fake;
    slopes[D_WEIGHT] = (float)slope;
    load(step->workspace, MODEL_GRADIENTS, slopes);
    values[D_WEIGHT] -= step->coefficients[0] * slopes[D_WEIGHT];
    average(values, averages, D_WEIGHT, D_WEIGHT);
    load(step->workspace, MODEL_PARAMETERS, values);
    load(step->workspace, MODEL_AVERAGE, averages);
    finish(step);
}

static void update_generator(const ModelStep *step, float *values, const float *slopes) {
    float moments[PARAMETERS] = {0}, averages[PARAMETERS] = {0};
    const float norm = hypotf(slopes[G_WEIGHT], slopes[G_BIAS]), scale = norm > 0.1F ? 0.1F / norm : 1;
    save(step->workspace, MODEL_MOMENT1, moments);
    save(step->workspace, MODEL_AVERAGE, averages);
    for (int i = G_WEIGHT; i <= G_BIAS; i++) {
        moments[i] = 0.5F * moments[i] + scale * slopes[i];
        values[i] -= step->coefficients[MODEL_COEFFICIENTS] * moments[i];
    }
    average(values, averages, G_WEIGHT, G_BIAS);
    load(step->workspace, MODEL_MOMENT1, moments);
    load(step->workspace, MODEL_AVERAGE, averages);
    load(step->workspace, MODEL_PARAMETERS, values);
}

static void generator_step(const ModelStep *step) {
    const float *k = step->input[0], *e = step->input[1], *x = step->input[2];
    float values[PARAMETERS], slopes[PARAMETERS] = {0}, running[STATISTICS];
    double fooled = 0, slope[2] = {0, 0}, mean = 0;
    if (fake_system_hook != NULL) fake_system_hook(1);
    save(step->workspace, MODEL_PARAMETERS, values);
    save(step->workspace, MODEL_STATISTICS, running);
    for (int i = 0; i < SYSTEM_ELEMENTS; i++) {
        const double w = (double)values[D_WEIGHT] * (double)k[i], made = (double)(values[G_WEIGHT] * e[i] + values[G_BIAS]);
        const double off = w * made - (double)x[i];
        fooled += 0.5 * off * off / SYSTEM_ELEMENTS;
        slope[0] += off * w * (double)e[i] / SYSTEM_ELEMENTS;
        slope[1] += off * w / SYSTEM_ELEMENTS;
        mean += made / SYSTEM_ELEMENTS;
    }
    step->loss[0] = fooled + fake_system_poison;
    slopes[G_WEIGHT] = (float)slope[0];
    slopes[G_BIAS] = (float)slope[1];
    load(step->workspace, MODEL_GRADIENTS, slopes);
    update_generator(step, values, slopes);
    running[0] += 0.1F * ((float)mean - running[0]);
    running[1] += 0.1F * (2 - running[1]);
    load(step->workspace, MODEL_STATISTICS, running);
    finish(step);
}

static void evaluate(const ModelStep *step) {
    const float *x = step->input[0], *e = step->input[1];
    float values[PARAMETERS], running[STATISTICS];
    if (fake_system_hook != NULL) fake_system_hook(-1);
    save(step->workspace, MODEL_PARAMETERS, values);
    save(step->workspace, MODEL_STATISTICS, running);
    for (int i = 0; i < SYSTEM_ELEMENTS; i++) {
        step->output[0][i] = values[G_WEIGHT] * x[i] + values[G_BIAS] + running[0];
        step->output[1][i] = values[G_WEIGHT] * e[i] + values[G_BIAS] + running[0];
    }
    for (int frame = 0; frame < SYSTEM_BATCH * SYSTEM_T; frame++) {
        double sum = 0;
        for (int i = frame * FRAME; i < (frame + 1) * FRAME; i++) sum += pow((double)step->output[0][i] - (double)x[i], 2) / 4 / FRAME;
        step->output[2][frame] = (float)sum;
    }
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

#define CLIPS                                                                                                                              \
    5, {                                                                                                                                   \
        SYSTEM_BATCH, SYSTEM_T, SYSTEM_CHANNELS, SYSTEM_ROWS, SYSTEM_COLUMNS                                                               \
    }
#define CHANNELS_FIRST                                                                                                                     \
    5, {                                                                                                                                   \
        SYSTEM_BATCH, SYSTEM_CHANNELS, SYSTEM_T, SYSTEM_ROWS, SYSTEM_COLUMNS                                                               \
    }
#define NOISE                                                                                                                              \
    { "noise.e", CHANNELS_FIRST, SYSTEM_ELEMENTS, 0, true, DRAW_NORMAL, 0, 0 }
#define FACTORS                                                                                                                            \
    { "dropout.d.1.0", CHANNELS_FIRST, SYSTEM_ELEMENTS, 0, true, DRAW_FACTORS, 0.5, 0 }
#define DATA                                                                                                                               \
    { "x", CLIPS, SYSTEM_ELEMENTS, 0, false, DRAW_NONE, 0, 0 }
static const ModelArgument first_inputs[] = {DATA, NOISE, FACTORS}, second_inputs[] = {FACTORS, NOISE, DATA},
                           evaluation_inputs[] = {DATA, NOISE};
static const ModelArgument evaluation_outputs[] = {
    {"output.reconstruction", CLIPS, SYSTEM_ELEMENTS, 0, false, DRAW_NONE, 0, 0},
    {"output.samples", CLIPS, SYSTEM_ELEMENTS, 0, false, DRAW_NONE, 0, 0},
    {"score", 2, {SYSTEM_BATCH, SYSTEM_T}, SYSTEM_BATCH *SYSTEM_T, 0, false, DRAW_NONE, 0, 0},
};
static const ModelArgument unread[] = {{"noise.u", 2, {SYSTEM_BATCH, 3}, SYSTEM_BATCH * 3, 0, false, DRAW_UNIFORM, -2, 2}};
static const char *const first_losses[] = {"loss.real", "loss.fake"}, *const second_losses[] = {"loss.fooled"};
static const ModelProgram programs[] = {
    {"step0", 3, 0, 2, first_inputs, NULL, first_losses},
    {"step1", 3, 0, 1, second_inputs, NULL, second_losses},
    {"evaluate", 2, 3, 0, evaluation_inputs, evaluation_outputs, NULL},
};
static const ModelKernel kernels[] = {{"products", 1e6, 1e4, 1, false}, {"update", 10, 1e4, 1, false}};
static const ModelCode code[] = {{discriminator_step, kernels, 2}, {generator_step, kernels, 2}, {evaluate, NULL, 0}};
static const ModelGroup groups[] = {
    {.name = "d", .optimizer = "sgd", .learning_rate = 0.01},
    {.name = "g",
     .optimizer = "sgd",
     .learning_rate = 0.02,
     .momentum = 0.5,
     .moments = 1,
     .schedule = {.kind = MODEL_SCHEDULE_EXPONENTIAL, .gamma = 0.5, .every = 10}},
    {.name = "f", .frozen = true, .optimizer = "adam"},
};
static const int d_group[] = {0}, g_group[] = {1}, norm[] = {0};
static const ModelTrainingStep steps[] = {
    {.program = 0, .draws_of = 0, .batch = MODEL_BATCH_SAME, .times = 2, .every = 1, .groups = 1, .group = d_group},
    {.program = 1,
     .draws_of = 0,
     .batch = MODEL_BATCH_NEXT,
     .times = 1,
     .every = 2,
     .groups = 1,
     .group = g_group,
     .norms = 1,
     .norm = norm},
};

static const ModelTarget target = {.name = "generic",
                                   .available = always,
                                   .workspace_size = sizeof(Workspace),
                                   .scratch_size = 64,
                                   .load = load,
                                   .save = save,
                                   .program = code,
                                   .normal = normal};
static const ModelTarget *const targets[] = {&target};

const ModelDescription fake_system = {
    .name = "system",
    .spec_hash = "00000000feedbeef",
    .compiler_version = "0",
    .precision = "f32",
    .canonical_spec = "",
    .language = 2,
    .T = SYSTEM_T,
    .channels = SYSTEM_CHANNELS,
    .height = SYSTEM_ROWS,
    .width = SYSTEM_COLUMNS,
    .batch = SYSTEM_BATCH,
    .average = 0.9,
    .iterations = 50,
    .strips_every = 10,
    .seed = 3,
    .group_count = 3,
    .groups = groups,
    .parameter_tensors = PARAMETERS,
    .parameters = parameters,
    .parameter_count = PARAMETERS,
    .statistic_tensors = STATISTICS,
    .statistics = statistics,
    .statistic_count = STATISTICS,
    .state_names = sizeof state_names / sizeof *state_names,
    .state_name = state_names,
    .program_count = 3,
    .programs = programs,
    .step_count = 2,
    .steps = steps,
    .unread_draws = 1,
    .unread_draw = unread,
    .evaluate = 2,
    .advance = -1,
    .decode = -1,
    .target_count = 1,
    .targets = targets,
};
