/* turn.c: turns pictures, and reads the metadata about it. */
#include "data/turn.h"

#include <stdlib.h>
#include <string.h>

bool turn_swaps(Turn turn) {
    return turn >= TURN_TRANSPOSE;
}

/* out[r][c] = in[begin + r · row + c · column], counted in pixels. */
void turn_rgb(const uint8_t *in, int rows, int columns, Turn turn, uint8_t *out) {
    const ptrdiff_t down = columns, last_row = (rows - 1) * down, last_column = columns - 1;
    const struct {
        ptrdiff_t begin, row, column;
    } ways[] = {
        [TURN_UPRIGHT] = {0, down, 1},
        [TURN_MIRROR_COLUMNS] = {last_column, down, -1},
        [TURN_HALF] = {last_row + last_column, -down, -1},
        [TURN_MIRROR_ROWS] = {last_row, -down, 1},
        [TURN_TRANSPOSE] = {0, 1, down},
        [TURN_QUARTER] = {last_row, 1, -down},
        [TURN_TRANSVERSE] = {last_row + last_column, -1, -down},
        [TURN_THREE_QUARTERS] = {last_column, -1, down},
    };
    const int out_rows = turn_swaps(turn) ? columns : rows, out_columns = turn_swaps(turn) ? rows : columns;
    for (int r = 0; r < out_rows; r++) {
        const uint8_t *pixel = in + 3 * (ways[turn].begin + r * ways[turn].row);
        for (int c = 0; c < out_columns; c++, pixel += 3 * ways[turn].column, out += 3) memcpy(out, pixel, 3);
    }
}

/* A point (p, q), to the right and down, moves to (a p + c q, b p + d q). */
Turn turn_of_matrix(const int32_t matrix[9], bool *exact) {
    const int64_t a = matrix[0], b = matrix[1], c = matrix[3], d = matrix[4];
    const bool swaps = llabs(a) + llabs(d) < llabs(b) + llabs(c);
    *exact = swaps ? a == 0 && d == 0 : b == 0 && c == 0;
    if (swaps) return c > 0 ? (b > 0 ? TURN_TRANSPOSE : TURN_THREE_QUARTERS) : (b > 0 ? TURN_QUARTER : TURN_TRANSVERSE);
    return a >= 0 ? (d >= 0 ? TURN_UPRIGHT : TURN_MIRROR_ROWS) : (d >= 0 ? TURN_MIRROR_COLUMNS : TURN_HALF);
}

/* ---- metadata of pictures ---- */

static uint32_t number(const uint8_t *bytes, int count, bool big) {
    uint32_t value = 0;
    for (int i = 0; i < count; i++) value = value << 8 | bytes[big ? i : count - 1 - i];
    return value;
}

/* TIFF, which Exif also uses, is a chain of directories of tagged numbers. */
typedef struct Tiff {
    const uint8_t *bytes;
    size_t length;
    bool big;
    size_t place, entries; /* of the current directory */
} Tiff;

enum { TIFF_ENTRY = 12 };

/* Goes to the directory whose place is stored at `pointer`. False: there is none. */
static bool tiff_go(Tiff *tiff, size_t pointer) {
    if (pointer > tiff->length || tiff->length - pointer < 4) return false;
    tiff->place = number(tiff->bytes + pointer, 4, tiff->big);
    if (tiff->place < 8 || tiff->place > tiff->length - 2) return false;
    tiff->entries = number(tiff->bytes + tiff->place, 2, tiff->big);
    return true;
}

static bool tiff_open(Tiff *tiff, const uint8_t *bytes, size_t length) {
    if (length < 8 || (memcmp(bytes, "II*\0", 4) != 0 && memcmp(bytes, "MM\0*", 4) != 0)) return false;
    *tiff = (Tiff){.bytes = bytes, .length = length, .big = bytes[0] == 'M'};
    return tiff_go(tiff, 4);
}

/* A number of the directory, of `size` bytes; `otherwise` if it is missing. */
static uint32_t tiff_number(const Tiff *tiff, uint32_t tag, int size, uint32_t otherwise) {
    for (size_t i = 0; i < tiff->entries && tiff->place + 2 + (i + 1) * TIFF_ENTRY <= tiff->length; i++) {
        const uint8_t *entry = tiff->bytes + tiff->place + 2 + i * TIFF_ENTRY;
        if (number(entry, 2, tiff->big) == tag) return number(entry + 8, size, tiff->big);
    }
    return otherwise;
}

static Turn turn_of_tiff(const uint8_t *bytes, size_t length) {
    enum { ORIENTATION = 274 };
    Tiff tiff;
    const uint32_t value = tiff_open(&tiff, bytes, length) ? tiff_number(&tiff, ORIENTATION, 2, TURN_UPRIGHT) : TURN_UPRIGHT;
    return value >= TURN_UPRIGHT && value <= TURN_THREE_QUARTERS ? (Turn)value : TURN_UPRIGHT;
}

bool tiff_has_pages(const uint8_t *file, size_t length) {
    enum { NEW_SUBFILE_TYPE = 254, REDUCED = 1 };
    Tiff tiff;
    return tiff_open(&tiff, file, length) && tiff_go(&tiff, tiff.place + 2 + tiff.entries * TIFF_ENTRY) &&
           !(tiff_number(&tiff, NEW_SUBFILE_TYPE, 4, 0) & REDUCED);
}

/* JPEG: segments up to the first scan; Exif is in APP1. */
static Turn turn_of_jpeg(const uint8_t *file, size_t length) {
    for (size_t place = 2; place + 4 <= length && file[place] == 0xff && file[place + 1] != 0xda;) {
        if (file[place + 1] == 0xff) { /* a fill byte */
            place++;
            continue;
        }
        const size_t size = number(file + place + 2, 2, true);
        if (size < 2 || size > length - place - 2) break;
        if (file[place + 1] == 0xe1 && size > 8 && memcmp(file + place + 4, "Exif\0", 6) == 0)
            return turn_of_tiff(file + place + 10, size - 8);
        place += 2 + size;
    }
    return TURN_UPRIGHT;
}

/* PNG and WebP: chunks with a name and a length. */
static Turn turn_of_chunks(const uint8_t *file, size_t length, bool png) {
    for (size_t place = png ? 8 : 12; place + 8 <= length;) {
        const size_t size = number(file + place + (png ? 0 : 4), 4, png);
        const uint8_t *name = file + place + (png ? 4 : 0), *body = file + place + 8;
        if (size > length - place - 8) break;
        if (memcmp(name, png ? "eXIf" : "EXIF", 4) == 0) {
            const size_t head = size > 6 && memcmp(body, "Exif\0", 6) == 0 ? 6 : 0; /* some programs write JPEG's header there */
            return turn_of_tiff(body + head, size - head);
        }
        place += 8 + size + (png ? 4 : size % 2);
    }
    return TURN_UPRIGHT;
}

Turn turn_of_picture(const uint8_t *file, size_t length) {
    if (length < 16) return TURN_UPRIGHT;
    if (file[0] == 0xff && file[1] == 0xd8) return turn_of_jpeg(file, length);
    if (memcmp(file, "\x89PNG\r\n\x1a\n", 8) == 0) return turn_of_chunks(file, length, true);
    if (memcmp(file, "RIFF", 4) == 0 && memcmp(file + 8, "WEBP", 4) == 0) return turn_of_chunks(file, length, false);
    return turn_of_tiff(file, length);
}
