/* kept_values.h: values that an earlier step of an iteration has computed, and that are still the same: of the same batch and draws, by
 * weights that no step has moved since. They are kept in memory from one step's program to the other's.
 *
 * Kept are results of products, statistics of batches, and functions that cost much. What follows from them cheaply is computed again, as
 * it is within a step. Running statistics move in each step as if all of it were computed. What is computed over time (in scans) is
 * computed again, and so is all that depends on it. A step that `every` may skip leaves values only for steps that are skipped with it. */
#ifndef ZOETROPE_KEPT_VALUES_H
#define ZOETROPE_KEPT_VALUES_H

#include "graph/spec_model.h"

/* Rewrites the steps, whose gradients are there. Returns whether anything is kept. */
bool keep_values(const Spec *spec, TrainerGraphs *graphs);

/* What a step takes from an earlier one. */
typedef struct TakenValues {
    int count;  /* 0: nothing */
    long bytes; /* of their elements */
} TakenValues;
TakenValues taken_values(const TrainerGraphs *graphs, int step, int from);

#endif
