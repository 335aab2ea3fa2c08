/* averages.h: evaluation with the averages of the weights. */
#ifndef ZOETROPE_AVERAGES_H
#define ZOETROPE_AVERAGES_H

#include "model/model_state.h"

typedef struct Averaging { /* while the averages stand for the weights */
    float *weights;        /* in file order; NULL: the model keeps no averages */
} Averaging;

/* Puts the averages in the place of the weights. Frozen networks have none, and keep their weights. The weights come back, to the bit, with
 * averaging_end. Between the two, only evaluate. Without averages, nothing happens. */
bool averaging_begin(Averaging *averaging, ModelState *state, Error *error);
void averaging_end(Averaging *averaging, ModelState *state);

#endif
