/* lower_pairs.h: convolutions by dot products of pairs of bfloat16, on targets that have them. */
#ifndef ZOETROPE_LOWER_PAIRS_H
#define ZOETROPE_LOWER_PAIRS_H

#include "lower/lowering.h"

/* Of so many channels summed over: pair p is of channels p and p + channel_pairs(); where there is no second one, it is zero. */
long channel_pairs(const Lowering *l, long channels);
/* The virtual buffer [N, pairs, H, W] of a virtual buffer [N, C, H, W] of which `channels` are summed over, or [N / 2, C, H, W] of pairs of
 * images 2n and 2n + 1. */
const Buffer *pairs_of_channels(const Lowering *l, const Buffer *input, long channels);
const Buffer *pairs_of_images(const Buffer *input);
/* A convolution's weight in pairs (of bfloat16, or of bytes) along its input channels, lanes along the outputs. */
const Buffer *new_paired_weight(const Lowering *l, const Node *convolution, Type type);
/* That of the file of a bundle; else appends a kernel that makes it. */
const Buffer *lower_paired_weight(Lowering *l, const Node *convolution);

#endif
