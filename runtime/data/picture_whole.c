/* picture_whole.c: whether the file of a picture or an animation is whole. Some decoders take what is there for the whole picture. */
#include "common/file.h"
#include "data/picture.h"

#include <libavutil/intreadwrite.h>
#include <stdlib.h>
#include <string.h>

/* ---- GIF ---- */

/* Skips the sub-blocks of a block of GIF. */
static bool gif_skip(FILE *file) {
    int size;
    while ((size = fgetc(file)) > 0)
        if (fseek(file, size, SEEK_CUR) != 0) return false;
    return size == 0;
}

static long gif_table_size(int flags) {
    return flags & 0x80 ? 3L << ((flags & 7) + 1) : 0;
}

int gif_images(FILE *file, int most, GifEnd *end) {
    enum { EXTENSION = 0x21, IMAGE = 0x2c, TRAILER = 0x3b };
    uint8_t head[13];
    int images = 0;
    *end = GIF_CUT;
    if (fseek(file, 0, SEEK_SET) != 0 || fread(head, 1, 13, file) != 13 || fseek(file, gif_table_size(head[10]), SEEK_CUR) != 0) return 0;
    while (images < most) {
        const int block = fgetc(file);
        if (block == EXTENSION) { /* its label, then sub-blocks */
            if (fgetc(file) == EOF || !gif_skip(file)) return images;
        } else if (block == IMAGE) {
            if (fread(head, 1, 9, file) != 9 || fseek(file, gif_table_size(head[8]) + 1, SEEK_CUR) != 0 || !gif_skip(file)) return images;
            images++;
        } else {
            *end = block == TRAILER ? GIF_COMPLETE : GIF_OPEN;
            return images;
        }
    }
    *end = GIF_COMPLETE;
    return images;
}

/* Of a still whose image is whole, only the trailer may be missing. */
static bool gif_is_cut(const unsigned char *bytes, size_t length) {
    GifEnd end;
    FILE *file = fmemopen((void *)(uintptr_t)bytes, length, "rb");
    if (file == NULL) return false;
    const bool cut = gif_images(file, 2, &end) == 0 || end == GIF_CUT;
    fclose(file);
    return cut;
}

/* ---- other formats ---- */

/* It ends with a code that the pixels before never have. */
static bool qoi_is_cut(const unsigned char *bytes, size_t length) {
    return memmem(bytes, length, "\0\0\0\0\0\0\0\1", 8) == NULL;
}

/* Its header has the lengths of the colour map and of the pixels, but those of the oldest files may be 0. */
static bool sun_is_cut(const unsigned char *bytes, size_t length) {
    return length < 32 || length - 32 < (uint64_t)AV_RB32(bytes + 16) + AV_RB32(bytes + 28);
}

/* Skips the attributes of OpenEXR's header: name, type, size and value. Returns where the table of places begins; 0: it is cut off. */
static size_t exr_table(const unsigned char *bytes, size_t length) {
    size_t place = 8;
    while (place < length && bytes[place] != 0) {
        for (int text = 0; text < 2; text++) {
            const unsigned char *end = memchr(bytes + place, 0, length - place);
            if (end == NULL) return 0;
            place = (size_t)(end - bytes) + 1;
        }
        if (length - place < 4 || length - place - 4 < AV_RL32(bytes + place)) return 0;
        place += 4 + AV_RL32(bytes + place);
    }
    return place < length ? place + 1 : 0;
}

/* Of a picture in blocks of lines: each has its place in a table, which the first block follows. Such a block has a number and a size of 4
 * bytes each. Tiles and pictures of several parts are not checked. */
static bool exr_is_cut(const unsigned char *bytes, size_t length) {
    const size_t table = exr_table(bytes, length);
    if (table == 0 || length - table < 8) return true;
    if (bytes[5] != 0 || bytes[6] != 0) return false; /* flags after the version */
    const uint64_t end = AV_RL64(bytes + table);
    for (uint64_t place = table; place + 8 <= end; place += 8) {
        if (place + 8 > length) return true;
        const uint64_t block = AV_RL64(bytes + place);
        if (block > length - 8 || AV_RL32(bytes + block + 4) > length - 8 - block) return true;
    }
    return false;
}

bool picture_is_cut(const unsigned char *bytes, size_t length) {
    static const struct {
        const char *begin;
        bool (*is_cut)(const unsigned char *bytes, size_t length);
    } rows[] = {{"GIF8", gif_is_cut}, {"qoif", qoi_is_cut}, {"\x59\xa6\x6a\x95", sun_is_cut}, {"\x76\x2f\x31\x01", exr_is_cut}};
    for (size_t i = 0; length >= 8 && i < sizeof rows / sizeof *rows; i++)
        if (memcmp(bytes, rows[i].begin, 4) == 0) return rows[i].is_cut(bytes, length);
    return false;
}

/* ---- animations ---- */

/* PNG ends with an IEND chunk. Each has a length before its name, and a checksum after its data. */
static bool png_is_cut(FILE *file) {
    uint8_t head[8];
    for (bool good = fseek(file, 8, SEEK_SET) == 0; good && fread(head, 1, 8, file) == 8;
         good = fseek(file, (long)big_endian(head) + 4, SEEK_CUR) == 0)
        if (memcmp(head + 4, "IEND", 4) == 0) return false;
    return true;
}

bool animation_is_cut(FILE *file) {
    uint8_t head[8];
    GifEnd end = GIF_COMPLETE;
    if (fread(head, 1, 8, file) != 8) return false;
    if (memcmp(head, "\x89PNG", 4) == 0) return png_is_cut(file);
    if (memcmp(head, "GIF8", 4) == 0) gif_images(file, INT32_MAX, &end);
    return end != GIF_COMPLETE;
}
