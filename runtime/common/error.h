/* error.h: how the runtime says what went wrong: a text for the user, which names the thing, the place and the remedy. */
#ifndef ZOETROPE_ERROR_H
#define ZOETROPE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#undef fail /* the tests' library, Check, has an old macro of this name */

typedef struct Error {
    char text[5120]; /* one line, without newline at its end; longer than any path by far, so that the reason is not cut off */
} Error;

/* Writes the text as printf does (what is too long is cut) and returns false, so that `return fail(error, …)` ends a function.
 * `error` may be NULL: nobody wants to know. */
static inline bool __attribute__((format(printf, 2, 3))) fail(Error *error, const char *pattern, ...) {
    if (!error) return false;
    va_list arguments;
    va_start(arguments, pattern);
    vsnprintf(error->text, sizeof error->text, pattern, arguments);
    va_end(arguments);
    return false;
}

/* The word for so many: "1 video", "2 videos". */
static inline const char *plural(long long count, const char *one, const char *several) {
    return count == 1 ? one : several;
}

static inline bool fail_memory(Error *error, const char *what) {
    return fail(error, "out of memory for %s: close other programs, or lower the limits of memory", what);
}

#endif
