/* sample_graphs.h: specs and graphs for tests, built by hand, and their values. */
#ifndef ZOETROPE_SAMPLE_GRAPHS_H
#define ZOETROPE_SAMPLE_GRAPHS_H

#include "../compiler/graph/graph.h"

enum { SAMPLE_SPECS = 6, SAMPLE_LAYERS = 3 };

/* Small specs that together contain every operation: odd sizes, kernels 1–7, strides 1–4, rectangular, each activation and loss, … */
const Spec *sample_spec(int number);
/* The network of specs/gru_ae.yaml. */
const Spec *gru_ae_spec(void);

/* sample_specs.c */
/* In bfloat16: channels that end within a vector, within the second half of the pairs, and before it; many kernels and strides; a phase
 * without taps; an odd number of images; sides with too few channels. */
const Spec *pairs_spec(void);
const Spec *filtered_spec(void);
const Spec *wide_spec(void);
const Spec *odd_vectors_spec(void);
const Spec *summed_spec(void);
const Spec *many_features_spec(void);
const Spec *both_products_spec(int i); /* 0, 1, 2 */
const Spec *ragged_end_spec(bool transposed);

/* A value in [−1, 1) that depends only on seed and index. */
double sample_value(uint64_t seed, long index);

/* Values for evaluate_graph: x, h0 and trained parameters from the seed (parameters around `fill`), statistics at their fill. */
double **sample_values(const Graph *graph, uint64_t seed);

/* Leaves for graphs without a spec; shape: four dimensions. A trained leaf is a parameter of the graph. */
Node *sample_input(Graph *graph, const char *name, const long shape[4]);
Node *sample_parameter(Graph *graph, const char *name, int rank, const long *shape);

#endif
