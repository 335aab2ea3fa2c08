/* spec_errors.c: the door for everything that a user can mend: errors with their place, sorted, with caret and remedy. */
#include "spec/spec_internal.h"

#include "../../runtime/common/text.h"
#include "spec/character_names.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE_SHOWN = 120, /* characters of a source line; a longer one is cut around the caret */
    LINE_BEFORE = 70,
    SHOWN_BYTES = 40,
    NAME_COMPARED = 40, /* longer names resemble nothing */
};

static void keep_error(SpecErrors *errors, SpecError error) {
    if (!errors->errors) errors->errors = NEW_ARRAY(SpecError, SPEC_ERRORS_KEPT);
    error.order = errors->kept;
    errors->errors[errors->kept++] = error;
}

void spec_error(SpecErrors *errors, Mark mark, int width, const char *remedy, const char *pattern, ...) {
    errors->count++;
    if (errors->kept >= SPEC_ERRORS_KEPT) return;
    va_list arguments;
    va_start(arguments, pattern);
    keep_error(errors, (SpecError){mark, width, false, format_list(pattern, arguments), remedy, 0});
    va_end(arguments);
}

void spec_warning(SpecErrors *errors, Mark mark, int width, const char *remedy, const char *pattern, ...) {
    errors->warning_count++;
    if (errors->kept >= SPEC_ERRORS_KEPT) return;
    va_list arguments;
    va_start(arguments, pattern);
    keep_error(errors, (SpecError){mark, width, true, format_list(pattern, arguments), remedy, 0});
    va_end(arguments);
}

void report_repeated(SpecErrors *errors, const SpecNode *key, const char *text, const SpecNode *first) {
    spec_error(errors, key->mark, key->width, "remove one of the two", "`%s` stands here a second time; the first is at line %d, column %d",
               text, first->mark.line, first->mark.column);
}

static const char *find_line(const SpecErrors *errors, int line, const char **line_end) {
    const char *text = errors->bytes, *end = errors->bytes + errors->length;
    for (int number = 1; number < line && text < end;) {
        size_t bytes = line_end_bytes(errors, text, end);
        if (bytes) number++;
        text += bytes ? bytes : 1;
    }
    *line_end = text;
    while (*line_end < end && !line_end_bytes(errors, *line_end, end)) (*line_end)++;
    return text;
}

static bool is_one_of(uint32_t character, const uint32_t (*ranges)[2], size_t count) {
    for (size_t i = 0; i < count; i++)
        if (ranges[i][0] <= character && character <= ranges[i][1]) return true;
    return false;
}

/* How many columns a terminal gives to a character that it shows, but for scripts that hardly any does well. */
static int columns_of(uint32_t character) {
    static const uint32_t combining[][2] = {{0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},  {0x610, 0x61a},   {0x64b, 0x65f},
                                            {0x941, 0x948},   {0xe34, 0xe3a},   {0xe47, 0xe4e},  {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
                                            {0x20d0, 0x20f0}, {0x3099, 0x309a}, {0xfe20, 0xfe2f}};
    static const uint32_t wide[][2] = {{0x1100, 0x115f},   {0x231a, 0x231b},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},  {0xa960, 0xa97f},
                                       {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},  {0xffe0, 0xffe6},
                                       {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
    if (is_one_of(character, combining, sizeof combining / sizeof *combining)) return 0;
    return is_one_of(character, wide, sizeof wide / sizeof *wide) ? 2 : 1;
}

/* The character at `text` as it is shown in its line, and in how many columns. Returns its bytes. */
static size_t show_character(char shown[ESCAPE_ROOM], int *columns, const char *text, const char *end) {
    size_t bytes = escape_character(shown, text, (size_t)(end - text));
    if (*text == '\t' || *text == '\\') snprintf(shown, ESCAPE_ROOM, "%c", *text == '\t' ? ' ' : *text);
    const bool plain = (unsigned char)*shown >= 0x80;
    *columns = plain ? columns_of(utf8_character(shown, bytes)) : (int)strlen(shown);
    return bytes;
}

/* The line with a caret under the place; both cut to what fits a screen. */
static void print_place(const SpecErrors *errors, const SpecError *error, FILE *out) {
    const char *end, *text = find_line(errors, error->mark.line, &end);
    const int column = error->mark.column, skipped = column > LINE_SHOWN - 20 ? column - LINE_BEFORE : 0;
    int before = skipped ? 2 : 0, under = 0, printed = 0, columns; /* of the screen: before the place, of what it marks, in all */
    char shown[ESCAPE_ROOM];
    for (int i = 0; i < skipped && text < end; i++) text += show_character(shown, &columns, text, end);
    fprintf(out, "%6d | %s", error->mark.line, skipped ? "… " : "");
    for (int at = skipped + 1; text < end && printed < LINE_SHOWN; at++) {
        text += show_character(shown, &columns, text, end);
        fputs(shown, out);
        printed += columns;
        if (at < column) before += columns;
        else if (at < column + error->width) under += columns;
    }
    fprintf(out, "%s\n       | %*s^", text < end ? " …" : "", before, "");
    while (--under > 0) fputc('~', out);
    fputc('\n', out);
}

/* The names of characters beyond ASCII in what an error marks: the first ones. */
static void print_names(const SpecErrors *errors, const SpecError *error, FILE *out) {
    enum { NAMED = 3 };
    const char *end, *text = find_line(errors, error->mark.line, &end);
    for (int at = 1, named = 0; text < end && at < error->mark.column + error->width && named < NAMED; at++) {
        const size_t bytes = utf8_bytes(text, (size_t)(end - text));
        if (at >= error->mark.column && bytes > 1) {
            const char *name = character_name(utf8_character(text, bytes));
            if (!strstr(error->message, name)) fprintf(out, "       = column %d: %s\n", at, name), named++;
        }
        text += bytes ? bytes : 1;
    }
}

static int compare_errors(const void *left, const void *right) {
    const SpecError *a = left, *b = right;
    if (a->mark.line != b->mark.line) return a->mark.line < b->mark.line ? -1 : 1;
    if (a->mark.column != b->mark.column) return a->mark.column < b->mark.column ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

void print_spec_errors(SpecErrors *errors, FILE *out) {
    const int kept = errors->kept, count = (int)minimum(kept, SPEC_ERRORS_SHOWN);
    if (kept) qsort(errors->errors, (size_t)kept, sizeof *errors->errors, compare_errors);
    const char *path = printable(errors->path);
    for (int i = 0; i < count; i++) {
        const SpecError *error = &errors->errors[i];
        const char *what = error->warning ? "warning" : "error";
        if (error->mark.line) fprintf(out, "%s:%d:%d: %s: %s\n", path, error->mark.line, error->mark.column, what, error->message);
        else fprintf(out, "%s: %s: %s\n", path, what, error->message);
        if (error->mark.line) print_place(errors, error, out);
        if (error->mark.line) print_names(errors, error, out);
        for (const char *line = error->remedy; line && *line;) {
            int length = (int)strcspn(line, "\n");
            fprintf(out, "       = %.*s\n", length, line);
            line += length + (line[length] == '\n');
        }
    }
    const int all = errors->count + errors->warning_count;
    if (all > count) fprintf(out, "%s: and %d more errors\n", path, all - count);
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
