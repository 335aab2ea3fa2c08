/* turn.h: pictures that must be turned or mirrored, according to metadata. */
#ifndef ZOETROPE_TURN_H
#define ZOETROPE_TURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The eight ways to make a picture upright, numbered like Exif's Orientation. Zero is UPRIGHT too. */
typedef enum Turn {
    TURN_UPRIGHT = 1,
    TURN_MIRROR_COLUMNS,
    TURN_HALF,
    TURN_MIRROR_ROWS,
    TURN_TRANSPOSE,
    TURN_QUARTER, /* clockwise */
    TURN_TRANSVERSE,
    TURN_THREE_QUARTERS
} Turn;

/* Do rows become columns? */
bool turn_swaps(Turn turn);

/* in: [rows, columns, 3] → out: the same, upright: [columns, rows, 3] if turn_swaps. */
void turn_rgb(const uint8_t *in, int rows, int columns, Turn turn, uint8_t *out);

/* The turn of a display matrix (ISO/IEC 14496-12: 9 numbers; the first five say how a point is turned), to the nearest right angle. *exact:
 * the matrix is that turn. */
Turn turn_of_matrix(const int32_t matrix[9], bool *exact);

/* The turn in the metadata of a picture file: Exif in JPEG, PNG and WebP, and the tag in TIFF. Upright by default. */
Turn turn_of_picture(const uint8_t *file, size_t length);

/* Does a TIFF have a second page that is not a small copy of the first? */
bool tiff_has_pages(const uint8_t *file, size_t length);

#endif
