/* evaluate_losses.h: the terms of losses and their sums. */
#ifndef ZOETROPE_EVALUATE_LOSSES_H
#define ZOETROPE_EVALUATE_LOSSES_H

#include "graph/evaluate_ops.h"

void evaluate_three(const Frame *f); /* element by element, of up to three inputs */
void evaluate_differences(const Frame *f);
void evaluate_FRAME_SUM(const Frame *f);
void evaluate_FALLING(const Frame *f);
void evaluate_ROW_SUM(const Frame *f);
void evaluate_SPREAD(const Frame *f);
void evaluate_SPREAD_ROWS(const Frame *f);

#endif
