/* filters.h: the algorithms of minimal filtering in one dimension, and the convolutions for which they are faster. */
#ifndef ZOETROPE_FILTERS_H
#define ZOETROPE_FILTERS_H

#include "lower/lowering.h"

typedef struct FilterTerms { /* Σ over p < products of a[a + p · a_step] · b[b + p · b_step] */
    int a, a_step, b, b_step, products;
} FilterTerms;

/* The most inputs, outputs, weights or sums of a tile in one dimension; and taps of a kernel. */
enum { FILTER_SIZE = 9, FILTER_TAPS = 5 };

/* A tile of one dimension: transformed inputs and weights are sums of inputs and of taps, outputs are sums of their products. */
typedef struct Filter {
    int size, kernel;          /* of the tiles: 2, 4; the kernel's taps */
    int outputs, inputs, step; /* of a tile; inputs from a tile to the next */
    int transformed_inputs, transformed_weights, sums;
    double input[FILTER_SIZE][FILTER_SIZE];  /* [transformed input][input] */
    double weight[FILTER_SIZE][FILTER_TAPS]; /* [transformed weight][tap] */
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

/* Is the convolution filtered on this target, and how? Shapes, layouts and the choices of the compilation decide. */
bool plan_filter(const Lowering *l, const Node *node, FilterPlan *plan);

typedef struct FilterRun { /* successive sums first … first + count − 1, each `a_by` and `b_by` on from the one before: one loop */
    int first, count, a_by, b_by;
    FilterTerms terms; /* of the first */
} FilterRun;
/* Groups these sums into as few runs as possible; returns how many. */
int find_runs(const FilterTerms *sums, int count, FilterRun *runs);
/* The indices in a and b of product `term` of sum `sum` of a run. */
Affine run_a(const FilterRun *run, Affine sum, Affine term);
Affine run_b(const FilterRun *run, Affine sum, Affine term);
/* The algorithm of one dimension of a gather, y[i] = Σ u x[stride · i + u − padding] w[u], of `outputs` outputs, by tiles of `size`
 * outputs, or of 2 if `size` does not divide them; NULL if there is none. */
const Filter *gather_filter(long kernel, long stride, long outputs, int size);
long filter_products(const Filter *filter);
/* The algorithm of a kernel with these tiles, vertically and horizontally. */
Algorithm filtered_algorithm(const Filter *v, const Filter *h);

#endif
