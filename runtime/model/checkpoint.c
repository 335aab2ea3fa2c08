/* checkpoint.c: weights and training states in safetensors files. */
#include "exact.h"

#include "model/checkpoint.h"

#include "common/file.h"
#include "common/text.h"
#include "model/averages.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- loading ---- */

typedef struct TensorPlace { /* a tensor's place in a model */
    ModelBlock block;        /* MODEL_BLOCKS: to batches_tracked */
    int64_t offset;          /* in the block, or in batches_tracked */
} TensorPlace;

typedef struct WantedList { /* what a model needs from a file: a state_dict's tensors, and for a training state the optimizer's */
    int count;
    WantedTensor *tensor;
    TensorPlace *place;
    bool averages; /* the file has them */
} WantedList;

static const ModelBlock moment_block[] = {MODEL_MOMENT1, MODEL_MOMENT2};
static const char average_prefix[] = "average.";

static bool has_average(const ModelDescription *model, const ModelTensor *tensor) {
    return model->average != 0 && !model->groups[tensor->group].frozen;
}

static char *average_name(const ModelTensor *tensor) {
    return path_join("", "%s%s", average_prefix, tensor->name);
}

/* Is there a tensor of this name, and its average? Both may have the same prefix, as all names of a file. */
static bool has_both(const TensorFile *file, const char *name, const char *average) {
    const size_t end = strlen(average);
    for (int i = 0; i < file->count; i++) {
        const char *found = file->tensor[i].name;
        const size_t length = strlen(found);
        if (length < end || strcmp(found + length - end, average) != 0) continue;
        char *own = path_join("", "%.*s%s", (int)(length - end), found, name);
        const bool both = tensor_file_find(file, own) != NULL;
        free(own);
        if (both) return true;
    }
    return false;
}

/* Has the file the averages of a model that keeps them? Those of other models' files have none. */
static bool file_has_averages(const ModelDescription *model, const TensorFile *file) {
    for (int i = 0; i < model->parameter_tensors; i++) {
        if (!has_average(model, &model->parameters[i])) continue;
        char *name = average_name(&model->parameters[i]);
        const bool found = has_both(file, model->parameters[i].name, name);
        free(name);
        return found;
    }
    return false;
}

/* The name of an optimizer's moment in a file. */
static char *moment_name(int moment, const ModelTensor *tensor) {
    return path_join("", "%s%d.%s", moment_prefix, moment + 1, tensor->name);
}

static bool has_moment(const ModelDescription *model, const ModelTensor *tensor, int moment) {
    const ModelGroup *group = &model->groups[tensor->group];
    return !group->frozen && moment < group->moments;
}

static void want(WantedList *list, WantedTensor tensor, TensorPlace place) {
    list->tensor[list->count] = tensor;
    list->place[list->count++] = place;
}

static WantedList list_wanted(const ModelState *state, const TensorFile *file, bool with_moments) {
    const ModelDescription *model = state->model;
    const int moments = with_moments ? model_moments(model) : 0;
    const size_t count = (size_t)model->state_names + (size_t)(moments + 1) * (size_t)model->parameter_tensors;
    WantedList list = {.tensor = allocate(count * sizeof *list.tensor),
                       .place = allocate(count * sizeof *list.place),
                       .averages = file_has_averages(model, file)};
    for (int i = 0; i < model->state_names; i++) {
        const StateName *entry = &state->names[i];
        if (entry->kind == STATE_BATCHES_TRACKED)
            want(&list, (WantedTensor){.name = entry->name, .kind = entry->kind}, (TensorPlace){MODEL_BLOCKS, entry->index});
        else
            want(&list, (WantedTensor){entry->name, entry->kind, entry->tensor->rank, entry->tensor->shape},
                 (TensorPlace){entry->kind == STATE_PARAMETER ? MODEL_PARAMETERS : MODEL_STATISTICS, entry->tensor->offset});
    }
    for (int i = 0; list.averages && i < model->parameter_tensors; i++) {
        const ModelTensor *tensor = &model->parameters[i];
        if (has_average(model, tensor))
            want(&list, (WantedTensor){average_name(tensor), STATE_PARAMETER, tensor->rank, tensor->shape},
                 (TensorPlace){MODEL_AVERAGE, tensor->offset});
    }
    for (int i = 0; i < moments * model->parameter_tensors; i++) {
        const int moment = i / model->parameter_tensors;
        const ModelTensor *tensor = &model->parameters[i % model->parameter_tensors];
        if (has_moment(model, tensor, moment))
            want(&list, (WantedTensor){moment_name(moment, tensor), STATE_PARAMETER, tensor->rank, tensor->shape},
                 (TensorPlace){moment_block[moment], tensor->offset});
    }
    return list;
}

static void wanted_free(WantedList *list, const ModelState *state) {
    for (int i = state->model->state_names; i < list->count; i++) free((void *)(uintptr_t)list->tensor[i].name);
    free(list->tensor);
    free(list->place);
}

static bool load_block(ModelState *state, ModelBlock block, int64_t elements, const WantedList *list, const StateDict *dict, Error *error) {
    float *values = calloc((size_t)elements + 1, sizeof(float));
    if (values == NULL) return fail_memory(error, "loading weights");
    for (int i = 0; i < list->count; i++) {
        if (list->place[i].block == block) state_dict_floats(dict, i, values + list->place[i].offset);
    }
    if (elements > 0) state->target->load(state->workspace, block, values);
    free(values);
    return true;
}

static bool load_all(ModelState *state, const WantedList *list, const StateDict *dict, int moments, Error *error) {
    const ModelDescription *model = state->model;
    for (int i = 0; i < list->count; i++) {
        if (list->place[i].block == MODEL_BLOCKS) state->batches_tracked[list->place[i].offset] = state_dict_batches(dict, i);
    }
    if (!load_block(state, MODEL_PARAMETERS, model->parameter_count, list, dict, error) ||
        !load_block(state, MODEL_STATISTICS, model->statistic_count, list, dict, error))
        return false;
    for (int i = 0; i < moments; i++) {
        if (!load_block(state, moment_block[i], model->parameter_count, list, dict, error)) return false;
    }
    if (model->average == 0) return true;
    if (list->averages) return load_block(state, MODEL_AVERAGE, model->parameter_count, list, dict, error);
    return model_begin_averages(state, error);
}

/* ---- tensors that the model does not use ---- */

/* Is it the name of a tensor that we write? Then another tensor of that name cannot be saved beside it. */
static bool is_our_name(const ModelDescription *model, const char *name) {
    for (int i = 0; i < model->state_names; i++) {
        if (strcmp(model->state_name[i], name) == 0) return true;
    }
    return strncmp(name, moment_prefix, strlen(moment_prefix)) == 0 ||
           (model->average != 0 && strncmp(name, average_prefix, strlen(average_prefix)) == 0);
}

/* One line for each of a few; one line for all if there are more, such as an average of the weights. */
enum { FEW_NOTES = 3 };

static int count_kept(const ModelDescription *model, const StateDict *dict) {
    int count = 0;
    for (int i = 0; i < dict->file->count; i++)
        count += !state_dict_uses(dict, &dict->file->tensor[i]) && !is_our_name(model, dict->file->tensor[i].name);
    return count;
}

static void carry(CarriedTensors *carried, const ModelDescription *model, const StateDict *dict) {
    const TensorFile *file = dict->file;
    *carried = (CarriedTensors){.tensor = allocate((size_t)file->count * sizeof *carried->tensor)};
    char shape[TENSOR_SHAPE_TEXT];
    const int kept = count_kept(model, dict);
    for (int i = 0; i < file->count; i++) {
        const FileTensor *tensor = &file->tensor[i];
        if (state_dict_uses(dict, tensor)) continue;
        const bool ours = is_our_name(model, tensor->name);
        if (!ours && kept > FEW_NOTES && carried->count == 0)
            state_dict_say(&dict->wanted, "note: %s: %d tensors, such as %s, are not used by %s; they are kept and saved unchanged",
                           file->path, kept, tensor->name, model->name);
        if (ours || kept <= FEW_NOTES)
            state_dict_say(&dict->wanted, "note: %s: %s %s is not used by %s; it is %s", file->path, tensor->name,
                           tensor_shape_text(shape, tensor->rank, tensor->shape), model->name,
                           ours ? "not saved again if another tensor has its name" : "kept and saved unchanged");
        if (ours) continue;
        FileTensor *copy = &carried->tensor[carried->count++];
        *copy = *tensor;
        copy->name = copy_text(tensor->name);
        copy->type_name = copy_text(tensor->type_name);
        copy->bytes = memcpy(allocate(copy->size), tensor->bytes, copy->size);
    }
}

bool checkpoint_load(ModelState *state, CarriedTensors *carried, const TensorFile *file, FILE *messages, Error *error) {
    const ModelDescription *model = state->model;
    WantedList list = list_wanted(state, file, false);
    const WantedWeights wanted = {model->name, model->spec_hash, list.count, list.tensor, NULL, messages, ""};
    StateDict dict;
    bool good = state_dict_open(&dict, file, &wanted, error);
    if (good) {
        good = load_all(state, &list, &dict, 0, error);
        if (carried == NULL) state_dict_say_unused(&dict);
        else state_dict_say_counts(&dict);
        if (carried != NULL) carry(carried, model, &dict);
        state_dict_close(&dict);
    }
    wanted_free(&list, state);
    return good;
}

void carried_free(CarriedTensors *carried) {
    for (int i = 0; i < carried->count; i++) {
        free((void *)(uintptr_t)carried->tensor[i].name);
        free((void *)(uintptr_t)carried->tensor[i].type_name);
        free((void *)(uintptr_t)carried->tensor[i].bytes);
    }
    free(carried->tensor);
    *carried = (CarriedTensors){0};
}

/* ---- saving ---- */

/* A model's tensors in file order, and the list for a file. Of the blocks with a value for each parameter only one is in memory at a time.
 */
typedef struct Snapshot {
    const ModelState *state;
    FileSource source[MODEL_BLOCKS];
    float *values, *statistics;
    int made; /* the block that is in `values`; −1: none */
    int count;
    FileTensor *tensor;
} Snapshot;

static void snapshot_free(Snapshot *snapshot, const ModelState *state) {
    free(snapshot->values);
    free(snapshot->statistics);
    for (int i = state->model->state_names; i < snapshot->count; i++) free((void *)(uintptr_t)snapshot->tensor[i].name);
    free(snapshot->tensor);
}

/* What a group does not have of a block is not written, whatever is there. */
static const void *make_block(void *context, int block) {
    Snapshot *snapshot = context;
    if (snapshot->made != block) snapshot->state->target->save(snapshot->state->workspace, (ModelBlock)block, snapshot->values);
    snapshot->made = block;
    return snapshot->values;
}

static bool check_finite(const ModelState *state, const float *values, int64_t elements, Error *error) {
    return all_finite(values, (size_t)elements) ||
           fail(error, "the weights are no longer finite after iteration %" PRId64 ", so they are not saved; lower optimizer.learning_rate",
                state->updates);
}

/* Once before the file is begun. */
static bool check_block(Snapshot *snapshot, ModelBlock block, Error *error) {
    return check_finite(snapshot->state, make_block(snapshot, (int)block), snapshot->state->model->parameter_count, error);
}

static bool start_snapshot(Snapshot *snapshot, const ModelState *state, size_t tensors, Error *error) {
    const ModelDescription *model = state->model;
    *snapshot = (Snapshot){.state = state, .tensor = allocate(tensors * sizeof *snapshot->tensor), .made = -1};
    for (int i = 0; i < MODEL_BLOCKS; i++) snapshot->source[i] = (FileSource){make_block, snapshot, i};
    snapshot->values = calloc((size_t)model->parameter_count + 1, sizeof(float));
    snapshot->statistics = calloc((size_t)model->statistic_count + 1, sizeof(float));
    if (snapshot->values == NULL || snapshot->statistics == NULL) return fail_memory(error, "saving the model");
    if (model->statistic_count > 0) state->target->save(state->workspace, MODEL_STATISTICS, snapshot->statistics);
    return check_finite(state, snapshot->statistics, model->statistic_count, error);
}

/* A tensor of a block; the name is the snapshot's. */
static void take_tensor(Snapshot *snapshot, const char *name, ModelBlock block, const ModelTensor *tensor) {
    FileTensor *taken = &snapshot->tensor[snapshot->count++];
    const float *bytes = block == MODEL_STATISTICS ? snapshot->statistics + tensor->offset : NULL;
    *taken = tensor_make(name, TENSOR_F32, tensor->rank, tensor->shape, bytes);
    if (bytes != NULL) return;
    taken->source = &snapshot->source[block];
    taken->offset = (size_t)tensor->offset * sizeof(float);
}

/* The tensors of the state_dict in PyTorch's order. */
static bool take_weights(Snapshot *snapshot, const ModelState *state, size_t more, Error *error) {
    const ModelDescription *model = state->model;
    if (!start_snapshot(snapshot, state, (size_t)model->state_names + more, error)) return false;
    for (int i = 0; i < model->state_names; i++) {
        const StateName *entry = &state->names[i];
        if (entry->kind != STATE_BATCHES_TRACKED)
            take_tensor(snapshot, entry->name, entry->kind == STATE_PARAMETER ? MODEL_PARAMETERS : MODEL_STATISTICS, entry->tensor);
        else snapshot->tensor[snapshot->count++] = tensor_make(entry->name, TENSOR_I64, 0, NULL, &state->batches_tracked[entry->index]);
    }
    return check_block(snapshot, MODEL_PARAMETERS, error);
}

static bool take_averages(Snapshot *snapshot, const ModelState *state, Error *error) {
    const ModelDescription *model = state->model;
    if (model->average == 0) return true;
    for (int i = 0; i < model->parameter_tensors; i++) {
        const ModelTensor *tensor = &model->parameters[i];
        if (has_average(model, tensor)) take_tensor(snapshot, average_name(tensor), MODEL_AVERAGE, tensor);
    }
    return check_block(snapshot, MODEL_AVERAGE, error);
}

static bool take_moments(Snapshot *snapshot, const ModelState *state, Error *error) {
    const ModelDescription *model = state->model;
    for (int moment = 0; moment < model_moments(model); moment++) {
        for (int i = 0; i < model->parameter_tensors; i++) {
            const ModelTensor *tensor = &model->parameters[i];
            if (has_moment(model, tensor, moment)) take_tensor(snapshot, moment_name(moment, tensor), moment_block[moment], tensor);
        }
        if (!check_block(snapshot, moment_block[moment], error)) return false;
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
    bool saved = take_weights(&snapshot, state, (size_t)carried->count + (size_t)model->parameter_tensors, error) &&
                 take_averages(&snapshot, state, error);
    if (saved) saved = write_snapshot(&snapshot, carried, path, metadata, sizeof metadata / sizeof *metadata, error);
    snapshot_free(&snapshot, state);
    return saved;
}

/* ---- training states ---- */

/* The metadata that says how often a network was updated; of version 1 that is the iteration. */
static char *updates_key(const ModelGroup *group) {
    return path_join("", "updates.%s", group->name);
}

/* The best weights so far are chosen by one of these. */
static const char psnr_key[] = "best_validation_psnr", score_key[] = "best_validation_score";

static bool judged_by_score(const ModelState *state) {
    return state->reconstruction == NULL;
}

bool training_state_save(const ModelState *state, const CarriedTensors *carried, const RunProgress *progress, const char *path,
                         Error *error) {
    const ModelDescription *model = state->model;
    char updates[24], seed[24], best[40];
    snprintf(updates, sizeof updates, "%" PRId64, state->updates);
    snprintf(seed, sizeof seed, "%" PRIu64, state->seed);
    snprintf(best, sizeof best, "%a", judged_by_score(state) ? progress->best_score : progress->best_psnr); /* exact */
    const MetadataEntry metadata[] = {{"format", state_format},
                                      {"model", model->name},
                                      {"spec_hash", model->spec_hash},
                                      {"iteration", updates},
                                      {"seed", seed},
                                      {"target", state->target->name},
                                      {"tuning", target_tuning(state->target)},
                                      {"library", state->library},
                                      {"data", progress->data},
                                      {"validation", progress->validation},
                                      {judged_by_score(state) ? score_key : psnr_key, best}};
    const int fixed = sizeof metadata / sizeof *metadata;
    int count = fixed;
    MetadataEntry *entries = allocate((size_t)(fixed + model->group_count) * sizeof *entries);
    memcpy(entries, metadata, sizeof metadata);
    for (int i = 0; model->language > 1 && i < model->group_count; i++)
        entries[count++] = (MetadataEntry){updates_key(&model->groups[i]), path_join("", "%" PRId64, state->group_updates[i])};
    Snapshot snapshot;
    size_t more = (size_t)carried->count + (size_t)(model_moments(model) + 1) * (size_t)model->parameter_tensors;
    bool saved =
        take_weights(&snapshot, state, more, error) && take_averages(&snapshot, state, error) && take_moments(&snapshot, state, error);
    if (saved) saved = write_snapshot(&snapshot, carried, path, entries, (size_t)count, error);
    snapshot_free(&snapshot, state);
    for (int i = fixed; i < count; i++) {
        free((void *)(uintptr_t)entries[i].key);
        free((void *)(uintptr_t)entries[i].value);
    }
    free(entries);
    return saved;
}

static bool fail_metadata(const TensorFile *file, const char *key, Error *error) {
    fail(error, "%s: its metadata has no valid \"%s\"; the file is damaged", file->path, key);
    return false;
}

static bool read_unsigned(const TensorFile *file, const char *key, uint64_t *value, Error *error) {
    const char *text = tensor_file_metadata(file, key);
    char *end = NULL;
    errno = 0;
    if (text != NULL) *value = strtoull(text, &end, 10);
    if (text == NULL || text[0] < '0' || text[0] > '9' || *end != 0 || errno != 0) return fail_metadata(file, key, error);
    return true;
}

/* A number of iterations or updates. */
static bool read_count(const TensorFile *file, const char *key, int64_t *count, Error *error) {
    uint64_t value;
    if (!read_unsigned(file, key, &value, error)) return false;
    if (value > INT64_MAX) return fail_metadata(file, key, error);
    *count = (int64_t)value;
    return true;
}

/* `none`: what stands for no validation yet. */
static bool read_best(const TensorFile *file, const char *key, double none, double *value, Error *error) {
    const char *text = tensor_file_metadata(file, key);
    char *end = NULL;
    *value = text != NULL ? strtod(text, &end) : none;
    if (text != NULL && (end == text || *end != 0 || isnan(*value))) return fail_metadata(file, key, error);
    return true;
}

int64_t checkpoint_iteration(const TensorFile *file) {
    int64_t iteration;
    return read_count(file, "iteration", &iteration, NULL) ? iteration : -1;
}

bool training_state_seed(const TensorFile *file, uint64_t *seed, Error *error) {
    if (!is_training_state(file))
        return fail(error, "%s: is not a training state; only a last.state.safetensors can be resumed", file->path);
    return read_unsigned(file, "seed", seed, error);
}

/* Each tensor as we write it, including the optimizer's. */
static bool load_state(ModelState *state, CarriedTensors *carried, const TensorFile *file, FILE *messages, Error *error) {
    static const char remedy[] = "the file is damaged, or was changed: start again with another --out";
    const ModelDescription *model = state->model;
    WantedList list = list_wanted(state, file, true);
    const WantedWeights wanted = {model->name, model->spec_hash, list.count, list.tensor, remedy, messages, ""};
    StateDict dict;
    bool good = state_dict_open(&dict, file, &wanted, error);
    if (good) {
        dict.wanted.messages = NULL; /* carried tensors were reported when they were loaded */
        good = load_all(state, &list, &dict, model_moments(model), error);
        carry(carried, model, &dict);
        state_dict_close(&dict);
    }
    wanted_free(&list, state);
    return good;
}

static void copy_metadata(char *text, size_t size, const TensorFile *file, const char *key) {
    const char *value = tensor_file_metadata(file, key);
    snprintf(text, size, "%s", value != NULL ? value : "");
}

static bool read_group_updates(ModelState *state, const TensorFile *file, int64_t iterations, Error *error) {
    const ModelDescription *model = state->model;
    for (int i = 0; i < model->group_count; i++) {
        state->group_updates[i] = iterations;
        char *key = updates_key(&model->groups[i]);
        const bool good = model->language == 1 || read_count(file, key, &state->group_updates[i], error);
        free(key);
        if (!good) return false;
    }
    return true;
}

bool training_state_load(ModelState *state, CarriedTensors *carried, RunProgress *progress, const TensorFile *file, FILE *messages,
                         Error *error) {
    const ModelDescription *model = state->model;
    uint64_t seed;
    int64_t updates;
    double psnr, score;
    const char *hash = tensor_file_metadata(file, "spec_hash");
    *carried = (CarriedTensors){0};
    if (!training_state_seed(file, &seed, error) || !read_count(file, "iteration", &updates, error) ||
        !read_best(file, psnr_key, -INFINITY, &psnr, error) || !read_best(file, score_key, INFINITY, &score, error))
        return false;
    if (hash == NULL || strcmp(hash, model->spec_hash) != 0)
        return fail(
            error,
            "%s: belongs to a model with spec %.16s, but this is %s with spec %s; start again with another --out (and --init for the weights)",
            file->path, hash != NULL ? hash : "unknown", model->name, model->spec_hash);
    if (seed != state->seed)
        return fail(error, "%s: the run has seed %" PRIu64 ", not %" PRIu64 "; leave out --seed to resume it", file->path, seed,
                    state->seed);
    if (!read_group_updates(state, file, updates, error) || !load_state(state, carried, file, messages, error)) return false;
    state->updates = updates;
    progress->best_psnr = psnr;
    progress->best_score = score;
    copy_metadata(progress->data, sizeof progress->data, file, "data");
    copy_metadata(progress->validation, sizeof progress->validation, file, "validation");
    copy_metadata(progress->target, sizeof progress->target, file, "target");
    copy_metadata(progress->tuning, sizeof progress->tuning, file, "tuning");
    copy_metadata(progress->library, sizeof progress->library, file, "library");
    return true;
}
