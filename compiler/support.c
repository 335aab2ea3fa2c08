#include "support.h"

#include "../runtime/text.h"

#include <stdlib.h>
#include <string.h>

/* ---- arenas ---- */

enum { ALIGNMENT = 16, BLOCK_SIZE = (1 << 18) - ALIGNMENT, MAX_ARENAS = 8 };

typedef struct MemoryBlock { /* its `size` bytes follow it */
    struct MemoryBlock *next;
    size_t size;
} MemoryBlock;

typedef struct Arena {
    MemoryBlock *blocks; /* of BLOCK_SIZE, the one being filled first */
    char *next, *end;    /* what is left of that */
    MemoryBlock *large;  /* of what is larger, each with one thing in it */
} Arena;

static Arena arenas[MAX_ARENAS];
static int innermost;
static MemoryBlock *spare; /* given back, of BLOCK_SIZE and zeroed */

/* So that a sanitizer sees who uses what an arena has given back. */
#ifdef __SANITIZE_ADDRESS__
static const bool keeps_spare = false;
#else
static const bool keeps_spare = true;
#endif

static char *start_of(MemoryBlock *block) {
    return (char *)(block + 1);
}

static MemoryBlock *new_block(size_t size) {
    MemoryBlock *block = spare;
    if (block && size == BLOCK_SIZE) {
        spare = block->next;
        return block;
    }
    block = calloc(1, sizeof *block + size);
    if (!block) {
        fprintf(stderr, "zoetrope: out of memory\n");
        exit(1);
    }
    block->size = size;
    return block;
}

static void *allocate_in(Arena *arena, size_t size) {
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (size > BLOCK_SIZE) {
        MemoryBlock *block = new_block(size);
        block->next = arena->large;
        arena->large = block;
        return start_of(block);
    }
    if (size > (size_t)(arena->end - arena->next)) {
        MemoryBlock *block = new_block(BLOCK_SIZE);
        block->next = arena->blocks;
        arena->blocks = block;
        arena->next = start_of(block);
        arena->end = arena->next + BLOCK_SIZE;
    }
    void *result = arena->next;
    arena->next += size;
    return result;
}

/* Gives back what has a block of its own; the rest waits for arena_leave(). */
static void give_back(Arena *arena, const void *bytes) {
    for (MemoryBlock **block = &arena->large; *block; block = &(*block)->next) {
        if (start_of(*block) != bytes) continue;
        MemoryBlock *found = *block;
        *block = found->next;
        free(found);
        return;
    }
}

void *arena_allocate(size_t size) {
    return allocate_in(&arenas[innermost], size);
}

void arena_enter(void) {
    if (++innermost == MAX_ARENAS) die("more than %d arenas in each other", MAX_ARENAS);
}

void arena_leave(void) {
    if (innermost == 0) die("an arena is left that was not entered");
    Arena *arena = &arenas[innermost--];
    for (MemoryBlock *block = arena->large, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    for (MemoryBlock *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        if (!keeps_spare) {
            free(block);
            continue;
        }
        memset(start_of(block), 0, block == arena->blocks ? (size_t)(arena->next - start_of(block)) : BLOCK_SIZE);
        block->next = spare;
        spare = block;
    }
    *arena = (Arena){0};
}

void *arena_grow(void *array, int count, int *capacity, size_t size) {
    if (count < *capacity) return array;
    *capacity = *capacity ? 2 * *capacity : 16;
    void *larger = arena_allocate((size_t)*capacity * size);
    if (count) memcpy(larger, array, (size_t)count * size);
    return larger;
}

/* ---- text ---- */

/* Is all that the pattern asks for %s, %d and %ld, without widths? Nearly all of what emit prints is. */
static bool is_simple(const char *pattern) {
    for (const char *c = pattern; *c; c++) {
        if (*c != '%') continue;
        c++;
        if (*c == 'l') c++;
        if (*c != 'd' && (*c != 's' || c[-1] == 'l')) return false;
    }
    return true;
}

static char *digits_of(long value, char end[24]) {
    char *first = end + 23;
    unsigned long size = value < 0 ? 0 - (unsigned long)value : (unsigned long)value;
    *first = 0;
    do *--first = (char)('0' + size % 10);
    while ((size /= 10) != 0);
    if (value < 0) *--first = '-';
    return first;
}

/* As print_into, of a simple pattern, at a fraction of what vsnprintf costs. */
static size_t print_simple(char *into, size_t room, const char *pattern, va_list arguments) {
    size_t length = 0;
    while (*pattern) {
        char digits[24];
        const char *piece = pattern;
        size_t size = strcspn(pattern, "%");
        if (size) {
            pattern += size;
        } else {
            const bool is_long = pattern[1] == 'l';
            if (pattern[1] == 's') piece = va_arg(arguments, const char *);
            else piece = digits_of(is_long ? va_arg(arguments, long) : va_arg(arguments, int), digits);
            if (!piece) piece = "(null)"; /* a bug, but printf would show it */
            size = strlen(piece);
            pattern += is_long ? 3 : 2;
        }
        if (length < room) memcpy(into + length, piece, size < room - length ? size : room - length);
        length += size;
    }
    if (length < room) into[length] = 0;
    return length;
}

/* printf into the `room` bytes at `into`; returns how many the whole takes, without the 0. What has no room is left out, and so is the 0.
 */
static size_t print_into(char *into, size_t room, const char *pattern, va_list arguments) {
    va_list copy;
    va_copy(copy, arguments);
    if (is_simple(pattern)) {
        const size_t simple = print_simple(into, room, pattern, copy);
        va_end(copy);
        return simple;
    }
    int length = vsnprintf(into, room, pattern, copy);
    va_end(copy);
    if (length < 0) die("cannot format '%s'", pattern);
    return (size_t)length;
}

char *format_list(const char *pattern, va_list arguments) {
    char most[128]; /* nearly all fit */
    size_t length = print_into(most, sizeof most, pattern, arguments);
    char *result = arena_allocate(length + 1);
    if (length < sizeof most) memcpy(result, most, length + 1);
    else print_into(result, length + 1, pattern, arguments);
    return result;
}

char *format(const char *pattern, ...) {
    va_list arguments;
    va_start(arguments, pattern);
    char *result = format_list(pattern, arguments);
    va_end(arguments);
    return result;
}

Text text_begin(void) {
    return (Text){.bytes = arena_allocate(1), .capacity = 1, .arena = innermost};
}

void text_add_list(Text *text, const char *pattern, va_list arguments) {
    if (text->capacity == 0) *text = text_begin();
    size_t room = text->capacity - text->length, length = print_into(text->bytes + text->length, room, pattern, arguments);
    if (length >= room) {
        text->capacity = (text->length + length + 1) * 2;
        char *bytes = allocate_in(&arenas[text->arena], text->capacity);
        memcpy(bytes, text->bytes, text->length);
        give_back(&arenas[text->arena], text->bytes);
        text->bytes = bytes;
        print_into(text->bytes + text->length, length + 1, pattern, arguments);
    }
    text->length += length;
}

void text_add(Text *text, const char *pattern, ...) {
    va_list arguments;
    va_start(arguments, pattern);
    text_add_list(text, pattern, arguments);
    va_end(arguments);
}

/* ---- text from outside ---- */

const char *printable(const char *text) {
    Text out = text_begin();
    const char *end = text + strlen(text);
    while (text < end) {
        char character[ESCAPE_ROOM];
        text += escape_character(character, text, (size_t)(end - text));
        text_add(&out, "%s", character);
    }
    return out.bytes;
}

const char *printable_lines(const char *text, size_t most) {
    Text out = text_begin();
    const size_t length = strnlen(text, most);
    for (size_t at = 0; at < length;) {
        const size_t line = strcspn(text + at, "\n"), bytes = line < length - at ? line : length - at;
        text_add(&out, "%s\n", printable(format("%.*s", (int)bytes, text + at)));
        at += bytes + 1;
    }
    return out.bytes;
}

/* ---- errors and hashes ---- */

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
