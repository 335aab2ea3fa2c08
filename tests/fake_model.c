/* fake_model.c: see fake_model.h. */
#include "fake_model.h"

#include <math.h>
#include <string.h>

enum { T = 4, CHANNELS = 1, ROWS = 12, COLUMNS = 16, BATCH = 4, HIDDEN = 3, PARAMETERS = 8, STATISTICS = 4 };
enum { CLIP = T * CHANNELS * ROWS * COLUMNS, ELEMENTS = BATCH * CLIP };

typedef struct Workspace { /* the "layout" of the target: parameters in reverse, so that load and save must convert */
    float parameters[PARAMETERS], gradients[PARAMETERS], moment1[PARAMETERS], moment2[PARAMETERS], statistics[STATISTICS];
} Workspace;

void (*fake_model_hook)(void);
void (*fake_model_evaluation_hook)(void);
float fake_model_poison, fake_model_gradient_poison;
bool fake_model_white_is_bad;

static const ModelTensor parameters[] = {
    {"encoder.0.weight", 4, {1, 1, 1, 1}, 1, 0, 0, 1.0, 0, 0},
    {"encoder.0.bias", 1, {1}, 1, 1, 0, 1.0, 0, 0},
    {"encoder.1.weight", 1, {2}, 2, 2, 0, 0, 0, 1},
    {"encoder.1.bias", 1, {2}, 2, 4, 0, 0, 0, 0},
    {"fc1.0.weight", 2, {1, 2}, 2, 6, 0, 0.5, 0, 0},
};
static const ModelTensor statistics[] = {
    {"encoder.1.running_mean", 1, {2}, 2, 0, 0, 0, 0, 0},
    {"encoder.1.running_var", 1, {2}, 2, 2, 0, 0, 0, 1},
};
static const char *const state_names[] = {
    "encoder.0.weight",
    "encoder.0.bias",
    "encoder.1.weight",
    "encoder.1.bias",
    "encoder.1.running_mean",
    "encoder.1.running_var",
    "encoder.1.num_batches_tracked",
    "fc1.0.weight",
};

static float *block_of(Workspace *workspace, ModelBlock block) {
    float *const blocks[MODEL_BLOCKS] = {workspace->parameters, workspace->gradients,  workspace->moment1,
                                         workspace->moment2,    workspace->statistics, NULL};
    return blocks[block];
}

static void load(void *workspace, ModelBlock block, const float *values) {
    int count = block == MODEL_STATISTICS ? STATISTICS : PARAMETERS;
    for (int i = 0; i < count; i++) block_of(workspace, block)[count - 1 - i] = values[i];
}

static void save(const void *workspace, ModelBlock block, float *values) {
    int count = block == MODEL_STATISTICS ? STATISTICS : PARAMETERS;
    Workspace copy;
    memcpy(&copy, workspace, sizeof copy);
    for (int i = 0; i < count; i++) values[i] = block_of(&copy, block)[count - 1 - i];
}

/* Reconstruction and loss; the gradients of weight and bias, in file order. */
static void forward(const ModelStep *step, const float *values, float offset, double gradients[2]) {
    const float *x = step->input[0], *h0 = step->input[1];
    double loss = 0;
    gradients[0] = gradients[1] = 0;
    for (int i = 0; i < ELEMENTS; i++) {
        float y = values[0] * x[i] + values[1] + 0.01F * h0[i / CLIP * HIDDEN] + offset;
        double difference = (double)y - (double)x[i];
        step->output[0][i] = y;
        loss += difference * difference / ELEMENTS;
        gradients[0] += 2 * difference * (double)x[i] / ELEMENTS;
        gradients[1] += 2 * difference / ELEMENTS;
    }
    *step->loss = loss;
}

static void update(Workspace *workspace, const float *coefficients) {
    for (int i = 0; i < PARAMETERS; i++) {
        float gradient = workspace->gradients[i];
        workspace->moment1[i] += 0.1F * (gradient - workspace->moment1[i]);
        workspace->moment2[i] += 0.001F * (gradient * gradient - workspace->moment2[i]);
        workspace->parameters[i] -= coefficients[0] * workspace->moment1[i] / (sqrtf(workspace->moment2[i]) / coefficients[1] + 1e-8F);
    }
}

static void train(const ModelStep *step) {
    Workspace *workspace = step->workspace;
    float values[PARAMETERS], slopes[PARAMETERS] = {0}, running[STATISTICS];
    double gradients[2], mean = 0;
    if (fake_model_hook != NULL) fake_model_hook();
    save(workspace, MODEL_PARAMETERS, values);
    save(workspace, MODEL_STATISTICS, running);
    forward(step, values, fake_model_poison, gradients);
    for (int i = 0; i < PARAMETERS; i++) slopes[i] = i < 2 ? (float)gradients[i] + fake_model_gradient_poison : 1e-3F * values[i];
    load(workspace, MODEL_GRADIENTS, slopes);
    update(workspace, step->coefficients);
    for (int i = 0; i < ELEMENTS; i++) mean += (double)step->input[0][i] / ELEMENTS;
    for (int i = 0; i < 2; i++) running[i] += 0.1F * ((float)mean - running[i]);
    load(workspace, MODEL_STATISTICS, running);
}

static void evaluate(const ModelStep *step) {
    float values[PARAMETERS], running[STATISTICS];
    double unused[2];
    if (fake_model_evaluation_hook != NULL) fake_model_evaluation_hook();
    save(step->workspace, MODEL_PARAMETERS, values);
    save(step->workspace, MODEL_STATISTICS, running);
    forward(step, values, 0.01F * running[0], unused);
}

/* For each run: h[0] := (h[0] + mean of x) / 2. The code is h[0], or NaN if the first pixel is white and such frames are to go wrong.
 */
static void advance(const ModelStep *step) {
    const float *x = step->input[0], *h0 = step->input[1];
    float *state = step->output[0], *code = step->output[1];
    double mean = 0;
    for (int i = 0; i < ROWS * COLUMNS; i++) mean += (double)x[i] / (ROWS * COLUMNS);
    for (int run = 0; run < T; run++) {
        for (int i = 0; i < HIDDEN; i++) state[run * HIDDEN + i] = (h0[run * HIDDEN + i] + (float)mean) / 2;
        code[run] = fake_model_white_is_bad && x[0] > 0.9F ? NAN : state[run * HIDDEN];
    }
}

static void decode(const ModelStep *step) {
    const float *code = step->input[0], *x = step->input[1];
    double loss = 0;
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        step->output[0][i] = x[i] + code[0];
        loss += (double)code[0] * (double)code[0] / (ROWS * COLUMNS);
    }
    *step->loss = loss;
}

static void normal(float *values, size_t n) {
    for (size_t i = 0; i < n; i++) {
        float radius = sqrtf(-2 * logf(values[i])), angle = 6.2831853F * values[n + i];
        values[i] = radius * cosf(angle);
        values[n + i] = radius * sinf(angle);
    }
}

static bool always(void) {
    return true;
}
static bool never(void) {
    return false;
}

static const ModelArgument batch_inputs[] = {
    {"x", 5, {BATCH, T, CHANNELS, ROWS, COLUMNS}, ELEMENTS, 0, false, DRAW_NONE, 0, 0},
    {"h0", 3, {1, BATCH, HIDDEN}, BATCH *HIDDEN, 1, false, DRAW_NORMAL, 0, 0},
};
static const ModelArgument batch_outputs[] = {
    {"reconstruction", 5, {BATCH, T, CHANNELS, ROWS, COLUMNS}, ELEMENTS, 0, false, DRAW_NONE, 0, 0},
};
static const ModelArgument frame = {"x", 5, {1, 1, CHANNELS, ROWS, COLUMNS}, ROWS *COLUMNS, -1, false, DRAW_NONE, 0, 0};
static const ModelArgument states[] = {
    {"state", 3, {1, T, HIDDEN}, T *HIDDEN, -1, false, DRAW_NONE, 0, 0},
    {"code", 2, {T, 1}, T, -1, false, DRAW_NONE, 0, 0},
};
static const char *const losses[] = {"loss"};
static const ModelProgram programs[] = {
    {"train", 2, 1, 1, batch_inputs, batch_outputs, losses},
    {"evaluate", 2, 1, 1, batch_inputs, batch_outputs, losses},
    {"advance", 1, 2, 0, &frame, states, NULL},
    {"decode", 1, 1, 1, &frame, &frame, losses},
};
static const ModelCode code[] = {{train, NULL, 0}, {evaluate, NULL, 0}, {advance, NULL, 0}, {decode, NULL, 0}};
static const ModelGroup groups[] = {
    {.name = "all", .optimizer = "adam", .learning_rate = 0.01, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .moments = 2}};
static const int numbers[] = {0};
static const ModelTrainingStep steps[] = {{0, 0, MODEL_BATCH_SAME, 1, 1, 1, numbers, 1, numbers}};

#define FAKE_TARGET(target, title, has, scratch, choices)                                                                                  \
    static const ModelTarget target = {.name = title,                                                                                      \
                                       .tuning = choices,                                                                                  \
                                       .available = has,                                                                                   \
                                       .workspace_size = sizeof(Workspace),                                                                \
                                       .scratch_size = scratch,                                                                            \
                                       .load = load,                                                                                       \
                                       .save = save,                                                                                       \
                                       .program = code,                                                                                    \
                                       .normal = normal};
FAKE_TARGET(fast, "fast", always, 128, NULL)
FAKE_TARGET(absent, "absent", never, 128, NULL)
FAKE_TARGET(generic, "generic", always, 64, NULL)
FAKE_TARGET(tuned, "fast", always, 128, "00000000abababab")
static const ModelTarget *const targets[] = {&absent, &fast, &generic};
static const ModelTarget *const tuned_targets[] = {&absent, &tuned, &generic};

#define FAKE_MODEL(hash, list)                                                                                                             \
    {                                                                                                                                      \
        .name = "fake", .spec_hash = hash, .compiler_version = "0", .precision = "f32", .canonical_spec = "", .T = T,                      \
        .channels = CHANNELS, .height = ROWS, .width = COLUMNS, .batch = BATCH, .hidden = HIDDEN, .gru_layers = 1, .code_size = 1,         \
        .initial_state_normal = true, .group_count = 1, .groups = groups, .language = 1, .program_count = 4, .programs = programs,         \
        .step_count = 1, .steps = steps, .evaluate = 1, .advance = 2, .decode = 3, .iterations = 50, .strips_every = 10, .seed = 3,        \
        .parameter_tensors = sizeof parameters / sizeof *parameters, .parameters = parameters, .parameter_count = PARAMETERS,              \
        .statistic_tensors = sizeof statistics / sizeof *statistics, .statistics = statistics, .statistic_count = STATISTICS,              \
        .state_names = sizeof state_names / sizeof *state_names, .state_name = state_names, .target_count = 3, .targets = list,            \
    }

const ModelDescription fake_model = FAKE_MODEL("00000000deadbeef", targets);
const ModelDescription other_fake_model = FAKE_MODEL("00000000cafecafe", targets);
const ModelDescription tuned_fake_model = FAKE_MODEL("00000000deadbeef", tuned_targets);
