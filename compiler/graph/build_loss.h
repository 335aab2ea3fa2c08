/* build_loss.h: the terms of losses as nodes. Each is an elementwise node of what is compared, FRAME_SUM of it and ROW_SUM of that: the
 * same nodes, up to the last, give a loss and a score. All sums are in double. */
#ifndef ZOETROPE_BUILD_LOSS_H
#define ZOETROPE_BUILD_LOSS_H

#include "graph/graph.h"
#include "spec/system.h"

/* What one number is of. */
typedef enum {
    LOSS_OF_FRAME, /* [B·T, 1, 1, 1], reduced within each frame: a score per frame; `over_time` has no effect */
    LOSS_OF_ITEM,  /* [B, 1, 1, 1]: a score per clip */
    LOSS_OF_BATCH  /* a scalar, the mean over items: what is trained by */
} LossOf;

/* The term times its weight. value, other: [B·T, C, H, W], with `steps` T; B is 2·B where they are joined. other: the target, or kl's
 * log-variance; NULL: the target is term->target, or there is none. Scalars and scores are added up by ADD and SCALE. */
Node *add_loss_term(Graph *graph, const char *name, const LossTerm *term, LossOf of, Node *value, Node *other);

#endif
