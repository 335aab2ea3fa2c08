/* model_state.c: a compiled model at work. */
#include "exact.h"

#include "model/model_state.h"

#include "common/file.h"
#include "common/random.h"
#include "machine/threads.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

size_t clip_elements(const ModelDescription *model) {
    return (size_t)model->T * (size_t)model->channels * (size_t)model->height * (size_t)model->width;
}

size_t batch_elements(const ModelDescription *model) {
    return (size_t)model->batch * clip_elements(model);
}

/* [layers, 1, hidden] */
static size_t clip_state_elements(const ModelDescription *model) {
    return model->initial_state_normal ? (size_t)model->gru_layers * (size_t)model->hidden : 0;
}

size_t initial_state_elements(const ModelDescription *model) {
    return (size_t)model->batch * clip_state_elements(model);
}

/* ---- target ---- */

static void list_targets(const ModelDescription *model, char *text, size_t size) {
    size_t length = 0;
    text[0] = 0;
    for (int i = 0; i < model->target_count && length < size; i++) {
        if (model->targets[i]->available())
            length += (size_t)snprintf(text + length, size - length, "%s%s", length > 0 ? ", " : "", model->targets[i]->name);
    }
}

const char *target_tuning(const ModelTarget *target) {
    return target->tuning != NULL ? target->tuning : "none";
}

const ModelTarget *choose_target(const ModelDescription *model, const char *wanted, Error *error) {
    bool any = wanted == NULL || wanted[0] == 0, known = false;
    for (int i = 0; i < model->target_count; i++) {
        const ModelTarget *target = model->targets[i];
        bool named = !any && strcmp(target->name, wanted) == 0;
        known |= named;
        if ((any || named) && target->available()) return target;
    }
    if (any && strcmp(model->precision, "bf16") == 0) {
        fail(
            error,
            "%s multiplies in bfloat16 (`precision: bf16` in its spec), and this CPU lacks AVX512-BF16; set `precision: f32`, or compile it "
            "with --targets bf16_emulated, which has the same bits on every CPU, slowly",
            model->name);
        return NULL;
    }
    char available[256];
    list_targets(model, available, sizeof available);
    if (any) fail(error, "%s was not compiled for any target of this CPU; compile it with --targets generic", model->name);
    else if (known) fail(error, "ZOETROPE_TARGET=%.40s: this CPU lacks it; available are: %s", wanted, available);
    else fail(error, "ZOETROPE_TARGET=%.40s: %s has no such target; available are: %s", wanted, model->name, available);
    return NULL;
}

/* ---- memory ---- */

enum { LINE = 64, HUGE_PAGE = 2 << 20 };

float *aligned_floats(size_t count) {
    return aligned_alloc(LINE, (count * sizeof(float) + LINE) / LINE * LINE);
}

/* Zeroed, aligned to 64 bytes. Large blocks begin at a large page and ask for large pages, which saves the kernels misses in the TLB. */
static void *allocate_block(size_t size) {
    size_t alignment = size >= HUGE_PAGE ? HUGE_PAGE : LINE;
    if (size > SIZE_MAX - alignment) return NULL;
    size_t rounded = (size + alignment - 1) / alignment * alignment;
    void *block = aligned_alloc(alignment, rounded > 0 ? rounded : alignment);
    if (block == NULL) return NULL;
    if (alignment == HUGE_PAGE) madvise(block, rounded, MADV_HUGEPAGE); /* only advice: it may be ignored */
    return memset(block, 0, size);
}

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static const ModelTensor *find_tensor(const ModelTensor *tensors, int count, const char *name) {
    for (int i = 0; i < count; i++) {
        if (strcmp(tensors[i].name, name) == 0) return &tensors[i];
    }
    return NULL;
}

static void find_names(ModelState *state) {
    const ModelDescription *model = state->model;
    state->names = allocate((size_t)model->state_names * sizeof *state->names);
    for (int i = 0; i < model->state_names; i++) {
        StateName *entry = &state->names[i];
        entry->name = model->state_name[i];
        if ((entry->tensor = find_tensor(model->parameters, model->parameter_tensors, entry->name)) != NULL) entry->kind = STATE_PARAMETER;
        else if ((entry->tensor = find_tensor(model->statistics, model->statistic_tensors, entry->name)) != NULL)
            entry->kind = STATE_STATISTIC;
        else {
            entry->kind = STATE_BATCHES_TRACKED;
            entry->index = state->batch_norms++;
            if (!ends_with(entry->name, ".num_batches_tracked")) abort(); /* a bug in the compiler */
        }
    }
    state->batches_tracked = allocate((size_t)state->batch_norms * sizeof *state->batches_tracked);
}

bool model_open(ModelState *state, const ModelDescription *model, int threads, uint64_t seed, Error *error) {
    *state = (ModelState){.model = model, .threads = threads, .seed = seed};
    state->target = choose_target(model, getenv("ZOETROPE_TARGET"), error);
    if (state->target == NULL) return false;
    if (state->target->arithmetic_holds != NULL && !state->target->arithmetic_holds())
        return fail(
            error,
            "%s does not compute as C says on %s: it was compiled or linked with flags that change results, or denormals are treated as "
            "zero; build it without -ffast-math, -Ofast, -funsafe-math-optimizations and -ffp-contract=fast, and without FTZ and DAZ",
            model->name, state->target->name);
    /* The kernels' threads except this one, and the thread that reads videos. */
    int possible = threads_that_start(threads);
    if (possible < threads)
        return fail(error, "--threads %d: no more than %d can be started here; give fewer, or raise the limits (ulimit -u, -v)", threads,
                    possible);
    size_t scratch;
    if (__builtin_mul_overflow((size_t)threads, state->target->scratch_size, &scratch))
        return fail(error, "%d threads need more memory than can be addressed; give --threads a smaller number", threads);
    size_t initial_state = initial_state_elements(model);
    state->workspace = allocate_block(state->target->workspace_size);
    state->scratch = allocate_block(scratch);
    state->reconstruction = allocate_block(batch_elements(model) * sizeof(float));
    if (initial_state > 0) {
        state->h0 = allocate_block((initial_state + 1) * sizeof(float));
        state->clip_state = allocate_block((clip_state_elements(model) + 1) * sizeof(float));
    }
    if (state->workspace == NULL || state->scratch == NULL || state->reconstruction == NULL ||
        (initial_state > 0 && (state->h0 == NULL || state->clip_state == NULL))) {
        const ModelTarget *target = state->target;
        model_close(state);
        return fail(
            error,
            "%s needs %zu bytes and %zu more for each thread (%d here), which this machine does not have; lower training.batch, or --threads",
            model->name, target->workspace_size, target->scratch_size, threads);
    }
    find_names(state);
    return true;
}

void model_close(ModelState *state) {
    free(state->workspace);
    free(state->scratch);
    free(state->reconstruction);
    free(state->h0);
    free(state->clip_state);
    free(state->names);
    free(state->batches_tracked);
    *state = (ModelState){0};
}

/* ---- initial values ---- */

static void fill_tensor(const ModelState *state, const ModelTensor *tensor, float *values) {
    for (int64_t i = 0; i < tensor->count; i++) {
        double uniform = tensor->bound > 0 ? random_uniform(state->seed, RANDOM_WEIGHTS, (uint64_t)(tensor->offset + i)) : 0;
        values[tensor->offset + i] = (float)(tensor->bound > 0 ? tensor->bound * (2 * uniform - 1) : tensor->fill);
    }
}

void model_initialize(ModelState *state) {
    const ModelDescription *model = state->model;
    float *parameters = allocate((size_t)model->parameter_count * sizeof(float));
    float *statistics = allocate((size_t)model->statistic_count * sizeof(float));
    for (int i = 0; i < model->parameter_tensors; i++) fill_tensor(state, &model->parameters[i], parameters);
    for (int i = 0; i < model->statistic_tensors; i++) fill_tensor(state, &model->statistics[i], statistics);
    state->target->load(state->workspace, MODEL_PARAMETERS, parameters);
    if (model->statistic_count > 0) state->target->load(state->workspace, MODEL_STATISTICS, statistics);
    free(parameters);
    free(statistics);
    state->updates = 0;
}

/* ---- steps ---- */

static double power(double base, int64_t exponent) {
    double result = 1;
    for (; exponent > 0; exponent /= 2) {
        if (exponent % 2 == 1) result *= base;
        base *= base;
    }
    return result;
}

void update_coefficients(const ModelDescription *model, int64_t step, float coefficients[MODEL_COEFFICIENTS]) {
    memset(coefficients, 0, MODEL_COEFFICIENTS * sizeof *coefficients);
    if (strcmp(model->optimizer, "sgd") == 0) {
        coefficients[0] = (float)model->learning_rate;
        return;
    }
    coefficients[0] = (float)(model->learning_rate / (1 - power(model->beta1, step)));
    coefficients[1] = (float)sqrt(1 - power(model->beta2, step));
    coefficients[2] = (float)model->learning_rate;
}

static ModelStep describe_step(ModelState *state, const float *x) {
    return (ModelStep){.x = x,
                       .h0 = state->h0,
                       .reconstruction = state->reconstruction,
                       .loss = &state->loss,
                       .workspace = state->workspace,
                       .scratch = state->scratch,
                       .threads = state->threads,
                       .done = state->done,
                       .context = state->context};
}

void model_update(ModelState *state, const float *x) {
    ModelStep step = describe_step(state, x);
    update_coefficients(state->model, state->updates + 1, step.coefficients);
    state->target->train(&step);
    state->updates++;
    for (int i = 0; i < state->batch_norms; i++) state->batches_tracked[i]++;
}

void model_train(ModelState *state, const float *x) {
    if (state->h0 != NULL) {
        size_t pairs = (initial_state_elements(state->model) + 1) / 2;
        random_fill_pairs(state->seed, RANDOM_INITIAL_STATE, (uint64_t)state->updates * 2 * pairs, state->h0, pairs);
        state->target->normal(state->h0, pairs);
    }
    model_update(state, x);
}

void model_forward(ModelState *state, const float *x) {
    ModelStep step = describe_step(state, x);
    state->target->evaluate(&step);
}

/* h0[:, place, :] of clip number `clip` */
static void draw_clip_state(ModelState *state, int64_t clip, int place) {
    const ModelDescription *model = state->model;
    size_t hidden = (size_t)model->hidden, pairs = (clip_state_elements(model) + 1) / 2;
    random_fill_pairs(state->seed, RANDOM_EVALUATION_STATE, (uint64_t)clip * 2 * pairs, state->clip_state, pairs);
    state->target->normal(state->clip_state, pairs);
    for (size_t layer = 0; layer < (size_t)model->gru_layers; layer++)
        memcpy(state->h0 + (layer * (size_t)model->batch + (size_t)place) * hidden, state->clip_state + layer * hidden,
               hidden * sizeof(float));
}

/* ---- frame by frame ---- */

void model_initial_state(const ModelState *state, float *h0) {
    const size_t elements = (size_t)state->model->gru_layers * (size_t)state->model->hidden, pairs = (elements + 1) / 2;
    memset(h0, 0, elements * sizeof(float));
    if (!state->model->initial_state_normal || state->seed == 0) return;
    random_fill_pairs(state->seed, RANDOM_EVALUATION_STATE, 0, h0, pairs);
    state->target->normal(h0, pairs);
}

void model_advance(ModelState *state, const float *x, const float *h, float *next, float *code) {
    ModelStep step = describe_step(state, x);
    step.h0 = h;
    step.state = next;
    step.code = code;
    state->target->advance(&step);
}

double model_decode(ModelState *state, const float *x, const float *code, float *reconstruction) {
    double loss = 0;
    ModelStep step = describe_step(state, x);
    step.code = (float *)(uintptr_t)code; /* only read */
    step.reconstruction = reconstruction;
    step.loss = &loss;
    state->target->decode(&step);
    return loss;
}

/* ---- clips of a set ---- */

void model_evaluate(ModelState *state, const float *x, int64_t first_clip, int clips) {
    if (state->h0 != NULL) memset(state->h0, 0, initial_state_elements(state->model) * sizeof(float));
    for (int i = 0; state->h0 != NULL && i < clips; i++) draw_clip_state(state, first_clip + i, i);
    model_forward(state, x);
}
