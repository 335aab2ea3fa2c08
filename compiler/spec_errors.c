/* spec_errors.c: the door for everything that a user can mend: errors with their place, sorted, with caret and remedy. */
#include "spec_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE_SHOWN = 120, /* characters of a source line; a longer one is cut around the caret */
    LINE_BEFORE = 70,
    SHOWN_BYTES = 40,
    NAME_COMPARED = 40, /* longer names resemble nothing */
};

void spec_error(SpecErrors *errors, Mark mark, int width, const char *remedy, const char *pattern, ...) {
    errors->count++;
    if (errors->count > SPEC_ERRORS_KEPT) return;
    if (!errors->errors) errors->errors = NEW_ARRAY(SpecError, SPEC_ERRORS_KEPT);
    va_list arguments;
    va_start(arguments, pattern);
    errors->errors[errors->count - 1] = (SpecError){mark, width, format_list(pattern, arguments), remedy, errors->count};
    va_end(arguments);
}

/* Bytes of the character that starts here; the text is known to be UTF-8. */
static size_t character_bytes(const char *text) {
    unsigned char byte = (unsigned char)*text;
    return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

/* Bytes of the line break that starts here, 0: none. libyaml counts U+0085, U+2028 and U+2029 too. */
static size_t break_bytes(const char *text, const char *end) {
    if (*text == '\n') return 1;
    if (*text == '\r') return text + 1 < end && text[1] == '\n' ? 2 : 1;
    if (end - text >= 2 && memcmp(text, "\xc2\x85", 2) == 0) return 2;
    if (end - text >= 3 && (memcmp(text, "\xe2\x80\xa8", 3) == 0 || memcmp(text, "\xe2\x80\xa9", 3) == 0)) return 3;
    return 0;
}

static const char *find_line(const SpecErrors *errors, int line, const char **line_end) {
    const char *text = errors->bytes, *end = errors->bytes + errors->length;
    for (int number = 1; number < line && text < end;) {
        size_t bytes = break_bytes(text, end);
        if (bytes) number++;
        text += bytes ? bytes : 1;
    }
    *line_end = text;
    while (*line_end < end && !break_bytes(*line_end, end)) (*line_end)++;
    return text;
}

/* The line with a caret under the place; both cut to what fits a screen. */
static void print_place(const SpecErrors *errors, const SpecError *error, FILE *out) {
    const char *end, *text = find_line(errors, error->mark.line, &end);
    int column = error->mark.column, skipped = column > LINE_SHOWN - 20 ? column - LINE_BEFORE : 0;
    for (int i = 0; i < skipped && text < end; i++) text += character_bytes(text);
    fprintf(out, "%6d | %s", error->mark.line, skipped ? "… " : "");
    int printed = 0;
    for (; text < end && printed < LINE_SHOWN; printed++) {
        size_t bytes = character_bytes(text);
        if (is_control(text)) fputc(*text == '\t' ? ' ' : '?', out); /* one character, for the caret's sake */
        else fwrite(text, 1, bytes, out);
        text += bytes;
    }
    fprintf(out, "%s\n       | %*s^", text < end ? " …" : "", column - 1 - skipped + (skipped ? 2 : 0), "");
    int last = printed + skipped; /* column of the last character shown */
    for (int i = 1; i < error->width && column + i <= last; i++) fputc('~', out);
    fputc('\n', out);
}

static int compare_errors(const void *left, const void *right) {
    const SpecError *a = left, *b = right;
    if (a->mark.line != b->mark.line) return a->mark.line < b->mark.line ? -1 : 1;
    if (a->mark.column != b->mark.column) return a->mark.column < b->mark.column ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

void print_spec_errors(SpecErrors *errors, FILE *out) {
    int kept = (int)minimum(errors->count, SPEC_ERRORS_KEPT), count = (int)minimum(kept, SPEC_ERRORS_SHOWN);
    if (kept) qsort(errors->errors, (size_t)kept, sizeof *errors->errors, compare_errors);
    const char *path = printable(errors->path);
    for (int i = 0; i < count; i++) {
        const SpecError *error = &errors->errors[i];
        if (error->mark.line) fprintf(out, "%s:%d:%d: error: %s\n", path, error->mark.line, error->mark.column, error->message);
        else fprintf(out, "%s: error: %s\n", path, error->message);
        if (error->mark.line) print_place(errors, error, out);
        for (const char *line = error->remedy; line && *line;) {
            int length = (int)strcspn(line, "\n");
            fprintf(out, "       = %.*s\n", length, line);
            line += length + (line[length] == '\n');
        }
    }
    if (errors->count > count) fprintf(out, "%s: and %d more errors\n", path, errors->count - count);
}

const char *shown(const char *text) {
    char *copy = format("%.*s", SHOWN_BYTES, text);
    size_t length = strlen(copy);
    if (strlen(text) > length) {
        while (length && ((unsigned char)text[length] & 0xc0) == 0x80) length--; /* not within a character */
        copy[length] = 0;
        copy = format("%s…", copy);
    }
    return printable(copy);
}

/* Damerau and Levenshtein's distance without overlaps: insertions, deletions, replacements, swaps of neighbours. */
static int edit_distance(const char *a, const char *b) {
    int rows[NAME_COMPARED + 1][NAME_COMPARED + 1];
    int a_length = (int)strlen(a), b_length = (int)strlen(b);
    for (int i = 0; i <= a_length; i++) {
        for (int j = 0; j <= b_length; j++) {
            if (i == 0 || j == 0) {
                rows[i][j] = i + j;
                continue;
            }
            bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            long least = minimum(rows[i - 1][j], rows[i][j - 1]) + 1;
            least = minimum(least, rows[i - 1][j - 1] + !same);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) least = minimum(least, rows[i - 2][j - 2] + 1);
            rows[i][j] = (int)least;
        }
    }
    return rows[a_length][b_length];
}

const char *nearest_name(const char *text, const char *const *names) {
    size_t length = strlen(text);
    if (length == 0 || length > NAME_COMPARED) return NULL;
    const char *best = NULL;
    int best_distance = (int)(length + 2) / 3 + 1; /* a third of the letters may be wrong */
    for (; *names; names++) {
        if (strlen(*names) > NAME_COMPARED) continue;
        int distance = edit_distance(text, *names);
        if (distance < best_distance && distance < (int)maximum((long)length, (long)strlen(*names))) {
            best_distance = distance;
            best = *names;
        }
        if (length == 1 && tolower((unsigned char)text[0]) == tolower((unsigned char)(*names)[0]) && !(*names)[1]) return *names;
    }
    return best;
}

bool check_spec_bytes(SpecErrors *errors) {
    Mark mark = {1, 1};
    const char *text = errors->bytes, *end = text + errors->length;
    while (text < end) {
        unsigned char byte = (unsigned char)*text;
        size_t line_break = break_bytes(text, end), bytes = utf8_bytes(text, (size_t)(end - text));
        bool control = (byte < ' ' && byte != '\t' && !line_break) || byte == 0x7f;
        if (control || !bytes) {
            errors->length = (size_t)(text - errors->bytes); /* what comes after it is not for a terminal */
            if (bytes)
                spec_error(errors, mark, 1, format("a %s is plain text: UTF-8 without control characters", errors->what),
                           byte ? "control character 0x%02x" : "NUL byte (0x%02x)", byte);
            else spec_error(errors, mark, 1, "save the file as UTF-8", "byte 0x%02x is not UTF-8", byte);
            return false;
        }
        text += line_break ? line_break : bytes;
        mark = line_break ? (Mark){mark.line + 1, 1} : (Mark){mark.line, mark.column + 1};
    }
    return true;
}
