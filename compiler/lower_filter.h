/* lower_filter.h: convolutions by minimal filtering: fewer multiplications than one for each tap, for additions on inputs and outputs. */
#ifndef ZOETROPE_LOWER_FILTER_H
#define ZOETROPE_LOWER_FILTER_H

#include "lower.h"

typedef struct FilterTerms { /* Σ over p < products of a[a + p · a_step] · b[b + p · b_step] */
    int a, a_step, b, b_step, products;
} FilterTerms;

enum { FILTER_SIZE = 9 }; /* at most so many of anything in a tile of one dimension */

/* A tile of one dimension: transformed inputs and weights are sums of inputs and of taps, outputs are sums of their products. */
typedef struct Filter {
    int outputs, inputs, step; /* of a tile; inputs from a tile to the next */
    int transformed_inputs, transformed_weights, sums;
    double input[FILTER_SIZE][FILTER_SIZE];  /* [transformed input][input] */
    double weight[FILTER_SIZE][3];           /* [transformed weight][tap] */
    FilterTerms sum[FILTER_SIZE];            /* of transformed inputs by transformed weights */
    double output[FILTER_SIZE][FILTER_SIZE]; /* [output][sum] */
    int taps;                                /* products that a tile takes directly */
} Filter;

typedef struct FilterPlan {
    const Filter *filter[2]; /* vertical, horizontal */
    bool reversed[2];        /* by the taps from the last to the first */
    long offset[2];          /* the first input of tile t is step · t + offset */
    long tiles[2];
    int out;     /* the weight's dimension of output channels; the sum is over 1 − out */
    bool inside; /* the weight is transformed block by block inside of the kernel that multiplies by it */
} FilterPlan;

/* Is the convolution run by filtering on this target, and how? Decided by its shapes alone, unless a tuning file says otherwise. */
bool plan_filter(const Lowering *l, const Node *node, FilterPlan *plan);
/* False, and nothing is done, where the layout of the input does not allow it. */
bool lower_filtered(Lowering *l, Node *node, const FilterPlan *plan);
/* The weight of a convolution as filtering multiplies by it: [vertical, horizontal, input channels, output channels], lanes along the last.
 */
const Buffer *new_filtered_weight(const Lowering *l, const Node *node, const FilterPlan *plan);
/* The same, of one pair of channels: taps [3][3] to [vertical][horizontal]. */
void filter_taps(const FilterPlan *plan, const double taps[9], double *filtered);
/* A kernel of its own that makes it, just before the convolution, so that it lives no longer. */
const Buffer *lower_filtered_weight(Lowering *l, const Node *node, const FilterPlan *plan);
/* Transformed weight p, q of a pair of channels, `from` by dimension of the weight: a sum of its taps. */
const Expression *weigh(const FilterPlan *plan, int p, int q, const Buffer *taps, const Affine from[2]);

/* ---- what lower_filter_grad.c shares ---- */
typedef struct FilterRun { /* successive sums first … first + count − 1, each `a_by` and `b_by` on from the one before: one loop */
    int first, count, a_by, b_by;
    FilterTerms terms; /* of the first */
} FilterRun;
/* Into as few runs as that makes of these sums; returns how many. */
int find_runs(const FilterTerms *sums, int count, FilterRun *runs);
/* Where in a and b product `term` of sum `sum` of a run is. */
Affine run_a(const FilterRun *run, Affine sum, Affine term);
Affine run_b(const FilterRun *run, Affine sum, Affine term);
/* The algorithm of one dimension of a gather, y[i] = Σ u x[stride · i + u − padding] w[u], of `outputs` outputs, by tiles of `size`
 * outputs, or of 2 where those do not divide into `size`; NULL: there is none. */
const Filter *gather_filter(long kernel, long stride, long outputs, int size);
long filter_products(const Filter *filter);
/* What a kernel is run by whose tiles are these, vertically and horizontally. */
Algorithm filtered_algorithm(const Filter *v, const Filter *h);
/* Σ coefficient[i] · value[i], by additions and subtractions where that is all there is. Values of coefficient 0 are not looked at. */
const Expression *combine(int count, const double *coefficient, const Expression *const *value);
/* column[x] = Σ y < rows  coefficient[y] · tile[y][x], for each x < columns. Combined in turn, they are a tile's both dimensions. */
void combine_rows(int rows, int columns, const double *coefficient, const Expression *const tile[][FILTER_SIZE], const Expression **column);
/* The register tile: how many of `vectors` vectors side by side, rather more of them where `wide`, and by how many values of the other
 * operand at most. */
long choose_vectors(KernelChoice *choice, long vectors, bool wide);
long tile_values(const Target *target, long vectors);

/* lower_filter_grad.c: the weight gradient of a convolution by the transpose of its filtering. False, and nothing is done, where
 * that does not win or does not fit. */
bool lower_filtered_weight_grad(Lowering *l, Node *node);

#endif
