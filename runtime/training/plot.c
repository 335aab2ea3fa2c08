/* plot.c: loss.svg: the course of a run as a picture. */
#include "exact.h"

#include "training/plot.h"

#include "common/file.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { WIDTH = 960, HEIGHT = 640, LEFT = 84, RIGHT = 916, BUCKETS = 416 };

#define TRAINING_COLOUR "#2563eb"
#define VALIDATION_COLOUR "#ea580c"

static const char style[] = "text{font:13px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;fill:#475569}"
                            ".title{font-size:18px;font-weight:600;fill:#0f172a}.name{font-weight:600;fill:#0f172a}"
                            ".grid{stroke:#e2e8f0}.axis{stroke:#94a3b8}"
                            ".line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}.band{opacity:.22}";

typedef struct Panel { /* one of the two diagrams, and its scales */
    const char *name;
    double top, bottom;
    bool logarithmic;
    double low, high; /* of the axis; logarithms if it is logarithmic */
    double (*training)(const Metric *), (*validation)(const Metric *);
} Panel;

typedef struct Bucket { /* a few successive iterations */
    double x, least, mean, greatest;
} Bucket;

static double training_loss(const Metric *metric) {
    return metric->loss;
}
static double training_psnr(const Metric *metric) {
    return metric->psnr;
}
static double validation_loss(const Metric *metric) {
    return metric->validation_loss;
}
static double validation_psnr(const Metric *metric) {
    return metric->validation_psnr;
}

static double place_x(const MetricsLog *log, double iteration) {
    double first = (double)log->metric[0].iteration, end = (double)log->metric[log->count - 1].iteration + 1;
    return LEFT + (RIGHT - LEFT) * (iteration - first) / (end - first);
}

static double on_axis(const Panel *panel, double value) {
    return panel->logarithmic ? log10(fmax(value, 1e-12)) : value;
}

static double place_y(const Panel *panel, double value) {
    return panel->bottom - (panel->bottom - panel->top) * (on_axis(panel, value) - panel->low) / (panel->high - panel->low);
}

/* ---- ranges and ticks ---- */

double round_step(double span, int most) {
    double power = pow(10, floor(log10(span / most)));
    const double factors[] = {1, 2, 5, 10};
    int i = 0;
    while (i < 3 && span / (factors[i] * power) > most) i++;
    return factors[i] * power;
}

static void widen(Panel *panel, double value) {
    if (!isfinite(value)) return;
    panel->low = fmin(panel->low, on_axis(panel, value));
    panel->high = fmax(panel->high, on_axis(panel, value));
}

static void set_range(Panel *panel, const MetricsLog *log) {
    panel->low = INFINITY;
    panel->high = -INFINITY;
    for (size_t i = 0; i < log->count; i++) {
        widen(panel, panel->training(&log->metric[i]));
        if (log->metric[i].validated) widen(panel, panel->validation(&log->metric[i]));
    }
    if (panel->low > panel->high) panel->low = panel->high = 0;
    double margin = fmax(0.04 * (panel->high - panel->low), panel->logarithmic ? 0.02 : 0.2);
    panel->low -= margin;
    panel->high += margin;
}

static void draw_tick(FILE *out, const Panel *panel, double value, bool label) {
    double y = place_y(panel, value);
    if (y < panel->top - 0.5 || y > panel->bottom + 0.5) return;
    fprintf(out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"%s/>\n", LEFT, RIGHT, y, y,
            label ? "" : " stroke-opacity=\".5\"");
    if (label) fprintf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n", LEFT - 10, y + 4.5, value);
}

/* Logarithmic: every power of ten, and labels at 2 and 5 if these are few. */
static void draw_y_ticks(FILE *out, const Panel *panel) {
    if (!panel->logarithmic) {
        double step = round_step(panel->high - panel->low, 7);
        for (double tick = ceil(panel->low / step); tick * step <= panel->high; tick++) draw_tick(out, panel, tick * step, true);
        return;
    }
    double span = panel->high - panel->low;
    if (span < 0.5) {
        double low = pow(10, panel->low), high = pow(10, panel->high), step = round_step(high - low, 6);
        for (double tick = ceil(low / step); tick * step <= high; tick++) draw_tick(out, panel, tick * step, true);
        return;
    }
    for (double decade = floor(panel->low); decade <= panel->high; decade++) {
        for (int digit = 1; digit < 10; digit++)
            draw_tick(out, panel, digit * pow(10, decade), digit == 1 || span < 0.8 || (span < 2.5 && (digit == 2 || digit == 5)));
    }
}

static void draw_x_ticks(FILE *out, const Panel *panel, const MetricsLog *log, bool labels) {
    double first = (double)log->metric[0].iteration, end = (double)log->metric[log->count - 1].iteration + 1;
    double step = fmax(1, round_step(end - first, 10));
    for (double tick = ceil(first / step); tick * step <= end; tick++) {
        double x = place_x(log, tick * step);
        fprintf(out, "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" y2=\"%.0f\"/>\n", x, x, panel->top, panel->bottom);
        if (labels) fprintf(out, "<text x=\"%.1f\" y=\"%.0f\" text-anchor=\"middle\">%.0f</text>\n", x, panel->bottom + 20, tick * step);
    }
}

/* ---- curves ---- */

static size_t make_buckets(const Panel *panel, const MetricsLog *log, Bucket buckets[BUCKETS]) {
    size_t count = log->count < BUCKETS ? log->count : BUCKETS;
    for (size_t i = 0; i < count; i++) {
        size_t begin = i * log->count / count, end = (i + 1) * log->count / count;
        Bucket bucket = {.x = place_x(log, ((double)log->metric[begin].iteration + (double)log->metric[end - 1].iteration) / 2),
                         .least = INFINITY,
                         .greatest = -INFINITY};
        for (size_t j = begin; j < end; j++) {
            double value = panel->training(&log->metric[j]);
            bucket.least = fmin(bucket.least, value);
            bucket.greatest = fmax(bucket.greatest, value);
            bucket.mean += value / (double)(end - begin);
        }
        buckets[i] = bucket;
    }
    return count;
}

/* The curve is the mean of this many buckets to each side: none in a short run. */
static size_t curve_reach(size_t buckets) {
    return buckets / 80;
}

/* The mean over neighbours up to `reach` buckets away, fewer at the ends of the curve. */
static double smooth(const Bucket *buckets, size_t count, size_t at, size_t reach) {
    size_t near = at < count - 1 - at ? at : count - 1 - at;
    if (reach > near) reach = near;
    double sum = 0;
    for (size_t i = at - reach; i <= at + reach; i++) sum += buckets[i].mean;
    return sum / (double)(2 * reach + 1);
}

static void draw_training(FILE *out, const Panel *panel, const MetricsLog *log) {
    Bucket *buckets = allocate(BUCKETS * sizeof *buckets);
    size_t count = make_buckets(panel, log, buckets);
    fprintf(out, "<path class=\"band\" fill=\"%s\" stroke=\"%s\" stroke-width=\"1\" d=\"", TRAINING_COLOUR, TRAINING_COLOUR);
    for (size_t i = 0; i < count; i++) fprintf(out, "%c%.1f %.1f", i > 0 ? 'L' : 'M', buckets[i].x, place_y(panel, buckets[i].greatest));
    for (size_t i = count; i-- > 0;) fprintf(out, "L%.1f %.1f", buckets[i].x, place_y(panel, buckets[i].least));
    fprintf(out, "Z\"/>\n<path class=\"line\" stroke=\"%s\" d=\"", TRAINING_COLOUR);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%c%.1f %.1f", i > 0 ? 'L' : 'M', buckets[i].x, place_y(panel, smooth(buckets, count, i, curve_reach(count))));
    fputs("\"/>\n", out);
    free(buckets);
}

static void draw_point(FILE *out, double x, double y, const char *colour) {
    fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.2\" fill=\"#fff\" stroke=\"%s\" stroke-width=\"2\"/>\n", x, y, colour);
}

static bool is_drawn(const Panel *panel, const Metric *metric) {
    return metric->validated && isfinite(panel->validation(metric));
}

static void draw_validation(FILE *out, const Panel *panel, const MetricsLog *log) {
    enum { MOST_POINTS = 60 };
    char command = 'M';
    size_t points = 0;
    for (size_t i = 0; i < log->count; i++) points += is_drawn(panel, &log->metric[i]);
    if (points == 0) return;
    fprintf(out, "<path class=\"line\" stroke=\"%s\" d=\"", VALIDATION_COLOUR);
    for (size_t i = 0; i < log->count; i++) {
        const Metric *metric = &log->metric[i];
        if (!is_drawn(panel, metric)) continue;
        fprintf(out, "%c%.1f %.1f", command, place_x(log, (double)metric->iteration), place_y(panel, panel->validation(metric)));
        command = 'L';
    }
    fputs("\"/>\n", out);
    for (size_t i = 0; i < log->count && points <= MOST_POINTS; i++) {
        const Metric *metric = &log->metric[i];
        if (is_drawn(panel, metric))
            draw_point(out, place_x(log, (double)metric->iteration), place_y(panel, panel->validation(metric)), VALIDATION_COLOUR);
    }
}

/* Above the panel, at the right: the latest values. For training, the mean over the last hundredth of the iterations. */
static void draw_last_values(FILE *out, const Panel *panel, const MetricsLog *log) {
    double sum = 0;
    size_t some = (log->count + 99) / 100, last = log->count;
    for (size_t i = log->count - some; i < log->count; i++) sum += panel->training(&log->metric[i]);
    while (last > 0 && !is_drawn(panel, &log->metric[last - 1])) last--;
    fprintf(out, "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">", RIGHT, panel->top - 10);
    if (some > 1) fprintf(out, "mean of the last %zu iterations", some);
    else fputs("last iteration", out);
    fprintf(out, " <tspan fill=\"%s\">%.4g</tspan>", TRAINING_COLOUR, sum / (double)some);
    if (last > 0)
        fprintf(out, ", last validation <tspan fill=\"%s\">%.4g</tspan>", VALIDATION_COLOUR, panel->validation(&log->metric[last - 1]));
    fputs("</text>\n", out);
}

static void draw_panel(FILE *out, Panel *panel, const MetricsLog *log, bool lowest) {
    set_range(panel, log);
    draw_x_ticks(out, panel, log, lowest);
    draw_y_ticks(out, panel);
    fprintf(out, "<path class=\"axis\" fill=\"none\" d=\"M%d %.0fV%.0fH%d\"/>\n", LEFT, panel->top, panel->bottom, RIGHT);
    fprintf(out, "<text class=\"name\" x=\"%d\" y=\"%.0f\">%s</text>\n", LEFT, panel->top - 10, panel->name);
    draw_last_values(out, panel, log);
    draw_training(out, panel, log);
    if (log->count == 1)
        draw_point(out, place_x(log, (double)log->metric[0].iteration), place_y(panel, panel->training(log->metric)), TRAINING_COLOUR);
    draw_validation(out, panel, log);
}

static void draw_legend(FILE *out, const MetricsLog *log, bool validated) {
    const bool smoothed = curve_reach(log->count) > 0;
    const struct {
        const char *name, *colour;
        int width; /* with the line before it and the space after it */
    } entries[] = {{"validation", VALIDATION_COLOUR, 106},
                   {smoothed ? "training, smoothed" : "training", TRAINING_COLOUR, smoothed ? 168 : 106}};
    int x = RIGHT + 18;
    for (int i = validated ? 0 : 1; i < 2; i++) { /* from right to left */
        x -= entries[i].width;
        fprintf(out, "<line class=\"line\" stroke=\"%s\" x1=\"%d\" x2=\"%d\" y1=\"31\" y2=\"31\"/><text x=\"%d\" y=\"35.5\">%s</text>\n",
                entries[i].colour, x, x + 20, x + 27, entries[i].name);
    }
}

/* A spec's name is an identifier, so the title needs no escaping. */
bool plot_write(const char *path, const char *title, const MetricsLog *log, Error *error) {
    if (log->count == 0) return true;
    Panel panels[] = {{.name = "Loss, logarithmic",
                       .top = 84,
                       .bottom = 330,
                       .logarithmic = true,
                       .training = training_loss,
                       .validation = validation_loss},
                      {.name = "PSNR, dB", .top = 372, .bottom = 572, .training = training_psnr, .validation = validation_psnr}};
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL) return fail_memory(error, "the plot of the loss");
    bool validated = false;
    for (size_t i = 0; i < log->count; i++) validated |= log->metric[i].validated;
    fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n<style>%s</style>\n", WIDTH,
            HEIGHT, WIDTH, HEIGHT, style);
    fprintf(out, "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n<text class=\"title\" x=\"%d\" y=\"37\">%s</text>\n", WIDTH, HEIGHT,
            LEFT, title);
    draw_legend(out, log, validated);
    draw_panel(out, &panels[0], log, false);
    draw_panel(out, &panels[1], log, true);
    fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">iteration</text>\n</svg>\n", (LEFT + RIGHT) / 2, HEIGHT - 22);
    bool written = fclose(out) == 0 || fail_memory(error, "the plot of the loss");
    written = written && file_write(path, &(FilePart){text, length}, 1, FILE_RENAMED, error);
    free(text);
    return written;
}
