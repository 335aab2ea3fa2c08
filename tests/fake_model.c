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
    {"encoder.0.weight", 4, {1, 1, 1, 1}, 1, 0, 1.0, 0},
    {"encoder.0.bias", 1, {1}, 1, 1, 1.0, 0},
    {"encoder.1.weight", 1, {2}, 2, 2, 0, 1},
    {"encoder.1.bias", 1, {2}, 2, 4, 0, 0},
    {"fc1.0.weight", 2, {1, 2}, 2, 6, 0.5, 0},
};
static const ModelTensor statistics[] = {
    {"encoder.1.running_mean", 1, {2}, 2, 0, 0, 0},
    {"encoder.1.running_var", 1, {2}, 2, 2, 0, 1},
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
    float *const blocks[MODEL_BLOCKS] = {workspace->parameters, workspace->gradients, workspace->moment1, workspace->moment2,
                                         workspace->statistics};
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
    double loss = 0;
    gradients[0] = gradients[1] = 0;
    for (int i = 0; i < ELEMENTS; i++) {
        float y = values[0] * step->x[i] + values[1] + 0.01F * step->h0[i / CLIP * HIDDEN] + offset;
        double difference = (double)y - (double)step->x[i];
        step->reconstruction[i] = y;
        loss += difference * difference / ELEMENTS;
        gradients[0] += 2 * difference * (double)step->x[i] / ELEMENTS;
        gradients[1] += 2 * difference / ELEMENTS;
    }
    *step->loss = loss;
}

static void update(Workspace *workspace, const float coefficients[MODEL_COEFFICIENTS]) {
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
    for (int i = 0; i < ELEMENTS; i++) mean += (double)step->x[i] / ELEMENTS;
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
    double mean = 0;
    for (int i = 0; i < ROWS * COLUMNS; i++) mean += (double)step->x[i] / (ROWS * COLUMNS);
    for (int run = 0; run < T; run++) {
        for (int i = 0; i < HIDDEN; i++) step->state[run * HIDDEN + i] = (step->h0[run * HIDDEN + i] + (float)mean) / 2;
        step->code[run] = fake_model_white_is_bad && step->x[0] > 0.9F ? NAN : step->state[run * HIDDEN];
    }
}

static void decode(const ModelStep *step) {
    double loss = 0;
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        step->reconstruction[i] = step->x[i] + step->code[0];
        loss += (double)step->code[0] * (double)step->code[0] / (ROWS * COLUMNS);
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

#define FAKE_TARGET(target, title, has, scratch, choices)                                                                                  \
    static const ModelTarget target = {.name = title,                                                                                      \
                                       .tuning = choices,                                                                                  \
                                       .available = has,                                                                                   \
                                       .workspace_size = sizeof(Workspace),                                                                \
                                       .scratch_size = scratch,                                                                            \
                                       .load = load,                                                                                       \
                                       .save = save,                                                                                       \
                                       .train = train,                                                                                     \
                                       .evaluate = evaluate,                                                                               \
                                       .advance = advance,                                                                                 \
                                       .decode = decode,                                                                                   \
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
        .initial_state_normal = true, .optimizer = "adam", .learning_rate = 0.01, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8,           \
        .moments = 2, .iterations = 50, .strips_every = 10, .seed = 3, .parameter_tensors = sizeof parameters / sizeof *parameters,        \
        .parameters = parameters, .parameter_count = PARAMETERS, .statistic_tensors = sizeof statistics / sizeof *statistics,              \
        .statistics = statistics, .statistic_count = STATISTICS, .state_names = sizeof state_names / sizeof *state_names,                  \
        .state_name = state_names, .target_count = 3, .targets = list,                                                                     \
    }

const ModelDescription fake_model = FAKE_MODEL("00000000deadbeef", targets);
const ModelDescription other_fake_model = FAKE_MODEL("00000000cafecafe", targets);
const ModelDescription tuned_fake_model = FAKE_MODEL("00000000deadbeef", tuned_targets);
