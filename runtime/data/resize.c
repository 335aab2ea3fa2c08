/* resize.c: grey and antialiased bilinear resizing in fixed point.
 *
 * Each output pixel is a weighted mean of input pixels under a triangle, as wide as two output pixels (two input pixels, where the
 * picture is enlarged), cut and normalised at the borders. Weights are integers of 22 fractional bits; each of the two passes,
 * horizontal first, rounds to 8 bits. This is Pillow's definition, and the results are the same to the bit.
 */
#include "exact.h"

#include "data/resize.h"

#include <math.h>
#include <stdlib.h>

enum { WEIGHT_BITS = 32 - 8 - 2 };

/* How one axis is resized: output i is the sum of weights[i · taps + k] × input[first[i] + k] over k < count[i]. */
typedef struct Axis {
    int input, output, taps;
    int *first, *count;
    int32_t *weights;
} Axis;

struct Resizer {
    int channels;
    Axis horizontal, vertical;
    uint8_t *grey;     /* [columns]: one row in grey */
    uint8_t *narrowed; /* [C, rows, W]: the picture after the horizontal pass */
    size_t columns;    /* for which grey has room */
    size_t rows;       /* for which narrowed has room */
};

static void axis_free(Axis *axis) {
    free(axis->first);
    free(axis->count);
    free(axis->weights);
    axis->first = axis->count = NULL;
    axis->weights = NULL;
    axis->input = 0;
}

/* The weights of output pixel i, in double first: the sum is normalised before it is rounded. */
static void axis_weigh(Axis *axis, int i, double *weights) {
    double scale = (double)axis->input / axis->output;
    double stretch = scale < 1 ? 1 : scale; /* half the triangle's base, in input pixels */
    double centre = (i + 0.5) * scale;
    int first = (int)(centre - stretch + 0.5), end = (int)(centre + stretch + 0.5);
    if (first < 0) first = 0;
    if (end > axis->input) end = axis->input;
    double sum = 0, inverse = 1.0 / stretch;
    for (int k = 0; k < end - first; k++) {
        double distance = fabs((k + first - centre + 0.5) * inverse);
        weights[k] = distance < 1 ? 1 - distance : 0;
        sum += weights[k];
    }
    for (int k = 0; k < end - first; k++) {
        double weight = sum != 0 ? weights[k] / sum : weights[k];
        axis->weights[(size_t)i * (size_t)axis->taps + (size_t)k] = (int32_t)(0.5 + weight * (1 << WEIGHT_BITS));
    }
    axis->first[i] = first;
    axis->count[i] = end - first;
}

static bool axis_set(Axis *axis, int input, Error *error) {
    if (axis->input == input) return true;
    axis_free(axis);
    double scale = (double)input / axis->output;
    axis->taps = (int)ceil(scale < 1 ? 1 : scale) * 2 + 1;
    axis->first = malloc((size_t)axis->output * sizeof(int));
    axis->count = malloc((size_t)axis->output * sizeof(int));
    axis->weights = malloc((size_t)axis->output * (size_t)axis->taps * sizeof(int32_t));
    double *weights = malloc((size_t)axis->taps * sizeof(double));
    if (!axis->first || !axis->count || !axis->weights || !weights) {
        free(weights);
        axis_free(axis);
        return fail_memory(error, "resizing");
    }
    axis->input = input;
    for (int i = 0; i < axis->output; i++) axis_weigh(axis, i, weights);
    free(weights);
    return true;
}

Resizer *resizer_new(int channels, int height, int width, Error *error) {
    Resizer *resizer = calloc(1, sizeof *resizer);
    if (!resizer) {
        fail_memory(error, "resizing");
        return NULL;
    }
    resizer->channels = channels;
    resizer->horizontal.output = width;
    resizer->vertical.output = height;
    return resizer;
}

void resizer_free(Resizer *resizer) {
    if (!resizer) return;
    axis_free(&resizer->horizontal);
    axis_free(&resizer->vertical);
    free(resizer->grey);
    free(resizer->narrowed);
    free(resizer);
}

static bool make_room(Resizer *resizer, size_t rows, size_t columns, Error *error) {
    if (columns > resizer->columns) {
        uint8_t *grey = realloc(resizer->grey, columns);
        if (!grey) return fail_memory(error, "a picture");
        resizer->grey = grey;
        resizer->columns = columns;
    }
    if (rows > resizer->rows) {
        uint8_t *narrowed = realloc(resizer->narrowed, (size_t)resizer->channels * rows * (size_t)resizer->horizontal.output);
        if (!narrowed) return fail_memory(error, "a picture");
        resizer->narrowed = narrowed;
        resizer->rows = rows;
    }
    return true;
}

/* rgb: [columns, 3] → grey: [columns], ITU-R 601-2 luma in 16 fractional bits. */
static void make_grey(const uint8_t *rgb, int columns, uint8_t *grey) {
    for (int i = 0; i < columns; i++, rgb += 3) grey[i] = (uint8_t)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
}

/* The weights of a pixel are not negative and sum to 1 within taps/2 units of 2⁻²². So the sum fits in 32 bits, and only the upper end may
 * need clipping. */
static uint8_t rounded(uint32_t sum) {
    uint32_t level = sum >> WEIGHT_BITS;
    return (uint8_t)(level > 255 ? 255 : level);
}

/* One row of grey: in: [columns] → out: [W] */
static void resize_grey_row(const Axis *axis, const uint8_t *in, uint8_t *out) {
    for (int i = 0; i < axis->output; i++) {
        const int32_t *weights = axis->weights + (size_t)i * (size_t)axis->taps;
        const uint8_t *pixels = in + axis->first[i];
        uint32_t sum = 1u << (WEIGHT_BITS - 1);
        for (int k = 0; k < axis->count[i]; k++) sum += (uint32_t)weights[k] * pixels[k];
        out[i] = rounded(sum);
    }
}

/* One row of colours: in: [columns, 3] → out: [3][W], `plane` bytes from channel to channel. */
static void resize_colour_row(const Axis *axis, const uint8_t *in, uint8_t *out, size_t plane) {
    for (int i = 0; i < axis->output; i++) {
        const int32_t *weights = axis->weights + (size_t)i * (size_t)axis->taps;
        const uint8_t *pixels = in + 3 * (size_t)axis->first[i];
        uint32_t red = 1u << (WEIGHT_BITS - 1), green = red, blue = red;
        for (int k = 0; k < axis->count[i]; k++, pixels += 3) {
            red += (uint32_t)weights[k] * pixels[0];
            green += (uint32_t)weights[k] * pixels[1];
            blue += (uint32_t)weights[k] * pixels[2];
        }
        out[i] = rounded(red);
        out[plane + (size_t)i] = rounded(green);
        out[2 * plane + (size_t)i] = rounded(blue);
    }
}

/* in: [rows, W] → out: [H, W]. Blocks of columns keep their sums in registers while the rows go by. */
static void resize_columns(const Axis *axis, const uint8_t *in, int width, uint8_t *out) {
    enum { BLOCK = 64 };
    for (int i = 0; i < axis->output; i++, out += width) {
        const int32_t *weights = axis->weights + (size_t)i * (size_t)axis->taps;
        const uint8_t *rows = in + (size_t)axis->first[i] * (size_t)width;
        for (int start = 0; start < width; start += BLOCK) {
            int size = width - start < BLOCK ? width - start : BLOCK;
            uint32_t sums[BLOCK];
            for (int j = 0; j < size; j++) sums[j] = 1u << (WEIGHT_BITS - 1);
            for (int k = 0; k < axis->count[i]; k++) {
                const uint8_t *row = rows + (size_t)k * (size_t)width + start;
                for (int j = 0; j < size; j++) sums[j] += (uint32_t)weights[k] * row[j];
            }
            for (int j = 0; j < size; j++) out[start + j] = rounded(sums[j]);
        }
    }
}

/* An axis that keeps its size has weights of exactly 1, at one pixel each. Its pass changes nothing; Pillow leaves it out. */
bool resizer_run(Resizer *resizer, const uint8_t *rgb, int rows, int columns, uint8_t *levels, Error *error) {
    Axis *horizontal = &resizer->horizontal, *vertical = &resizer->vertical;
    if (!axis_set(horizontal, columns, error) || !axis_set(vertical, rows, error)) return false;
    if (!make_room(resizer, (size_t)rows, (size_t)columns, error)) return false;
    size_t width = (size_t)horizontal->output, plane = (size_t)rows * width;
    uint8_t *narrowed = resizer->narrowed;
    for (int row = 0; row < rows; row++, rgb += 3 * (size_t)columns, narrowed += width) {
        if (resizer->channels == 3) {
            resize_colour_row(horizontal, rgb, narrowed, plane);
            continue;
        }
        make_grey(rgb, columns, resizer->grey);
        resize_grey_row(horizontal, resizer->grey, narrowed);
    }
    for (int c = 0; c < resizer->channels; c++, levels += (size_t)vertical->output * width)
        resize_columns(vertical, resizer->narrowed + (size_t)c * plane, horizontal->output, levels);
    return true;
}

void levels_to_pixels(const uint8_t *levels, float *pixels, size_t count) {
    float table[256];
    for (int level = 0; level < 256; level++) table[level] = ((float)level / 255.0f - 0.5f) / 0.5f;
    for (size_t i = 0; i < count; i++) pixels[i] = table[levels[i]];
}
