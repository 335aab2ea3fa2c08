/* table.h: tables of text. Each column is as wide as its widest cell. */
#ifndef ZOETROPE_TABLE_H
#define ZOETROPE_TABLE_H

#include <stdio.h>

enum { MOST_COLUMNS = 10 };

typedef struct TableLine {
    const char *cell[MOST_COLUMNS];
} TableLine;

typedef struct Table {
    int columns, left; /* the first `left` columns are aligned to the left, the others to the right */
    int count, capacity;
    TableLine *line;
} Table;

/* The cells of one line; the caller fills them. A cell that stays NULL is empty. The result is good until the next line is added. */
const char **add_line(Table *table);
/* A line across the whole table. */
void add_rule(Table *table);
void print_table(FILE *out, const Table *table);

int characters(const char *text); /* what a reader counts; printf's widths count bytes */
/* Prints `head` and `text` in lines of at most `width` characters, the second and later ones indented, which end after a `separator`. */
typedef struct Wrapping {
    int width, indent;
    const char *separator; /* ", " */
} Wrapping;
void print_wrapped(FILE *out, const Wrapping *wrapping, const char *head, const char *text);

#endif
