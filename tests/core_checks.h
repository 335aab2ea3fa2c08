/* core_checks.h: graphs made by hand: their gradients against differences, and what they are lowered to against the reference. */
#ifndef ZOETROPE_CORE_CHECKS_H
#define ZOETROPE_CORE_CHECKS_H

#include "../compiler/graph/graph.h"

enum { ALL_TARGETS = 6 }; /* for any_target() */

/* Of a leaf, against central differences of the loss in double precision. */
void expect_gradient(const Graph *graph, const Node *loss, const Node *of, const Node *gradient);
/* The same of the gradient that the optimizer reads. */
void expect_parameter(const Graph *graph, const Node *loss, const Node *of);
/* Verified and lowered for target number `number`, each node that is stored has the values of the reference, and each is stored or fused;
 * on target 0 in the planned workspace, too. Names the inputs that have no name. */
void check_on_target(Graph *graph, int number);

/* With a limit on memory, gradients that the optimizer reads keep their bits. */
void check_within_least_memory(Graph *graph, int number);

/* Nodes outside of scans. */
Node *one(Graph *graph, Operation op, const char *name, Node *a);
Node *two(Graph *graph, Operation op, const char *name, Node *a, Node *b);
Node *multiple(Graph *graph, const char *name, Node *a, double factor);
/* Of stride 1 and kernel 3, the same size out; bias NULL: without; in a scan, or NULL. */
Node *convolve(Graph *graph, Operation op, const char *name, Scan *scan, Node *x, Node *weight, Node *bias);
/* A parameter whose shape in PyTorch has this rank: a vector, a matrix. */
Node *parameter_of_rank(Graph *graph, const char *name, int rank, int node_rank, const long *shape);

#endif
