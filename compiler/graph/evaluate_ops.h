/* evaluate_ops.h: the definition of each operation, in double precision. */
#ifndef ZOETROPE_EVALUATE_OPS_H
#define ZOETROPE_EVALUATE_OPS_H

#include "graph/graph.h"

/* The rows of a tensor that one evaluation computes: all of them outside a scan; those of step t, b·T + t, inside. */
typedef struct Rows {
    long first, step, count;
} Rows;

/* Computes the given rows of values[node->id] (operations that are not row-wise: all of it) from the values of its inputs. */
void evaluate_node(const Node *node, double **values, Rows rows);

/* A node with the values of its inputs (x[0], x[1], …) and of itself (y). */
typedef struct Frame {
    const Node *node;
    double **values;
    double *x[MAX_INPUTS], *y;
    Rows rows;
} Frame;

double sign(double x); /* −1, 0 or 1 */

#endif
