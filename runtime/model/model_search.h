/* model_search.h: learning a noise for each item of a batch. */
#ifndef ZOETROPE_MODEL_SEARCH_H
#define ZOETROPE_MODEL_SEARCH_H

#include "model/model_state.h"

/* Does the search of the model, which must have one, on a batch, from the noise that lies in its buffer, where it leaves what it found. An
 * item's result does not depend on the others. */
void model_search(ModelState *state, const float *x);

#endif
