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

int model_moments(const ModelDescription *model) {
    int most = 0;
    for (int i = 0; i < model->group_count; i++) {
        const ModelGroup *group = &model->groups[i];
        if (!group->frozen && group->moments > most) most = group->moments;
    }
    return most;
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

void target_library(const ModelTarget *target, char text[LIBRARY_TEXT]) {
    const char *version = "", *kernels = "";
    if (target->library != NULL) target->library(&version, &kernels);
    if (target->library != NULL) snprintf(text, LIBRARY_TEXT, "%s, kernels %s", version, kernels);
    else snprintf(text, LIBRARY_TEXT, "none");
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

bool all_finite(const float *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i])) return false;
    return true;
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

/* ---- buffers ---- */

ModelBuffer *model_find_buffer(const ModelState *state, const char *name) {
    for (int i = 0; i < state->buffers; i++)
        if (strcmp(state->buffer[i].argument->name, name) == 0) return &state->buffer[i];
    return NULL;
}

float *model_buffer(const ModelState *state, const char *name) {
    const ModelBuffer *buffer = model_find_buffer(state, name);
    return buffer != NULL ? buffer->values : NULL;
}

/* Programs that share a buffer have arguments of one size. */
static float *buffer_of(ModelState *state, const ModelArgument *argument) {
    ModelBuffer *buffer = model_find_buffer(state, argument->name);
    if (buffer == NULL) {
        buffer = &state->buffer[state->buffers++];
        *buffer = (ModelBuffer){argument, allocate_block(((size_t)argument->count + 1) * sizeof(float))};
    }
    return buffer->values;
}

/* Frame by frame, stream.c has the memory. */
static bool has_buffers(const ModelDescription *model, int program) {
    return program != model->advance && program != model->decode;
}

size_t item_elements(const ModelArgument *argument) {
    return (size_t)argument->count / (argument->items >= 0 ? (size_t)argument->shape[argument->items] : 1);
}

static bool open_call(ModelState *state, int number, size_t *largest_item) {
    const ModelProgram *program = &state->model->programs[number];
    ModelCall *call = &state->call[number];
    *call = (ModelCall){allocate((size_t)program->inputs * sizeof *call->input), allocate((size_t)program->outputs * sizeof *call->output),
                        allocate((size_t)program->losses * sizeof *call->loss)};
    for (int i = 0; i < program->inputs; i++) call->input[i] = NULL;
    for (int i = 0; i < program->losses; i++) call->loss[i] = 0;
    if (!has_buffers(state->model, number)) return true;
    for (int i = 0; i < program->inputs; i++) {
        if (program->input[i].draw == DRAW_NONE) continue;
        if ((call->input[i] = buffer_of(state, &program->input[i])) == NULL) return false;
        if (item_elements(&program->input[i]) > *largest_item) *largest_item = item_elements(&program->input[i]);
    }
    for (int i = 0; i < program->outputs; i++)
        if ((call->output[i] = buffer_of(state, &program->output[i])) == NULL) return false;
    return true;
}

static bool open_search(ModelState *state) {
    const ModelDescription *model = state->model;
    const ModelArgument *gradient = &model->programs[model->search->program].output[0];
    const ModelBuffer *samples = model_find_buffer(state, "output.samples");
    state->search_moments = allocate_block(2 * (size_t)gradient->count * sizeof(float));
    if (samples != NULL) state->samples = allocate_block((size_t)samples->argument->count * sizeof(float));
    return state->search_moments != NULL && (samples == NULL || state->samples != NULL);
}

static bool open_calls(ModelState *state) {
    const ModelDescription *model = state->model;
    size_t arguments = (size_t)model->unread_draws, largest_item = 0;
    bool good = true;
    for (int i = 0; i < model->program_count; i++) arguments += (size_t)(model->programs[i].inputs + model->programs[i].outputs);
    state->buffer = allocate(arguments * sizeof *state->buffer);
    state->call = calloc((size_t)model->program_count, sizeof *state->call);
    if (state->call == NULL) return false;
    for (int i = 0; i < model->program_count && good; i++) good = open_call(state, i, &largest_item);
    if (good && model->search != NULL) good = open_search(state);
    if (good && largest_item > 0) good = (state->item = allocate_block((largest_item + 1) * sizeof(float))) != NULL;
    state->coefficients = allocate((size_t)model->group_count * MODEL_COEFFICIENTS * sizeof *state->coefficients);
    state->group_updates = calloc((size_t)model->group_count + 1, sizeof *state->group_updates);
    state->h0 = model_buffer(state, "h0");
    state->reconstruction = model_buffer(state, model->language > 1 ? "output.reconstruction" : "reconstruction");
    return good && state->group_updates != NULL;
}

bool model_add_unread_draws(ModelState *state, Error *error) {
    for (int i = 0; i < state->model->unread_draws; i++)
        if (buffer_of(state, &state->model->unread_draw[i]) == NULL) return fail_memory(error, "what is drawn");
    return true;
}

/* Is it the first argument of its name that has a buffer? */
static bool is_first_of_name(const ModelDescription *model, const ModelArgument *argument) {
    for (int i = 0; i < model->program_count; i++) {
        const ModelProgram *program = &model->programs[i];
        for (int k = 0; has_buffers(model, i) && k < program->inputs + program->outputs; k++) {
            const ModelArgument *other = k < program->inputs ? &program->input[k] : &program->output[k - program->inputs];
            const bool given = k < program->inputs && other->draw == DRAW_NONE;
            if (!given && strcmp(other->name, argument->name) == 0) return other == argument;
        }
    }
    return false;
}

size_t model_buffer_bytes(const ModelDescription *model) {
    size_t elements = 0, largest_item = 0;
    for (int i = 0; i < model->program_count; i++) {
        const ModelProgram *program = &model->programs[i];
        for (int k = 0; k < program->inputs; k++) {
            const ModelArgument *input = &program->input[k];
            if (!is_first_of_name(model, input)) continue;
            elements += (size_t)input->count;
            if (item_elements(input) > largest_item) largest_item = item_elements(input);
        }
        for (int k = 0; k < program->outputs; k++) {
            const ModelArgument *output = &program->output[k];
            if (!is_first_of_name(model, output)) continue;
            elements += (size_t)output->count * (model->search != NULL && strcmp(output->name, "output.samples") == 0 ? 2 : 1);
        }
    }
    if (model->search != NULL) elements += 2 * (size_t)model->programs[model->search->program].output[0].count;
    return (elements + largest_item) * sizeof(float);
}

static void close_calls(ModelState *state) {
    for (int i = 0; i < state->buffers; i++) free(state->buffer[i].values);
    for (int i = 0; state->call != NULL && i < state->model->program_count; i++) {
        free(state->call[i].input);
        free(state->call[i].output);
        free(state->call[i].loss);
    }
    free(state->buffer);
    free(state->call);
    free(state->item);
    free(state->search_moments);
    free(state->samples);
    free(state->coefficients);
    free(state->group_updates);
}

/* ---- opening ---- */

bool model_open(ModelState *state, const ModelDescription *model, int threads, uint64_t seed, Error *error) {
    *state = (ModelState){.model = model, .threads = threads, .seed = seed};
    state->target = choose_target(model, getenv("ZOETROPE_TARGET"), error);
    if (state->target == NULL) return false;
    target_library(state->target, state->library);
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
    state->workspace = allocate_block(state->target->workspace_size);
    state->scratch = allocate_block(scratch);
    if (state->workspace == NULL || state->scratch == NULL || !open_calls(state)) {
        const ModelTarget *target = state->target;
        model_close(state);
        return fail(
            error,
            "%s needs %zu bytes and %zu more for each thread (%d here), and %zu for draws and results, which this machine does not have; lower "
            "training.batch, or --threads",
            model->name, target->workspace_size, target->scratch_size, threads, model_buffer_bytes(model));
    }
    find_names(state);
    return true;
}

void model_close(ModelState *state) {
    free(state->workspace);
    free(state->scratch);
    close_calls(state);
    free(state->names);
    free(state->batches_tracked);
    *state = (ModelState){0};
}

/* ---- initial values ---- */

static void fill_normal(const ModelState *state, const ModelTensor *tensor, float *values) {
    const size_t pairs = ((size_t)tensor->count + 1) / 2;
    float *drawn = allocate(2 * pairs * sizeof *drawn);
    random_fill_pairs(state->seed, RANDOM_NORMAL_WEIGHTS, 2 * (uint64_t)tensor->offset, drawn, pairs);
    state->target->normal(drawn, pairs);
    for (int64_t i = 0; i < tensor->count; i++) values[tensor->offset + i] = (float)(tensor->fill + tensor->deviation * (double)drawn[i]);
    free(drawn);
}

static void fill_tensor(const ModelState *state, const ModelTensor *tensor, float *values) {
    if (tensor->deviation > 0) {
        fill_normal(state, tensor, values);
        return;
    }
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
    if (model->average != 0) state->target->load(state->workspace, MODEL_AVERAGE, parameters);
    if (model->statistic_count > 0) state->target->load(state->workspace, MODEL_STATISTICS, statistics);
    free(parameters);
    free(statistics);
    state->updates = 0;
    for (int i = 0; i < model->group_count; i++) state->group_updates[i] = 0;
}
