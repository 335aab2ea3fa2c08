/* safetensors.c: reading and writing safetensors files. The format: https://huggingface.co/docs/safetensors */
#include "exact.h"

#include "weights/safetensors.h"

#include "common/file.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8, MAX_HEADER = 100 << 20 /* the limit of the format's own library */ };

typedef enum { FLOAT, SIGNED, UNSIGNED, OPAQUE } TypeKind;

static const struct {
    const char *name;
    unsigned bits;
    TypeKind kind;
} type_table[TENSOR_TYPE_COUNT] = {
#define X(name, bits, kind) {#name, bits, kind},
    TENSOR_TYPES(X)
#undef X
};

/* The bytes of `count` elements; false: not a whole number, or too many. */
static bool type_bytes(TensorType type, int64_t count, int64_t *bytes) {
    const int64_t bits = type_table[type].bits;
    if (bits >= 8) return !__builtin_mul_overflow(count, bits / 8, bytes);
    if (count > INT64_MAX / 8 || count * bits % 8 != 0) return false;
    *bytes = count * bits / 8;
    return true;
}

const char *tensor_shape_text(char *text, int rank, const int64_t *shape) {
    int length = snprintf(text, TENSOR_SHAPE_TEXT, "[");
    for (int i = 0; i < rank; i++)
        length += snprintf(text + length, (size_t)(TENSOR_SHAPE_TEXT - length), "%s%" PRId64, i > 0 ? ", " : "", shape[i]);
    snprintf(text + length, (size_t)(TENSOR_SHAPE_TEXT - length), "]");
    return text;
}

FileTensor tensor_make(const char *name, TensorType type, int rank, const int64_t *shape, const void *bytes) {
    FileTensor tensor = {.name = name, .type = type, .type_name = type_table[type].name, .rank = rank, .count = 1, .bytes = bytes};
    for (int i = 0; i < rank; i++) {
        tensor.shape[i] = shape[i];
        tensor.count *= shape[i];
    }
    tensor.size = (size_t)tensor.count * type_table[type].bits / 8;
    return tensor;
}

/* ---- reading ---- */

static TensorType parse_type(const char *text) {
    int i = 0;
    while (i < TENSOR_TYPE_COUNT && strcmp(text, type_table[i].name) != 0) i++;
    return (TensorType)i;
}

static bool parse_shape(FileTensor *tensor, json_t *shape, const char *path, Error *error) {
    if (!json_is_array(shape)) return fail(error, "%s: tensor %.100s has no shape; the file is damaged", path, tensor->name);
    if (json_array_size(shape) > TENSOR_MAX_RANK)
        return fail(error, "%s: tensor %.100s has %zu dimensions; at most %d are supported", path, tensor->name, json_array_size(shape),
                    TENSOR_MAX_RANK);
    tensor->rank = (int)json_array_size(shape);
    tensor->count = 1;
    for (int i = 0; i < tensor->rank; i++) {
        json_t *extent = json_array_get(shape, (size_t)i);
        tensor->shape[i] = json_is_integer(extent) ? json_integer_value(extent) : -1;
        if (tensor->shape[i] < 0 || __builtin_mul_overflow(tensor->count, tensor->shape[i], &tensor->count))
            return fail(error, "%s: the shape of tensor %.100s is invalid or too large; the file is damaged", path, tensor->name);
    }
    return true;
}

/* `data`: the `available` bytes after the header. */
static bool parse_tensor(FileTensor *tensor, json_t *entry, const unsigned char *data, size_t available, const char *path, Error *error) {
    json_t *offsets = json_object_get(entry, "data_offsets"), *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    tensor->type_name = json_string_value(json_object_get(entry, "dtype"));
    if (tensor->type_name == NULL) return fail(error, "%s: tensor %.100s has no dtype; the file is damaged", path, tensor->name);
    tensor->type = parse_type(tensor->type_name);
    if (!parse_shape(tensor, json_object_get(entry, "shape"), path, error)) return false;
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end))
        return fail(error, "%s: tensor %.100s has no data_offsets; the file is damaged", path, tensor->name);
    json_int_t first = json_integer_value(begin), last = json_integer_value(end);
    if (first < 0 || last < first || (uint64_t)last > available)
        return fail(error, "%s: tensor %.100s lies outside the file; it was cut short or is damaged", path, tensor->name);
    int64_t size = last - first;
    if (tensor->type != TENSOR_OTHER && (!type_bytes(tensor->type, tensor->count, &size) || size != last - first))
        return fail(error, "%s: tensor %.100s has %" JSON_INTEGER_FORMAT " bytes, which is not what its shape needs; the file is damaged",
                    path, tensor->name, last - first);
    tensor->size = (size_t)size;
    tensor->bytes = data + first;
    return true;
}

static bool parse_metadata(TensorFile *file, json_t *metadata, Error *error) {
    if (!json_is_object(metadata)) return fail(error, "%s: __metadata__ is not an object; the file is damaged", file->path);
    file->metadata = allocate(json_object_size(metadata) * sizeof *file->metadata);
    const char *key;
    json_t *value;
    json_object_foreach(metadata, key, value) {
        if (!json_is_string(value))
            return fail(error, "%s: __metadata__ holds a value that is not a string; the file is damaged", file->path);
        file->metadata[file->metadata_count++] = (MetadataEntry){key, json_string_value(value)};
    }
    return true;
}

static int by_place(const void *a, const void *b) {
    const FileTensor *first = *(const FileTensor *const *)a, *second = *(const FileTensor *const *)b;
    const unsigned char *p = first->bytes, *q = second->bytes;
    if (p != q) return p < q ? -1 : 1;
    return (first->size > second->size) - (first->size < second->size);
}

/* The tensors must fill the data exactly: no overlap, no gap, nothing after them. */
static bool check_places(const TensorFile *file, const unsigned char *data, size_t available, Error *error) {
    const FileTensor **sorted = allocate((size_t)file->count * sizeof *sorted);
    for (int i = 0; i < file->count; i++) sorted[i] = &file->tensor[i];
    qsort(sorted, (size_t)file->count, sizeof *sorted, by_place);
    const unsigned char *end = data;
    bool good = true;
    for (int i = 0; good && i < file->count; i++) {
        const unsigned char *begin = sorted[i]->bytes;
        if (begin != end)
            good = fail(error, "%s: there is %s tensor %.100s; the file is damaged", file->path,
                        begin < end ? "another tensor in the place of" : "a hole before", sorted[i]->name);
        end = begin + sorted[i]->size;
    }
    if (good && end != data + available)
        good = fail(error, "%s: the last tensor is followed by %zu more %s; the file is damaged", file->path,
                    (size_t)(data + available - end), plural(data + available - end, "byte", "bytes"));
    free(sorted);
    return good;
}

static bool parse_header(TensorFile *file, json_t *header, const unsigned char *data, size_t available, Error *error) {
    file->tensor = allocate(json_object_size(header) * sizeof *file->tensor);
    const char *name;
    json_t *entry;
    json_object_foreach(header, name, entry) {
        if (strcmp(name, "__metadata__") == 0) {
            if (!parse_metadata(file, entry, error)) return false;
            continue;
        }
        FileTensor *tensor = &file->tensor[file->count++];
        tensor->name = name;
        if (!parse_tensor(tensor, entry, data, available, file->path, error)) return false;
    }
    return check_places(file, data, available, error);
}

/* The first bytes of the file, or all of it. */
static bool looks_right(const char *path, const unsigned char *bytes, size_t length, Error *error) {
    if (length >= LENGTH_BYTES && (length == LENGTH_BYTES || bytes[LENGTH_BYTES] == '{')) return true;
    return fail(error, "%s: is not a safetensors file; save the weights with safetensors.torch.save_file", path);
}

bool tensor_file_parse(TensorFile *file, const char *path, unsigned char *bytes, size_t length, Error *error) {
    *file = (TensorFile){.path = copy_text(path), .memory = bytes};
    uint64_t header_length = 0;
    for (int i = 0; length >= LENGTH_BYTES && i < LENGTH_BYTES; i++) header_length |= (uint64_t)bytes[i] << (8 * i);
    json_error_t reason;
    bool good = false;
    if (!looks_right(path, bytes, length, error)) {
    } else if (header_length > length - LENGTH_BYTES || header_length > MAX_HEADER)
        fail(error, "%s: is not a safetensors file, or was cut short", path);
    else if ((file->header = json_loadb((const char *)bytes + LENGTH_BYTES, (size_t)header_length, JSON_REJECT_DUPLICATES, &reason)) ==
             NULL)
        fail(error, "%s: the header of this safetensors file is damaged: %s", path, reason.text);
    else
        good = parse_header(file, file->header, bytes + LENGTH_BYTES + header_length, length - LENGTH_BYTES - (size_t)header_length, error);
    if (!good) tensor_file_free(file);
    return good;
}

bool tensor_file_read(TensorFile *file, const char *path, Error *error) {
    unsigned char *bytes;
    size_t length;
    unsigned char first[LENGTH_BYTES + 1];
    *file = (TensorFile){0};
    /* The beginning is checked first, so that another kind of file with many gigabytes is not read. */
    if (!file_peek(path, first, sizeof first, &length, error) || !looks_right(path, first, length, error)) return false;
    return file_read(path, &bytes, &length, error) && tensor_file_parse(file, path, bytes, length, error);
}

void tensor_file_free(TensorFile *file) {
    json_decref(file->header);
    free(file->path);
    free(file->tensor);
    free(file->metadata);
    free(file->memory);
    *file = (TensorFile){0};
}

const FileTensor *tensor_file_find(const TensorFile *file, const char *name) {
    for (int i = 0; i < file->count; i++) {
        if (strcmp(file->tensor[i].name, name) == 0) return &file->tensor[i];
    }
    return NULL;
}

const char *tensor_file_metadata(const TensorFile *file, const char *key) {
    for (int i = 0; i < file->metadata_count; i++) {
        if (strcmp(file->metadata[i].key, key) == 0) return file->metadata[i].value;
    }
    return NULL;
}

static float float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float half_to_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half >> 15) << 31, exponent = half >> 10 & 31, fraction = half & 1023;
    if (exponent == 31) return float_of_bits(sign | 0x7f800000 | fraction << 13);
    if (exponent > 0) return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
    float magnitude = (float)fraction * 0x1p-24F; /* a denormal half is an ordinary float */
    return sign != 0 ? -magnitude : magnitude;
}

/* Sign, 4 bits of exponent, 3 of fraction; no infinities, and one NaN of each sign. */
static double small_to_double(uint8_t bits) {
    const int exponent = bits >> 3 & 15, fraction = bits & 7;
    if ((bits & 127) == 127) return NAN;
    const double magnitude = exponent > 0 ? ldexp(8 + fraction, exponent - 10) : ldexp(fraction, -9);
    return bits >= 128 ? -magnitude : magnitude;
}

/* An element of a tensor of floats. */
static double float_element(const FileTensor *tensor, int64_t i) {
    const unsigned char *bytes = (const unsigned char *)tensor->bytes + i * (type_table[tensor->type].bits / 8);
    double wide;
    float single;
    uint16_t narrow;
    switch (tensor->type) {
    case TENSOR_F64:
        memcpy(&wide, bytes, sizeof wide);
        return wide;
    case TENSOR_F32:
        memcpy(&single, bytes, sizeof single);
        return (double)single;
    case TENSOR_F8_E5M2: /* the upper half of a half */
        return (double)half_to_float((uint16_t)(*bytes << 8));
    case TENSOR_F8_E4M3:
        return small_to_double(*bytes);
    default:
        memcpy(&narrow, bytes, sizeof narrow);
        return (double)(tensor->type == TENSOR_F16 ? half_to_float(narrow) : float_of_bits((uint32_t)narrow << 16));
    }
}

bool tensor_is_float(const FileTensor *tensor) {
    TensorType type = tensor->type;
    return type == TENSOR_F64 || type == TENSOR_F32 || type == TENSOR_F16 || type == TENSOR_BF16;
}

bool tensor_to_float(const FileTensor *tensor, float *values) {
    if (!tensor_is_float(tensor)) return false;
    for (int64_t i = 0; i < tensor->count; i++) values[i] = (float)float_element(tensor, i);
    return true;
}

static void first_integer(const FileTensor *tensor, bool has_sign, double *number, int64_t *whole) {
    const unsigned bits = type_table[tensor->type].bits;
    uint64_t value = 0;
    for (unsigned i = 0; i < bits / 8; i++) value |= (uint64_t)((const unsigned char *)tensor->bytes)[i] << (8 * i);
    if (has_sign && bits < 64 && value >> (bits - 1) != 0) value |= UINT64_MAX << bits;
    *number = has_sign ? (double)(int64_t)value : (double)value;
    *whole = has_sign || value <= INT64_MAX ? (int64_t)value : -1;
}

bool tensor_first_number(const FileTensor *tensor, double *number, int64_t *whole) {
    if (tensor->type == TENSOR_OTHER || type_table[tensor->type].kind == OPAQUE || tensor->count == 0) return false;
    if (type_table[tensor->type].kind != FLOAT) {
        first_integer(tensor, type_table[tensor->type].kind == SIGNED, number, whole);
        return true;
    }
    *number = float_element(tensor, 0);
    *whole = fabs(*number) < 0x1p63 && *number == floor(*number) ? (int64_t)*number : -1;
    return true;
}

bool tensor_check_numbers(const TensorFile *file, const FileTensor *tensor, Error *error) {
    static const char variance[] = ".running_var";
    const size_t length = strlen(tensor->name), end = sizeof variance - 1;
    const bool is_variance = length >= end && strcmp(tensor->name + length - end, variance) == 0;
    for (int64_t i = 0; tensor_is_float(tensor) && i < tensor->count; i++) {
        const double value = float_element(tensor, i);
        const bool finite = isfinite((float)value);
        if (finite && !(is_variance && value < 0)) continue;
        return fail(error, "%s: tensor %s holds %g (element %" PRId64 " of %" PRId64 "); %s", file->path, tensor->name, value, i + 1,
                    tensor->count,
                    finite            ? "a variance is never negative"
                    : isfinite(value) ? "F32 cannot hold a number this large"
                                      : "give finite numbers");
    }
    return true;
}

/* ---- writing ---- */

/* The alignment of a tensor in bits: the size of its elements. If that is unknown, it divides the tensor's size. */
static unsigned width(const FileTensor *tensor) {
    unsigned bits = 64;
    if (tensor->type != TENSOR_OTHER) return type_table[tensor->type].bits < 8 ? 8 : type_table[tensor->type].bits;
    while (tensor->size * 8 % bits != 0) bits /= 2;
    return bits;
}

/* The order of the data: wide elements first, otherwise the given order. Returns the places, in the given order. */
static size_t *place_tensors(const FileTensor *tensors, int count, FilePart *parts) {
    size_t *place = allocate((size_t)count * sizeof *place), end = 0;
    int part = 0;
    for (unsigned bits = 64; bits >= 8; bits /= 2) {
        for (int i = 0; i < count; i++) {
            if (width(&tensors[i]) != bits) continue;
            parts[part++] = (FilePart){tensors[i].bytes, tensors[i].size, tensors[i].source, tensors[i].offset};
            place[i] = end;
            end += tensors[i].size;
        }
    }
    return place;
}

static void print_header(FILE *out, const FileTensor *tensors, int count, const size_t *place, const MetadataEntry *metadata,
                         int metadata_count) {
    char shape[TENSOR_SHAPE_TEXT];
    fputc('{', out);
    if (metadata_count > 0) fputs("\"__metadata__\":{", out);
    for (int i = 0; i < metadata_count; i++) {
        char *key = json_exact(metadata[i].key), *value = json_exact(metadata[i].value);
        fprintf(out, "%s%s:%s", i > 0 ? "," : "", key, value);
        free(key);
        free(value);
    }
    if (metadata_count > 0) fputs(count > 0 ? "}," : "}", out);
    for (int i = 0; i < count; i++) {
        char *name = json_exact(tensors[i].name), *type = json_exact(tensors[i].type_name);
        fprintf(out, "%s%s:{\"dtype\":%s,\"shape\":%s,\"data_offsets\":[%zu,%zu]}", i > 0 ? "," : "", name, type,
                tensor_shape_text(shape, tensors[i].rank, tensors[i].shape), place[i], place[i] + tensors[i].size);
        free(name);
        free(type);
    }
    fputc('}', out);
}

bool tensor_file_write(const char *path, const FileTensor *tensors, int count, const MetadataEntry *metadata, int metadata_count,
                       Error *error) {
    FilePart *parts = allocate(((size_t)count + 2) * sizeof *parts);
    size_t *place = place_tensors(tensors, count, parts + 2);
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out != NULL) {
        print_header(out, tensors, count, place, metadata, metadata_count);
        while (ftell(out) % 8 != 0) fputc(' ', out); /* so that the data starts at a multiple of 8 */
    }
    bool written = out != NULL && fclose(out) == 0;
    if (!written) fail(error, "%s: out of memory", path);
    unsigned char prefix[LENGTH_BYTES];
    for (int i = 0; i < LENGTH_BYTES; i++) prefix[i] = (unsigned char)((uint64_t)length >> (8 * i));
    parts[0] = (FilePart){.bytes = prefix, .length = sizeof prefix};
    parts[1] = (FilePart){.bytes = text, .length = length};
    written = written && file_write(path, parts, (size_t)count + 2, FILE_DURABLE, error);
    free(text);
    free(place);
    free(parts);
    return written;
}
