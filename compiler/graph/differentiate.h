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

#endif
