/* evaluate_moves.h: operations that put elements elsewhere. */
#ifndef ZOETROPE_EVALUATE_MOVES_H
#define ZOETROPE_EVALUATE_MOVES_H

#include "graph/evaluate_ops.h"

/* As evaluate_node(). */
void evaluate_move(const Node *node, double **values, Rows rows);

#endif
