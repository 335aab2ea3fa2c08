/* element.h: nodes as expressions of their elements. */
#ifndef ZOETROPE_ELEMENT_H
#define ZOETROPE_ELEMENT_H

#include "lower/lowering.h"

typedef struct At { /* an element of [N, C, H, W]: row n, or b·steps + t where steps > 0 */
    long steps;
    Affine n, b, t, c, h, w;
} At;
Affine row_of(const At *at);
const Expression *node_element(Lowering *l, Node *node, const At *at);
/* The number that a stored node of one number a row has in this row, in double. */
const Expression *double_value(Lowering *l, Node *node, const At *at);
/* The value that the kernel of `node` stores if the node's own element is `value`: that, or its epilogue of it. */
const Expression *epilogue_element(Lowering *l, Node *node, const At *at, const Expression *value);
/* The element of a vector per channel, [1, C, R, 1], at row `row`. */
const Expression *channel_value(Lowering *l, Node *node, Affine channel, long row);
/* The element of a parameter-like node of the full shape [1, C, H, W]. */
const Expression *feature_value(Lowering *l, Node *node, const At *at);
/* A sum of products with a weight, times its scale where it has one. */
const Expression *scaled_sum(const Lowering *l, const Node *weight, const At *at, const Expression *sum);
/* Where an element of a stored node lies in its buffer. */
void stored_index(Node *node, const At *at, Affine index[4]);
/* The number of channels that all loads of an expression have, at most `most`: with padding lanes, if all of them have those. */
long channels_in(const Expression *value, const Variable *channel, long most);
/* A virtual buffer of the node's elements, 0 outside of its shape: the input of a padded convolution. In a scan, it has the rows of step
 * `time`. */
const Buffer *node_virtual(Lowering *l, Node *node);
const Buffer *node_virtual_at(Lowering *l, Node *node, const Variable *time);
/* The elements of a stored weight, as a virtual buffer, which can be staged. */
const Buffer *virtual_weight(const Buffer *weight, const char *name);
void lower_element(Lowering *l, Node *node);

#endif
