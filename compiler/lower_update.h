/* lower_update.h: the loss, the optimizer, and the programs beside the step: values to and from file order, and initial values. */
#ifndef ZOETROPE_LOWER_UPDATE_H
#define ZOETROPE_LOWER_UPDATE_H

#include "lowering.h"

void lower_loss(Lowering *l, Node *node);
void lower_update(Lowering *l); /* the optimizer, then the renewed copies */
void lower_renew(Lowering *l);
void lower_transfers(Lowering *l); /* load and save programs */
void lower_normal(Lowering *l);

#endif
