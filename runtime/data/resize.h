/* resize.h: RGB pictures of any size to the levels that a model sees: Pillow's convert("L") and resize(…, BILINEAR), to the bit. */
#ifndef ZOETROPE_RESIZE_H
#define ZOETROPE_RESIZE_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/* Converts pictures to one shape. Its tables are kept while the size of pictures stays the same. */
typedef struct Resizer Resizer;

/* channels: 1 (grey by ITU-R 601-2 luma) or 3 (red, green, blue). NULL with an error when out of memory. */
Resizer *resizer_new(int channels, int height, int width, Error *error);
void resizer_free(Resizer *resizer);

/* rgb: [rows, columns, 3] without gaps, rows, columns ≥ 1 → levels: [C, H, W], 0 … 255. False only when out of memory. */
bool resizer_run(Resizer *resizer, const uint8_t *rgb, int rows, int columns, uint8_t *levels, Error *error);

/* The model's pixel value for each level: ((level / 255) − 0.5) / 0.5 in float32, as torchvision's ToTensor and Normalize(0.5, 0.5) compute
 * it. */
void levels_to_pixels(const uint8_t *levels, float *pixels, size_t count);

#endif
