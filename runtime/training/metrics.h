/* metrics.h: metrics.jsonl, the course of a run: one JSON object a line. */
#ifndef ZOETROPE_METRICS_H
#define ZOETROPE_METRICS_H

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct Metric { /* one training iteration */
    int64_t iteration;
    double loss, psnr; /* of its batch, before the update; psnr is the mean over clips */
    double seconds;    /* of the iteration */
    bool validated;    /* after this iteration's update */
    double validation_loss, validation_psnr;
} Metric;

typedef struct MetricsLog {
    char *path;
    FILE *file;
    size_t count, capacity;
    Metric *metric; /* all of them, for the plot */
} MetricsLog;

/* Opens metrics.jsonl for appending, and keeps other processes from doing so, or warns that it cannot. If `resumed` > 0, the lines of
 * iterations before it are read back, and the rest is cut off. If it is 0, the file must be empty or absent. */
bool metrics_open(MetricsLog *log, const char *path, int64_t resumed, Error *error);
bool metrics_append(MetricsLog *log, const Metric *metric, Error *error);
void metrics_close(MetricsLog *log);

#endif
