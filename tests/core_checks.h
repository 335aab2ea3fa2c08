/* core_checks.h: graphs that are built by hand: gradients against finite differences, and lowered programs against the reference. */
#ifndef ZOETROPE_CORE_CHECKS_H
#define ZOETROPE_CORE_CHECKS_H

#include "../compiler/graph/graph.h"

enum { ALL_TARGETS = 6 }; /* for any_target() */

/* Compares the gradient of a leaf with central differences of the loss in double precision. */
void expect_gradient(const Graph *graph, const Node *loss, const Node *of, const Node *gradient);
/* The same for the gradient that the optimizer reads. */
void expect_parameter(const Graph *graph, const Node *loss, const Node *of);
/* Verifies and lowers the graph for target number `number`. Each node is stored or fused, and each stored node has the values of the
 * reference; on target 0 also in the planned workspace. Gives names to inputs without one. */
void check_on_target(Graph *graph, int number);

/* With a limit on memory, gradients that the optimizer reads keep their bits. */
void check_within_least_memory(Graph *graph, int number);

/* Nodes outside of scans. */
Node *one(Graph *graph, Operation op, const char *name, Node *a);
Node *two(Graph *graph, Operation op, const char *name, Node *a, Node *b);
Node *multiple(Graph *graph, const char *name, Node *a, double factor);
/* With stride 1 and kernel 3, of the same size; bias may be NULL; in a scan, or NULL. */
Node *convolve(Graph *graph, Operation op, const char *name, Scan *scan, Node *x, Node *weight, Node *bias);
/* A parameter whose shape in PyTorch has this rank, such as a vector or a matrix. */
Node *parameter_of_rank(Graph *graph, const char *name, int rank, int node_rank, const long *shape);

#endif
