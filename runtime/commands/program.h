/* program.h: a trainer as a whole. */
#ifndef ZOETROPE_TRAINER_PROGRAM_H
#define ZOETROPE_TRAINER_PROGRAM_H

#include "model.h"

/* The whole program except for the model that it is linked with. */
int run_program(const ModelDescription *model, int count, char *const *arguments);

#endif
