/* plot.h: loss.svg: the course of a run as a picture. */
#ifndef ZOETROPE_PLOT_H
#define ZOETROPE_PLOT_H

#include "training/metrics.h"

/* Loss (logarithmic) and PSNR over iterations, for training and, if there is any, validation, as one self-contained SVG. The loss is drawn
 * unscaled: a band from the least to the greatest value of a few iterations, and their mean as a line. Of a system, each loss by its name,
 * on a scale of its own, and then PSNR and score where evaluation gives them. */
bool plot_write(const char *path, const char *title, const MetricsLog *log, Error *error);

/* The distance of ticks on an axis: the round step (1, 2 or 5 times a power of ten) that divides a span into at most `most` parts. */
double round_step(double span, int most);

#endif
