/* differentiate.h: reverse-mode differentiation. */
#ifndef ZOETROPE_DIFFERENTIATE_H
#define ZOETROPE_DIFFERENTIATE_H

#include "graph/graph.h"

/* Appends the gradients of the loss, any scalar, with respect to the nodes of[0] … of[count − 1],
 * parameters, inputs or whatever it is computed from; gradient[i]: NULL where it does not depend on of[i]. Each call has gradients of its
 * own. */
void differentiate(Graph *graph, Node *loss, int count, Node *const *of, Node **gradient);
/* The same, and the gradients are those that the optimizer reads (Parameter.gradient). The loss has to depend on each. */
void differentiate_parameters(Graph *graph, Node *loss, int count, Parameter *const *of);

/* ---- for gradient rules ---- */

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

/* Is the gradient of an input wanted? */
bool wants_gradient(const Differentiation *d, const Node *node);
/* Where it is: dy is one more term of it. Several terms are summed by ADD. */
void add_adjoint(Differentiation *d, Node *node, Node *dy);

#endif
