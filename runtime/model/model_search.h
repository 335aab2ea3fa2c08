/* model_search.h: learning a noise for each item of a batch. */
#ifndef ZOETROPE_MODEL_SEARCH_H
#define ZOETROPE_MODEL_SEARCH_H

#include "model/model_state.h"

/* Does the search that the model asks for, on a batch, from the noise that lies in its buffer, where it leaves what it found. An item's
 * result does not depend on the others. Nothing is done where the model has no search. */
void model_search(ModelState *state, const float *x);

#endif
