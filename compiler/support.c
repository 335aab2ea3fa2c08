#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARENA_BLOCK = 1 << 20, ALIGNMENT = 16 };

void *arena_allocate(size_t size) {
    static char *next, *end;
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (size > (size_t)(end - next)) {
        size_t block = size > ARENA_BLOCK ? size : ARENA_BLOCK;
        next = calloc(1, block);
        if (!next) {
            fprintf(stderr, "zoetrope: out of memory\n");
            exit(2);
        }
        end = next + block;
    }
    void *result = next;
    next += size;
    return result;
}

char *format_list(const char *pattern, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, pattern, again);
    va_end(again);
    if (length < 0) die("cannot format '%s'", pattern);
    char *result = arena_allocate((size_t)length + 1);
    vsnprintf(result, (size_t)length + 1, pattern, arguments);
    return result;
}

char *format(const char *pattern, ...) {
    va_list arguments;
    va_start(arguments, pattern);
    char *result = format_list(pattern, arguments);
    va_end(arguments);
    return result;
}

void text_add_list(Text *text, const char *pattern, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, pattern, again);
    va_end(again);
    if (length < 0) die("cannot format '%s'", pattern);
    size_t needed = text->length + (size_t)length + 1;
    if (needed > text->capacity) {
        size_t capacity = needed * 2;
        char *bytes = arena_allocate(capacity);
        if (text->length) memcpy(bytes, text->bytes, text->length);
        text->bytes = bytes;
        text->capacity = capacity;
    }
    vsnprintf(text->bytes + text->length, (size_t)length + 1, pattern, arguments);
    text->length += (size_t)length;
}

void text_add(Text *text, const char *pattern, ...) {
    va_list arguments;
    va_start(arguments, pattern);
    text_add_list(text, pattern, arguments);
    va_end(arguments);
}

void die_at(const char *file, int line, const char *pattern, ...) {
    va_list arguments;
    va_start(arguments, pattern);
    fprintf(stderr, "zoetrope: internal error at %s:%d: ", file, line);
    vfprintf(stderr, pattern, arguments);
    fprintf(stderr, "\nThis is a bug in zoetrope, not in your spec. Please report it with the spec that shows it.\n");
    va_end(arguments);
    abort();
}

uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length) {
    const unsigned char *byte = bytes;
    for (size_t i = 0; i < length; i++) hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
    return hash;
}

bool write_file(const char *path, const char *bytes, size_t length) {
    const char *beside = format("%s.part", path);
    FILE *file = fopen(beside, "wb");
    if (!file) return false;
    bool written = fwrite(bytes, 1, length, file) == length;
    written = fclose(file) == 0 && written;
    if (written && rename(beside, path) == 0) return true;
    int reason = errno;
    unlink(beside);
    errno = reason;
    return false;
}
