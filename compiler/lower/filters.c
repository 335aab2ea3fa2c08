/* filters.c: the algorithms of minimal filtering in one dimension (Winograd, "Arithmetic complexity of computations", 1980; Cook and
 * Toom), for kernels of 3, and the convolutions for which they are faster.
 *
 * A tile of outputs is computed from transformed inputs and weights with fewer products than it has taps:
 *   stride 1: 2 outputs from 4 inputs by 4 products instead of 6; or 4 from 6 by 6 instead of 12
 *   stride 2: split into its phases, of 2 taps and of 1: 2 outputs from 5 inputs by 5 instead of 6; or 4 from 9 by 9 instead of 12
 *             its transpose: 4 outputs from 3 inputs by 5 instead of 6; or 8 from 5 by 9 instead of 12
 *   stride 2, kernel 4: both phases of 2 taps: 6 products instead of 8; kernel 5: phases of 3 and 2 taps: 7 instead of 10
 * In two dimensions the numbers are multiplied: 25 for 36, or 16 for 36; 36 for 64 and 49 for 100. The larger tiles take 81 for 144, or 36
 * for 144, but they also multiply inputs and sums by small constants, and lose a few more bits. lower_filter.c makes loops of these
 * algorithms. */
#include "lower/filters.h"

#include "lower/choose.h"
#include "lower/fuse.h"
#include "lower/storage.h"
#include "lower/weight_layout.h"

#include <math.h>

/* ---- the algorithms of one dimension; products that always go together are summed at once ---- */

static const Filter gather1 = {
    .size = 2,
    .kernel = 3,
    .outputs = 2,
    .inputs = 4,
    .step = 2,
    .transformed_inputs = 4,
    .transformed_weights = 4,
    .sums = 4,
    .taps = 6,
    .input = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}},
    .weight = {{1, 0, 0}, {.5, .5, .5}, {.5, -.5, .5}, {0, 0, 1}},
    .sum = {{0, 0, 0, 0, 1}, {1, 0, 1, 0, 1}, {2, 0, 2, 0, 1}, {3, 0, 3, 0, 1}},
    .output = {{1, 1, 1, 0}, {0, 1, -1, -1}},
};

/* y[2i], y[2i + 1] of stride 2: the even taps by F(2, 2), the odd one directly. */
static const Filter gather2 = {
    .size = 2,
    .kernel = 3,
    .outputs = 2,
    .inputs = 5,
    .step = 4,
    .transformed_inputs = 5,
    .transformed_weights = 4,
    .sums = 3,
    .taps = 6,
    .input = {{1, 0, -1, 0, 0}, {0, 0, 1, 0, 0}, {0, 0, -1, 0, 1}, {0, 1, 0, 0, 0}, {0, 0, 0, 1, 0}},
    .weight = {{1, 0, 0}, {1, 0, 1}, {0, 0, 1}, {0, 1, 0}},
    .sum = {{0, 3, 0, 3, 2}, {1, 0, 1, 0, 1}, {2, 2, 2, 1, 2}},
    .output = {{1, 1, 0}, {0, 1, 1}},
};

/* The transpose of gather2: four outputs from x0, x1, x2: x0 w1, x0 w2 + x1 w0, x1 w1, x1 w2 + x2 w0. */
static const Filter scatter2 = {
    .size = 2,
    .kernel = 3,
    .outputs = 4,
    .inputs = 3,
    .step = 2,
    .transformed_inputs = 4,
    .transformed_weights = 4,
    .sums = 5,
    .taps = 6,
    .input = {{1, 0, 0}, {1, -1, 0}, {0, 1, 0}, {0, -1, 1}},
    .weight = {{0, 1, 0}, {0, 0, 1}, {1, 0, 1}, {1, 0, 0}},
    .sum = {{0, 0, 0, 0, 1}, {1, 0, 1, 0, 1}, {2, 0, 2, 0, 1}, {3, 0, 3, 0, 1}, {2, 0, 0, 0, 1}},
    .output = {{1, 0, 0, 0, 0}, {0, 1, 1, 0, 0}, {0, 0, 0, 0, 1}, {0, 0, 1, 1, 0}},
};

/* ---- kernels of 4 and 5, stride 2: each phase, of 2 taps or of 3, is a convolution of stride 1. Products of two phases that are added to
 * the same outputs are summed at once ---- */

/* Even taps x0, x1, x2 and odd ones, each by F(2, 2). */
static const Filter gather2_of_4 = {
    .size = 2,
    .kernel = 4,
    .outputs = 2,
    .inputs = 6,
    .step = 4,
    .transformed_inputs = 6,
    .transformed_weights = 6,
    .sums = 3,
    .taps = 8,
    .input = {{1, 0, -1}, {0, 0, 1}, {0, 0, -1, 0, 1}, {0, 1, 0, -1}, {0, 0, 0, 1}, {0, 0, 0, -1, 0, 1}},
    .weight = {{1}, {1, 0, 1}, {0, 0, 1}, {0, 1}, {0, 1, 0, 1}, {0, 0, 0, 1}},
    .sum = {{0, 3, 0, 3, 2}, {1, 3, 1, 3, 2}, {2, 3, 2, 3, 2}},
    .output = {{1, 1, 0}, {0, 1, 1}},
};

/* Even taps by F(2, 3), odd ones by F(2, 2). */
static const Filter gather2_of_5 = {
    .size = 2,
    .kernel = 5,
    .outputs = 2,
    .inputs = 7,
    .step = 4,
    .transformed_inputs = 7,
    .transformed_weights = 7,
    .sums = 4,
    .taps = 10,
    .input =
        {{1, 0, 0, 0, -1}, {0, 0, 1, 0, 1}, {0, 0, -1, 0, 0, 0, 1}, {0, 0, -1, 0, 1}, {0, 1, 0, -1}, {0, 0, 0, 1}, {0, 0, 0, -1, 0, 1}},
    .weight = {{1}, {.5, 0, .5, 0, .5}, {0, 0, 0, 0, 1}, {.5, 0, -.5, 0, .5}, {0, 1}, {0, 1, 0, 1}, {0, 0, 0, 1}},
    .sum = {{0, 4, 0, 4, 2}, {1, 4, 1, 4, 2}, {2, 4, 2, 4, 2}, {3, 0, 3, 0, 1}},
    .output = {{1, 1, 0, 1}, {0, 1, 1, -1}},
};

/* The transposes: four outputs. With even padding, even outputs have the even taps; with odd padding, the odd ones. Of kernels of 4 from
 * x0, x1, x2: even outputs x0 w2 + x1 w0, …, odd ones x0 w3 + x1 w1, … */
static const Filter scatter2_of_4_even = {
    .size = 2,
    .kernel = 4,
    .outputs = 4,
    .inputs = 3,
    .step = 2,
    .transformed_inputs = 3,
    .transformed_weights = 6,
    .sums = 6,
    .taps = 8,
    .input = {{1, -1}, {0, 1}, {0, -1, 1}},
    .weight = {{0, 0, 1}, {1, 0, 1}, {1}, {0, 0, 0, 1}, {0, 1, 0, 1}, {0, 1}},
    .sum = {{0, 0, 0, 0, 1}, {1, 0, 1, 0, 1}, {2, 0, 2, 0, 1}, {0, 0, 3, 0, 1}, {1, 0, 4, 0, 1}, {2, 0, 5, 0, 1}},
    .output = {{1, 1}, {0, 0, 0, 1, 1}, {0, 1, 1}, {0, 0, 0, 0, 1, 1}},
};

/* From x0 … x3: even outputs x0 w3 + x1 w1, …, odd ones x1 w2 + x2 w0, … */
static const Filter scatter2_of_4_odd = {
    .size = 2,
    .kernel = 4,
    .outputs = 4,
    .inputs = 4,
    .step = 2,
    .transformed_inputs = 5,
    .transformed_weights = 6,
    .sums = 6,
    .taps = 8,
    .input = {{1, -1}, {0, 1}, {0, -1, 1}, {0, 0, 1}, {0, 0, -1, 1}},
    .weight = {{0, 0, 0, 1}, {0, 1, 0, 1}, {0, 1}, {0, 0, 1}, {1, 0, 1}, {1}},
    .sum = {{0, 0, 0, 0, 1}, {1, 0, 1, 0, 1}, {2, 0, 2, 0, 1}, {2, 0, 3, 0, 1}, {3, 0, 4, 0, 1}, {4, 0, 5, 0, 1}},
    .output = {{1, 1}, {0, 0, 0, -1, 1}, {0, 1, 1}, {0, 0, 0, 0, 1, 1}},
};

/* From x0 … x3: even outputs x0 w4 + x1 w2 + x2 w0, …, odd ones x1 w3 + x2 w1, … */
static const Filter scatter2_of_5_even = {
    .size = 2,
    .kernel = 5,
    .outputs = 4,
    .inputs = 4,
    .step = 2,
    .transformed_inputs = 6,
    .transformed_weights = 7,
    .sums = 7,
    .taps = 10,
    .input = {{1, 0, -1}, {0, 1, 1}, {0, -1, 0, 1}, {0, 1, -1}, {0, 0, 1}, {0, 0, -1, 1}},
    .weight = {{0, 0, 0, 0, 1}, {.5, 0, .5, 0, .5}, {1}, {.5, 0, -.5, 0, .5}, {0, 0, 0, 1}, {0, 1, 0, 1}, {0, 1}},
    .sum = {{0, 0, 0, 0, 1}, {1, 0, 1, 0, 1}, {2, 0, 2, 0, 1}, {3, 0, 3, 0, 1}, {3, 0, 4, 0, 1}, {4, 0, 5, 0, 1}, {5, 0, 6, 0, 1}},
    .output = {{1, 1, 0, -1}, {0, 0, 0, 0, 1, 1}, {0, 1, 1, 1}, {0, 0, 0, 0, 0, 1, 1}},
};

/* From x0 … x3: even outputs x0 w3 + x1 w1, …, odd ones x0 w4 + x1 w2 + x2 w0, … */
static const Filter scatter2_of_5_odd = {
    .size = 2,
    .kernel = 5,
    .outputs = 4,
    .inputs = 4,
    .step = 2,
    .transformed_inputs = 6,
    .transformed_weights = 7,
    .sums = 7,
    .taps = 10,
    .input = {{1, 0, -1}, {0, 1, 1}, {0, -1, 0, 1}, {0, -1, 1}, {0, 1}, {1, -1}},
    .weight = {{0, 0, 0, 0, 1}, {.5, 0, .5, 0, .5}, {1}, {.5, 0, -.5, 0, .5}, {0, 1}, {0, 1, 0, 1}, {0, 0, 0, 1}},
    .sum = {{0, 0, 0, 0, 1}, {1, 0, 1, 0, 1}, {2, 0, 2, 0, 1}, {3, 0, 3, 0, 1}, {3, 0, 4, 0, 1}, {4, 0, 5, 0, 1}, {5, 0, 6, 0, 1}},
    .output = {{0, 0, 0, 0, 0, 1, 1}, {1, 1, 0, 1}, {0, 0, 0, 0, 1, 1}, {0, 1, 1, -1}},
};

/* ---- tiles of 4. The polynomials are evaluated at points and their reciprocals, which keeps the numbers near 1. Of the points that were
 * tried, these lose the fewest bits: far fewer than 0, ±1, ±2 ---- */

/* 0, ±2/3, ±3/2 and infinity. */
static const Filter gather1_4 = {
    .size = 4,
    .kernel = 3,
    .outputs = 4,
    .inputs = 6,
    .step = 4,
    .transformed_inputs = 6,
    .transformed_weights = 6,
    .sums = 6,
    .taps = 12,
    .input = {{1, 0, -97 / 36., 0, 1, 0},
              {0, -3 / 2., -9 / 4., 2 / 3., 1, 0},
              {0, 3 / 2., -9 / 4., -2 / 3., 1, 0},
              {0, -2 / 3., -4 / 9., 3 / 2., 1, 0},
              {0, 2 / 3., -4 / 9., -3 / 2., 1, 0},
              {0, 1, 0, -97 / 36., 0, 1}},
    .weight = {{1, 0, 0},
               {-81 / 130., -54 / 130., -36 / 130.},
               {-81 / 130., 54 / 130., -36 / 130.},
               {8 / 65., 12 / 65., 18 / 65.},
               {8 / 65., -12 / 65., 18 / 65.},
               {0, 0, 1}},
    .sum = {{0, 0, 0, 0, 1}, {1, 0, 1, 0, 1}, {2, 0, 2, 0, 1}, {3, 0, 3, 0, 1}, {4, 0, 4, 0, 1}, {5, 0, 5, 0, 1}},
    .output = {{1, 1, 1, 1, 1, 0},
               {0, 2 / 3., -2 / 3., 3 / 2., -3 / 2., 0},
               {0, 4 / 9., 4 / 9., 9 / 4., 9 / 4., 0},
               {0, 8 / 27., -8 / 27., 27 / 8., -27 / 8., 1}},
};

/* F(4, 2), for both kinds of stride 2: of inputs a, b, c, d and e by two taps, at 0, −1, 2, 1/2 and infinity. */
#define TRANSFORMED_4(a, b, c, d, e)                                                                                                       \
    {[a] = 1, [b] = -1.5, [c] = -1.5, [d] = 1}, {[b] = 1, [c] = -2.5, [d] = 1}, {[b] = -1, [c] = 1, [d] = 2},                              \
        {[b] = -2, [c] = -1, [d] = 1}, {                                                                                                   \
        [b] = 1, [c] = -1.5, [d] = -1.5, [e] = 1                                                                                           \
    }

/* y[4i] … y[4i + 3] of stride 2: the even taps by F(4, 2), the odd one directly, within the first and the last of their sums. */
static const Filter gather2_4 = {
    .size = 4,
    .kernel = 3,
    .outputs = 4,
    .inputs = 9,
    .step = 8,
    .transformed_inputs = 9,
    .transformed_weights = 6,
    .sums = 7,
    .taps = 12,
    .input = {TRANSFORMED_4(0, 2, 4, 6, 8), {[1] = 1}, {[3] = 1}, {[5] = 1}, {[7] = 1}},
    .weight = {{1, 0, 0}, {-2 / 9., 0, 2 / 9.}, {1 / 18., 0, 1 / 9.}, {-8 / 9., 0, -4 / 9.}, {0, 0, 1}, {0, 1, 0}},
    .sum = {{0, 5, 0, 5, 2}, {6, 0, 5, 0, 1}, {7, 0, 5, 0, 1}, {4, 4, 4, 1, 2}, {1, 0, 1, 0, 1}, {2, 0, 2, 0, 1}, {3, 0, 3, 0, 1}},
    .output = {{1, 0, 0, 0, 1, 1, 1}, {0, 1, 0, 0, -1, 2, 1 / 2.}, {0, 0, 1, 0, 1, 4, 1 / 4.}, {0, 0, 0, 1, -1, 8, 1 / 8.}},
};

/* The transpose of gather2_4: eight outputs from x0 … x4: even ones xi w1, odd ones xi w2 + x(i+1) w0 by F(4, 2). */
static const Filter scatter2_4 = {
    .size = 4,
    .kernel = 3,
    .outputs = 8,
    .inputs = 5,
    .step = 4,
    .transformed_inputs = 9,
    .transformed_weights = 6,
    .sums = 9,
    .taps = 12,
    .input = {TRANSFORMED_4(0, 1, 2, 3, 4), {[0] = 1}, {[1] = 1}, {[2] = 1}, {[3] = 1}},
    .weight = {{0, 0, 1}, {2 / 9., 0, -2 / 9.}, {1 / 9., 0, 1 / 18.}, {-4 / 9., 0, -8 / 9.}, {1, 0, 0}, {0, 1, 0}},
    .sum = {{0, 0, 0, 0, 1},
            {1, 0, 1, 0, 1},
            {2, 0, 2, 0, 1},
            {3, 0, 3, 0, 1},
            {4, 0, 4, 0, 1},
            {5, 0, 5, 0, 1},
            {6, 0, 5, 0, 1},
            {7, 0, 5, 0, 1},
            {8, 0, 5, 0, 1}},
    .output =
        {{[5] = 1}, {1, 1, 1, 1, 0}, {[6] = 1}, {0, -1, 2, 1 / 2., 0}, {[7] = 1}, {0, 1, 4, 1 / 4., 0}, {[8] = 1}, {0, -1, 8, 1 / 8., 1}},
};

int find_runs(const FilterTerms *sums, int count, FilterRun *runs) {
    int found = 0;
    for (int i = 0; i < count; i++) {
        FilterRun *last = found ? &runs[found - 1] : NULL;
        const FilterTerms *before = i ? &sums[i - 1] : NULL, *sum = &sums[i];
        const bool alike = last && sum->products == before->products && sum->a_step == before->a_step && sum->b_step == before->b_step;
        if (alike && (last->count == 1 || (sum->a - before->a == last->a_by && sum->b - before->b == last->b_by))) {
            last->a_by = sum->a - before->a;
            last->b_by = sum->b - before->b;
            last->count++;
        } else {
            runs[found++] = (FilterRun){.first = i, .count = 1, .terms = *sum};
        }
    }
    return found;
}

Affine run_a(const FilterRun *run, Affine sum, Affine term) {
    return affine_shift(affine_add(affine_scale(sum, run->a_by), affine_scale(term, run->terms.a_step)), run->terms.a);
}

Affine run_b(const FilterRun *run, Affine sum, Affine term) {
    return affine_shift(affine_add(affine_scale(sum, run->b_by), affine_scale(term, run->terms.b_step)), run->terms.b);
}

/* ---- where it wins ---- */

/* The algorithms of one dimension by size of the tile, 2 and 4; NULL: there is none. */
typedef struct Filters {
    const Filter *by_size[2];
} Filters;

enum { KERNEL_LEAST = 3, KERNEL_MOST = FILTER_TAPS };

/* The largest of these tiles, of at most `size`, that divides the outputs; NULL if none does. */
static const Filter *fitting(const Filters *filters, int size, long outputs) {
    for (; size >= 2; size -= 2) {
        const Filter *filter = filters->by_size[size / 2 - 1];
        if (filter && outputs % filter->outputs == 0) return filter;
    }
    return NULL;
}

const Filter *gather_filter(long kernel, long stride, long outputs, int size) {
    static const Filters filters[KERNEL_MOST + 1][2] = {
        /* by kernel and stride − 1 */
        [3] = {{{&gather1, &gather1_4}}, {{&gather2, &gather2_4}}},
        [4] = {[1] = {{&gather2_of_4}}},
        [5] = {[1] = {{&gather2_of_5}}},
    };
    if (kernel < KERNEL_LEAST || kernel > KERNEL_MOST || stride > 2) return NULL;
    return fitting(&filters[kernel][stride - 1], size, outputs);
}

/* Of stride 2. Sets the first input of a tile. */
static const Filter *scatter_filter(long kernel, long padding, long outputs, int size, long *offset) {
    static const struct Scatter {
        Filters filters;
        long before; /* inputs of a tile before the one at its first output */
    } scatters[KERNEL_MOST + 1][2] = {
        /* by kernel, and by padding: even, odd */
        [3] = {[1] = {{{&scatter2, &scatter2_4}}, 1}},
        [4] = {{{{&scatter2_of_4_even}}, 1}, {{{&scatter2_of_4_odd}}, 2}},
        [5] = {{{{&scatter2_of_5_even}}, 2}, {{{&scatter2_of_5_odd}}, 2}},
    };
    if (kernel < KERNEL_LEAST || kernel > KERNEL_MOST) return NULL;
    const struct Scatter *scatter = &scatters[kernel][padding % 2];
    *offset = (padding + 1) / 2 - scatter->before;
    return fitting(&scatter->filters, size, outputs);
}

/* Sets the plan's members of one dimension. Returns false if there is no algorithm for it. */
static bool plan_dimension(const Node *node, int d, int size, FilterPlan *plan) {
    const long kernel = node->kernel[d], stride = node->stride[d], padding = node->padding[d], outputs = node->shape[2 + d];
    const bool gathers = node->op == OP_CONV2D;
    const Filter *filter = NULL;
    plan->reversed[d] = !gathers && stride == 1; /* a transposed convolution of stride 1 is a convolution with the taps reversed */
    if (gathers || stride == 1) {
        filter = gather_filter(kernel, stride, outputs, size);
        plan->offset[d] = gathers ? -padding : padding - (kernel - 1);
    } else if (stride == 2) {
        filter = scatter_filter(kernel, padding, outputs, size, &plan->offset[d]);
    }
    plan->filter[d] = filter;
    if (filter) plan->tiles[d] = outputs / filter->outputs;
    return filter != NULL;
}

long filter_products(const Filter *filter) {
    long products = 0;
    for (int i = 0; i < filter->sums; i++) products += filter->sum[i].products;
    return products;
}

/* The time of a tile relative to the direct one. In multiply-adds of vectors: transforming an element of the input takes about as long as
 * three, restoring a sum or an output as long as two. */
static double relative_time(const FilterPlan *plan, double channels, double outputs) {
    const Filter *v = plan->filter[0], *h = plan->filter[1];
    const double direct = (double)(v->taps * h->taps) * channels * outputs;
    const double products = (double)(filter_products(v) * filter_products(h)) * channels * outputs;
    const double transform = 3.0 * v->transformed_inputs * h->transformed_inputs * channels;
    const double restore = 2.0 * (v->sums * h->sums + v->outputs * h->outputs) * outputs;
    return (products + transform + restore) / direct;
}

/* Products of an image, for each weight. */
static long saved_products(const FilterPlan *plan) {
    const Filter *v = plan->filter[0], *h = plan->filter[1];
    return (v->taps * h->taps - filter_products(v) * filter_products(h)) * plan->tiles[0] * plan->tiles[1];
}

/* For one image: do the saved products take longer than reading the additional weights, at one float a cycle? */
static bool pays_for_weights(const Target *target, const FilterPlan *plan) {
    const Filter *v = plan->filter[0], *h = plan->filter[1];
    return saved_products(plan) >= target->lanes * (v->transformed_weights * h->transformed_weights - v->kernel * h->kernel);
}

/* A trainer transforms the weights in each run of a program: do the saved products take longer than writing the transformed ones and
 * reading them again? */
static bool pays_for_transform(const Target *target, const Node *node, const FilterPlan *plan) {
    return saved_products(plan) * node->shape[0] >=
           2 * target->lanes * plan->filter[0]->transformed_weights * plan->filter[1]->transformed_weights;
}

static bool pays(const Lowering *l, const Node *node, const FilterPlan *plan) {
    if (!l->choices->few_images) return l->choices->filter_everywhere || pays_for_transform(l->target, node, plan);
    return plan->inside || pays_for_weights(l->target, plan);
}

/* Is each transformed weight one tap or a sum of taps? Then it can be added up in registers just before it is used. */
static bool adds_taps(const Filter *filter) {
    for (int w = 0; w < filter->transformed_weights; w++)
        for (int t = 0; t < filter->kernel; t++)
            if (filter->weight[w][t] != 0 && filter->weight[w][t] != 1) return false;
    return true;
}

/* The layout of a weight follows its first reader. Does that one have the same outputs? */
static bool is_output_lane(const Node *node) {
    int out, in;
    weight_sides(node->input[1], &out, &in);
    return out == (node->op == OP_CONV2D ? 0 : 1);
}

/* Are inputs and outputs whole vectors of channels? An output of the network has no padding lanes, and its pixels lie in planes. */
static bool has_whole_vectors(const Lowering *l, const Node *node) {
    const Node *result = epilogue_of(l->graph, (Node *)node);
    if (!is_blocked(l->target, node->input[0]->shape[1]) || !is_blocked(l->target, node->shape[1])) return false;
    const bool vector = node->shape[2] * node->shape[3] == 1;
    if (name_of(l->graph, ROLE_OUTPUT, result) && (!vector || node->shape[1] % l->target->lanes != 0)) return false;
    return has_channel_lanes(l, node->input[0]);
}

/* If larger weights do not pay, the weights are read as they are, provided that an image has enough tiles to fill the registers. */
static bool is_inside(const Lowering *l, const Node *node, const FilterPlan *plan) {
    enum { LEAST_TILES = 4 };
    return l->choices->few_images && !pays_for_weights(l->target, plan) && adds_taps(plan->filter[0]) && adds_taps(plan->filter[1]) &&
           plan->tiles[0] * plan->tiles[1] >= LEAST_TILES && node->input[0]->shape[1] % l->target->lanes == 0 && is_output_lane(node);
}

Algorithm filtered_algorithm(const Filter *v, const Filter *h) {
    return v->size > 2 || h->size > 2 ? ALGORITHM_FILTERED_4 : ALGORITHM_FILTERED_2;
}

static bool plan_size(const Node *node, int size, FilterPlan *plan) {
    plan->out = node->op == OP_CONV2D ? 0 : 1;
    return plan_dimension(node, 0, size, plan) && plan_dimension(node, 1, size, plan);
}

bool plan_filter(const Lowering *l, const Node *node, FilterPlan *plan) {
    if ((node->op != OP_CONV2D && node->op != OP_CONV_TRANSPOSE2D) || node->scan) return false;
    const long channels = node->input[0]->shape[1], outputs = node->shape[1];
    if (!has_whole_vectors(l, node)) return false;
    const Algorithm wanted = wanted_algorithm(l, node);
    double best = l->choices->filter_everywhere ? HUGE_VAL : 0.9;
    bool found = false;
    for (int size = l->choices->filtering; size >= 2; size -= 2) {
        FilterPlan tried;
        if (!plan_size(node, size, &tried)) continue;
        tried.inside = is_inside(l, node, &tried);
        const double time = relative_time(&tried, (double)channels, (double)outputs);
        if (wanted != ALGORITHM_ANY) {
            if (wanted != filtered_algorithm(tried.filter[0], tried.filter[1])) continue;
        } else if (time >= best || !pays(l, node, &tried)) {
            continue;
        }
        *plan = tried;
        best = time;
        found = true;
    }
    return found;
}
