/* idx.h: files of many images or labels in the format of MNIST, as they are or packed by gzip. */
#ifndef ZOETROPE_IDX_H
#define ZOETROPE_IDX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum IdxKind {
    IDX_NONE,   /* something else */
    IDX_IMAGES, /* …-images-idx3-ubyte: bytes 00 00 08 03, then count, rows and columns, big-endian in 4 bytes each; then levels */
    IDX_LABELS  /* …-labels-idx1-ubyte: bytes 00 00 08 01, count; then a byte each */
} IdxKind;

enum { IDX_HEAD = 16 };
/* The content of a regular file decides, of which `head` is the first IDX_HEAD bytes or more; if that does not tell, such as when the file
 * is empty or damaged, its name does. */
IdxKind idx_kind(const char *path, const uint8_t *head, size_t length);

/* Is the name that of a file of either kind, packed, with the unpacked one among these names? */
bool idx_is_packed_copy(const char *name, char *const *names, int64_t count);

#endif
