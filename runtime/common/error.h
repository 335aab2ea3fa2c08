/* error.h: errors of the runtime: a text for the user that names the thing, the place and the remedy. */
#ifndef ZOETROPE_ERROR_H
#define ZOETROPE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#undef fail /* the tests' library, Check, has an old macro of this name */

typedef struct Error {
    char text[5120]; /* one line without a newline at its end; far longer than any path, so that the reason is not cut off */
} Error;

/* Writes the text as printf does (a text that is too long is cut off) and returns false, for `return fail(error, …)`. `error` may be
 * NULL. */
static inline bool __attribute__((format(printf, 2, 3))) fail(Error *error, const char *pattern, ...) {
    if (!error) return false;
    va_list arguments;
    va_start(arguments, pattern);
    vsnprintf(error->text, sizeof error->text, pattern, arguments);
    va_end(arguments);
    return false;
}

/* The word for this number: "1 video", "2 videos". */
static inline const char *plural(long long count, const char *one, const char *several) {
    return count == 1 ? one : several;
}

static inline bool fail_memory(Error *error, const char *what) {
    return fail(error, "out of memory for %s: close other programs, or use less memory", what);
}

#endif
