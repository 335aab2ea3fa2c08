/* table.c: tables of text. */
#include "command/table.h"

#include "base/support.h"

#include <string.h>

enum { GAP = 2 };

static const char rule[] = "";

const char **add_line(Table *table) {
    if (table->columns > MOST_COLUMNS) die("a table of %d columns", table->columns);
    MAKE_ROOM(table->line, table->count, table->capacity);
    TableLine *line = &table->line[table->count++];
    *line = (TableLine){{NULL}};
    return line->cell;
}

void add_rule(Table *table) {
    add_line(table)[0] = rule;
}

int characters(const char *text) {
    int count = 0;
    for (; *text; text++) count += (*text & 0xC0) != 0x80;
    return count;
}

static const char *cell_text(const TableLine *line, int column) {
    return line->cell[column] ? line->cell[column] : "";
}

/* A line without the spaces at its end. */
static void print_trimmed(FILE *out, const Text *line) {
    int length = (int)line->length;
    while (length && line->bytes[length - 1] == ' ') length--;
    fprintf(out, "%.*s\n", length, line->bytes);
}

static void print_line(FILE *out, const Table *table, const TableLine *line, const int *width) {
    Text text = text_begin();
    for (int c = 0; c < table->columns; c++) {
        const char *cell = cell_text(line, c);
        const int space = width[c] - characters(cell);
        if (c < table->left) text_add(&text, "%s%*s", cell, space + GAP, "");
        else text_add(&text, "%*s%s%*s", space, "", cell, c + 1 < table->columns ? GAP : 0, "");
    }
    print_trimmed(out, &text);
}

void print_table(FILE *out, const Table *table) {
    int width[MOST_COLUMNS] = {0}, whole = GAP * (table->columns - 1);
    for (int c = 0; c < table->columns; c++) {
        for (int i = 0; i < table->count; i++) width[c] = (int)maximum(width[c], characters(cell_text(&table->line[i], c)));
        whole += width[c];
    }
    for (int i = 0; i < table->count; i++) {
        const TableLine *line = &table->line[i];
        if (line->cell[0] != rule) {
            print_line(out, table, line, width);
            continue;
        }
        for (int c = 0; c < whole; c++) fputc('-', out);
        fputc('\n', out);
    }
}

/* To the end of the next separator, or of the text. */
static int piece_length(const char *text, const char *separator) {
    const char *end = strstr(text, separator);
    return (int)(end ? (size_t)(end - text) + strlen(separator) : strlen(text));
}

void print_wrapped(FILE *out, const Wrapping *wrapping, const char *head, const char *text) {
    Text line = text_begin();
    text_add(&line, "%s", head);
    for (int length; *text; text += length) {
        length = piece_length(text, wrapping->separator);
        const char *piece = format("%.*s", length, text);
        int wide = characters(piece);
        if (piece[length - 1] == ' ') wide--;
        if (characters(line.bytes) + wide > wrapping->width && characters(line.bytes) > wrapping->indent) {
            print_trimmed(out, &line);
            line.length = 0;
            text_add(&line, "%*s", wrapping->indent, "");
        }
        text_add(&line, "%s", piece);
    }
    print_trimmed(out, &line);
}
