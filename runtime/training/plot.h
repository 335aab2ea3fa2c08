/* plot.h: loss.svg: the course of a run as a picture. */
#ifndef ZOETROPE_PLOT_H
#define ZOETROPE_PLOT_H

#include "training/metrics.h"

/* Loss (logarithmic) and PSNR over iterations, of training and, where there is any, validation: one self-contained SVG. The loss is
 * drawn as it is, not divided by anything: a band from the least to the greatest value of a few iterations, and their mean as a line. */
bool plot_write(const char *path, const char *title, const MetricsLog *log, Error *error);

/* The round step (1, 2 or 5 times a power of ten) that divides a span into at most `most` parts: from one tick of an axis to the next. */
double round_step(double span, int most);

#endif
