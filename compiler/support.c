#include "support.h"

#include <stdlib.h>
#include <string.h>

/* ---- text from outside ---- */

size_t utf8_bytes(const char *text, size_t left) {
    const unsigned char *b = (const unsigned char *)text;
    if (b[0] < 0x80) return 1;
    size_t bytes = b[0] >= 0xc2 && b[0] < 0xe0 ? 2 : (b[0] & 0xf0) == 0xe0 ? 3 : b[0] >= 0xf0 && b[0] < 0xf5 ? 4 : 0;
    if (!bytes || bytes > left) return 0;
    for (size_t i = 1; i < bytes; i++)
        if ((b[i] & 0xc0) != 0x80) return 0;
    bool wrong =
        (b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] >= 0xa0) || (b[0] == 0xf0 && b[1] < 0x90) || (b[0] == 0xf4 && b[1] >= 0x90);
    return wrong ? 0 : bytes;
}

/* U+0080 to U+009F do on a terminal what ESC and a letter do. */
bool is_control(const char *text) {
    const unsigned char *byte = (const unsigned char *)text;
    return byte[0] < ' ' || byte[0] == 0x7f || (byte[0] == 0xc2 && byte[1] >= 0x80 && byte[1] < 0xa0);
}

const char *printable(const char *text) {
    Text out = text_begin();
    const char *end = text + strlen(text);
    while (text < end) {
        const size_t bytes = utf8_bytes(text, (size_t)(end - text));
        if (bytes && !is_control(text)) text_add(&out, "%.*s", (int)bytes, text);
        else if (*text == '\n') text_add(&out, "\\n");
        else if (bytes == 2) text_add(&out, "\\u%04x", (unsigned char)text[1]);
        else text_add(&out, "\\x%02x", (unsigned char)*text);
        text += bytes ? bytes : 1;
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
