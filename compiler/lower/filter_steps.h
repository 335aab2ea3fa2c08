/* filter_steps.h: the common steps of minimal filtering. Each step is a compute of one kernel:
 *   transform     A[p, …, c] = Σ ± x         p: a transformed input; for a group of images and rows of tiles, in scratch
 *   multiply      S[q, …, k] = Σ c, … A · G  q: a sum; for a block of output channels, in scratch
 *   restore       y = Σ ± S, and the layer's epilogue
 * Products are summed over the input channels before anything is transformed back. So all steps but the transforms are matrix products. */
#ifndef ZOETROPE_FILTER_STEPS_H
#define ZOETROPE_FILTER_STEPS_H

#include "lower/filters.h"

/* Σ coefficient[i] · value[i], with additions and subtractions only, if the coefficients allow it. Values with coefficient 0 are ignored.
 */
const Expression *combine(int count, const double *coefficient, const Expression *const *value);
/* column[x] = Σ y < rows  coefficient[y] · tile[y][x], for each x < columns. Combined in turn, they are a tile's both dimensions. */
void combine_rows(int rows, int columns, const double *coefficient, const Expression *const tile[][FILTER_SIZE], const Expression **column);
/* choose_vectors(): how many of `vectors` vectors a register tile has side by side; rather more of them where `wide`. tile_values(): by
 * how many values of the other operand at most. */
long choose_vectors(KernelChoice *choice, long vectors, bool wide);
long tile_values(const Target *target, long vectors);

typedef struct Cut { /* of images, rows of tiles and columns of tiles: extent = items · blocks · inner */
    long item[3];    /* of an iteration of the parallel loops: blocks · inner */
    long inner[3];   /* of a register tile */
} Cut;
long tiles_in(const long *count);
/* Chooses register tiles of at most `values` tiles, given the items. */
void cut_inner(Cut *cut, long values);

typedef struct FilterSteps {
    Lowering *l;
    Node *node;
    const FilterPlan *plan;
    Cut cut;
    const Buffer *input, *transformed, *sums;
} FilterSteps;

/* The position n, i, j of a tile from an item's number, a block's and a place in it: the three variables of each dimension. */
typedef struct TilePlace {
    Affine item[3], block[3], inner[3], local[3], global[3];
} TilePlace;

/* Adds the variables of a tile's place to a compute: without `blocks`, one for each place in an item. */
TilePlace add_places(const FilterSteps *steps, Compute *compute, bool blocks);
/* Row p of the transformed inputs of a tile: of input channel `channel`, which is element c of the transformed block. */
void add_transform(const FilterSteps *steps, Compute *compute, const TilePlace *place, int p, Affine channel, Affine c);
/* Row p of a tile's outputs in output channel `channel`, from the sums at these four. */
void add_restoring(const FilterSteps *steps, Compute *compute, const TilePlace *place, int p, Affine channel, const Affine from[4]);

/* Levels of a schedule: items, tiles of an item, and a register tile, whose lanes lie along k. */
void add_item_levels(Schedule *schedule);
void add_tile_levels(Schedule *schedule);
void add_register_levels(const FilterSteps *steps, Schedule *schedule, LoopKind kind);
/* The levels of a transform, inside of the existing ones; with the stage of the input if one is given. */
void add_transform_levels(const FilterSteps *steps, Schedule *schedule, const Stage *stage);

/* Scratch whose dimensions 0 and 1 are outermost: transformed inputs of `channels` channels; and sums of `tiles` tiles and `channels`
 * channels. */
const Buffer *new_transformed(const FilterSteps *steps, Kernel *kernel, long channels);
const Buffer *new_sums(const FilterSteps *steps, Kernel *kernel, const long tiles[3], long channels);
/* The comment and the work of the kernel. */
void describe_filtered(const FilterSteps *steps, Kernel *kernel);

#endif
