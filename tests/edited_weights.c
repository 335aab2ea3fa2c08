/* edited_weights.c: see edited_weights.h. */
#include "edited_weights.h"

#include "fake_model.h"
#include "sample_graphs.h"

#include <check.h>
#include <math.h>
#include <string.h>

/* ---- files ---- */

static bool ends_in(const char *name, const char *end) {
    return strlen(name) >= strlen(end) && strcmp(name + strlen(name) - strlen(end), end) == 0;
}

bool is_count(const FileTensor *tensor) {
    return ends_in(tensor->name, "num_batches_tracked");
}

/* Multiples of 1/8 that F16 and wider types hold exactly; positive, because variances are. */
static void add_floats(Weights *weights, const char *name, int rank, const int64_t *shape) {
    FileTensor tensor = tensor_make(name, TENSOR_F32, rank, shape, NULL);
    float *values = NEW_ARRAY(float, tensor.count);
    for (int64_t i = 0; i < tensor.count; i++) values[i] = (float)(1 + (i * 5 + weights->count) % 15) / 8;
    tensor.bytes = values;
    weights->tensor[weights->count++] = tensor;
}

static void add_count(Weights *weights, const char *name) {
    static const int64_t seven = 7;
    weights->tensor[weights->count++] = tensor_make(name, TENSOR_I64, 0, NULL, &seven);
}

/* Weights of fake_model, for the trainer. */
Weights trainer_weights(void) {
    Weights weights = {0};
    for (int i = 0; i < fake_model.state_names; i++) {
        const char *name = fake_model.state_name[i];
        const ModelTensor *found = NULL;
        for (int k = 0; k < fake_model.parameter_tensors; k++)
            if (strcmp(fake_model.parameters[k].name, name) == 0) found = &fake_model.parameters[k];
        for (int k = 0; k < fake_model.statistic_tensors; k++)
            if (strcmp(fake_model.statistics[k].name, name) == 0) found = &fake_model.statistics[k];
        if (found) add_floats(&weights, name, found->rank, found->shape);
        else add_count(&weights, name);
    }
    return weights;
}

/* Weights of a spec, for the compiler. */
Weights compiler_weights(const Graph *graph) {
    Weights weights = {0};
    for (int i = 0; i < graph->parameter_count; i++) {
        const Parameter *parameter = graph->parameter[i];
        int64_t shape[MAX_DIMENSIONS];
        for (int d = 0; d < parameter->rank; d++) shape[d] = parameter->shape[d];
        add_floats(&weights, parameter->name, parameter->rank, shape);
        const char *end = strstr(parameter->name, "running_var");
        if (end) add_count(&weights, format("%.*snum_batches_tracked", (int)(end - parameter->name), parameter->name));
    }
    return weights;
}

void write_weights(const Weights *weights, const char *path) {
    Error error;
    ck_assert_msg(tensor_file_write(path, weights->tensor, weights->count, NULL, 0, &error), "%s", error.text);
}

/* ---- edits ---- */

void prefix_names(Weights *weights, const char *prefix) {
    for (int i = 0; i < weights->count; i++) weights->tensor[i].name = format("%s%s", prefix, weights->tensor[i].name);
}

/* A second set with other values beside the first: "model. ema." */
void add_set(Weights *weights, const char *prefixes) {
    const Weights plain = *weights;
    const char *second = strchr(prefixes, ' ') + 1;
    prefix_names(weights, format("%.*s", (int)(second - prefixes - 1), prefixes));
    for (int i = 0; i < plain.count; i++) {
        FileTensor tensor = plain.tensor[i];
        if (!is_count(&tensor)) tensor.bytes = memset(arena_allocate(tensor.size), 0, tensor.size);
        tensor.name = format("%s%s", second, tensor.name);
        weights->tensor[weights->count++] = tensor;
    }
}

/* The same, with the second set first in the file. */
void add_set_before(Weights *weights, const char *prefixes) {
    add_set(weights, prefixes);
    const Weights both = *weights;
    for (int i = 0; i < both.count; i++) weights->tensor[i] = both.tensor[both.count - 1 - i];
}

/* The same, but the second set has only trained tensors. */
void add_average(Weights *weights, const char *prefixes) {
    const char *second = strchr(prefixes, ' ') + 1;
    add_set(weights, prefixes);
    int kept = 0;
    for (int i = 0; i < weights->count; i++) {
        const FileTensor *tensor = &weights->tensor[i];
        const bool left_out = is_count(tensor) || ends_in(tensor->name, "running_mean") || ends_in(tensor->name, "running_var");
        if (!left_out || strncmp(tensor->name, second, strlen(second)) != 0) weights->tensor[kept++] = *tensor;
    }
    weights->count = kept;
}

static TensorType type_of(const char *name) {
#define X(type, bits, kind)                                                                                                                \
    if (strcmp(name, #type) == 0) return TENSOR_##type;
    TENSOR_TYPES(X)
#undef X
    return TENSOR_OTHER;
}

/* A number of few bits, in any type. */
static const void *encode(double value, TensorType type) {
    union {
        double f64;
        float f32;
        uint32_t bits;
        uint16_t u16;
        int64_t integer;
    } *number = arena_allocate(8);
    number->f32 = (float)value;
    const uint32_t bits = number->bits, exponent = bits >> 23 & 255, sign = bits >> 31, fraction = bits & 0x7fffff;
    if (type == TENSOR_F64) number->f64 = value;
    else if (type == TENSOR_BF16) number->u16 = (uint16_t)(bits >> 16);
    else if (type == TENSOR_F16 || type == TENSOR_F8_E5M2) {
        const uint32_t half = sign << 15 | (isinf(value) ? 31U << 10 : value == 0 ? 0 : (exponent - 112) << 10 | fraction >> 13);
        number->u16 = (uint16_t)(type == TENSOR_F16 ? half : half >> 8);
    } else if (type == TENSOR_F8_E4M3) number->u16 = (uint16_t)(sign << 7 | (value == 0 ? 0 : (exponent - 120) << 3 | fraction >> 20));
    else if (type != TENSOR_F32) number->integer = (int64_t)value;
    return number;
}

/* All floats, num_batches_tracked left as it is. */
void convert(Weights *weights, const char *name) {
    const TensorType type = type_of(name);
    for (int i = 0; i < weights->count; i++) {
        const FileTensor *tensor = &weights->tensor[i];
        if (is_count(tensor)) continue;
        FileTensor made = tensor_make(tensor->name, type, tensor->rank, tensor->shape, NULL);
        const size_t size = made.size / (size_t)made.count;
        unsigned char *bytes = arena_allocate(made.size);
        for (int64_t k = 0; k < tensor->count; k++)
            memcpy(bytes + (size_t)k * size, encode((double)((const float *)tensor->bytes)[k], type), size);
        made.bytes = bytes;
        weights->tensor[i] = made;
    }
}

/* "I32 [1] 7" */
void set_counts(Weights *weights, const char *argument) {
    char type[20], shape[20];
    double value;
    ck_assert_int_eq(sscanf(argument, "%19s %19s %lf", type, shape, &value), 3);
    const int64_t extent = shape[1] == ']' ? 1 : shape[1] - '0';
    for (int i = 0; i < weights->count; i++) {
        if (!is_count(&weights->tensor[i])) continue;
        FileTensor made = tensor_make(weights->tensor[i].name, type_of(type), shape[1] != ']', &extent, encode(value, type_of(type)));
        if (made.count > 1) made.bytes = arena_allocate(made.size);
        weights->tensor[i] = made;
    }
}

void drop(Weights *weights, const char *end) {
    int kept = 0;
    for (int i = 0; i < weights->count; i++)
        if (!ends_in(weights->tensor[i].name, end)) weights->tensor[kept++] = weights->tensor[i];
    weights->count = kept;
}

/* A tensor of a type that may be unknown; 12 elements, or 24 bytes if the size of the type is unknown. */
void add_unused(Weights *weights, const char *type) {
    static const unsigned char bytes[96] = {1, 0, 0xff, 0x7f};
    FileTensor tensor = tensor_make("other.thing", type_of(type) == TENSOR_OTHER ? TENSOR_I16 : type_of(type), 2, (int64_t[]){3, 4}, bytes);
    tensor.type = type_of(type);
    tensor.type_name = type;
    weights->tensor[weights->count++] = tensor;
}

static FileTensor *find(Weights *weights, const char *end) {
    int i = 0;
    while (!ends_in(weights->tensor[i].name, end)) i++;
    return &weights->tensor[i];
}

void misshape(Weights *weights, const char *end) {
    FileTensor *tensor = find(weights, end);
    tensor->shape[tensor->rank++] = 1;
}

void make_integers(Weights *weights, const char *end) {
    FileTensor *tensor = find(weights, end);
    *tensor = tensor_make(tensor->name, TENSOR_I32, tensor->rank, tensor->shape, tensor->bytes);
}

/* The last number of a tensor: "encoder.0.bias 1e300" */
void set_number(Weights *weights, const char *argument) {
    char end[60];
    double value;
    ck_assert_int_eq(sscanf(argument, "%59s %lf", end, &value), 2);
    FileTensor *tensor = find(weights, end);
    double *wide = arena_allocate(sizeof *wide * (size_t)tensor->count);
    wide[tensor->count - 1] = value;
    *tensor = tensor_make(tensor->name, TENSOR_F64, tensor->rank, tensor->shape, wide);
}

void rename_one(Weights *weights, const char *argument) {
    char end[60], name[60];
    ck_assert_int_eq(sscanf(argument, "%59s %59s", end, name), 2);
    find(weights, end)->name = format("%s", name);
}

void make_foreign(Weights *weights, const char *argument) {
    for (int i = 0; i < weights->count; i++) weights->tensor[i].name = format("%s.%d", argument, i);
}

void wrap_networks(Weights *weights, const char *argument) {
    for (int i = 0; i < weights->count; i++) {
        const char *name = weights->tensor[i].name, *dot = strchr(name, '.');
        weights->tensor[i].name = format("%.*s.%s%s", dot != NULL ? (int)(dot - name) : 0, name, argument, dot != NULL ? dot : name);
    }
}

void empty(Weights *weights, const char *argument) {
    (void)argument;
    weights->count = 0;
}
