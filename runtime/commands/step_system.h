/* step_system.h: `step` for a system of several networks, losses and steps. */
#ifndef ZOETROPE_STEP_SYSTEM_H
#define ZOETROPE_STEP_SYSTEM_H

#include "model/model_state.h"

/* Runs `iterations` iterations on a batch (0: evaluates it), from the weights that the model has, and writes what `path` is to hold. */
bool step_system(ModelState *state, const char *batch, const char *path, int64_t iterations, Error *error);

#endif
