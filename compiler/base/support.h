/* support.h: what every pass uses: arenas, text and arithmetic, from headers of their own; printable text; hashes; and die(), for bugs of
 * the compiler. */
#ifndef ZOETROPE_SUPPORT_H
#define ZOETROPE_SUPPORT_H

#include "base/arena.h"
#include "base/arithmetic.h"
#include "base/format.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Makes text from outside, such as a file name, safe to print, as runtime/common/text.h describes. Every message that repeats such text
 * calls this once. */
const char *printable(const char *text);
/* Returns the lines of another program's output, up to a number of bytes, each passed through printable(). */
const char *printable_lines(const char *text, size_t most);

/* Reports a bug of the compiler, with its place, and aborts. Bad input never leads here: spec_error() in spec.h reports that. */
#define die(...) die_at(__FILE__, __LINE__, __VA_ARGS__)
_Noreturn void die_at(const char *file, int line, const char *pattern, ...) __attribute__((format(printf, 3, 4)));

/* FNV-1a, 64 bits, of `length` bytes, continuing from `hash` (start with HASH_START). */
#define HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length);

#endif
