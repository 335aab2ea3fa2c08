/* strip.c: a clip as a picture: its frames side by side. */
#include "exact.h"

#include "pictures/strip.h"

#include <math.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

/* Pixels in [−1, 1] to 0 … 255; NaN is black. Like save_image: (x + 1) / 2, then · 255 + 0.5, truncated to an integer. */
static uint8_t to_byte(float value) {
    float scaled = (value + 1) / 2 * 255 + 0.5F;
    if (!(scaled > 0)) return 0;
    return scaled >= 255 ? 255 : (uint8_t)scaled;
}

uint8_t *strip_pixels(const float *clip, int frames, int channels, int height, int width, int *strip_height, int *strip_width) {
    const size_t plane = (size_t)height * (size_t)width;
    *strip_height = height + 2 * STRIP_PADDING;
    *strip_width = frames * (width + STRIP_PADDING) + STRIP_PADDING;
    if (frames == 1) { /* make_grid returns a single image without padding */
        *strip_height = height;
        *strip_width = width;
    }
    int border = frames == 1 ? 0 : STRIP_PADDING;
    size_t row_bytes = 3 * (size_t)*strip_width;
    uint8_t *pixels = allocate(row_bytes * (size_t)*strip_height);
    for (int frame = 0; frame < frames; frame++) {
        for (int row = 0; row < height; row++) {
            uint8_t *out = pixels + (size_t)(row + border) * row_bytes + 3 * (size_t)(frame * (width + border) + border);
            for (int column = 0; column < width; column++) {
                for (int colour = 0; colour < 3; colour++) {
                    size_t channel = (size_t)frame * (size_t)channels + (size_t)(channels == 3 ? colour : 0);
                    *out++ = to_byte(clip[channel * plane + (size_t)row * (size_t)width + (size_t)column]);
                }
            }
        }
    }
    return pixels;
}

bool strip_write(const char *path, const float *clip, int frames, int channels, int height, int width, FileCare care, Error *error) {
    png_image image = {.version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB};
    int strip_height, strip_width;
    uint8_t *pixels = strip_pixels(clip, frames, channels, height, width, &strip_height, &strip_width);
    image.width = (png_uint_32)strip_width;
    image.height = (png_uint_32)strip_height;
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
    uint8_t *bytes = malloc(size);
    bool written = bytes != NULL && png_image_write_to_memory(&image, bytes, &size, 0, pixels, 0, NULL) != 0;
    if (!written) fail(error, "%s: the picture cannot be made: %s", path, bytes == NULL ? "out of memory" : image.message);
    written = written && file_write(path, &(FilePart){.bytes = bytes, .length = size}, 1, care, error);
    free(bytes);
    free(pixels);
    return written;
}
