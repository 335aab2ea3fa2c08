/* name_prefix.c: the prefix of all names of a model's weights in a file. */
#include "weights/name_prefix.h"

#include "common/file.h"

#include <stdlib.h>
#include <string.h>

/* Names that PyTorch's wrappers (DataParallel, compile, FSDP, …) and usual scripts put before those of a model. */
static const char *const wrappers[] = {
    "module", "_orig_mod", "model", "_fsdp_wrapped_module", "_forward_module", "_checkpoint_wrapped_module", "state_dict"};
/* Parts of names of an average of weights over time. */
static const char *const averages[] = {"ema", "swa", "avg", "average", "averaged", "shadow"};

#define IS_AMONG(list, text, length) is_among(list, sizeof(list) / sizeof *(list), text, length)

static bool is_among(const char *const *list, size_t count, const char *text, size_t length) {
    for (size_t i = 0; i < count; i++) {
        if (strlen(list[i]) == length && memcmp(list[i], text, length) == 0) return true;
    }
    return false;
}

/* ---- ranks ---- */

typedef enum { PREFIX_NONE, PREFIX_WRAPPERS, PREFIX_OTHER, PREFIX_AVERAGE } PrefixKind;

/* The bytes up to the next of the separators, or to the end. */
static size_t word_length(const char *text, size_t length, const char *separators) {
    size_t end = 0;
    while (end < length && strchr(separators, text[end]) == NULL) end++;
    return end;
}

static PrefixKind prefix_kind(const NamePrefix *prefix) {
    if (prefix->length == 0) return PREFIX_NONE;
    for (size_t at = 0; at < prefix->length;) {
        const size_t length = word_length(prefix->text + at, prefix->length - at, "._");
        if (IS_AMONG(averages, prefix->text + at, length)) return PREFIX_AVERAGE;
        at += length + 1;
    }
    for (size_t at = 0; at < prefix->length;) {
        const size_t length = word_length(prefix->text + at, prefix->length - at, ".");
        if (!IS_AMONG(wrappers, prefix->text + at, length)) return PREFIX_OTHER;
        at += length + 1;
    }
    return PREFIX_WRAPPERS;
}

static int compare_rank(const NamePrefix *a, const NamePrefix *b) {
    if (a->fits != b->fits) return a->fits > b->fits ? -1 : 1;
    if (a->names != b->names) return a->names > b->names ? -1 : 1;
    return (int)prefix_kind(a) - (int)prefix_kind(b);
}

static int compare_text(const NamePrefix *a, const NamePrefix *b) {
    if (a->length != b->length) return a->length < b->length ? -1 : 1;
    return memcmp(a->text, b->text, a->length);
}

static int by_text(const void *a, const void *b) {
    return compare_text(a, b);
}

static int by_rank(const void *a, const void *b) {
    const int rank = compare_rank(a, b);
    return rank != 0 ? rank : compare_text(a, b);
}

bool same_rank(const NamePrefix *a, const NamePrefix *b) {
    return compare_rank(a, b) == 0;
}

/* ---- the list ---- */

static bool ends_in(const char *name, size_t length, const char *end, size_t end_length) {
    return length >= end_length && memcmp(name + length - end_length, end, end_length) == 0;
}

/* One entry for each wanted tensor that is in the file with a prefix. */
static NamePrefix *list_found(const TensorFile *file, const WantedWeights *wanted, int *count) {
    NamePrefix *list = NULL;
    int capacity = 0;
    size_t *end_length = allocate((size_t)wanted->count * sizeof *end_length);
    for (int i = 0; i < wanted->count; i++) end_length[i] = strlen(wanted->tensor[i].name);
    *count = 0;
    for (int i = 0; i < file->count; i++) {
        const FileTensor *tensor = &file->tensor[i];
        const size_t length = strlen(tensor->name);
        if (is_moment(file, tensor->name)) continue;
        for (int k = 0; k < wanted->count; k++) {
            if (wanted->tensor[k].kind == STATE_BATCHES_TRACKED) continue;
            if (!ends_in(tensor->name, length, wanted->tensor[k].name, end_length[k])) continue;
            if (*count == capacity) list = reallocate(list, (size_t)(capacity = 2 * capacity + 64) * sizeof *list);
            list[(*count)++] = (NamePrefix){tensor->name, length - end_length[k], 1, has_shape(tensor, &wanted->tensor[k])};
        }
    }
    free(end_length);
    return list;
}

NamePrefix *list_prefixes(const TensorFile *file, const WantedWeights *wanted, int *count) {
    int found, last = -1;
    NamePrefix *list = list_found(file, wanted, &found);
    if (found > 0) qsort(list, (size_t)found, sizeof *list, by_text);
    for (int i = 0; i < found; i++) { /* entries of the same prefix become one */
        if (last < 0 || compare_text(&list[last], &list[i]) != 0) {
            list[++last] = list[i];
            continue;
        }
        list[last].names++;
        list[last].fits += list[i].fits;
    }
    *count = last + 1;
    if (*count > 0) qsort(list, (size_t)*count, sizeof *list, by_rank);
    return list;
}

/* ---- wrappers within names ---- */

/* The next part of a dotted name that is not a wrapper's, of *length bytes; NULL: none. */
static const char *next_part(const char **rest, size_t *length) {
    while (**rest != 0) {
        const char *part = *rest;
        *length = strcspn(part, ".");
        *rest += *length + (part[*length] != 0);
        if (!IS_AMONG(wrappers, part, *length)) return part;
    }
    return NULL;
}

static bool same_parts(const char *a, const char *b) {
    const char *p, *q;
    size_t m = 0, n = 0;
    do {
        p = next_part(&a, &m);
        q = next_part(&b, &n);
        if (p == NULL || q == NULL) return p == q;
    } while (m == n && memcmp(p, q, m) == 0);
    return false;
}

const FileTensor *find_wrapped(const TensorFile *file, const char *name) {
    for (int i = 0; i < file->count; i++) {
        if (same_parts(file->tensor[i].name, name)) return &file->tensor[i];
    }
    return NULL;
}
