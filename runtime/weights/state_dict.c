/* state_dict.c: the weights of a model in a safetensors file. */
#include "exact.h"

#include "weights/state_dict.h"

#include "common/file.h"
#include "common/text.h"
#include "weights/name_prefix.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char state_format[] = "zoetrope training state", moment_prefix[] = "optimizer.moment";

bool is_training_state(const TensorFile *file) {
    const char *format = tensor_file_metadata(file, "format");
    return format != NULL && strcmp(format, state_format) == 0;
}

bool is_moment(const TensorFile *file, const char *name) {
    return strncmp(name, moment_prefix, strlen(moment_prefix)) == 0 && is_training_state(file);
}

bool has_shape(const FileTensor *tensor, const WantedTensor *wanted) {
    return tensor->rank == wanted->rank &&
           (wanted->rank == 0 || memcmp(tensor->shape, wanted->shape, (size_t)wanted->rank * sizeof *wanted->shape) == 0);
}

void state_dict_say(const WantedWeights *wanted, const char *pattern, ...) {
    Error line;
    va_list arguments;
    if (wanted->messages == NULL) return;
    va_start(arguments, pattern);
    vsnprintf(line.text, sizeof line.text, pattern, arguments);
    va_end(arguments);
    print_escaped(wanted->messages, "%s%s", wanted->speaker, line.text);
}

/* ---- faults and their remedies ---- */

typedef struct Faults { /* how many tensors have each fault */
    int missing, shape, renamed, type, numbers, batches;
    char how[400]; /* … how to rename one of those */
} Faults;

static int count_faults(const Faults *faults) {
    return faults->missing + faults->shape + faults->renamed + faults->type + faults->numbers + faults->batches;
}

/* Whose weights are they? */
static void add_origin(char *text, size_t size, const StateDict *dict) {
    const WantedWeights *wanted = &dict->wanted;
    const char *hash = tensor_file_metadata(dict->file, "spec_hash"), *model = tensor_file_metadata(dict->file, "model");
    if (hash == NULL) snprintf(text, size, "give weights of this network (%s, spec %s)", wanted->model, wanted->spec_hash);
    else if (strcmp(hash, wanted->spec_hash) != 0)
        snprintf(text, size, "they are of another spec (%.60s, spec %.16s): give weights of this one (%s, spec %s)",
                 model != NULL ? model : "unknown", hash, wanted->model, wanted->spec_hash);
    else snprintf(text, size, "the file says that it is of this spec (%s), so it was changed later: give the file as it was saved", hash);
}

/* "…: 3 of the 8 tensors of fake cannot be used; convert …; give …" */
static bool fail_with_remedies(const StateDict *dict, const Faults *faults, Error *error) {
    char origin[400];
    const WantedWeights *wanted = &dict->wanted;
    add_origin(origin, sizeof origin, dict);
    const struct {
        bool wanted;
        const char *text;
    } remedies[] = {
        {faults->missing + faults->shape > 0, origin},
        {faults->renamed > 0, faults->how},
        {faults->type > 0, "convert tensors of another type to F32"},
        {faults->numbers > 0, "a failed training leaves such numbers, and F64 may hold some that F32 cannot:"
                              " give finite weights that F32 can hold"},
        {faults->batches > 0, "remove num_batches_tracked from the file, and it counts from 0"},
    };
    Error text;
    size_t length = 0;
    for (size_t i = 0; i < sizeof remedies / sizeof *remedies; i++) {
        if (wanted->exact == NULL && remedies[i].wanted)
            length += (size_t)snprintf(text.text + length, sizeof text.text - length, "; %s", remedies[i].text);
    }
    if (wanted->exact != NULL) snprintf(text.text, sizeof text.text, "; %s", wanted->exact);
    return fail(error, "%s: %d of the %d tensors of %s cannot be used%.2000s", dict->file->path, count_faults(faults), wanted->count,
                wanted->model, text.text);
}

/* ---- one tensor ---- */

static void check_missing(const StateDict *dict, const WantedTensor *wanted, const char *name, Faults *faults) {
    char shape[TENSOR_SHAPE_TEXT];
    const FileTensor *other = dict->wanted.exact == NULL ? find_wrapped(dict->file, name) : NULL;
    tensor_shape_text(shape, wanted->rank, wanted->shape);
    if (other == NULL) {
        faults->missing++;
        state_dict_say(&dict->wanted, "%s: tensor %s %s is missing", dict->file->path, name, shape);
        return;
    }
    if (faults->renamed++ == 0)
        snprintf(faults->how, sizeof faults->how, "rename what a wrapper has renamed: %.150s to %.150s", other->name, name);
    state_dict_say(&dict->wanted, "%s: tensor %s %s is missing; there is %s", dict->file->path, name, shape, other->name);
}

static void check_floats(const StateDict *dict, const WantedTensor *wanted, const FileTensor *tensor, Faults *faults) {
    char shape[TENSOR_SHAPE_TEXT], found[TENSOR_SHAPE_TEXT];
    const char *path = dict->file->path;
    const bool exact = dict->wanted.exact != NULL;
    Error error;
    if (!has_shape(tensor, wanted)) {
        faults->shape++;
        state_dict_say(&dict->wanted, "%s: tensor %s has shape %s, but the model needs %s", path, tensor->name,
                       tensor_shape_text(found, tensor->rank, tensor->shape), tensor_shape_text(shape, wanted->rank, wanted->shape));
    } else if (exact ? tensor->type != TENSOR_F32 : !tensor_is_float(tensor)) {
        faults->type++;
        state_dict_say(&dict->wanted, "%s: tensor %s is of type %.20s, but the model needs F32%s", path, tensor->name, tensor->type_name,
                       exact ? "" : " (F64, F16 and BF16 are converted)");
    } else if (!tensor_check_numbers(dict->file, tensor, &error)) {
        faults->numbers++;
        state_dict_say(&dict->wanted, "%s", error.text);
    }
}

/* A count that overflowed its type: F16 ends at 65504. It is treated as missing. */
static bool is_overflow(const FileTensor *tensor, double number) {
    return number > 0 && isinf(number) && (tensor->type == TENSOR_F16 || tensor->type == TENSOR_F8_E5M2);
}

/* There must be room to go on counting. */
static void check_batches(const StateDict *dict, const FileTensor *tensor, Faults *faults) {
    char shape[TENSOR_SHAPE_TEXT];
    const char *path = dict->file->path;
    const bool exact = dict->wanted.exact != NULL, one = tensor->rank == 0 || (!exact && tensor->rank == 1 && tensor->count == 1);
    double number;
    int64_t whole;
    if (!one) {
        faults->batches++;
        state_dict_say(&dict->wanted, "%s: tensor %s has shape %s, but the model needs []%s", path, tensor->name,
                       tensor_shape_text(shape, tensor->rank, tensor->shape), exact ? "" : " or [1]");
    } else if (!tensor_first_number(tensor, &number, &whole) || (exact && tensor->type != TENSOR_I64)) {
        faults->batches++;
        state_dict_say(&dict->wanted, "%s: tensor %s is of type %.20s, but the model needs %s", path, tensor->name, tensor->type_name,
                       exact ? "I64" : "integers, or floats");
    } else if ((whole < 0 && !is_overflow(tensor, number)) || whole > INT64_MAX / 2) {
        faults->batches++;
        state_dict_say(&dict->wanted, "%s: tensor %s holds %.15g, which is not a number of batches", path, tensor->name, number);
    }
}

static void check_tensor(StateDict *dict, int i, const NamePrefix *prefix, Faults *faults) {
    const WantedTensor *wanted = &dict->wanted.tensor[i];
    char *name = path_join("", "%.*s%s", (int)prefix->length, prefix->text, wanted->name);
    const bool batches = wanted->kind == STATE_BATCHES_TRACKED;
    const FileTensor *tensor = dict->tensor[i] = tensor_file_find(dict->file, name);
    if (tensor != NULL && batches) check_batches(dict, tensor, faults);
    else if (tensor != NULL) check_floats(dict, wanted, tensor, faults);
    else if (!batches || dict->wanted.exact != NULL) check_missing(dict, wanted, name, faults);
    free(name);
}

/* ---- notes ---- */

/* Do names of wanted tensors, after the prefix that is removed, begin as the other prefix goes on? Those of averages that a model keeps do.
 */
static bool is_wanted(const StateDict *dict, const NamePrefix *removed, const NamePrefix *other) {
    if (other->length < removed->length || memcmp(other->text, removed->text, removed->length) != 0) return false;
    for (int i = 0; i < dict->wanted.count; i++)
        if (strncmp(dict->wanted.tensor[i].name, other->text + removed->length, other->length - removed->length) == 0) return true;
    return false;
}

static void say_prefixes(const StateDict *dict, const NamePrefix *list, int count) {
    const char *path = dict->file->path;
    if (list->length > 0)
        state_dict_say(&dict->wanted, "note: %s: the names of its weights begin with \"%.*s\"; this prefix is removed", path,
                       (int)list->length, list->text);
    for (int i = 1; i < count; i++) {
        if (list[i].names < list->names / 2) continue; /* an average may contain only trained tensors */
        if (is_wanted(dict, list, &list[i])) continue;
        state_dict_say(&dict->wanted, "note: %s: has a second set of weights, whose names begin with \"%.*s\"; it is not used", path,
                       (int)list[i].length, list[i].text);
    }
}

static void say_conversions(const StateDict *dict) {
    static const TensorType types[] = {TENSOR_F64, TENSOR_F16, TENSOR_BF16};
    char text[200] = "";
    size_t length = 0;
    for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
        const char *name = NULL;
        int count = 0;
        for (int i = 0; i < dict->wanted.count; i++) {
            if (dict->wanted.tensor[i].kind == STATE_BATCHES_TRACKED || dict->tensor[i]->type != types[k]) continue;
            name = dict->tensor[i]->type_name;
            count++;
        }
        if (count > 0)
            length += (size_t)snprintf(text + length, sizeof text - length, "%s%d %s of %s%s", length > 0 ? ", " : "", count,
                                       plural(count, "tensor", "tensors"), name, types[k] == TENSOR_F64 ? " (rounded to F32)" : "");
    }
    if (length > 0) state_dict_say(&dict->wanted, "note: %s: converted to F32: %s", dict->file->path, text);
}

void state_dict_say_unused(const StateDict *dict) {
    int unused = 0;
    for (int i = 0; i < dict->file->count; i++) unused += !state_dict_uses(dict, &dict->file->tensor[i]);
    if (unused > 0)
        state_dict_say(&dict->wanted, "note: %s: %d %s not used by %s", dict->file->path, unused,
                       plural(unused, "tensor is", "tensors are"), dict->wanted.model);
}

/* ---- all of them ---- */

/* Each network of a model was wrapped by itself: encoder._orig_mod.0.weight. */
static const FileTensor *find_first_wrapped(const StateDict *dict, int *i) {
    const FileTensor *found = NULL;
    for (*i = 0; *i < dict->wanted.count; ++*i)
        if ((found = find_wrapped(dict->file, dict->wanted.tensor[*i].name)) != NULL) return found;
    return NULL;
}

/* None of the names is in the file, so a list of them all would not help. */
static bool fail_foreign(const StateDict *dict, Error *error) {
    char origin[400];
    int i;
    const TensorFile *file = dict->file;
    const WantedWeights *wanted = &dict->wanted;
    if (file->count == 0) return fail(error, "%s: holds no tensors; give weights of this network (%s)", file->path, wanted->model);
    const FileTensor *wrapped = find_first_wrapped(dict, &i);
    if (wrapped != NULL)
        return fail(error,
                    "%s: holds none of the %d tensors of %s by its name; wrappers have renamed them: rename %.150s to %.150s, and all "
                    "others in the same way",
                    file->path, wanted->count, wanted->model, wrapped->name, wanted->tensor[i].name);
    add_origin(origin, sizeof origin, dict);
    return fail(error, "%s: holds none of the %d tensors of %s; its names are like %.200s, those of the model like %s; %s", file->path,
                wanted->count, wanted->model, file->tensor[0].name, wanted->tensor[0].name, origin);
}

/* Without num_batches_tracked. */
static int count_names(const WantedWeights *wanted) {
    int count = 0;
    for (int i = 0; i < wanted->count; i++) count += wanted->tensor[i].kind != STATE_BATCHES_TRACKED;
    return count;
}

static bool check_all(StateDict *dict, const NamePrefix *list, int count, Error *error) {
    static const NamePrefix none = {.text = ""};
    const bool exact = dict->wanted.exact != NULL;
    Faults faults = {0};
    if (!exact && count == 0) return fail_foreign(dict, error);
    if (!exact && count > 1 && same_rank(&list[0], &list[1]) && list->names == count_names(&dict->wanted))
        return fail(error,
                    "%s: holds more than one set of weights of %s, with the prefixes \"%.*s\" and \"%.*s\"; keep one, and remove its "
                    "prefix",
                    dict->file->path, dict->wanted.model, (int)list[0].length, list[0].text, (int)list[1].length, list[1].text);
    for (int i = 0; i < dict->wanted.count; i++) check_tensor(dict, i, exact ? &none : list, &faults);
    if (count_faults(&faults) > 0) return fail_with_remedies(dict, &faults, error);
    if (!exact) say_prefixes(dict, list, count);
    say_conversions(dict);
    return true;
}

bool state_dict_open(StateDict *dict, const TensorFile *file, const WantedWeights *wanted, Error *error) {
    int count;
    *dict = (StateDict){.file = file, .wanted = *wanted, .tensor = allocate((size_t)wanted->count * sizeof *dict->tensor)};
    NamePrefix *list = list_prefixes(file, wanted, &count);
    const bool good = check_all(dict, list, count, error);
    free(list);
    if (!good) state_dict_close(dict);
    return good;
}

void state_dict_close(StateDict *dict) {
    free(dict->tensor);
    *dict = (StateDict){0};
}

void state_dict_floats(const StateDict *dict, int i, float *values) {
    tensor_to_float(dict->tensor[i], values);
}

int64_t state_dict_batches(const StateDict *dict, int i) {
    double number;
    int64_t whole = 0;
    if (dict->tensor[i] != NULL) tensor_first_number(dict->tensor[i], &number, &whole);
    return whole < 0 ? 0 : whole;
}

void state_dict_say_counts(const StateDict *dict) {
    int unknown = 0;
    double number;
    int64_t whole;
    for (int i = 0; i < dict->wanted.count; i++) {
        if (dict->wanted.tensor[i].kind == STATE_BATCHES_TRACKED)
            unknown += dict->tensor[i] == NULL || (tensor_first_number(dict->tensor[i], &number, &whole) && whole < 0);
    }
    if (unknown > 0)
        state_dict_say(&dict->wanted, "note: %s: num_batches_tracked of %d batch %s is missing, or does not fit its type; it counts from 0",
                       dict->file->path, unknown, plural(unknown, "norm", "norms"));
}

bool state_dict_uses(const StateDict *dict, const FileTensor *tensor) {
    for (int i = 0; i < dict->wanted.count; i++) {
        if (dict->tensor[i] == tensor) return true;
    }
    return is_moment(dict->file, tensor->name);
}
