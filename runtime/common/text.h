/* text.h: how text from outside (names of files and tensors, values of options, lines of a spec) is shown: in errors, warnings, tables, CSV
 * and JSON, by the trainer and by the compiler. It becomes one line of valid UTF-8 that does nothing to a terminal. Different texts are
 * shown differently:
 *
 *   \\                      a backslash
 *   \n \t \r               newline, tab, carriage return
 *   \x1b                   another control character of ASCII
 *   \u2028 \U000e0001      a character that ends lines, changes the direction of text, cannot be seen or looks like a space
 *   \xff                   a byte that is not UTF-8
 *
 * and every other character as it is. */
#ifndef ZOETROPE_TEXT_H
#define ZOETROPE_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Bytes of the well-formed UTF-8 character at `text`, of which `left` > 0 bytes are left (no surrogates, nothing overlong, at most
 * U+10FFFF), or 0. */
size_t utf8_bytes(const char *text, size_t left);
/* The character that utf8_bytes() measured. */
uint32_t utf8_character(const char *text, size_t bytes);

typedef enum TextKind {
    TEXT_PLAIN,     /* shown as it is */
    TEXT_CONTROL,   /* C0, DEL, C1 without U+0085 */
    TEXT_LINE_END,  /* U+0085, U+2028, U+2029: some programs end a line there */
    TEXT_DIRECTION, /* changes the order in which text is shown */
    TEXT_HIDDEN,    /* shows nothing */
    TEXT_SPACE,     /* looks like a space, but is not ASCII */
    TEXT_NONE,      /* a code point that is not a character */
} TextKind;
TextKind text_kind(uint32_t character);

enum { ESCAPE_ROOM = 12 };
/* Writes the character at `text`, where `left` > 0 bytes are left, as it is shown, with a final 0. Returns how many bytes of `text` it
 * takes. */
size_t escape_character(char into[ESCAPE_ROOM], const char *text, size_t left);
/* For `length` bytes; the caller frees the result. */
char *escape_bytes(const char *text, size_t length);
char *escape_text(const char *text);
/* Prints like printf, but escaped, with a newline: always one line, whatever the texts contain. */
void print_escaped(FILE *out, const char *pattern, ...) __attribute__((format(printf, 2, 3)));

#endif
