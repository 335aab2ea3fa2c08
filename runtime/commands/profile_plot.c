/* profile_plot.c: profile.svg: where the time of a step goes, as a picture. */
#include "exact.h"

#include "commands/profile_plot.h"

#include "common/file.h"

#include <math.h>
#include <stdlib.h>

enum { WIDTH = 960, TOP = 114, ROW = 22, BAR_LEFT = 336, BAR_RIGHT = 830, MOST_ROWS = 40 };

#define ARITHMETIC_COLOUR "#2563eb"
#define MEMORY_COLOUR "#0d9488"
#define LOST_COLOUR "#fdba74"

static const char style[] = "text{font:13px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;fill:#475569}"
                            ".title{font-size:18px;font-weight:600;fill:#0f172a}.kernel{fill:#0f172a}";

typedef struct Bar { /* one or more kernels: seconds within their limits, by kind, and seconds beyond */
    double arithmetic, memory, lost, measured, limit;
} Bar;

static void add_row(Bar *bar, const ProfileRow *row) {
    const double within = fmin(row->limit, row->measured);
    *(row->by_memory ? &bar->memory : &bar->arithmetic) += within;
    bar->lost += row->measured - within;
    bar->measured += row->measured;
    bar->limit += row->limit;
}

static void draw_bar(FILE *out, int place, const char *name, const Bar *bar, double scale) {
    const double y = TOP + place * ROW, part[] = {bar->arithmetic, bar->memory, bar->lost};
    const char *const colour[] = {ARITHMETIC_COLOUR, MEMORY_COLOUR, LOST_COLOUR};
    double x = BAR_LEFT;
    fprintf(out, "<text class=\"kernel\" x=\"%d\" y=\"%.0f\" text-anchor=\"end\">%s</text>\n", BAR_LEFT - 10, y + 14, name);
    for (int i = 0; i < 3; x += part[i++] * scale)
        if (part[i] > 0)
            fprintf(out, "<rect x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", x, y + 3, part[i] * scale, ROW - 6,
                    colour[i]);
    fprintf(out, "<text x=\"%.1f\" y=\"%.0f\">%.2f ms", x + 6, y + 14, 1e3 * bar->measured);
    if (bar->limit > 0) fprintf(out, ", %.2f ×", bar->measured / bar->limit);
    fputs("</text>\n", out);
}

static void draw_legend(FILE *out) {
    const struct {
        const char *name, *colour;
        int x;
    } entries[] = {{"arithmetic at peak", ARITHMETIC_COLOUR, 0},
                   {"memory traffic at bandwidth", MEMORY_COLOUR, 176},
                   {"beyond the limit", LOST_COLOUR, 412}};
    fputs("<text x=\"24\" y=\"58\">Sorted by the time that a kernel takes beyond its limit</text>\n", out);
    for (int i = 0; i < 3; i++) {
        int x = BAR_LEFT + entries[i].x;
        fprintf(out, "<rect x=\"%d\" y=\"82\" width=\"14\" height=\"14\" fill=\"%s\"/><text x=\"%d\" y=\"94\">%s</text>\n", x,
                entries[i].colour, x + 20, entries[i].name);
    }
}

/* All other kernels as one bar. Together they may take longer than any kernel above; then the bar has its own scale. */
static void draw_rest(FILE *out, int place, const ProfileRow *rows, int count, double scale) {
    char name[64];
    Bar bar = {0};
    for (int i = 0; i < count; i++) add_row(&bar, &rows[i]);
    const bool longer = bar.measured * scale > BAR_RIGHT - BAR_LEFT;
    snprintf(name, sizeof name, "%d others%s", count, longer ? " together, on another scale" : " together");
    draw_bar(out, place, name, &bar, longer ? (BAR_RIGHT - BAR_LEFT) / bar.measured : scale);
}

/* A spec's name is an identifier, so the title needs no escaping. */
bool profile_plot_write(const char *path, const char *title, const ProfileRow *rows, int count, const ProfileRow *total, Error *error) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL) return fail_memory(error, "the picture of the profile");
    const int drawn = count <= MOST_ROWS ? count : MOST_ROWS - 1;
    double longest = 0;
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
    for (int i = 0; i < drawn; i++) {
        Bar bar = {0};
        add_row(&bar, &rows[i]);
        draw_bar(out, i, rows[i].name, &bar, scale);
    }
    if (count > drawn) draw_rest(out, drawn, rows + drawn, count - drawn, scale);
    fputs("</svg>\n", out);
    bool written = fclose(out) == 0 || fail_memory(error, "the picture of the profile");
    written = written && file_write(path, &(FilePart){.bytes = text, .length = length}, 1, FILE_RENAMED, error);
    free(text);
    return written;
}
