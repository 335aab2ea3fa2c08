/* averages.h: the averages of the weights, and evaluation with them. */
#ifndef ZOETROPE_AVERAGES_H
#define ZOETROPE_AVERAGES_H

#include "model/model_state.h"

/* Averages begin as the weights are. Without averages, nothing happens. */
bool model_begin_averages(ModelState *state, Error *error);

typedef struct Averaging { /* while the averages stand for the weights */
    float *weights;        /* in file order; NULL: the model keeps no averages */
} Averaging;

/* Puts the averages in the place of the weights. Frozen networks have none, and keep their weights. The weights come back, to the bit, with
 * averaging_end. Between the two, only evaluate. Without averages, nothing happens. */
bool averaging_begin(Averaging *averaging, ModelState *state, Error *error);
void averaging_end(Averaging *averaging, ModelState *state);

#endif
