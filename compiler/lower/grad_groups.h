/* grad_groups.h: groups of images, each with a weight gradient of its own, then their sum in index order. */
#ifndef ZOETROPE_GRAD_GROUPS_H
#define ZOETROPE_GRAD_GROUPS_H

#include "lower/lowering.h"

/* `out` with groups outermost, as dimension 4. */
const Buffer *new_group_gradients(const Node *node, const Buffer *out, long groups);
/* The kernel that adds them; of the `channels` of both sides; lanes along `along`, one of their variables k and c, or none where `lanes`
 * is 1. */
void add_group_sum(Lowering *l, const Node *node, const Buffer *gradients, const Buffer *out, const long channels[2], const char *along,
                   long lanes);

#endif
