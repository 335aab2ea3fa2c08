/* lower_tiles.h: sums over fixed tiles of images, each some rows and columns of one image and channel. They are the first half of batch
 * norm's statistics, of the sums of its gradient, and of the gradients of biases. The convolution that makes the summed values also sums
 * them, while an iteration's outputs are in a cache. If that does not fit, a kernel of its own does. Tiles are the same in both cases, and
 * depend on the shape alone; so do the bits. */
#ifndef ZOETROPE_LOWER_TILES_H
#define ZOETROPE_LOWER_TILES_H

#include "lower/lowering.h"

typedef struct Tiles { /* of a node's images */
    long rows, columns;
    long down, across; /* tiles in an image */
} Tiles;

Tiles tiles_of(const Node *node);
static inline long tiles_in_image(Tiles tiles) {
    return tiles.down * tiles.across;
}
/* The sums of tiles of BATCH_NORM_STATISTICS, BATCH_NORM_SUMS or BIAS_GRAD over pixels, [N, C, tiles of an image, values]; lowers them if
 * no convolution has summed them yet:
 *   statistics   mean, and sum of squared distances from it
 *   sums         Σ dy, Σ dy · (x − mean)
 *   bias         Σ dy
 * Of FRAME_SUM: Σ v, never in a convolution's kernel. */
const Buffer *tile_sums(Lowering *l, Node *node);

typedef struct Items {          /* the part of the result that an iteration of the parallel loops of a convolution's kernel makes */
    const char *channel;        /* variable of the result's channels */
    long channels;              /* 0: all, without a loop over them */
    long images, rows, columns; /* likewise */
} Items;

/* The rows of the tiles in which another node sums a convolution's result; 1 if none does. */
long summed_rows(const Lowering *l, const Node *convolution);
/* Adds sums of tiles to the kernel of a convolution, for the nodes that need them, if each iteration has whole tiles. The schedules of the
 * kernel's other computes must be complete, all with the parallel loops of the last. */
void add_tile_sums(Lowering *l, Node *convolution, Kernel *kernel, const Items *items);

#endif
