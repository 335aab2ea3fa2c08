/* metrics.h: metrics.jsonl, the course of a run: one JSON object a line. */
#ifndef ZOETROPE_METRICS_H
#define ZOETROPE_METRICS_H

#include "common/error.h"
#include "training/loss_names.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct Metric { /* one training iteration */
    int64_t iteration;
    double loss, psnr; /* of its batch, before the update; psnr is the mean over clips. Of a system there is only psnr: see below */
    double seconds;    /* of the iteration */
    bool validated;    /* after this iteration's update */
    double validation_loss, validation_psnr;
    /* Of a system: each of its losses; NAN: its step was left out. psnr is that of evaluation after the update, NAN if there was none;
     * validation_loss is the mean score, and NAN, as validation_psnr, if the system has none. */
    double *losses;
} Metric;

typedef struct MetricsLog {
    char *path;
    FILE *file;
    const LossNames *names; /* of a system; NULL: version 1 */
    size_t count, capacity;
    Metric *metric; /* all of them, for the plot */
} MetricsLog;

/* Opens metrics.jsonl for appending, and keeps other processes from doing so, or warns that it cannot. If `resumed` > 0, the lines of
 * iterations before it are read back, and the rest is cut off. If it is 0, the file must be empty or absent. `names`: the losses of a
 * system, which must outlive the log; NULL: version 1. */
bool metrics_open(MetricsLog *log, const char *path, const LossNames *names, int64_t resumed, Error *error);
/* The log keeps a copy of metric->losses. */
bool metrics_append(MetricsLog *log, const Metric *metric, Error *error);
void metrics_close(MetricsLog *log);

#endif
