/* progress.c: shows the progress of training. */
#include "exact.h"

#include "training/progress.h"

#include "machine/clock.h"

#include <inttypes.h>
#include <math.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const double terminal_interval = 0.1, plain_interval = 10; /* seconds between lines */

void progress_start(Progress *progress, FILE *out, int batch, int64_t first, int64_t iterations) {
    *progress = (Progress){.out = out,
                           .terminal = isatty(fileno(out)) == 1,
                           .batch = batch,
                           .iterations = iterations,
                           .first = first,
                           .begin = clock_seconds()};
}

void progress_break(Progress *progress) {
    if (progress->line_open) fputc('\n', progress->out);
    progress->line_open = false;
    fflush(progress->out);
}

/* "2:03" or "1:02:03" */
static void print_duration(FILE *out, double seconds) {
    int64_t whole = seconds < 1e9 ? (int64_t)(seconds + 0.5) : 1000000000, hours = whole / 3600;
    if (hours > 0) fprintf(out, "%" PRId64 ":%02d:%02d", hours, (int)(whole / 60 % 60), (int)(whole % 60));
    else fprintf(out, "%d:%02d", (int)(whole / 60), (int)(whole % 60));
}

static void format_losses(FILE *out, const Progress *progress, const Metric *metric) {
    if (progress->names == NULL) {
        fprintf(out, "  loss %.5f  PSNR %.2f dB", metric->loss, metric->psnr);
        return;
    }
    for (int i = 0; i < progress->names->count; i++)
        if (isfinite(metric->losses[i])) fprintf(out, "  %s %.5g", progress->names->loss[i].label, metric->losses[i]);
    if (isfinite(metric->psnr)) fprintf(out, "  PSNR %.2f dB", metric->psnr);
}

static void format_validation(FILE *out, const Progress *progress) {
    fprintf(out, "  validation at %" PRId64 ":", progress->validated);
    if (progress->names == NULL) fprintf(out, " %.5f, %.2f dB", progress->validation_loss, progress->validation_psnr);
    else {
        if (isfinite(progress->validation_psnr)) fprintf(out, " %.2f dB", progress->validation_psnr);
        if (isfinite(progress->validation_loss)) fprintf(out, " score %.5g", progress->validation_loss);
    }
}

static void format_line(FILE *out, const Progress *progress, const Metric *metric) {
    int64_t done = metric->iteration + 1;
    fprintf(out, "%" PRId64 "/%" PRId64, done, progress->iterations);
    format_losses(out, progress, metric);
    fprintf(out, "  %.1f clips/s  ETA ", progress->batch / progress->seconds);
    print_duration(out, (clock_seconds() - progress->begin) / (double)(done - progress->first) * (double)(progress->iterations - done));
    if (progress->validated) format_validation(out, progress); /* last, because a narrow terminal can do without it */
}

/* The line is cut at the edge of a terminal, because a wrapped line cannot be rewritten. */
static void print_line(const Progress *progress, const Metric *metric) {
    char line[2048] = "";
    FILE *text = fmemopen(line, sizeof line, "w");
    if (text == NULL) return;
    format_line(text, progress, metric);
    fclose(text);
    struct winsize size;
    if (!progress->terminal) {
        fprintf(progress->out, "%s\n", line);
        return;
    }
    int columns = ioctl(fileno(progress->out), TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : (int)sizeof line;
    fprintf(progress->out, "\r\033[K%.*s", columns, line); /* to the line's start, and clear it */
}

void progress_update(Progress *progress, const Metric *metric, bool now) {
    double seconds = metric->seconds > 1e-9 ? metric->seconds : 1e-9;
    progress->seconds = progress->seconds > 0 ? 0.95 * progress->seconds + 0.05 * seconds : seconds;
    if (metric->validated) {
        progress->validated = metric->iteration + 1;
        progress->validation_loss = metric->validation_loss;
        progress->validation_psnr = metric->validation_psnr;
    }
    double time = clock_seconds();
    if (!now && time - progress->last < (progress->terminal ? terminal_interval : plain_interval)) return;
    progress->last = time;
    print_line(progress, metric);
    progress->line_open = progress->terminal;
    fflush(progress->out);
}
