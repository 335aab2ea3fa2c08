/* checkpoint.c: weights and training states in safetensors files. */
#include "exact.h"

#include "checkpoint.h"

#include "file.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char state_format[] = "zoetrope training state", moment_prefix[] = "optimizer.moment";

static bool is_training_state(const TensorFile *file) {
    const char *format = tensor_file_metadata(file, "format");
    return format != NULL && strcmp(format, state_format) == 0;
}

/* ---- loading ---- */

static bool same_shape(const FileTensor *tensor, int rank, const int64_t *shape) {
    if (tensor->rank != rank) return false;
    for (int i = 0; i < rank; i++) {
        if (tensor->shape[i] != shape[i]) return false;
    }
    return true;
}

/* One element that is no number makes every loss and every weight into none. A count must leave room to count on. */
static bool check_numbers(const TensorFile *file, const FileTensor *tensor, FILE *messages) {
    Error error;
    int64_t count = 0;
    bool good = tensor_check_numbers(file, tensor, &error);
    if (tensor->type == TENSOR_I64) memcpy(&count, tensor->bytes, sizeof count);
    if (good && (count < 0 || count > INT64_MAX / 2))
        good = fail(&error, "%s: tensor %s holds %" PRId64 ", which is no number of batches", file->path, tensor->name, count);
    if (!good) fprintf(messages, "%s\n", error.text);
    return good;
}

/* Says on `messages` what is wrong with a tensor that should have the shape, if anything. */
static bool check_tensor(const TensorFile *file, const FileTensor *tensor, const char *name, int rank, const int64_t *shape, bool integer,
                         FILE *messages) {
    char wanted[TENSOR_SHAPE_TEXT], found[TENSOR_SHAPE_TEXT];
    tensor_shape_text(wanted, rank, shape);
    if (tensor == NULL) {
        fprintf(messages, "%s: tensor %s %s is missing\n", file->path, name, wanted);
        return false;
    }
    if (!same_shape(tensor, rank, shape)) {
        fprintf(messages, "%s: tensor %s has shape %s, and the model wants %s\n", file->path, name,
                tensor_shape_text(found, tensor->rank, tensor->shape), wanted);
        return false;
    }
    TensorType type = tensor->type;
    bool good = integer ? type == TENSOR_I64 : type == TENSOR_F32 || type == TENSOR_F64 || type == TENSOR_F16 || type == TENSOR_BF16;
    if (!good)
        fprintf(messages, "%s: tensor %s is of type %s, and the model wants %s\n", file->path, name, tensor_type_name(type),
                integer ? "I64" : "F32 (F64, F16 and BF16 are converted)");
    return good && check_numbers(file, tensor, messages);
}

static bool check_all(const ModelState *state, const TensorFile *file, FILE *messages, Error *error) {
    int bad = 0;
    for (int i = 0; i < state->model->state_names; i++) {
        const StateName *entry = &state->names[i];
        const FileTensor *tensor = tensor_file_find(file, entry->name);
        bool integer = entry->kind == STATE_BATCHES_TRACKED;
        bad += !check_tensor(file, tensor, entry->name, integer ? 0 : entry->tensor->rank, integer ? NULL : entry->tensor->shape, integer,
                             messages);
    }
    if (bad == 0) return true;
    return fail(error, "%s: %d of the %d tensors of %s cannot be used; give finite weights of this model (spec %s)", file->path, bad,
                state->model->state_names, state->model->name, state->model->spec_hash);
}

static bool load_block(ModelState *state, ModelBlock block, const ModelTensor *tensors, int count, int64_t elements, const char *prefix,
                       const TensorFile *file, Error *error) {
    float *values = malloc((size_t)elements * sizeof(float) + 1);
    if (values == NULL) return fail_memory(error, "loading weights");
    for (int i = 0; i < count; i++) {
        char *name = path_join("", "%s%s", prefix, tensors[i].name);
        tensor_to_float(tensor_file_find(file, name), values + tensors[i].offset);
        free(name);
    }
    if (elements > 0) state->target->load(state->workspace, block, values);
    free(values);
    return true;
}

bool checkpoint_load(ModelState *state, const TensorFile *file, FILE *messages, Error *error) {
    const ModelDescription *model = state->model;
    if (!check_all(state, file, messages, error)) return false;
    for (int i = 0; i < model->state_names; i++) {
        const StateName *entry = &state->names[i];
        if (entry->kind == STATE_BATCHES_TRACKED)
            memcpy(&state->batches_tracked[entry->index], tensor_file_find(file, entry->name)->bytes, sizeof(int64_t));
    }
    return load_block(state, MODEL_PARAMETERS, model->parameters, model->parameter_tensors, model->parameter_count, "", file, error) &&
           load_block(state, MODEL_STATISTICS, model->statistics, model->statistic_tensors, model->statistic_count, "", file, error);
}

/* ---- what the model does not use ---- */

static bool is_used(const ModelDescription *model, const TensorFile *file, const char *name) {
    if (is_training_state(file) && strncmp(name, moment_prefix, sizeof moment_prefix - 1) == 0) return true;
    for (int i = 0; i < model->state_names; i++) {
        if (strcmp(model->state_name[i], name) == 0) return true;
    }
    return false;
}

void carried_collect(CarriedTensors *carried, const ModelDescription *model, const TensorFile *file, FILE *messages) {
    *carried = (CarriedTensors){.tensor = allocate((size_t)file->count * sizeof *carried->tensor)};
    char shape[TENSOR_SHAPE_TEXT];
    for (int i = 0; i < file->count; i++) {
        if (is_used(model, file, file->tensor[i].name)) continue;
        FileTensor *copy = &carried->tensor[carried->count++];
        *copy = file->tensor[i];
        copy->name = copy_text(file->tensor[i].name);
        copy->bytes = memcpy(allocate(copy->size), file->tensor[i].bytes, copy->size);
        if (messages != NULL)
            fprintf(messages, "note: %s: %s %s is not used by %s; it is kept, and saved again as it is\n", file->path, copy->name,
                    tensor_shape_text(shape, copy->rank, copy->shape), model->name);
    }
}

void carried_free(CarriedTensors *carried) {
    for (int i = 0; i < carried->count; i++) {
        free((void *)(uintptr_t)carried->tensor[i].name);
        free((void *)(uintptr_t)carried->tensor[i].bytes);
    }
    free(carried->tensor);
    *carried = (CarriedTensors){0};
}

/* ---- saving ---- */

typedef struct Snapshot { /* a model's tensors in file order, and the list of them that a file will hold */
    float *block[MODEL_BLOCKS];
    int count;
    FileTensor *tensor;
} Snapshot;

static const ModelBlock moment_block[] = {MODEL_MOMENT1, MODEL_MOMENT2};

static void snapshot_free(Snapshot *snapshot, const ModelState *state) {
    for (int i = 0; i < MODEL_BLOCKS; i++) free(snapshot->block[i]);
    for (int i = state->model->state_names; i < snapshot->count; i++) {
        const char *name = snapshot->tensor[i].name;
        if (strncmp(name, moment_prefix, sizeof moment_prefix - 1) == 0) free((void *)(uintptr_t)name);
    }
    free(snapshot->tensor);
}

static bool take_block(Snapshot *snapshot, const ModelState *state, ModelBlock block, int64_t elements, Error *error) {
    float *values = snapshot->block[block] = malloc((size_t)elements * sizeof(float) + 1);
    if (values == NULL) return fail_memory(error, "saving the model");
    if (elements > 0) state->target->save(state->workspace, block, values);
    for (int64_t i = 0; i < elements; i++) {
        if (!isfinite(values[i]))
            return fail(
                error, "the weights are no longer finite after iteration %" PRId64 ", so they are not saved; lower optimizer.learning_rate",
                state->updates);
    }
    return true;
}

/* The tensors of the state_dict in PyTorch's order. */
static bool take_weights(Snapshot *snapshot, const ModelState *state, size_t more, Error *error) {
    const ModelDescription *model = state->model;
    *snapshot = (Snapshot){.tensor = allocate(((size_t)model->state_names + more) * sizeof *snapshot->tensor)};
    if (!take_block(snapshot, state, MODEL_PARAMETERS, model->parameter_count, error) ||
        !take_block(snapshot, state, MODEL_STATISTICS, model->statistic_count, error))
        return false;
    for (int i = 0; i < model->state_names; i++) {
        const StateName *entry = &state->names[i];
        const ModelTensor *tensor = entry->tensor;
        snapshot->tensor[snapshot->count++] =
            entry->kind == STATE_BATCHES_TRACKED
                ? tensor_make(entry->name, TENSOR_I64, 0, NULL, &state->batches_tracked[entry->index])
                : tensor_make(entry->name, TENSOR_F32, tensor->rank, tensor->shape,
                              snapshot->block[entry->kind == STATE_PARAMETER ? MODEL_PARAMETERS : MODEL_STATISTICS] + tensor->offset);
    }
    return true;
}

static bool take_moments(Snapshot *snapshot, const ModelState *state, Error *error) {
    const ModelDescription *model = state->model;
    for (int moment = 0; moment < model->moments; moment++) {
        ModelBlock block = moment_block[moment];
        if (!take_block(snapshot, state, block, model->parameter_count, error)) return false;
        for (int i = 0; i < model->parameter_tensors; i++) {
            const ModelTensor *tensor = &model->parameters[i];
            char *name = path_join("", "%s%d.%s", moment_prefix, moment + 1, tensor->name);
            snapshot->tensor[snapshot->count++] =
                tensor_make(name, TENSOR_F32, tensor->rank, tensor->shape, snapshot->block[block] + tensor->offset);
        }
    }
    return true;
}

/* The snapshot's own tensors, then the carried ones. */
static bool write_snapshot(Snapshot *snapshot, const CarriedTensors *carried, const char *path, const MetadataEntry *metadata,
                           size_t metadata_count, Error *error) {
    for (int i = 0; i < carried->count; i++) snapshot->tensor[snapshot->count + i] = carried->tensor[i];
    return tensor_file_write(path, snapshot->tensor, snapshot->count + carried->count, metadata, (int)metadata_count, error);
}

bool checkpoint_save(const ModelState *state, const CarriedTensors *carried, const char *path, Error *error) {
    const ModelDescription *model = state->model;
    char updates[24];
    snprintf(updates, sizeof updates, "%" PRId64, state->updates);
    const MetadataEntry metadata[] = {{"format", "pt"}, {"model", model->name}, {"spec_hash", model->spec_hash}, {"iteration", updates}};
    Snapshot snapshot;
    bool saved = take_weights(&snapshot, state, (size_t)carried->count, error);
    if (saved) saved = write_snapshot(&snapshot, carried, path, metadata, sizeof metadata / sizeof *metadata, error);
    snapshot_free(&snapshot, state);
    return saved;
}

/* ---- training states ---- */

bool training_state_save(const ModelState *state, const CarriedTensors *carried, const RunProgress *progress, const char *path,
                         Error *error) {
    const ModelDescription *model = state->model;
    char updates[24], seed[24], best[40];
    snprintf(updates, sizeof updates, "%" PRId64, state->updates);
    snprintf(seed, sizeof seed, "%" PRIu64, state->seed);
    snprintf(best, sizeof best, "%a", progress->best_psnr); /* exact */
    const MetadataEntry metadata[] = {{"format", state_format},
                                      {"model", model->name},
                                      {"spec_hash", model->spec_hash},
                                      {"iteration", updates},
                                      {"seed", seed},
                                      {"target", state->target->name},
                                      {"tuning", target_tuning(state->target)},
                                      {"data", progress->data},
                                      {"validation", progress->validation},
                                      {"best_validation_psnr", best}};
    Snapshot snapshot;
    size_t more = (size_t)carried->count + (size_t)model->moments * (size_t)model->parameter_tensors;
    bool saved = take_weights(&snapshot, state, more, error) && take_moments(&snapshot, state, error);
    if (saved) saved = write_snapshot(&snapshot, carried, path, metadata, sizeof metadata / sizeof *metadata, error);
    snapshot_free(&snapshot, state);
    return saved;
}

static bool read_unsigned(const TensorFile *file, const char *key, uint64_t *value, Error *error) {
    const char *text = tensor_file_metadata(file, key);
    char *end = NULL;
    errno = 0;
    if (text != NULL) *value = strtoull(text, &end, 10);
    if (text == NULL || text[0] < '0' || text[0] > '9' || *end != 0 || errno != 0)
        return fail(error, "%s: its metadata has no good \"%s\"; the file is damaged", file->path, key);
    return true;
}

static bool read_best(const TensorFile *file, double *value, Error *error) {
    static const char key[] = "best_validation_psnr";
    const char *text = tensor_file_metadata(file, key);
    char *end = NULL;
    *value = text != NULL ? strtod(text, &end) : -INFINITY;
    if (text != NULL && (end == text || *end != 0 || isnan(*value)))
        return fail(error, "%s: its metadata has no good \"%s\"; the file is damaged", file->path, key);
    return true;
}

int64_t checkpoint_iteration(const TensorFile *file) {
    uint64_t iteration;
    return read_unsigned(file, "iteration", &iteration, NULL) && iteration <= INT64_MAX ? (int64_t)iteration : -1;
}

bool training_state_seed(const TensorFile *file, uint64_t *seed, Error *error) {
    if (!is_training_state(file)) return fail(error, "%s: is no training state; only a last.state.safetensors can be resumed", file->path);
    return read_unsigned(file, "seed", seed, error);
}

static bool check_moments(const ModelState *state, const TensorFile *file, FILE *messages, Error *error) {
    const ModelDescription *model = state->model;
    int bad = 0, count = model->moments * model->parameter_tensors;
    for (int i = 0; i < count; i++) {
        const ModelTensor *tensor = &model->parameters[i % model->parameter_tensors];
        char *name = path_join("", "%s%d.%s", moment_prefix, i / model->parameter_tensors + 1, tensor->name);
        bad += !check_tensor(file, tensor_file_find(file, name), name, tensor->rank, tensor->shape, false, messages);
        free(name);
    }
    return bad == 0 ||
           fail(error, "%s: %d of the optimizer's %d tensors cannot be used; the file is damaged, so start anew with another --out",
                file->path, bad, count);
}

static void copy_metadata(char *text, size_t size, const TensorFile *file, const char *key) {
    const char *value = tensor_file_metadata(file, key);
    snprintf(text, size, "%s", value != NULL ? value : "");
}

bool training_state_load(ModelState *state, CarriedTensors *carried, RunProgress *progress, const TensorFile *file, FILE *messages,
                         Error *error) {
    const ModelDescription *model = state->model;
    uint64_t seed, updates;
    double best;
    const char *hash = tensor_file_metadata(file, "spec_hash");
    *carried = (CarriedTensors){0};
    if (!training_state_seed(file, &seed, error) || !read_unsigned(file, "iteration", &updates, error) || !read_best(file, &best, error))
        return false;
    if (hash == NULL || strcmp(hash, model->spec_hash) != 0)
        return fail(
            error,
            "%s: belongs to a model with spec %.16s, and this is %s with spec %s; start anew with another --out (and --init for the weights)",
            file->path, hash != NULL ? hash : "unknown", model->name, model->spec_hash);
    if (seed != state->seed)
        return fail(error, "%s: the run has seed %" PRIu64 ", not %" PRIu64 "; leave out --seed to resume it", file->path, seed,
                    state->seed);
    if (updates > INT64_MAX) return fail(error, "%s: its metadata has no good \"iteration\"; the file is damaged", file->path);
    if (!check_moments(state, file, messages, error) || !checkpoint_load(state, file, messages, error)) return false;
    for (int moment = 0; moment < model->moments; moment++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "%s%d.", moment_prefix, moment + 1);
        if (!load_block(state, moment_block[moment], model->parameters, model->parameter_tensors, model->parameter_count, prefix, file,
                        error))
            return false;
    }
    state->updates = (int64_t)updates;
    progress->best_psnr = best;
    copy_metadata(progress->data, sizeof progress->data, file, "data");
    copy_metadata(progress->validation, sizeof progress->validation, file, "validation");
    copy_metadata(progress->target, sizeof progress->target, file, "target");
    copy_metadata(progress->tuning, sizeof progress->tuning, file, "tuning");
    carried_collect(carried, model, file, NULL);
    return true;
}
