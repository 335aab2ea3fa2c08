/* iteration.c: one iteration of a system. */
#include "exact.h"

#include "training/iteration.h"

#include <inttypes.h>
#include <math.h>

/* ---- batches ---- */

/* A first step that always takes a batch of its own leaves none for the iteration to begin with. */
static bool begins_with_batch(const ModelDescription *model) {
    return model->step_count == 0 || model->steps[0].batch == MODEL_BATCH_SAME || model->steps[0].every > 1;
}

static int64_t batches_of(const ModelTrainingStep *step) {
    return step->batch == MODEL_BATCH_SAME ? 0 : step->batch == MODEL_BATCH_NEXT ? 1 : step->times;
}

int64_t batches_before(const ModelDescription *model, int64_t iteration) {
    int64_t batches = begins_with_batch(model) ? iteration : 0;
    for (int i = 0; i < model->step_count; i++) {
        const ModelTrainingStep *step = &model->steps[i];
        batches += batches_of(step) * ((iteration + step->every - 1) / step->every);
    }
    return batches;
}

static bool takes_batch(const ModelTrainingStep *step, int64_t round) {
    return step->batch == MODEL_BATCH_EACH || (step->batch == MODEL_BATCH_NEXT && round == 0);
}

/* ---- losses ---- */

/* The networks that a step updates: "g and d". */
static void list_networks(const ModelDescription *model, const ModelTrainingStep *step, char *text, size_t size) {
    size_t length = 0;
    text[0] = 0;
    for (int i = 0; i < step->groups && length < size; i++)
        length += (size_t)snprintf(text + length, size - length, "%s%s",
                                   i == 0                 ? ""
                                   : i < step->groups - 1 ? ", "
                                                          : " and ",
                                   model->groups[step->group[i]].name);
}

static bool refuse_loss(ModelState *state, const LossName *loss, double value, Error *error) {
    char networks[512];
    list_networks(state->model, &state->model->steps[loss->step], networks, sizeof networks);
    state->loss = value;
    return fail(error,
                "the loss %s of step %d is %g in iteration %" PRId64
                "; files that were saved before are unchanged; lower the learning rate of %s, or give other weights with --init",
                loss_name(state->model->programs[state->model->steps[loss->step].program].loss[loss->number]), loss->step, value,
                state->updates + 1, networks);
}

/* Those of the step that was just done. The first round's are kept. */
static bool take_losses(ModelState *state, const LossNames *names, int step, int64_t round, Iteration *iteration, Error *error) {
    const double *losses = state->call[state->model->steps[step].program].loss;
    for (int i = 0; i < names->count; i++) {
        const LossName *loss = &names->loss[i];
        if (loss->step != step) continue;
        if (!isfinite(losses[loss->number])) return refuse_loss(state, loss, losses[loss->number], error);
        if (round == 0) iteration->losses[i] = losses[loss->number];
    }
    return true;
}

/* ---- steps ---- */

bool iterate(ModelState *state, Loader *loader, const LossNames *names, Iteration *iteration, bool *begun, Error *error) {
    const ModelDescription *model = state->model;
    for (int i = 0; i < names->count; i++) iteration->losses[i] = NAN;
    *begun = false;
    if (begins_with_batch(model) && (iteration->x = loader_next(loader, error)) == NULL) return false;
    for (int i = 0; i < model->step_count; i++) {
        const ModelTrainingStep *step = &model->steps[i];
        const bool due = step_is_due(state, i);
        for (int64_t round = 0; round < step->times; round++) {
            model_draw(state, i, round);
            if (!due) continue;
            if (takes_batch(step, round) && (iteration->x = loader_next(loader, error)) == NULL) return false;
            *begun = true;
            model_run_step(state, i, iteration->x);
            if (!take_losses(state, names, i, round, iteration, error)) return false;
        }
    }
    model_end_iteration(state);
    *begun = false;
    return true;
}
