/* element_losses.h: the terms of losses, and their gradients, as expressions of elements. */
#ifndef ZOETROPE_ELEMENT_LOSSES_H
#define ZOETROPE_ELEMENT_LOSSES_H

#include "lower/element.h"

/* in[i]: the element of input i, where that is a tensor of the node's shape. */
#define LOSS_ELEMENTS(X)                                                                                                                   \
    X(SQUARED_DIFFERENCE)                                                                                                                  \
    X(SQUARED_DIFFERENCE_GRAD)                                                                                                             \
    X(ABSOLUTE_DIFFERENCE)                                                                                                                 \
    X(ABSOLUTE_DIFFERENCE_GRAD)                                                                                                            \
    X(BCE_WITH_LOGITS)                                                                                                                     \
    X(BCE_WITH_LOGITS_GRAD)                                                                                                                \
    X(BCE)                                                                                                                                 \
    X(BCE_GRAD)                                                                                                                            \
    X(BCE_TARGET_GRAD)                                                                                                                     \
    X(KL)                                                                                                                                  \
    X(KL_GRAD)                                                                                                                             \
    X(ENTROPY)                                                                                                                             \
    X(ENTROPY_GRAD)                                                                                                                        \
    X(TIMES_GRAD)                                                                                                                          \
    X(ABSOLUTE)                                                                                                                            \
    X(ABSOLUTE_GRAD)                                                                                                                       \
    X(DIFFERENCE)                                                                                                                          \
    X(SPREAD)

#define X(name) const Expression *element_##name(Lowering *l, Node *node, const At *at, const Expression *const *in);
LOSS_ELEMENTS(X)
#undef X

#endif
