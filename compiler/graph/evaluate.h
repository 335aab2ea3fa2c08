/* evaluate.h: between evaluate_graph.c and evaluate_ops.c. */
#ifndef ZOETROPE_EVALUATE_H
#define ZOETROPE_EVALUATE_H

#include "graph/graph.h"

/* The rows of a tensor that one evaluation computes: all of them outside a scan; those of step t, b·T + t, inside. */
typedef struct Rows {
    long first, step, count;
} Rows;

/* Computes the given rows of values[node->id] (operations that are not row-wise: all of it) from the values of its inputs. */
void evaluate_node(const Node *node, double **values, Rows rows);
/* evaluate_moves.c: the same for operations that put elements elsewhere. */
void evaluate_move(const Node *node, double **values, Rows rows);

#endif
