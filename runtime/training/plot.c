/* plot.c: loss.svg: the course of a run as a picture. */
#include "exact.h"

#include "training/plot.h"

#include "common/file.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { WIDTH = 960, LEFT = 84, RIGHT = 916, BELOW = 68 /* of the lowest panel */, BUCKETS = 416 };

#define TRAINING_COLOUR "#2563eb"
#define VALIDATION_COLOUR "#ea580c"

static const char style[] = "text{font:13px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;fill:#475569}"
                            ".title{font-size:18px;font-weight:600;fill:#0f172a}.name{font-weight:600;fill:#0f172a}"
                            ".grid{stroke:#e2e8f0}.axis{stroke:#94a3b8}"
                            ".line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}.band{opacity:.22}";

typedef struct Panel { /* one of the diagrams, and its scales */
    const char *name;
    double top, bottom;
    bool logarithmic;
    double low, high; /* of the axis; logarithms if it is logarithmic */
    int loss;         /* of a system: the number of the loss that it shows */
    /* NAN: the iteration has none. */
    double (*training)(const struct Panel *, const Metric *), (*validation)(const struct Panel *, const Metric *);
} Panel;

typedef struct Bucket { /* a few successive iterations */
    double x, least, mean, greatest;
} Bucket;

static double training_loss(const Panel *panel, const Metric *metric) {
    (void)panel;
    return metric->loss;
}
static double training_psnr(const Panel *panel, const Metric *metric) {
    (void)panel;
    return metric->psnr;
}
static double validation_loss(const Panel *panel, const Metric *metric) {
    (void)panel;
    return metric->validation_loss;
}
static double validation_psnr(const Panel *panel, const Metric *metric) {
    (void)panel;
    return metric->validation_psnr;
}
static double system_loss(const Panel *panel, const Metric *metric) {
    return metric->losses[panel->loss];
}
static double nothing(const Panel *panel, const Metric *metric) {
    (void)panel;
    (void)metric;
    return NAN;
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
        widen(panel, panel->training(panel, &log->metric[i]));
        if (log->metric[i].validated) widen(panel, panel->validation(panel, &log->metric[i]));
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

/* The mean of the values of iterations begin … end − 1. Returns how many have one. */
static size_t add_values(Bucket *bucket, const Panel *panel, const MetricsLog *log, size_t begin, size_t end) {
    size_t values = 0;
    for (size_t j = begin; j < end; j++) values += isfinite(panel->training(panel, &log->metric[j])) != 0;
    for (size_t j = begin; j < end; j++) {
        double value = panel->training(panel, &log->metric[j]);
        if (!isfinite(value)) continue;
        bucket->least = fmin(bucket->least, value);
        bucket->greatest = fmax(bucket->greatest, value);
        bucket->mean += value / (double)values;
    }
    return values;
}

/* Those that have values. */
static size_t make_buckets(const Panel *panel, const MetricsLog *log, Bucket buckets[BUCKETS]) {
    size_t count = log->count < BUCKETS ? log->count : BUCKETS, made = 0;
    for (size_t i = 0; i < count; i++) {
        size_t begin = i * log->count / count, end = (i + 1) * log->count / count;
        Bucket bucket = {.x = place_x(log, ((double)log->metric[begin].iteration + (double)log->metric[end - 1].iteration) / 2),
                         .least = INFINITY,
                         .greatest = -INFINITY};
        if (add_values(&bucket, panel, log, begin, end) > 0) buckets[made++] = bucket;
    }
    return made;
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

static void draw_point(FILE *out, double x, double y, const char *colour) {
    fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.2\" fill=\"#fff\" stroke=\"%s\" stroke-width=\"2\"/>\n", x, y, colour);
}

static void draw_training(FILE *out, const Panel *panel, const MetricsLog *log) {
    Bucket *buckets = allocate(BUCKETS * sizeof *buckets);
    size_t count = make_buckets(panel, log, buckets);
    if (count == 0) {
        free(buckets);
        return;
    }
    fprintf(out, "<path class=\"band\" fill=\"%s\" stroke=\"%s\" stroke-width=\"1\" d=\"", TRAINING_COLOUR, TRAINING_COLOUR);
    for (size_t i = 0; i < count; i++) fprintf(out, "%c%.1f %.1f", i > 0 ? 'L' : 'M', buckets[i].x, place_y(panel, buckets[i].greatest));
    for (size_t i = count; i-- > 0;) fprintf(out, "L%.1f %.1f", buckets[i].x, place_y(panel, buckets[i].least));
    fprintf(out, "Z\"/>\n<path class=\"line\" stroke=\"%s\" d=\"", TRAINING_COLOUR);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%c%.1f %.1f", i > 0 ? 'L' : 'M', buckets[i].x, place_y(panel, smooth(buckets, count, i, curve_reach(count))));
    fputs("\"/>\n", out);
    if (count == 1) draw_point(out, buckets[0].x, place_y(panel, buckets[0].mean), TRAINING_COLOUR);
    free(buckets);
}

static bool is_drawn(const Panel *panel, const Metric *metric) {
    return metric->validated && isfinite(panel->validation(panel, metric));
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
        fprintf(out, "%c%.1f %.1f", command, place_x(log, (double)metric->iteration), place_y(panel, panel->validation(panel, metric)));
        command = 'L';
    }
    fputs("\"/>\n", out);
    for (size_t i = 0; i < log->count && points <= MOST_POINTS; i++) {
        const Metric *metric = &log->metric[i];
        if (is_drawn(panel, metric))
            draw_point(out, place_x(log, (double)metric->iteration), place_y(panel, panel->validation(panel, metric)), VALIDATION_COLOUR);
    }
}

/* The mean over the last hundredth of the iterations, or the last value if they have none. Returns whether there is any. */
static bool write_last_training(FILE *out, const Panel *panel, const MetricsLog *log) {
    double sum = 0;
    size_t some = (log->count + 99) / 100, values = 0, last = log->count;
    for (size_t i = log->count - some; i < log->count; i++) {
        const double value = panel->training(panel, &log->metric[i]);
        if (!isfinite(value)) continue;
        sum += value;
        values++;
    }
    while (last > 0 && !isfinite(panel->training(panel, &log->metric[last - 1]))) last--;
    if (last == 0) return false;
    if (values == 0) {
        fputs("last value", out);
        sum = panel->training(panel, &log->metric[last - 1]);
        values = 1;
    } else if (some > 1) fprintf(out, "mean of the last %zu iterations", some);
    else fputs("last iteration", out);
    fprintf(out, " <tspan fill=\"%s\">%.4g</tspan>", TRAINING_COLOUR, sum / (double)values);
    return true;
}

/* Above the panel, at the right: the latest values. */
static void draw_last_values(FILE *out, const Panel *panel, const MetricsLog *log) {
    size_t last = log->count;
    while (last > 0 && !is_drawn(panel, &log->metric[last - 1])) last--;
    fprintf(out, "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">", RIGHT, panel->top - 10);
    const bool trained = write_last_training(out, panel, log);
    if (last > 0)
        fprintf(out, "%slast validation <tspan fill=\"%s\">%.4g</tspan>", trained ? ", " : "", VALIDATION_COLOUR,
                panel->validation(panel, &log->metric[last - 1]));
    fputs("</text>\n", out);
}

static void draw_panel(FILE *out, Panel *panel, const MetricsLog *log, bool lowest) {
    set_range(panel, log);
    draw_x_ticks(out, panel, log, lowest);
    draw_y_ticks(out, panel);
    fprintf(out, "<path class=\"axis\" fill=\"none\" d=\"M%d %.0fV%.0fH%d\"/>\n", LEFT, panel->top, panel->bottom, RIGHT);
    fprintf(out, "<text class=\"name\" x=\"%d\" y=\"%.0f\">%s%s</text>\n", LEFT, panel->top - 10, panel->name,
            panel->logarithmic && log->names != NULL ? ", logarithmic" : "");
    draw_last_values(out, panel, log);
    draw_training(out, panel, log);
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

/* ---- panels ---- */

static bool any_value(const Panel *panel, const MetricsLog *log) {
    for (size_t i = 0; i < log->count; i++)
        if (isfinite(panel->training(panel, &log->metric[i])) || is_drawn(panel, &log->metric[i])) return true;
    return false;
}

static bool all_positive(const Panel *panel, const MetricsLog *log) {
    for (size_t i = 0; i < log->count; i++)
        if (panel->training(panel, &log->metric[i]) <= 0) return false;
    return true;
}

static int network_panels(Panel *panels) {
    panels[0] = (Panel){.name = "Loss, logarithmic",
                        .top = 84,
                        .bottom = 330,
                        .logarithmic = true,
                        .training = training_loss,
                        .validation = validation_loss};
    panels[1] = (Panel){.name = "PSNR, dB", .top = 372, .bottom = 572, .training = training_psnr, .validation = validation_psnr};
    return 2;
}

/* One below the other: each loss with a scale of its own, then PSNR and score, where there are any. */
static int system_panels(Panel *panels, const MetricsLog *log) {
    enum { TOP = 84, PITCH = 202, TALL = 160 };
    const Panel measures[] = {{.name = "PSNR of evaluation, dB", .training = training_psnr, .validation = validation_psnr},
                              {.name = "Score of validation", .training = nothing, .validation = validation_loss}};
    int count = 0;
    for (int i = 0; i < log->names->count; i++) {
        Panel *panel = &panels[count++];
        *panel = (Panel){.name = log->names->loss[i].label, .loss = i, .training = system_loss, .validation = nothing};
        panel->logarithmic = all_positive(panel, log);
    }
    for (int i = 0; i < 2; i++)
        if (any_value(&measures[i], log)) panels[count++] = measures[i];
    for (int i = 0; i < count; i++) {
        panels[i].top = TOP + i * PITCH;
        panels[i].bottom = panels[i].top + TALL;
    }
    return count;
}

/* A spec's name is an identifier, so the title needs no escaping. */
static void draw(FILE *out, const char *title, const MetricsLog *log, Panel *panels, int count) {
    const int height = (int)panels[count - 1].bottom + BELOW;
    bool validated = false;
    for (size_t i = 0; i < log->count; i++) validated |= log->metric[i].validated;
    fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n<style>%s</style>\n", WIDTH,
            height, WIDTH, height, style);
    fprintf(out, "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n<text class=\"title\" x=\"%d\" y=\"37\">%s</text>\n", WIDTH, height,
            LEFT, title);
    draw_legend(out, log, validated);
    for (int i = 0; i < count; i++) draw_panel(out, &panels[i], log, i == count - 1);
    fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">iteration</text>\n</svg>\n", (LEFT + RIGHT) / 2, height - 22);
}

bool plot_write(const char *path, const char *title, const MetricsLog *log, Error *error) {
    if (log->count == 0) return true;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL) return fail_memory(error, "the plot of the loss");
    Panel *panels = allocate((size_t)(log->names != NULL ? log->names->count + 2 : 2) * sizeof *panels);
    const int count = log->names != NULL ? system_panels(panels, log) : network_panels(panels);
    if (count > 0) draw(out, title, log, panels, count);
    free(panels);
    bool written = fclose(out) == 0 || fail_memory(error, "the plot of the loss");
    written = written && file_write(path, &(FilePart){.bytes = text, .length = length}, 1, FILE_RENAMED, error);
    free(text);
    return written;
}
