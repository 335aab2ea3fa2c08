/* weight_layout.h: how a weight lies in memory. */
#ifndef ZOETROPE_WEIGHT_LAYOUT_H
#define ZOETROPE_WEIGHT_LAYOUT_H

#include "lower/lowering.h"

/* Is the parameter the weight of a product, not a bias, a norm or statistics? */
bool is_weight(const Parameter *parameter);
/* The dimensions of the output channels and of the input channels of a weight [S, L, u, v] or [Co, Ho, Wo, Ci, Hi, Wi]. */
void weight_sides(const Node *weight, int *out, int *in);
/* The number of output features of a weight. `shape`: their shape as a vector, [1, C, H, W]. */
long output_features(const Node *weight, long shape[4]);
/* The output feature to which element i of the weight belongs, in the order of the node's dimensions. */
long output_of(const Node *weight, long i);
/* [a/V, b/B, the rest, b%B, V lanes of a]: a = `lane` (−1: row-major), b the other side. A register tile reads it in order. */
Layout weight_layout(int rank, const long *shape, int lane, long lanes, bool taps_outside);
/* Are the taps of the weight read in groups, and not one after another? */
bool is_read_by_phases(const Lowering *l, const Node *weight);
/* The lanes of a weight by its shape: along the outputs, or along the inputs if there are too few outputs; −1 if both are few. */
int lane_of_shape(const Lowering *l, const Node *weight);
/* Decides how the lanes of each parameter lie, from the products of the first `count` of `all` graphs that share it. */
WeightLanes *choose_weight_lanes(const Lowering *graphs, int all, int count);

#endif
