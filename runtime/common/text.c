/* text.c: how text from outside is shown. */
#include "common/text.h"

#include "common/file.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

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

uint32_t utf8_character(const char *text, size_t bytes) {
    static const unsigned char first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t character = (unsigned char)text[0] & first[bytes];
    for (size_t i = 1; i < bytes; i++) character = character << 6 | ((unsigned char)text[i] & 0x3f);
    return character;
}

/* By Unicode 15: controls, separators, Bidi_Control, Default_Ignorable_Code_Point (and other invisible characters), spaces. In order. */
static const struct {
    uint32_t first, last;
    TextKind kind;
} ranges[] = {
    {0x0000, 0x001f, TEXT_CONTROL},   {0x007f, 0x0084, TEXT_CONTROL}, {0x0085, 0x0085, TEXT_LINE_END},  {0x0086, 0x009f, TEXT_CONTROL},
    {0x00a0, 0x00a0, TEXT_SPACE},     {0x00ad, 0x00ad, TEXT_HIDDEN},  {0x034f, 0x034f, TEXT_HIDDEN},    {0x061c, 0x061c, TEXT_DIRECTION},
    {0x115f, 0x1160, TEXT_HIDDEN},    {0x1680, 0x1680, TEXT_SPACE},   {0x17b4, 0x17b5, TEXT_HIDDEN},    {0x180b, 0x180f, TEXT_HIDDEN},
    {0x2000, 0x200a, TEXT_SPACE},     {0x200b, 0x200d, TEXT_HIDDEN},  {0x200e, 0x200f, TEXT_DIRECTION}, {0x2028, 0x2029, TEXT_LINE_END},
    {0x202a, 0x202e, TEXT_DIRECTION}, {0x202f, 0x202f, TEXT_SPACE},   {0x205f, 0x205f, TEXT_SPACE},     {0x2060, 0x2065, TEXT_HIDDEN},
    {0x2066, 0x2069, TEXT_DIRECTION}, {0x206a, 0x206f, TEXT_HIDDEN},  {0x2800, 0x2800, TEXT_SPACE},     {0x3000, 0x3000, TEXT_SPACE},
    {0x3164, 0x3164, TEXT_HIDDEN},    {0xfdd0, 0xfdef, TEXT_NONE},    {0xfe00, 0xfe0f, TEXT_HIDDEN},    {0xfeff, 0xfeff, TEXT_HIDDEN},
    {0xffa0, 0xffa0, TEXT_HIDDEN},    {0xfff0, 0xfffb, TEXT_HIDDEN},  {0x1bca0, 0x1bca3, TEXT_HIDDEN},  {0x1d173, 0x1d17a, TEXT_HIDDEN},
    {0xe0000, 0xe0fff, TEXT_HIDDEN},
};

TextKind text_kind(uint32_t character) {
    if ((character & 0xfffe) == 0xfffe) return TEXT_NONE; /* the last two of each plane */
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges && ranges[i].first <= character; i++)
        if (character <= ranges[i].last) return ranges[i].kind;
    return TEXT_PLAIN;
}

size_t escape_character(char into[ESCAPE_ROOM], const char *text, size_t left) {
    static const char letters[] = "\nn\tt\rr\\\\";
    const size_t bytes = utf8_bytes(text, left);
    const uint32_t character = bytes ? utf8_character(text, bytes) : (unsigned char)*text;
    for (int i = 0; i < 8; i += 2) {
        if (*text != letters[i]) continue;
        snprintf(into, ESCAPE_ROOM, "\\%c", letters[i + 1]);
        return 1;
    }
    if (!bytes || (bytes == 1 && text_kind(character) != TEXT_PLAIN)) snprintf(into, ESCAPE_ROOM, "\\x%02x", (unsigned)character);
    else if (text_kind(character) == TEXT_PLAIN) snprintf(into, ESCAPE_ROOM, "%.*s", (int)bytes, text);
    else snprintf(into, ESCAPE_ROOM, character > 0xffff ? "\\U%08x" : "\\u%04x", (unsigned)character);
    return bytes ? bytes : 1;
}

char *escape_bytes(const char *text, size_t length) {
    char *escaped = allocate(length * 6 + 1), *end = escaped; /* U+0085: two bytes become six; a byte four */
    for (size_t at = 0; at < length;) {
        char character[ESCAPE_ROOM];
        at += escape_character(character, text + at, length - at);
        size_t bytes = strlen(character);
        memcpy(end, character, bytes);
        end += bytes;
    }
    return escaped; /* the memory was zeroed */
}

char *escape_text(const char *text) {
    return escape_bytes(text, strlen(text));
}

void print_escaped(FILE *out, const char *pattern, ...) {
    va_list arguments;
    char *text = NULL;
    va_start(arguments, pattern);
    int length = vasprintf(&text, pattern, arguments);
    va_end(arguments);
    if (length < 0) return; /* no memory */
    char *escaped = escape_bytes(text, (size_t)length);
    fprintf(out, "%s\n", escaped);
    free(escaped);
    free(text);
}
