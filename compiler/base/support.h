/* support.h: what every pass uses: arenas, text and arithmetic, which have headers of their own; text from outside, and the door for our
 * own bugs. */
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

/* Text from outside, such as the name of a file, as runtime/common/text.h shows it. All that repeats such text does so through this, once.
 */
const char *printable(const char *text);
/* The lines of another program's output, at most so many bytes, each as printable() has it. */
const char *printable_lines(const char *text, size_t most);

/* A bug of ours: prints where and what, and aborts. User input never comes here (spec.h has spec_error for that). */
#define die(...) die_at(__FILE__, __LINE__, __VA_ARGS__)
_Noreturn void die_at(const char *file, int line, const char *pattern, ...) __attribute__((format(printf, 3, 4)));

/* FNV-1a, 64 bits, of `length` bytes, continuing from `hash` (start with HASH_START). */
#define HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length);

#endif
