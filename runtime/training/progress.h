/* progress.h: what a person sees while training: one line that updates on a terminal, plain lines elsewhere. */
#ifndef ZOETROPE_PROGRESS_H
#define ZOETROPE_PROGRESS_H

#include "training/metrics.h"

typedef struct Progress {
    FILE *out;
    bool terminal;      /* the line is rewritten in place */
    bool line_open;     /* the cursor stands behind it */
    int batch;          /* clips an iteration */
    int64_t iterations; /* the run ends there */
    double seconds;     /* a running mean of an iteration's, for clips/s */
    double begin;       /* when the run began … */
    int64_t first;      /* … and with which iteration: what is left is reckoned from both, saving and validation included */
    double last;        /* when something was printed */
    double validation_loss, validation_psnr; /* of the last validation … */
    int64_t validated;                       /* … after so many iterations; 0: there was none */
} Progress;

void progress_start(Progress *progress, FILE *out, int batch, int64_t first, int64_t iterations);
/* After each iteration. Prints when it is time to; always with `now`. */
void progress_update(Progress *progress, const Metric *metric, bool now);
/* Ends an open line, so that what is printed next stands on a line of its own. */
void progress_break(Progress *progress);

#endif
