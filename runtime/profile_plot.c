/* profile_plot.c: profile.svg: where the time of a step goes, as a picture. */
#include "profile_plot.h"

#include "file.h"

#include <math.h>
#include <stdlib.h>

enum { WIDTH = 960, TOP = 96, ROW = 22, BAR_LEFT = 336, BAR_RIGHT = 830, MOST_ROWS = 40 };

#define ARITHMETIC_COLOUR "#2563eb"
#define MEMORY_COLOUR "#0d9488"
#define LOST_COLOUR "#fdba74"

static const char style[] = "text{font:13px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;fill:#475569}"
                            ".title{font-size:18px;font-weight:600;fill:#0f172a}.kernel{fill:#0f172a}";

static void draw_row(FILE *out, int place, const ProfileRow *row, double scale) {
    const double y = TOP + place * ROW, least = fmin(row->limit, row->measured);
    fprintf(out, "<text class=\"kernel\" x=\"%d\" y=\"%.0f\" text-anchor=\"end\">%s</text>\n", BAR_LEFT - 10, y + 14, row->name);
    fprintf(out, "<rect x=\"%d\" y=\"%.0f\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", BAR_LEFT, y + 3, row->measured * scale, ROW - 6,
            LOST_COLOUR);
    fprintf(out, "<rect x=\"%d\" y=\"%.0f\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", BAR_LEFT, y + 3, least * scale, ROW - 6,
            row->by_memory ? MEMORY_COLOUR : ARITHMETIC_COLOUR);
    fprintf(out, "<text x=\"%.1f\" y=\"%.0f\">%.2f ms", BAR_LEFT + row->measured * scale + 6, y + 14, 1e3 * row->measured);
    if (row->limit > 0) fprintf(out, ", %.2f ×", row->measured / row->limit);
    fputs("</text>\n", out);
}

static void draw_legend(FILE *out) {
    const struct {
        const char *name, *colour;
    } entries[] = {
        {"arithmetic at peak", ARITHMETIC_COLOUR}, {"memory traffic at bandwidth", MEMORY_COLOUR}, {"beyond the limit", LOST_COLOUR}};
    for (int i = 0; i < 3; i++) {
        int x = BAR_LEFT + 216 * i;
        fprintf(out, "<rect x=\"%d\" y=\"64\" width=\"14\" height=\"14\" fill=\"%s\"/><text x=\"%d\" y=\"76\">%s</text>\n", x,
                entries[i].colour, x + 20, entries[i].name);
    }
}

/* What is not drawn by itself, as one row. */
static ProfileRow sum_rows(const ProfileRow *rows, int count, const char *name) {
    ProfileRow sum = {.name = name};
    for (int i = 0; i < count; i++) {
        sum.measured += rows[i].measured;
        sum.limit += rows[i].limit;
        sum.by_memory |= rows[i].by_memory;
    }
    return sum;
}

/* A spec's name is an identifier, so the title needs no escaping. */
bool profile_plot_write(const char *path, const char *title, const ProfileRow *rows, int count, const ProfileRow *total, Error *error) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL) return fail_memory(error, "the picture of the profile");
    const int drawn = count <= MOST_ROWS ? count : MOST_ROWS - 1;
    char rest_name[40];
    snprintf(rest_name, sizeof rest_name, "%d others", count - drawn);
    const ProfileRow rest = sum_rows(rows + drawn, count - drawn, rest_name);
    double longest = rest.measured;
    for (int i = 0; i < drawn; i++) longest = fmax(longest, rows[i].measured);
    const double scale = longest > 0 ? (BAR_RIGHT - BAR_LEFT) / longest : 0;
    const int lines = drawn + (count > drawn), height = TOP + lines * ROW + 24;
    fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n<style>%s</style>\n", WIDTH,
            height, WIDTH, height, style);
    fprintf(
        out,
        "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n<text class=\"title\" x=\"24\" y=\"34\">%s: %.1f ms in kernels, limit %.1f ms</text>\n",
        WIDTH, height, title, 1e3 * total->measured, 1e3 * total->limit);
    draw_legend(out);
    for (int i = 0; i < drawn; i++) draw_row(out, i, &rows[i], scale);
    if (count > drawn) draw_row(out, drawn, &rest, scale);
    fputs("</svg>\n", out);
    bool written = fclose(out) == 0 || fail_memory(error, "the picture of the profile");
    written = written && file_write(path, &(FilePart){text, length}, 1, FILE_RENAMED, error);
    free(text);
    return written;
}
