/* program_heads.h: the programs of a trainer, as they are known before there is a target. */
#ifndef ZOETROPE_PROGRAM_HEADS_H
#define ZOETROPE_PROGRAM_HEADS_H

#include "graph/spec_model.h"
#include "lower/program.h"

/* In order: the steps (`train`, or of several `step0`, …), `evaluate`; `search`, and `advance` and `decode`, where there are such. Of a
 * graph alone, without evaluation: `train`, `update`. */
const ProgramHead *program_heads(const TrainerGraphs *graphs, int *count);
/* The name of a step's program. */
const char *step_program(const TrainerGraphs *graphs, int step);

#endif
