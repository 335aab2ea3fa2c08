/* turn.h: pictures that metadata say are to be turned or mirrored before they are shown. */
#ifndef ZOETROPE_TURN_H
#define ZOETROPE_TURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The eight ways, numbered as Exif's Orientation does: what has to be done for an upright picture. Zero is UPRIGHT, too. */
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

/* in: [rows, columns, 3] → out: the same, upright: [columns, rows, 3] where turn_swaps. */
void turn_rgb(const uint8_t *in, int rows, int columns, Turn turn, uint8_t *out);

/* Of a display matrix (ISO/IEC 14496-12: 9 numbers, of which the first five say how a point is turned). The nearest right angle; *exact: it
 * is one. */
Turn turn_of_matrix(const int32_t matrix[9], bool *exact);

/* What the metadata of a picture's file say: Exif in JPEG, PNG and WebP, and the tag in TIFF. Upright where they say nothing. */
Turn turn_of_picture(const uint8_t *file, size_t length);

/* Does a TIFF hold a second page, which is no small copy of the first? */
bool tiff_has_pages(const uint8_t *file, size_t length);

#endif
