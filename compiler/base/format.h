/* format.h: text that is printed piece by piece. */
#ifndef ZOETROPE_FORMAT_H
#define ZOETROPE_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

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

#endif
