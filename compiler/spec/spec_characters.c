/* spec_characters.c: the bytes of a spec, before YAML sees them. What would be read as something else than it looks like is refused at its
 * place: what cannot be seen, spaces and letters that only look like ASCII's, and what ends a line for YAML and for no editor. */
#include "spec/spec_internal.h"

#include "../../runtime/common/text.h"
#include "spec/character_names.h"

#include <string.h>

typedef struct Scanner {
    SpecErrors *errors;
    const char *text, *end;
    Mark mark;
    bool comment;
    char quote;        /* that opened the text that the place is in, or 0 */
    char before, last; /* the character before, and the last one that is no blank, on this line; 0: none; non-ASCII: its first byte */
} Scanner;

size_t line_end_bytes(const SpecErrors *errors, const char *text, const char *end) {
    if (*text == '\n') return 1;
    if (*text != '\r') return 0;
    if (text + 1 < end && text[1] == '\n') return 2;
    return errors->returns_end_lines;
}

/* ---- where comments are ---- */

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

/* Whether a quote here opens a quoted text, rather than stand in a word. */
static bool opens_text(const Scanner *scanner) {
    const char before = scanner->before, last = scanner->last;
    if (before && strchr(",[{:", before)) return true;
    return (!before || is_blank(before)) && (!last || strchr(",[{:-?", last));
}

/* One ASCII character outside of comments. Quoted texts are taken to end with their line, as all that a spec needs do; so a quote that is
 * not closed takes no comment for text. */
static void follow(Scanner *scanner) {
    const char c = *scanner->text;
    const char next = scanner->text + 1 < scanner->end ? scanner->text[1] : 0;
    const bool escaped = scanner->quote == '"' ? c == '\\' && (next == '"' || next == '\\') : c == '\'' && next == '\'';
    if (scanner->quote && escaped) scanner->text++, scanner->mark.column++;
    else if (scanner->quote) scanner->quote = c == scanner->quote ? 0 : scanner->quote;
    else if (c == '#' && (!scanner->before || is_blank(scanner->before))) scanner->comment = true;
    else if ((c == '"' || c == '\'') && opens_text(scanner)) scanner->quote = c;
    scanner->before = c;
    if (!is_blank(c)) scanner->last = c;
}

/* A character beyond ASCII, outside of comments. Spaces of all kinds were meant as spaces, and a comment after one as a comment. */
static void follow_foreign(Scanner *scanner, size_t bytes) {
    if (text_kind(utf8_character(scanner->text, bytes)) == TEXT_SPACE) scanner->before = ' ';
    else scanner->before = scanner->last = *scanner->text;
}

/* ---- what is refused ---- */

/* What is wrong with a character, or NULL; the remedy. Comments may hold what only looks like something, and joiners of letters. */
static const char *character_problem(const Scanner *scanner, uint32_t c, const char **remedy) {
    const char *instead = scanner->comment ? NULL : character_instead(c);
    *remedy = "remove it";
    switch (text_kind(c)) {
    case TEXT_CONTROL:
        return "a control character";
    case TEXT_NONE:
        return "which is no character";
    case TEXT_LINE_END:
        *remedy = "remove it, or start a new line there";
        return "which ends a line for some programs and not for others";
    case TEXT_DIRECTION:
        return "which changes the order in which text is shown";
    case TEXT_HIDDEN:
        if (c == 0xfeff) return "a byte-order mark inside the text";
        return scanner->comment ? NULL : "which cannot be seen";
    case TEXT_SPACE:
        *remedy = "type a plain space instead";
        return scanner->comment ? NULL : "which is not a plain space";
    case TEXT_PLAIN:
        break;
    }
    if (!instead) return NULL;
    if (c == 0xfffd) {
        *remedy = "type what was there";
        return "which stands for a character that was lost";
    }
    *remedy = *instead ? format("type %s instead", instead) : *remedy;
    return *instead ? format("which is not %s", instead) : "which has no place in it";
}

/* Equal characters in a row are one error. */
static void refuse(Scanner *scanner, uint32_t character, size_t bytes) {
    const char *remedy, *problem = character_problem(scanner, character, &remedy), *next = scanner->text + bytes;
    if (!problem) return;
    int width = 1;
    while ((size_t)(scanner->end - next) >= bytes && memcmp(next, scanner->text, bytes) == 0) next += bytes, width++;
    spec_error(scanner->errors, scanner->mark, width, remedy, "%s, %s", character_name(character), problem);
    scanner->text = next - bytes;
    scanner->mark.column += width - 1;
}

/* What is no text: nothing after it is looked at. */
static void give_up(Scanner *scanner, size_t bytes) {
    SpecErrors *errors = scanner->errors;
    const unsigned char byte = (unsigned char)*scanner->text;
    const char *plain = format("a %s is plain text: UTF-8 without control characters", errors->what);
    if (!bytes) spec_error(errors, scanner->mark, 1, "save the file as UTF-8", "byte 0x%02x is not UTF-8", byte);
    else spec_error(errors, scanner->mark, 1, plain, byte ? "control character 0x%02x" : "NUL byte (0x%02x)", byte);
}

/* UTF-16 and UTF-32, by their byte-order mark or by the 0 beside each letter. */
static bool is_wide(const SpecErrors *errors) {
    const unsigned char *b = (const unsigned char *)errors->bytes;
    if (errors->length < 4) return false;
    if ((b[0] == 0xff && b[1] == 0xfe) || (b[0] == 0xfe && b[1] == 0xff)) return true;
    return (!b[0] && b[1] && !b[2] && b[3]) || (b[0] && !b[1] && b[2] && !b[3]) || (!b[0] && !b[1] && !b[2] && b[3]) ||
           (b[0] && !b[1] && !b[2] && !b[3]);
}

static void next_line(Scanner *scanner, size_t bytes) {
    scanner->text += bytes;
    scanner->mark = (Mark){scanner->mark.line + 1, 1};
    scanner->comment = false;
    scanner->quote = scanner->before = scanner->last = 0;
}

/* Whether the scan goes on. */
static bool scan_character(Scanner *scanner) {
    const char *text = scanner->text;
    const unsigned char byte = (unsigned char)*text;
    const size_t bytes = utf8_bytes(text, (size_t)(scanner->end - text));
    if (!bytes || (byte < ' ' && byte != '\t' && byte != '\r') || byte == 0x7f) return give_up(scanner, bytes), false;
    if (byte == '\r')
        spec_error(scanner->errors, scanner->mark, 1, "save the file with one kind of line ends, or remove it",
                   "U+000D CARRIAGE RETURN without a line feed, which ends a line for some programs and not for others");
    else if (byte >= 0x80) refuse(scanner, utf8_character(text, bytes), bytes);
    if (!scanner->comment && byte < 0x80) follow(scanner);
    else if (!scanner->comment) follow_foreign(scanner, bytes);
    scanner->text += bytes;
    scanner->mark.column++;
    return true;
}

bool check_spec_bytes(SpecErrors *errors) {
    const int before = errors->count;
    if (is_wide(errors)) {
        spec_error(errors, (Mark){0, 0}, 1, "save the file as UTF-8", "it is UTF-16 or UTF-32, not UTF-8");
        return false;
    }
    if (errors->length >= 3 && memcmp(errors->bytes, "\xef\xbb\xbf", 3) == 0) { /* a byte-order mark is not part of the text */
        errors->bytes += 3;
        errors->length -= 3;
    }
    errors->returns_end_lines = !memchr(errors->bytes, '\n', errors->length); /* as the oldest Macs had it */
    Scanner scanner = {.errors = errors, .text = errors->bytes, .end = errors->bytes + errors->length, .mark = {1, 1}};
    while (scanner.text < scanner.end) {
        const size_t line_end = line_end_bytes(errors, scanner.text, scanner.end);
        if (line_end) next_line(&scanner, line_end);
        else if (!scan_character(&scanner)) break;
    }
    return errors->count == before;
}
