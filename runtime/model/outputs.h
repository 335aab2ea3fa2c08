/* outputs.h: what the evaluation of a system says about each item of its batch. */
#ifndef ZOETROPE_OUTPUTS_H
#define ZOETROPE_OUTPUTS_H

#include "model/model_state.h"

/* The reconstruction's target: an output, or x, the batch that was evaluated. */
const float *evaluation_target(const ModelState *state, const float *x);
/* Of an item's reconstruction and its target; NAN: the system has none. `x`: the batch that was evaluated. */
double evaluated_psnr(const ModelState *state, const float *x, size_t item);
/* The mean of an item's score over its frames; NAN: the system has none. */
double evaluated_score(const ModelState *state, size_t item);

bool has_reconstruction(const ModelState *state);
bool has_score(const ModelState *state);

#endif
