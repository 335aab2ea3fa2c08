/* lower_pairs.h: convolutions by dot products of pairs of bfloat16, on targets that have them. */
#ifndef ZOETROPE_LOWER_PAIRS_H
#define ZOETROPE_LOWER_PAIRS_H

#include "lower/lowering.h"

/* The number of pairs of `channels` summed channels. Pair p has channels p and p + channel_pairs(); a missing second one is zero. */
long channel_pairs(const Lowering *l, long channels);
/* pairs_of_channels(): a virtual buffer [N, pairs, H, W] of a virtual buffer [N, C, H, W], of which `channels` are summed over.
 * pairs_of_images(): [N / 2, C, H, W], with pairs of images 2n and 2n + 1. */
const Buffer *pairs_of_channels(const Lowering *l, const Buffer *input, long channels);
const Buffer *pairs_of_images(const Buffer *input);
/* A convolution's weight in pairs (of bfloat16, or of bytes) along its input channels, lanes along the outputs. */
const Buffer *new_paired_weight(const Lowering *l, const Node *convolution, Type type);
/* Returns the weight in pairs from a bundle's file, if there is one; else lowers a kernel that makes it. */
const Buffer *lower_paired_weight(Lowering *l, const Node *convolution);

#endif
