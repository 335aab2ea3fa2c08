/* grad_groups.h: groups of images, each with a weight gradient of its own, then their sum in index order. */
#ifndef ZOETROPE_GRAD_GROUPS_H
#define ZOETROPE_GRAD_GROUPS_H

#include "lower/lowering.h"

/* `out` with groups outermost, as dimension 4. */
const Buffer *new_group_gradients(const Node *node, const Buffer *out, long groups);
/* The kernel that adds them up, over the `channels` of both sides. Lanes lie along `along`, one of the variables k and c; there are none
 * if `lanes` is 1. */
void add_group_sum(Lowering *l, const Node *node, const Buffer *gradients, const Buffer *out, const long channels[2], const char *along,
                   long lanes);

#endif
