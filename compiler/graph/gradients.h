/* gradients.h: between differentiate.c, which walks a graph backwards, and gradients.c, which has the rule of each operation. */
#ifndef ZOETROPE_GRADIENTS_H
#define ZOETROPE_GRADIENTS_H

#include "graph/graph.h"

/* Gradients of slices of one node. */
typedef struct Parts {
    int count, capacity;
    struct Part {
        const Node *slice;
        Node *dy;
    } * part;
} Parts;

/* One pass over the nodes that there were before it. What it knows of them is its own: the next pass starts afresh. */
typedef struct Differentiation {
    Graph *graph;
    const Node *loss;
    bool *active;   /* by id: it depends on what is differentiated by, and the loss depends on it */
    Node **adjoint; /* by id: the gradient of the loss with respect to it, as far as its readers have been seen; NULL: none yet */
    Parts *parts;   /* by id: gradients of slices of it, which are no part of its adjoint yet */
} Differentiation;

/* For gradient rules: whether anybody wants the gradient of an input … */
bool wants_gradient(const Differentiation *d, const Node *node);
/* … and, where somebody does, that dy is one more term of it (summed by ADD where there are several). */
void add_adjoint(Differentiation *d, Node *node, Node *dy);
/* The same of what a SLICE reads, for elements of it alone … */
void add_part(Differentiation *d, const Node *slice, Node *dy);
/* … and, when all readers have been seen, moves.c puts these together along each axis. */
void add_parts_together(Differentiation *d, Node *node);
/* gradients.c: applies the rule of the node's operation. dy: its adjoint; NULL stands for 1 (it is the loss itself). */
void apply_gradient_rule(Differentiation *d, Node *node, Node *dy);
/* "encoder1_conv_forward", "weight_grad" → "encoder1_conv_weight_grad". */
const char *gradient_name(const Node *node, const char *suffix);

/* gradients_losses.c: the rules of the terms of losses and of their sums. */
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
