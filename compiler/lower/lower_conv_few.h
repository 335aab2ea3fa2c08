/* lower_conv_few.h: convolutions to a few output channels. */
#ifndef ZOETROPE_LOWER_CONV_FEW_H
#define ZOETROPE_LOWER_CONV_FEW_H

#include "lower/lowering.h"

/* Does the convolution have few outputs, and whole vectors of input channels? */
bool has_few_outputs(const Lowering *l, const Node *node);
/* Lowers it, with lanes along the input channels. */
void lower_few_outputs(Lowering *l, Node *node);

#endif
