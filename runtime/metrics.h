/* metrics.h: how good a reconstruction is, and metrics.jsonl, which remembers it: one JSON object a line. */
#ifndef ZOETROPE_METRICS_H
#define ZOETROPE_METRICS_H

#include "error.h"
#include "model.h"

#include <stdio.h>

/* x and y: one clip [T, C, H, W], pixels in [−1, 1]. */

/* −10 log10(mean(((y − x) / 2)²)): in the [0, 1] scale. Equal clips have PSNR_EQUAL, so that what is printed is a number. */
#define PSNR_EQUAL 200.0
double clip_psnr(const float *x, const float *y, size_t elements);
/* The model's loss of the clip: mean squared or mean absolute difference. */
double clip_loss(const ModelDescription *model, const float *x, const float *y);
/* Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural similarity", 2004: Gaussian
 * window of 11×11, σ 1.5, its sums taken where it lies inside the frame; K 0.01 and 0.03; range 1; mean over positions, channels
 * and frames. Where a frame is lower or narrower than 11, the window shrinks to the largest odd size that fits. */
double clip_ssim(const float *x, const float *y, int frames, int channels, int height, int width);

typedef struct Metric { /* one training iteration */
    int64_t iteration;
    double loss, psnr; /* of its batch, before the update; psnr is the mean over clips */
    double seconds;    /* that the iteration took */
    bool validated;    /* after this iteration's update */
    double validation_loss, validation_psnr;
} Metric;

typedef struct MetricsLog {
    char *path;
    FILE *file;
    size_t count, capacity;
    Metric *metric; /* all of them, for the plot */
} MetricsLog;

/* Opens metrics.jsonl for appending, and keeps other processes from doing so, or warns that it cannot. With `resumed` > 0 the lines of
 * iterations before it are read back and what follows is cut off; with 0 the file must be empty or absent. */
bool metrics_open(MetricsLog *log, const char *path, int64_t resumed, Error *error);
bool metrics_append(MetricsLog *log, const Metric *metric, Error *error);
void metrics_close(MetricsLog *log);

#endif
