/* gradients.h: the rule by which each operation hands its gradient on to its inputs. */
#ifndef ZOETROPE_GRADIENTS_H
#define ZOETROPE_GRADIENTS_H

#include "graph/differentiate.h"

/* Applies the rule of the node's operation. dy: its adjoint; NULL stands for 1 (it is the loss itself). */
void apply_gradient_rule(Differentiation *d, Node *node, Node *dy);
/* "encoder1_conv_forward", "weight_grad" → "encoder1_conv_weight_grad". */
const char *gradient_name(const Node *node, const char *suffix);

#endif
