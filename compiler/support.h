/* support.h: what every pass uses: arenas, text, and the door for our own bugs. */
#ifndef ZOETROPE_SUPPORT_H
#define ZOETROPE_SUPPORT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Zeroed memory from the innermost arena; never NULL (running out of memory ends the program with a message). Nothing is freed by
 * itself: arena_leave() gives back all that was allocated since the arena_enter() before it, and what is allocated outside of any such
 * pair lives until the process ends. So whoever enters an arena knows what outlives it: all that does was allocated before, or is text. */
void *arena_allocate(size_t size);
void arena_enter(void);
void arena_leave(void);
#define NEW(type) ((type *)arena_allocate(sizeof(type)))
#define NEW_ARRAY(type, count) ((type *)arena_allocate(sizeof(type) * (size_t)(count)))
/* Room for one more in an array of `count` that has room for `capacity`, both int. Where there is none, it becomes a copy with twice the
 * room. */
#define MAKE_ROOM(array, count, capacity) ((array) = arena_grow((array), (count), &(capacity), sizeof *(array)))
void *arena_grow(void *array, int count, int *capacity, size_t size);

/* printf into the arena. */
char *format(const char *pattern, ...) __attribute__((format(printf, 1, 2)));
char *format_list(const char *pattern, va_list arguments);

/* A growing text. text_add appends as printf does. `bytes` is always terminated by 0. It grows in the arena in which it was begun,
 * by the first text_add or by text_begin: what is printed in an inner arena outlives it in a text from outside. */
typedef struct Text {
    char *bytes;
    size_t length, capacity;
    int arena;
} Text;
Text text_begin(void);
void text_add(Text *text, const char *pattern, ...) __attribute__((format(printf, 2, 3)));
void text_add_list(Text *text, const char *pattern, va_list arguments);

/* Text from outside, such as the name of a file, as runtime/text.h shows it. All that repeats such text does so through this, once. */
const char *printable(const char *text);
/* The lines of another program's output, at most so many bytes, each as printable() has it. */
const char *printable_lines(const char *text, size_t most);

/* A bug of ours: prints where and what, and aborts. User input never comes here (spec.h has spec_error for that). */
#define die(...) die_at(__FILE__, __LINE__, __VA_ARGS__)
_Noreturn void die_at(const char *file, int line, const char *pattern, ...) __attribute__((format(printf, 3, 4)));

static inline long minimum(long a, long b) {
    return a < b ? a : b;
}
static inline long maximum(long a, long b) {
    return a > b ? a : b;
}
/* Division that rounds towards minus infinity, and its non-negative remainder; b > 0. */
static inline long floor_divide(long a, long b) {
    return a / b - (a % b != 0 && a < 0);
}
static inline long floor_modulo(long a, long b) {
    return a - floor_divide(a, b) * b;
}
static inline long round_up(long a, long b) {
    return floor_divide(a + b - 1, b) * b;
}
/* The size of the fewest equal parts of at most `most`; the last may be smaller. */
static inline long divide_evenly(long number, long most) {
    const long parts = (number + most - 1) / most;
    return (number + parts - 1) / parts;
}
/* Of those up to `most`; both at least 1. */
static inline long largest_divisor(long number, long most) {
    long divisor = number < most ? number : most > 1 ? most : 1;
    while (number % divisor) divisor--;
    return divisor;
}

/* FNV-1a, 64 bits, of `length` bytes, continuing from `hash` (start with HASH_START). */
#define HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length);

#endif
