/* differentiate.h: reverse-mode differentiation. */
#ifndef ZOETROPE_DIFFERENTIATE_H
#define ZOETROPE_DIFFERENTIATE_H

#include "graph/graph.h"

/* Appends the gradients of the loss, any scalar, with respect to the nodes of[0] … of[count − 1],
 * parameters, inputs or whatever it is computed from; gradient[i]: NULL where it does not depend on of[i]. Each call has gradients of its
 * own. */
void differentiate(Graph *graph, Node *loss, int count, Node *const *of, Node **gradient);

/* A weighed sum of losses, and the nodes with respect to which its gradients are wanted. */
typedef struct LossSum {
    const double *factor; /* by loss; 0: it is no term */
    int count;
    Node *const *of;
    Node **gradient; /* out; NULL where the sum does not depend on it */
} LossSum;

/* The gradients of several sums of the same losses, with what they have in common computed once (adjoints.h). */
void differentiate_sums(Graph *graph, int losses, Node *const *loss, int sums, const LossSum *sum);

/* Makes it the gradient that the optimizer reads (Parameter.gradient). */
void set_parameter_gradient(Graph *graph, Parameter *parameter, Node *gradient);
/* The gradients of a loss with respect to parameters are those that the optimizer reads. The loss has to depend on each. */
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

typedef struct Adjoint Adjoint; /* adjoints.h */

/* One pass over the nodes that there were before it. What it knows of them is its own: the next pass starts afresh. */
typedef struct Differentiation {
    Graph *graph;
    int nodes, losses, sums;
    Node *const *loss;
    const LossSum *sum;
    bool **up;                             /* by sum, by id: the node depends on what the sum is differentiated by */
    bool **down;                           /* by loss, by id: the loss depends on the node */
    struct NodeAdjoints *adjoints;         /* by id */
    const struct Application *application; /* of the rule that is being applied: what it is for */
} Differentiation;

/* Is the gradient of an input wanted? */
bool wants_gradient(const Differentiation *d, const Node *node);
/* Where it is: dy is one more term of it. Several terms are summed by ADD. */
void add_adjoint(Differentiation *d, Node *node, Node *dy);

/* ---- for moves.c ---- */

/* factor · dy: dy itself, or a node of its own that is named after the node. */
Node *scaled_adjoint(Differentiation *d, const Node *node, Node *dy, double factor);
/* One more term of one of the node's adjoints (adjoints.h). */
void add_term(Differentiation *d, const Node *node, Adjoint *adjoint, Node *dy);

#endif
