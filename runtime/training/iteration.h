/* iteration.h: one iteration of a system: its steps, with their batches, draws and rounds. */
#ifndef ZOETROPE_ITERATION_H
#define ZOETROPE_ITERATION_H

#include "data/loader.h"
#include "model/model_state.h"
#include "training/loss_names.h"

/* How many batches all iterations before this one take. So a resumed run goes on with the batch that an uninterrupted one would take. */
int64_t batches_before(const ModelDescription *model, int64_t iteration);

typedef struct Iteration {
    double *losses; /* [names->count], before the update of a step's first round; NAN: `every` leaves the step out */
    const float *x; /* the newest batch, valid until the next one is taken */
} Iteration;

/* Does all steps that are due. False with an error if a loss is not finite, or a batch cannot be read. Then the iteration is done in part,
 * and the model must not be saved if *begun. */
bool iterate(ModelState *state, Loader *loader, const LossNames *names, Iteration *iteration, bool *begun, Error *error);

#endif
