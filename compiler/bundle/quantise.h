/* quantise.h: the types in which the weights of a bundle are stored. */
#ifndef ZOETROPE_QUANTISE_H
#define ZOETROPE_QUANTISE_H

#include "graph/graph.h"
#include "loop/type.h"

/* What the weights of an inference bundle are stored as. */
typedef enum { PRECISION_F32, PRECISION_F16, PRECISION_BF16, PRECISION_INT8, PRECISIONS } Precision;
extern const char *const precision_names[PRECISIONS];
/* Are its numbers exact in bfloat16? Then targets with dot products of pairs can use them. */
static inline bool precision_has_pairs(Precision precision) {
    return precision == PRECISION_BF16 || precision == PRECISION_INT8;
}

/* Rounds the weights of convolutions and matrices to the precision, in place. (*scales)[i]: the scales of parameter i's output features,
 * in order, if it is stored as integers times a scale; else NULL. Returns false after reporting a value that the precision cannot hold. */
bool round_parameters(const Graph *graph, Precision precision, double **parameters, double ***scales);
extern const Type precision_types[PRECISIONS];

#endif
