/* lower_tiles.h: sums over fixed tiles of images, some rows and columns of one image and channel: the first half of batch norm's
 * statistics, of the sums of its gradient, and of the gradients of biases. They are gathered by the kernel of the convolution that makes
 * what is summed, while an iteration's outputs are in a cache, or, where that does not fit, by a kernel of their own. Tiles are the same in
 * both, and depend on the shape alone; so are the bits. */
#ifndef ZOETROPE_LOWER_TILES_H
#define ZOETROPE_LOWER_TILES_H

#include "lower/lowering.h"

typedef struct Tiles { /* of a node's images */
    long rows, columns;
    long down, across; /* so many tiles in an image */
} Tiles;

Tiles tiles_of(const Node *node);
static inline long tiles_in_image(Tiles tiles) {
    return tiles.down * tiles.across;
}
/* Of BATCH_NORM_STATISTICS, BATCH_NORM_SUMS and BIAS_GRAD over pixels: [N, C, tiles of an image, values], whoever sums them:
 *   statistics   mean, and sum of squared distances from it
 *   sums         Σ dy, Σ dy · (x − mean)
 *   bias         Σ dy
 * Of FRAME_SUM: Σ v, never in a convolution's kernel. */
const Buffer *tile_sums(Lowering *l, Node *node);

typedef struct Items {          /* what an iteration of the parallel loops of a convolution's kernel makes of its result … */
    const char *channel;        /* … whose channels are this variable */
    long channels;              /* 0: all, and no loop is over them */
    long images, rows, columns; /* likewise */
} Items;

/* So many rows of a convolution's result are whole tiles of what another node sums of them; 1: none does. */
long summed_rows(const Lowering *l, const Node *convolution);
/* Adds to the kernel of a convolution what sums the tiles of its result for the nodes that want that, where each iteration has whole tiles.
 * The schedules of its other computes are there, the parallel loops of all like those of the last. */
void add_tile_sums(Lowering *l, Node *convolution, Kernel *kernel, const Items *items);

#endif
