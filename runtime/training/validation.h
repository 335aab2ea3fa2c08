/* validation.h: how good the weights are on videos that are not trained on. */
#ifndef ZOETROPE_VALIDATION_H
#define ZOETROPE_VALIDATION_H

#include "model/evaluate.h"
#include "training/metrics.h"

/* Sets the metric's loss and PSNR of validation: means over the clips. Of a system: the mean score, with the averages of the weights. */
bool validate(ModelState *state, const Dataset *data, Metric *metric, Error *error);

#endif
