/* format.h: text that is printed piece by piece. */
#ifndef ZOETROPE_FORMAT_H
#define ZOETROPE_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* printf into the arena. */
char *format(const char *pattern, ...) __attribute__((format(printf, 1, 2)));
char *format_list(const char *pattern, va_list arguments);

/* A growing text. text_add() appends as printf() does. `bytes` always ends with a 0. The text grows in the arena in which text_begin() or
 * the first text_add() was called, so it survives inner arenas that are left meanwhile. */
typedef struct Text {
    char *bytes;
    size_t length, capacity;
    int arena;
} Text;
Text text_begin(void);
void text_add(Text *text, const char *pattern, ...) __attribute__((format(printf, 2, 3)));
void text_add_list(Text *text, const char *pattern, va_list arguments);

#endif
