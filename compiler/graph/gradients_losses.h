/* gradients_losses.h: the rules of the terms of losses and of their sums. */
#ifndef ZOETROPE_GRADIENTS_LOSSES_H
#define ZOETROPE_GRADIENTS_LOSSES_H

#include "graph/differentiate.h"

void gradient_SQUARED_DIFFERENCE(Differentiation *d, Node *node, Node *dy);
void gradient_ABSOLUTE_DIFFERENCE(Differentiation *d, Node *node, Node *dy);
void gradient_BCE_WITH_LOGITS(Differentiation *d, Node *node, Node *dy);
void gradient_BCE(Differentiation *d, Node *node, Node *dy);
void gradient_KL(Differentiation *d, Node *node, Node *dy);
void gradient_ENTROPY(Differentiation *d, Node *node, Node *dy);
void gradient_ABSOLUTE(Differentiation *d, Node *node, Node *dy);
void gradient_DIFFERENCE(Differentiation *d, Node *node, Node *dy);
void gradient_FRAME_SUM(Differentiation *d, Node *node, Node *dy);
void gradient_FALLING(Differentiation *d, Node *node, Node *dy);
void gradient_ROW_SUM(Differentiation *d, Node *node, Node *dy);

#endif
