/* lower_conv_few.h: convolutions to a few output channels. */
#ifndef ZOETROPE_LOWER_CONV_FEW_H
#define ZOETROPE_LOWER_CONV_FEW_H

#include "lower/lowering.h"

/* A convolution to a few output channels, lanes along the input channels. False, and nothing is done, where that does not fit. */
bool lower_few_outputs(Lowering *l, Node *node);

#endif
