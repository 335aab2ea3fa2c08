/* score_plot.c: scores.svg: the scores of frames, clips or images, video after video. */
#include "exact.h"

#include "commands/score.h"
#include "common/file.h"
#include "training/plot.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { WIDTH = 960, HEIGHT = 360, LEFT = 84, RIGHT = 916, TOP = 70, BOTTOM = 300, COLUMNS = 832 };

static const char style[] = "text{font:13px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;fill:#475569}"
                            ".title{font-size:18px;font-weight:600;fill:#0f172a}.grid{stroke:#e2e8f0}.axis{stroke:#94a3b8}"
                            ".line{fill:none;stroke:#2563eb;stroke-width:1.5;stroke-linejoin:round}.video{fill:#f1f5f9}";

typedef struct Scale {
    double low, high; /* of what scaled() gives */
    bool linear;      /* some scores are negative */
    int64_t scores;
} Scale;

static double scaled(const Scale *scale, double score) {
    return scale->linear ? score : log10(fmax(score, 1e-9));
}

/* Widens it to whole steps: quarters of a decade, or round numbers. */
static void round_scale(Scale *scale) {
    if (scale->low > scale->high) scale->low = scale->high = 0; /* no score is finite */
    const double step = scale->linear ? round_step(fmax(scale->high - scale->low, 0.01 * fabs(scale->high) + 1e-9), 8) : 0.25;
    scale->low = floor(scale->low / step - 0.1) * step;
    scale->high = ceil(scale->high / step + 0.1) * step;
}

static Scale find_scale(const VideoScores *videos, int64_t count) {
    Scale scale = {.low = INFINITY, .high = -INFINITY};
    for (int64_t v = 0; v < count; v++)
        for (int64_t i = 0; i < videos[v].scores; i++) scale.linear |= videos[v].score[i] < 0;
    for (int64_t v = 0; v < count; v++) {
        scale.scores += videos[v].scores;
        for (int64_t i = 0; i < videos[v].scores; i++) {
            if (!isfinite(videos[v].score[i])) continue;
            scale.low = fmin(scale.low, scaled(&scale, (double)videos[v].score[i]));
            scale.high = fmax(scale.high, scaled(&scale, (double)videos[v].score[i]));
        }
    }
    round_scale(&scale);
    return scale;
}

static double place_x(const Scale *scale, int64_t frame) {
    return LEFT + (RIGHT - LEFT) * ((double)frame + 0.5) / (double)scale->scores;
}

static double place_y(const Scale *scale, double score) {
    return BOTTOM - (BOTTOM - TOP) * (scaled(scale, score) - scale->low) / (scale->high - scale->low);
}

static void draw_tick(FILE *out, const Scale *scale, double score) {
    if (scaled(scale, score) < scale->low || scaled(scale, score) > scale->high) return;
    fprintf(out, "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n", LEFT,
            place_y(scale, score), RIGHT, LEFT - 8, place_y(scale, score) + 4.5, score);
}

/* Of a logarithmic scale more of them if there is less than a decade. */
static void draw_ticks(FILE *out, const Scale *scale) {
    static const double few[] = {1, 2, 5}, many[] = {1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9};
    const bool narrow = scale->high - scale->low < 1;
    const double step = round_step(scale->high - scale->low, 8);
    for (int i = 0; scale->linear && i <= 16; i++) draw_tick(out, scale, (floor(scale->low / step) + i) * step);
    if (scale->linear) return;
    for (int power = (int)floor(scale->low); power <= (int)ceil(scale->high); power++)
        for (int i = 0; i < (narrow ? 10 : 3); i++) draw_tick(out, scale, (narrow ? many[i] : few[i]) * pow(10, power));
}

static void draw_frames(FILE *out, const Scale *scale) {
    const int64_t step = (int64_t)fmax(1, round_step((double)scale->scores, 8));
    for (int64_t frame = 0; frame < scale->scores; frame += step)
        fprintf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%" PRId64 "</text>\n", place_x(scale, frame), BOTTOM + 18, frame);
}

/* Every score; if there are more than columns, the least and greatest of each column. A gap where none is finite. */
static void draw_scores(FILE *out, const Scale *scale, const VideoScores *video, int64_t first) {
    const int64_t each = scale->scores > COLUMNS ? (scale->scores + COLUMNS - 1) / COLUMNS : 1;
    bool gap = true;
    fputs("<path class=\"line\" d=\"", out);
    for (int64_t begin = 0; begin < video->scores; begin += each) {
        const int64_t end = begin + each < video->scores ? begin + each : video->scores;
        double least = INFINITY, greatest = -INFINITY;
        for (int64_t i = begin; i < end; i++) { /* a NaN changes neither */
            least = fmin(least, (double)video->score[i]);
            greatest = fmax(greatest, (double)video->score[i]);
        }
        const bool follows = !gap;
        gap = isinf(least);
        if (gap) continue;
        const double x = place_x(scale, first + begin);
        fprintf(out, "%c%.1f %.1f", follows ? 'L' : 'M', x, place_y(scale, greatest));
        if (end - begin > 1) fprintf(out, "V%.1f", place_y(scale, least));
    }
    fputs("\"/>\n", out);
}

static void draw_caption(FILE *out, const ScoreTable *table, const Scale *scale) {
    const int64_t count = table->data->count;
    fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%" PRId64 " %s", (LEFT + RIGHT) / 2, HEIGHT - 16, scale->scores,
            score_noun(table->kind, 2));
    if (table->kind != SCORES_OF_IMAGES) fprintf(out, " of %" PRId64 " video%s", count, count == 1 ? "" : "s, one after another");
    fputs("</text>\n</svg>\n", out);
}

bool score_plot_write(const char *path, const char *title, const ScoreTable *table, Error *error) {
    const VideoScores *videos = table->videos;
    const int64_t count = table->data->count;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL) return fail_memory(error, "the plot of the scores");
    const Scale scale = find_scale(videos, count);
    fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n<style>%s</style>\n", WIDTH,
            HEIGHT, WIDTH, HEIGHT, style);
    fprintf(out,
            "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n<text class=\"title\" x=\"%d\" y=\"37\">%s: score of each %s%s</text>\n",
            WIDTH, HEIGHT, LEFT, title, score_noun(table->kind, 1), scale.linear ? "" : ", logarithmic");
    int64_t first = 0;
    for (int64_t v = 0; v < count; first += videos[v++].scores) /* every other video has another background */
        if (v % 2)
            fprintf(out, "<rect class=\"video\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>\n", place_x(&scale, first), TOP,
                    fmin(RIGHT, place_x(&scale, first + videos[v].scores)) - place_x(&scale, first), BOTTOM - TOP);
    draw_ticks(out, &scale);
    draw_frames(out, &scale);
    fprintf(out, "<path class=\"axis\" fill=\"none\" d=\"M%d %dV%dH%d\"/>\n", LEFT, TOP, BOTTOM, RIGHT);
    first = 0;
    for (int64_t v = 0; v < count; first += videos[v++].scores) draw_scores(out, &scale, &videos[v], first);
    draw_caption(out, table, &scale);
    bool written = fclose(out) == 0 || fail_memory(error, "the plot of the scores");
    written = written && file_write(path, &(FilePart){.bytes = text, .length = length}, 1, FILE_RENAMED, error);
    free(text);
    return written;
}
