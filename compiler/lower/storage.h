/* storage.h: where nodes are stored, and how. */
#ifndef ZOETROPE_STORAGE_H
#define ZOETROPE_STORAGE_H

#include "lower/lowering.h"

bool is_blocked(const Target *target, long channels); /* this many channels get a layout blocked by the vector */
long stored_channels(const Target *target, long channels);
const Buffer *new_tensor(const char *name, Type type, Place place, int rank, const long *shape, Layout layout);
/* [N, C, H, W] in the layout that the target gives to activations and to vectors per channel. */
const Buffer *new_activation(const Lowering *l, const char *name, const long shape[4]);
/* What the caller gives or gets: `name` as in the program's signature. */
const Buffer *new_given(const char *name, Type type, int rank, const long *shape);
const Buffer *new_plain(const char *name, Type type, Place place, int rank, const long *shape);
/* Gives each stored node a buffer, once the parameters have theirs. */
void store_nodes(Lowering *l);
/* Gives the node another buffer from here on. */
void store_again(Lowering *l, Node *node);
/* The buffer of a stored node. */
const Buffer *node_buffer(const Lowering *l, const Node *node);
/* Batch norm's statistics as sums of all values, in double: of a node, or of one that an earlier step computed. */
const Buffer *moments_of(const Lowering *l, const Node *node);
void keep_moments(const Lowering *l, const Node *node, const Buffer *moments);
/* Gives what steps leave for later ones its place, behind all else that is kept. */
void place_kept_values(TargetCode *code);
/* Is it computed in double? A loss is, and so are sums of losses. */
bool is_double(const Node *node);
/* The copy of a weight with lanes along this dimension, if there is one; else the only copy. */
const Buffer *weight_along(const Lowering *l, const Node *weight, int dimension);
/* The dimension of a weight's gradient, or of a term of it, that lanes will lie along; −1: none. */
int weight_gradient_lane(const Lowering *l, const Node *node);
/* Will the elements of [N, C, H, W] be whole vectors along the channels, stored or computed where they are read? */
bool has_channel_lanes(const Lowering *l, const Node *node);
void allocate_parameters(Lowering *l);
int optimizer_moments(const Optimizer *optimizer); /* how many blocks of them it keeps */
/* Inference: places each parameter once, one after another, in PLACE_WEIGHTS; returns their bytes. */
long allocate_weights(Lowering *l, const struct FilterPlan *const *filters);
/* A CARRY reads the storage of the node that it carries, which has T + 1 rows a sequence. */
Node *carried_node(const Node *carry);
bool has_carried_rows(const Node *node);
Affine carried_row(const Node *node, Affine b, Affine t);
const Scan *carrying_scan(const Node *node);

#endif
