/* lower_moves.h: elements at other places. */
#ifndef ZOETROPE_LOWER_MOVES_H
#define ZOETROPE_LOWER_MOVES_H

#include "lower/element.h"

/* Where an element of a SLICE lies in its input. */
At slice_source(const Node *slice, const At *at);
/* Can its elements be read where the input's are, by anybody outside of scans? Then it needs no memory, and no time. */
bool is_view(const Lowering *l, const Node *node);
/* Is each dimension of both shapes a product of pieces that run along one dimension of either? Then elements are found by affine indices.
 */
bool has_common_pieces(const Node *reshape);
void lower_concat(Lowering *l, Node *node);
void lower_reshape(Lowering *l, Node *node);
void lower_upsample(Lowering *l, Node *node);
void lower_upsample_grad(Lowering *l, Node *node);

#endif
