/* storage.h: where nodes are stored, and how. */
#ifndef ZOETROPE_STORAGE_H
#define ZOETROPE_STORAGE_H

#include "lower/lowering.h"

bool is_blocked(const Target *target, long channels); /* this many channels get a layout blocked by the vector */
long stored_channels(const Target *target, long channels);
const Buffer *new_tensor(const char *name, Type type, Place place, int rank, const long *shape, Layout layout);
/* [N, C, H, W] in the layout that the target gives to activations and to vectors per channel. */
const Buffer *new_activation(const Lowering *l, const char *name, const long shape[4]);
const Buffer *new_plain(const char *name, Type type, Place place, int rank, const long *shape);
/* Gives each node that is stored its buffer, once parameters have theirs. */
void store_nodes(Lowering *l);
/* Another buffer from here on. */
void store_again(Lowering *l, Node *node);
/* Of a node that is stored. */
const Buffer *node_buffer(const Lowering *l, const Node *node);
/* Is it computed in double? A loss is, and so are sums of losses. */
bool is_double(const Node *node);
/* A weight in the layout that has its lanes along this dimension, where there is one; else the layout that there is. */
const Buffer *weight_along(const Lowering *l, const Node *weight, int dimension);
/* Of a weight [S, L, u, v] or [Co, Ho, Wo, Ci, Hi, Wi]: the dimension of its output channels and that of its input channels. */
void weight_sides(const Node *weight, int *out, int *in);
/* How many output features a weight has; their shape as a vector's, [1, C, H, W]. */
long output_features(const Node *weight, long shape[4]);
/* The one that the weight's element number i, in the order of the node's dimensions, belongs to. */
long output_of(const Node *weight, long i);
/* [a/V, b/B, the rest, b%B, V lanes of a], a = `lane` (−1: row-major), b the other side: what a register tile walks through in order. */
Layout weight_layout(int rank, const long *shape, int lane, long lanes, bool taps_outside);
bool is_read_by_phases(const Lowering *l, const Node *weight);
/* Places for the parameters that all graphs share, the first of them included; the graphs are those of training. */
void allocate_parameters(Lowering *graphs, int count);
int optimizer_moments(const Optimizer *optimizer); /* how many blocks of them it keeps */
/* Inference: each parameter once, one after another in PLACE_WEIGHTS; returns their bytes. */
long allocate_weights(Lowering *l, const struct FilterPlan *const *filters);
/* A CARRY reads the storage of the node that it carries, which has T + 1 rows a sequence. */
Node *carried_node(const Node *carry);
bool has_carried_rows(const Node *node);
Affine carried_row(const Node *node, Affine b, Affine t);
const Scan *carrying_scan(const Node *node);

#endif
