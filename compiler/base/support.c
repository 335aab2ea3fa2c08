#include "base/support.h"

#include "../../runtime/common/text.h"

#include <stdlib.h>
#include <string.h>

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
