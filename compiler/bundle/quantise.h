/* quantise.h: what the weights of an inference bundle are stored as. */
#ifndef ZOETROPE_QUANTISE_H
#define ZOETROPE_QUANTISE_H

#include "graph/graph.h"
#include "loop/type.h"

/* What the weights of an inference bundle are stored as. */
typedef enum { PRECISION_F32, PRECISION_F16, PRECISION_BF16, PRECISION_INT8, PRECISIONS } Precision;
extern const char *const precision_names[PRECISIONS];
/* Whether its numbers are bfloat16 too, exactly: targets with dot products of pairs can take them. */
static inline bool precision_has_pairs(Precision precision) {
    return precision == PRECISION_BF16 || precision == PRECISION_INT8;
}

/* Rounds the weights of convolutions and matrices to what the precision can hold, in place; (*scales)[i]: of parameter i's
 * output features, in order, where it is integers times a scale, else NULL. False: one holds what the precision cannot, which was reported.
 */
bool round_parameters(const Graph *graph, Precision precision, double **parameters, double ***scales);
extern const Type precision_types[PRECISIONS];

#endif
