/* Text that is printed piece by piece. */
#include "base/format.h"

#include "base/arena.h"
#include "base/support.h"

#include <stdio.h>
#include <string.h>

/* Does the pattern have only %s, %d and %ld, without widths? Nearly everything that emit prints has. */
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

/* Like print_into(), for a simple pattern, at a fraction of the cost of vsnprintf(). */
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

/* Prints into the `room` bytes at `into`. Returns the length of the whole text, without the 0. Text that does not fit is left out, and so
 * is the 0. */
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
    return (Text){.bytes = arena_allocate(1), .capacity = 1, .arena = arena_innermost()};
}

void text_add_list(Text *text, const char *pattern, va_list arguments) {
    if (text->capacity == 0) *text = text_begin();
    size_t room = text->capacity - text->length, length = print_into(text->bytes + text->length, room, pattern, arguments);
    if (length >= room) {
        text->capacity = (text->length + length + 1) * 2;
        char *bytes = arena_allocate_in(text->arena, text->capacity);
        memcpy(bytes, text->bytes, text->length);
        arena_give_back(text->arena, text->bytes);
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
