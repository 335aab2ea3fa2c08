/* strip.h: a clip as a picture: its frames side by side. */
#ifndef ZOETROPE_STRIP_H
#define ZOETROPE_STRIP_H

#include "common/file.h"

#include <stdint.h>

enum { STRIP_PADDING = 2 };

/* The result of torchvision's make_grid(nrow = T, padding = 2) and save_image for a clip [T, C, H, W] with pixels in [−1, 1], C 1 or 3:
 * 8-bit RGB, black padding around every frame; (x + 1) / 2 · 255 rounded to nearest and clamped. The caller frees the result. */
uint8_t *strip_pixels(const float *clip, int frames, int channels, int height, int width, int *strip_height, int *strip_width);

/* Writes the strip as PNG. */
bool strip_write(const char *path, const float *clip, int frames, int channels, int height, int width, FileCare care, Error *error);

#endif
