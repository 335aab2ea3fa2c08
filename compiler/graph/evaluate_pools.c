/* evaluate_pools.c: pools as their definitions say: window by window, and in it element by element. */
#include "graph/evaluate_pools.h"

#include "graph/shapes.h"

#include <math.h>

typedef struct Images { /* [items, C, T, H, W], by rows b·T + t */
    double *values;
    long channels, size[3]; /* T, H, W */
} Images;

static Images images_of(const Node *node, long steps, double **values) {
    return (Images){values[node->id], node->shape[1], {steps, node->shape[2], node->shape[3]}};
}

static double *element_of(const Images *images, long b, long c, const long at[3]) {
    return &images->values[(((b * images->size[0] + at[0]) * images->channels + c) * images->size[1] + at[1]) * images->size[2] + at[2]];
}

typedef struct Taps { /* the elements of one window, in order; NULL: padding */
    double **element;
    long count;
} Taps;

/* The window of the output's element `to`. */
static void list_taps(const Images *images, const Window *window, long b, long c, const long to[3], Taps *taps) {
    taps->count = 0;
    for (long r = 0; r < window->kernel[0]; r++)
        for (long u = 0; u < window->kernel[1]; u++)
            for (long v = 0; v < window->kernel[2]; v++) {
                const long tap[3] = {r, u, v};
                long at[3];
                bool inside = true;
                for (int d = 0; d < 3; d++) {
                    at[d] = to[d] * window->stride[d] + tap[d] - window->padding[d];
                    inside = inside && at[d] >= 0 && at[d] < images->size[d];
                }
                taps->element[taps->count++] = inside ? element_of(images, b, c, at) : NULL;
            }
}

static double largest(const Taps *taps) {
    double most = -INFINITY;
    for (long i = 0; i < taps->count; i++)
        if (taps->element[i] && !(*taps->element[i] <= most)) most = *taps->element[i];
    return most;
}

static double mean(const Taps *taps) {
    double sum = 0;
    for (long i = 0; i < taps->count; i++) sum += taps->element[i] ? *taps->element[i] : 0;
    return sum / (double)taps->count;
}

/* The number of the first that is y, counted from the end. */
static double place(const Taps *taps, double y) {
    for (long i = 0; i < taps->count; i++)
        if (taps->element[i] && *taps->element[i] == y) return (double)(taps->count - i);
    return 0;
}

/* One window: of the pool's result, or what a gradient adds to its elements. */
static void evaluate_window(const Node *node, double **values, const Taps *taps, long number) {
    const long count = taps->count;
    switch (node->op) {
    case OP_MAX_POOL:
        values[node->id][number] = largest(taps);
        break;
    case OP_AVG_POOL:
        values[node->id][number] = mean(taps);
        break;
    case OP_MAX_POOL_PLACE:
        values[node->id][number] = place(taps, values[node->input[1]->id][number]);
        break;
    case OP_MAX_POOL_GRAD: {
        const long first = count - (long)values[node->input[0]->id][number];
        if (first < count && taps->element[first]) *taps->element[first] += values[node->input[1]->id][number];
        break;
    }
    default:
        for (long i = 0; i < count; i++)
            if (taps->element[i]) *taps->element[i] += values[node->input[0]->id][number] / (double)count;
    }
}

void evaluate_pool(const Node *node, double **values) {
    const bool gradient = node->op == OP_MAX_POOL_GRAD || node->op == OP_AVG_POOL_GRAD;
    const Node *large = gradient ? node : node->input[0], *small = gradient ? node->input[0] : node;
    const Images images = images_of(large, large->steps, values);
    const long items = large->shape[0] / large->steps, steps = small->shape[0] / items;
    for (long i = 0; gradient && i < count_elements(node); i++) values[node->id][i] = 0;
    long number = 0;
    Taps taps = {.element = NEW_ARRAY(double *, window_size(&node->window))};
    for (long row = 0; row < items * steps; row++)
        for (long c = 0; c < small->shape[1]; c++)
            for (long h = 0; h < small->shape[2]; h++)
                for (long w = 0; w < small->shape[3]; w++) {
                    list_taps(&images, &node->window, row / steps, c, (long[]){row % steps, h, w}, &taps);
                    evaluate_window(node, values, &taps, number++);
                }
}
