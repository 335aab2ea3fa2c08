/* safetensors.h: reading and writing safetensors files: 8 bytes of header length, a JSON header, the tensors' bytes.
 *
 * Files are not trusted: every length, offset, shape and name is checked before a tensor's bytes are read.
 */
#ifndef ZOETROPE_SAFETENSORS_H
#define ZOETROPE_SAFETENSORS_H

#include "common/error.h"
#include "common/file.h"

#include <stddef.h>
#include <stdint.h>

enum { TENSOR_MAX_RANK = 8 };

/* The element types of the format: name in the file, bits of an element, and kind: floats, integers with and without a sign, or only
 * copied. */
// clang-format off
#define TENSOR_TYPES(X)                                                                                                     \
    X(F64, 64, FLOAT) X(F32, 32, FLOAT) X(F16, 16, FLOAT) X(BF16, 16, FLOAT) X(F8_E5M2, 8, FLOAT) X(F8_E4M3, 8, FLOAT)          \
    X(I64, 64, SIGNED) X(U64, 64, UNSIGNED) X(I32, 32, SIGNED) X(U32, 32, UNSIGNED) X(I16, 16, SIGNED) X(U16, 16, UNSIGNED)    \
    X(I8, 8, SIGNED) X(U8, 8, UNSIGNED) X(BOOL, 8, OPAQUE) X(C64, 64, OPAQUE) X(F8_E8M0, 8, OPAQUE)                            \
    X(F6_E2M3, 6, OPAQUE) X(F6_E3M2, 6, OPAQUE) X(F4, 4, OPAQUE)
// clang-format on

typedef enum {
#define X(name, bits, kind) TENSOR_##name,
    TENSOR_TYPES(X)
#undef X
        TENSOR_TYPE_COUNT,
    TENSOR_OTHER = TENSOR_TYPE_COUNT /* a type that is not in the table: its bytes are only copied */
} TensorType;

typedef struct FileTensor {
    const char *name;
    TensorType type;
    const char *type_name; /* as the file calls it */
    int rank;
    int64_t shape[TENSOR_MAX_RANK];
    int64_t count;            /* elements */
    size_t size;              /* bytes */
    const void *bytes;        /* little-endian, row-major; not aligned after reading */
    const FileSource *source; /* of a tensor to be written, NULL: bytes are there; see FilePart */
    size_t offset;
} FileTensor;

typedef struct MetadataEntry {
    const char *key, *value;
} MetadataEntry;

typedef struct TensorFile {
    char *path;
    int count;
    FileTensor *tensor; /* in the order of the header */
    int metadata_count;
    MetadataEntry *metadata;
    unsigned char *memory; /* the file; `bytes` points into it */
    void *header;          /* the parsed header; names point into it */
} TensorFile;

/* Reads and checks a whole file. */
bool tensor_file_read(TensorFile *file, const char *path, Error *error);
/* The same from memory of malloc, which then belongs to `file`, also on failure. `path` is only used in errors. */
bool tensor_file_parse(TensorFile *file, const char *path, unsigned char *bytes, size_t length, Error *error);
void tensor_file_free(TensorFile *file);

const FileTensor *tensor_file_find(const TensorFile *file, const char *name); /* NULL: none */
const char *tensor_file_metadata(const TensorFile *file, const char *key);    /* NULL: none */

/* F64, F32, F16 or BF16: what tensor_to_float converts. */
bool tensor_is_float(const FileTensor *tensor);
/* Converts such a tensor to float32 (F64 rounds to nearest). False: another type. */
bool tensor_to_float(const FileTensor *tensor, float *values);
/* The first element of a tensor of floats or integers, in *number, and as a whole number in *whole: −1 if it is not whole or does not fit
 * int64_t. False: another type, or no elements. */
bool tensor_first_number(const FileTensor *tensor, double *number, int64_t *whole);
/* Checks that float32 can hold each float element as a finite number, and that variances (….running_var) are not negative. */
bool tensor_check_numbers(const TensorFile *file, const FileTensor *tensor, Error *error);
/* "[64, 32, 3, 3]" into a buffer of TENSOR_SHAPE_TEXT bytes, which is returned. */
enum { TENSOR_SHAPE_TEXT = TENSOR_MAX_RANK * 24 };
const char *tensor_shape_text(char *text, int rank, const int64_t *shape);

/* Fills in a tensor to be written; count and size follow from shape and type. */
FileTensor tensor_make(const char *name, TensorType type, int rank, const int64_t *shape, const void *bytes);

/* Writes the tensors (with count, size and bytes) to `path`; see file.h. The bytes of the file depend only on the arguments. The header
 * names the tensors in the given order. In the data, wide elements come before narrow ones, so each is aligned to its size. */
bool tensor_file_write(const char *path, const FileTensor *tensors, int count, const MetadataEntry *metadata, int metadata_count,
                       Error *error);

#endif
