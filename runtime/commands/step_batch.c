/* step_batch.c: the file of a batch that `step` reads. */
#include "exact.h"

#include "commands/step_batch.h"

#include "common/file.h"

#include <stdlib.h>
#include <string.h>

bool read_shaped(const TensorFile *file, const char *name, int rank, const int64_t *shape, float *values, Error *error) {
    char wanted[TENSOR_SHAPE_TEXT], found[TENSOR_SHAPE_TEXT];
    tensor_shape_text(wanted, rank, shape);
    const FileTensor *tensor = tensor_file_find(file, name);
    if (tensor == NULL) return fail(error, "%s: tensor %s is missing; it must have shape %s", file->path, name, wanted);
    if (tensor->rank != rank || memcmp(tensor->shape, shape, (size_t)rank * sizeof *shape) != 0)
        return fail(error, "%s: tensor %s has shape %s, but the model needs %s", file->path, name,
                    tensor_shape_text(found, tensor->rank, tensor->shape), wanted);
    if (!tensor_to_float(tensor, values))
        return fail(error, "%s: tensor %s is of type %s; convert it to F32", file->path, name, tensor->type_name);
    return tensor_check_numbers(file, tensor, error);
}

/* ---- order ---- */

/* from: [outer, rows, columns, inner] → to: [outer, columns, rows, inner] */
static void swap_dimensions(const float *from, float *to, const size_t size[4]) {
    const size_t outer = size[0], rows = size[1], columns = size[2], inner = size[3];
    for (size_t i = 0; i < outer * rows * columns; i++) {
        const size_t column = i % columns, row = i / columns % rows, block = i / columns / rows;
        memcpy(to + ((block * columns + column) * rows + row) * inner, from + i * inner, inner * sizeof *to);
    }
}

/* The argument's shape is that of files: [items, C, T, …]; in memory it is [items, T, C, …]. */
static void reorder(const ModelArgument *argument, const float *from, float *to, bool to_file) {
    if (!argument->channels_first) {
        memcpy(to, from, (size_t)argument->count * sizeof *to);
        return;
    }
    const size_t items = (size_t)argument->shape[0], channels = (size_t)argument->shape[1], frames = (size_t)argument->shape[2];
    const size_t inner = (size_t)argument->count / (items * channels * frames);
    swap_dimensions(from, to, (size_t[4]){items, to_file ? frames : channels, to_file ? channels : frames, inner});
}

void to_file_order(const ModelArgument *argument, const float *values, float *file) {
    reorder(argument, values, file, true);
}

/* ---- what a file may hold ---- */

static bool is_noise(const ModelArgument *argument) {
    return strncmp(argument->name, "noise.", 6) == 0;
}

/* Or does only evaluation make this draw, as a state of a call in `outputs`? */
static bool training_draws(const ModelDescription *model, const ModelArgument *argument) {
    for (int i = 0; i < model->step_count; i++)
        if (program_has_input(&model->programs[model->steps[i].program], argument)) return true;
    for (int i = 0; i < model->unread_draws; i++)
        if (strcmp(model->unread_draw[i].name, argument->name) == 0) return true;
    return false;
}

/* All draws of all steps that have their own, read or not: so one file serves training and evaluation. */
static void list_draws(StepBatch *batch, const ModelState *state) {
    const ModelDescription *model = state->model;
    batch->draw = allocate((size_t)model->step_count * (size_t)state->buffers * sizeof *batch->draw);
    for (int step = 0; step < model->step_count; step++) {
        for (int i = 0; model->steps[step].draws_of == step && i < state->buffers; i++) {
            const ModelArgument *argument = state->buffer[i].argument;
            if (argument->draw == DRAW_NONE || (step > 0 && !training_draws(model, argument))) continue;
            batch->draw[batch->draws++] =
                (StepDraw){.argument = argument, .step = step, .key = path_join("", "%s.%d", argument->name, step)};
        }
    }
}

/* If a name is "<prefix>.<number>", as we write numbers: the number, else −1. */
static int step_of(const char *name, const char *prefix) {
    const size_t length = strlen(prefix);
    char *end = NULL;
    if (strncmp(name, prefix, length) != 0 || name[length] != '.' || name[length + 1] < '0' || name[length + 1] > '9') return -1;
    if (name[length + 1] == '0' && name[length + 2] != 0) return -1; /* 01 is not 1 */
    const long number = strtol(name + length + 1, &end, 10);
    return *end == 0 && number < 1000000 ? (int)number : -1;
}

/* Why a name that looks like one of a step is none. `argument`: the draw that it names; NULL: x. */
static bool refuse_step(const ModelDescription *model, const TensorFile *file, const char *name, int step, const ModelArgument *argument,
                        Error *error) {
    if (step >= model->step_count)
        return fail(error, "%s: tensor %s: %s has no step %d; its last is %d", file->path, name, model->name, step, model->step_count - 1);
    if (argument == NULL)
        return fail(error, "%s: tensor %s: step %d has `batch: same`, so it has no batch of its own; leave it out", file->path, name, step);
    if (!training_draws(model, argument))
        return fail(error, "%s: tensor %s: no step draws %s, only evaluation does; name it %s.0", file->path, name, argument->name,
                    argument->name);
    return fail(error, "%s: tensor %s: step %d keeps the draws of step %d; give those", file->path, name, step,
                model->steps[step].draws_of);
}

static void list_names(const StepBatch *batch, const ModelDescription *model, char *text, size_t size) {
    size_t length = (size_t)snprintf(text, size, "x");
    for (int i = 0; i < model->step_count && length < size; i++)
        if (model->steps[i].batch != MODEL_BATCH_SAME) length += (size_t)snprintf(text + length, size - length, ", x.%d", i);
    for (int i = 0; i < batch->draws && length < size; i++) {
        const StepDraw *draw = &batch->draw[i];
        if (is_noise(draw->argument) && draw->step == 0)
            length += (size_t)snprintf(text + length, size - length, ", %s", draw->argument->name);
        if (length < size) length += (size_t)snprintf(text + length, size - length, ", %s", draw->key);
    }
}

static bool check_name(const StepBatch *batch, const ModelState *state, const TensorFile *file, const char *name, Error *error) {
    const ModelDescription *model = state->model;
    const int batch_of = step_of(name, "x");
    if (strcmp(name, "x") == 0) return true;
    if (batch_of >= 0 && batch_of < model->step_count && model->steps[batch_of].batch != MODEL_BATCH_SAME) return true;
    if (batch_of >= 0) return refuse_step(model, file, name, batch_of, NULL, error);
    for (int i = 0; i < batch->draws; i++) {
        const ModelArgument *argument = batch->draw[i].argument;
        if (strcmp(name, batch->draw[i].key) == 0 || (is_noise(argument) && strcmp(name, argument->name) == 0)) return true;
    }
    for (int i = 0; i < batch->draws; i++) {
        const ModelArgument *argument = batch->draw[i].argument;
        const int step = step_of(name, argument->name);
        if (step >= 0) return refuse_step(model, file, name, step, argument, error);
    }
    char known[2048];
    list_names(batch, model, known, sizeof known);
    return fail(error, "%s: tensor %s is none that %s reads; it knows %s", file->path, name, model->name, known);
}

/* ---- reading ---- */

bool read_clips(float **values, const ModelDescription *model, const TensorFile *file, const char *name, Error *error) {
    const int64_t shape[5] = {model->batch, model->T, model->channels, model->height, model->width};
    *values = aligned_floats(batch_elements(model));
    if (*values == NULL) return fail_memory(error, "a batch");
    return read_shaped(file, name, 5, shape, *values, error);
}

static bool read_batches(StepBatch *batch, const ModelDescription *model, const TensorFile *file, Error *error) {
    bool good = read_clips(&batch->x, model, file, "x", error);
    batch->steps = model->step_count;
    batch->next = allocate((size_t)batch->steps * sizeof *batch->next);
    for (int i = 0; i < batch->steps; i++) batch->next[i] = NULL;
    for (int i = 0; good && i < batch->steps; i++) {
        char *name = path_join("", "x.%d", i);
        if (tensor_file_find(file, name) != NULL) good = read_clips(&batch->next[i], model, file, name, error);
        free(name);
    }
    return good;
}

/* The key with a step wins over the one without, which only noise has. */
static bool read_draw(StepDraw *draw, const TensorFile *file, Error *error) {
    const ModelArgument *argument = draw->argument;
    const char *name = draw->key;
    if (tensor_file_find(file, name) == NULL) name = is_noise(argument) ? argument->name : NULL;
    float *values = malloc((size_t)argument->count * sizeof *values + 1);
    if (values == NULL) return fail_memory(error, "what is drawn");
    if (name == NULL || tensor_file_find(file, name) == NULL) {
        draw->drawn = values;
        return true;
    }
    bool good = read_shaped(file, name, argument->rank, argument->shape, values, error);
    draw->given = good ? malloc((size_t)argument->count * sizeof *values + 1) : NULL;
    if (good && draw->given == NULL) good = fail_memory(error, "what is drawn");
    if (good) reorder(argument, values, draw->given, false);
    free(values);
    return good;
}

/* A key without a step that every step's own key replaces has its size checked too. */
static bool check_replaced(const StepBatch *batch, const TensorFile *file, Error *error) {
    bool good = true;
    for (int i = 0; good && i < batch->draws; i++) {
        const ModelArgument *argument = batch->draw[i].argument;
        if (!is_noise(argument) || batch->draw[i].step != 0 || tensor_file_find(file, argument->name) == NULL) continue;
        float *values = malloc((size_t)argument->count * sizeof *values + 1);
        if (values == NULL) return fail_memory(error, "what is drawn");
        good = read_shaped(file, argument->name, argument->rank, argument->shape, values, error);
        free(values);
    }
    return good;
}

bool step_batch_read(StepBatch *batch, const ModelState *state, const char *path, Error *error) {
    TensorFile file;
    *batch = (StepBatch){.x = NULL};
    if (!tensor_file_read(&file, path, error)) return false;
    list_draws(batch, state);
    bool good = read_batches(batch, state->model, &file, error);
    for (int i = 0; good && i < file.count; i++) good = check_name(batch, state, &file, file.tensor[i].name, error);
    for (int i = 0; good && i < batch->draws; i++) good = read_draw(&batch->draw[i], &file, error);
    good = good && check_replaced(batch, &file, error);
    tensor_file_free(&file);
    return good;
}

void step_batch_free(StepBatch *batch) {
    for (int i = 0; i < batch->draws; i++) {
        free(batch->draw[i].key);
        free(batch->draw[i].given);
        free(batch->draw[i].drawn);
    }
    for (int i = 0; batch->next != NULL && i < batch->steps; i++) free(batch->next[i]);
    free(batch->next);
    free(batch->draw);
    free(batch->x);
}

/* ---- drawing ---- */

static void record(StepDraw *draw, const float *buffer) {
    if (draw->recorded) return;
    to_file_order(draw->argument, buffer, draw->drawn);
    draw->recorded = true;
}

void step_batch_draw(StepBatch *batch, ModelState *state, int step, int64_t round) {
    for (int i = 0; i < batch->draws; i++) {
        StepDraw *draw = &batch->draw[i];
        float *buffer = model_buffer(state, draw->argument->name);
        if (draw->step != step || !training_draws(state->model, draw->argument)) continue;
        if (draw->given != NULL) {
            memcpy(buffer, draw->given, (size_t)draw->argument->count * sizeof *buffer);
            continue;
        }
        model_draw_argument(state, draw->argument, step, round);
        record(draw, buffer);
    }
}

void step_batch_draw_evaluation(StepBatch *batch, ModelState *state) {
    model_draw_evaluation(state, 0, state->model->batch);
    for (int i = 0; i < batch->draws; i++) {
        StepDraw *draw = &batch->draw[i];
        if (draw->step != 0 || !program_has_input(&state->model->programs[state->model->evaluate], draw->argument)) continue;
        float *buffer = model_buffer(state, draw->argument->name);
        if (draw->given != NULL) memcpy(buffer, draw->given, (size_t)draw->argument->count * sizeof *buffer);
        else record(draw, buffer);
    }
}
