/* progress.h: the progress of training: one line that updates on a terminal, plain lines elsewhere. */
#ifndef ZOETROPE_PROGRESS_H
#define ZOETROPE_PROGRESS_H

#include "training/metrics.h"

typedef struct Progress {
    FILE *out;
    const LossNames *names; /* of a system; NULL: version 1 */
    bool terminal;          /* the line is rewritten in place */
    bool line_open;         /* the cursor is after it */
    int batch;              /* clips an iteration */
    int64_t iterations;     /* the run ends there */
    double seconds;         /* a running mean of an iteration's time, for clips/s */
    double begin;           /* when the run began … */
    int64_t first;          /* … and its first iteration. Both give the remaining time, including saving and validation */
    double last;            /* when something was printed */
    double validation_loss, validation_psnr; /* of the last validation … */
    int64_t validated;                       /* … and its iteration; 0: none */
} Progress;

void progress_start(Progress *progress, FILE *out, int batch, int64_t first, int64_t iterations);
/* Call it after each iteration. It prints if enough time has passed, or with `now`. */
void progress_update(Progress *progress, const Metric *metric, bool now);
/* Ends an open line, so that the next output begins a new one. */
void progress_break(Progress *progress);

#endif
