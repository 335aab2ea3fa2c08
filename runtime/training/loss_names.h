/* loss_names.h: the losses of a system's steps, and what they are called. */
#ifndef ZOETROPE_LOSS_NAMES_H
#define ZOETROPE_LOSS_NAMES_H

#include "model.h"

typedef struct LossName {
    int step, number; /* of a step, among its program's losses */
    char *key;        /* in files: step0.loss.prior */
    char *label;      /* for people: prior, or step0.prior if several steps use a loss of this name */
} LossName;

typedef struct LossNames { /* in the order of steps */
    int count;
    LossName *loss;
} LossNames;

/* Of version 1 there are none: its one loss is called loss. */
LossNames name_losses(const ModelDescription *model);
void loss_names_free(LossNames *names);

/* The name of a program's loss without the prefix "loss.", which it may have. */
const char *loss_name(const char *name);

#endif
