/* ssim.c: structural similarity, Wang et al. 2004. See quality.h. */
#include "exact.h"

#include "common/file.h"
#include "model/quality.h"

#include <math.h>
#include <stdlib.h>

enum { WINDOW = 11, MOMENTS = 5 /* Σ of x, y, x², y², x·y under the window */ };

typedef struct Window {
    int size;              /* odd, ≤ WINDOW */
    double weight[WINDOW]; /* sums to 1 */
} Window;

static Window gaussian(int extent) {
    const double sigma = 1.5;
    Window window = {.size = extent >= WINDOW ? WINDOW : extent - (extent % 2 == 0)};
    double sum = 0;
    for (int i = 0; i < window.size; i++) {
        double distance = i - window.size / 2;
        sum += window.weight[i] = exp(-distance * distance / (2 * sigma * sigma));
    }
    for (int i = 0; i < window.size; i++) window.weight[i] /= sum;
    return window;
}

/* The five moments of row `row`, filtered along the width: out[moment][column], column < width − size + 1. */
static void filter_row(const Window *window, const float *x, const float *y, int width, double *out) {
    int columns = width - window->size + 1;
    for (int column = 0; column < columns; column++) {
        double sum[MOMENTS] = {0};
        for (int i = 0; i < window->size; i++) {
            double a = ((double)x[column + i] + 1) / 2, b = ((double)y[column + i] + 1) / 2, weight = window->weight[i];
            sum[0] += weight * a;
            sum[1] += weight * b;
            sum[2] += weight * a * a;
            sum[3] += weight * b * b;
            sum[4] += weight * a * b;
        }
        for (int moment = 0; moment < MOMENTS; moment++) out[moment * columns + column] = sum[moment];
    }
}

static double similarity(const double moment[MOMENTS]) {
    const double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03; /* (K · range)² */
    double x = moment[0], y = moment[1];
    double variance_x = moment[2] - x * x, variance_y = moment[3] - y * y, covariance = moment[4] - x * y;
    return (2 * x * y + c1) * (2 * covariance + c2) / ((x * x + y * y + c1) * (variance_x + variance_y + c2));
}

/* `rows`: room for [height, MOMENTS, width] */
static double plane_ssim(const float *x, const float *y, int height, int width, double *rows) {
    Window across = gaussian(width), down = gaussian(height);
    int columns = width - across.size + 1, places = height - down.size + 1;
    for (int row = 0; row < height; row++)
        filter_row(&across, x + (size_t)row * (size_t)width, y + (size_t)row * (size_t)width, width,
                   rows + (size_t)row * MOMENTS * (size_t)columns);
    double total = 0;
    for (int row = 0; row < places; row++) {
        for (int column = 0; column < columns; column++) {
            double moment[MOMENTS] = {0};
            for (int i = 0; i < down.size; i++) {
                const double *filtered = rows + (size_t)(row + i) * MOMENTS * (size_t)columns + column;
                for (int m = 0; m < MOMENTS; m++) moment[m] += down.weight[i] * filtered[(size_t)m * (size_t)columns];
            }
            total += similarity(moment);
        }
    }
    return total / ((double)places * columns);
}

double clip_ssim(const float *x, const float *y, int frames, int channels, int height, int width) {
    size_t plane = (size_t)height * (size_t)width;
    double *rows = allocate(plane * MOMENTS * sizeof *rows), total = 0;
    for (size_t i = 0; i < (size_t)frames * (size_t)channels; i++) total += plane_ssim(x + i * plane, y + i * plane, height, width, rows);
    free(rows);
    return total / (frames * channels);
}
