/* weights.h: the values of parameters, from a state_dict. */
#ifndef ZOETROPE_WEIGHTS_H
#define ZOETROPE_WEIGHTS_H

#include "graph/graph.h"

/* The values of a graph's parameters, each in the order of its node's dimensions in PyTorch's tensor. Errors are reported on
 * stderr, with the file's name; then NULL. */
double **read_parameters(const Graph *graph, const char *path);

#endif
