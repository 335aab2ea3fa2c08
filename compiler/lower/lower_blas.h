/* lower_blas.h: products of linear layers by calls of OpenBLAS's sgemm. */
#ifndef ZOETROPE_LOWER_BLAS_H
#define ZOETROPE_LOWER_BLAS_H

#include "lower/lowering.h"

/* Can BLAS compute the node, whatever the layouts? It multiplies floats; a step of a recurrence is too small for it. */
bool can_be_blas(const Lowering *l, const Node *node);
/* Lowers the node so if that is its algorithm. */
bool lower_as_blas(Lowering *l, Node *node, const char *comment, double flops);

#endif
