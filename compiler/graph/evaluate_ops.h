/* evaluate_ops.h: between evaluate_graph.c, evaluate_ops.c and evaluate_losses.c. */
#ifndef ZOETROPE_EVALUATE_OPS_H
#define ZOETROPE_EVALUATE_OPS_H

#include "graph/graph.h"

/* The rows of a tensor that one evaluation computes: all of them outside a scan; those of step t, b·T + t, inside. */
typedef struct Rows {
    long first, step, count;
} Rows;

/* Computes the given rows of values[node->id] (operations that are not row-wise: all of it) from the values of its inputs. */
void evaluate_node(const Node *node, double **values, Rows rows);

/* evaluate_moves.c: the same for operations that put elements elsewhere. */
void evaluate_move(const Node *node, double **values, Rows rows);

/* A node with the values of its inputs (x[0], x[1], …) and of itself (y). */
typedef struct Frame {
    const Node *node;
    double **values;
    double *x[MAX_INPUTS], *y;
    Rows rows;
} Frame;

/* evaluate_losses.c */
void evaluate_loss_elements(const Frame *f);
void evaluate_differences(const Frame *f);
void evaluate_FRAME_SUM(const Frame *f);
void evaluate_FALLING(const Frame *f);
void evaluate_ROW_SUM(const Frame *f);
void evaluate_SPREAD(const Frame *f);
void evaluate_SPREAD_ROWS(const Frame *f);

#endif
