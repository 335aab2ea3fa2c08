/* picture.c: which files are still images, and which are animations. */
#include "data/picture.h"

#include "common/file.h"
#include "data/video.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The first bytes of files. Rows of one format are consecutive; only the first has the extensions. */
static const struct {
    PictureFormat format;
    const char *bytes;
    size_t length, place; /* of the bytes in the file */
} format_table[] = {
    {{"PNG", "png", " png "}, "\x89PNG\r\n\x1a\n", 8, 0},
    {{"TIFF", "tiff", " tif tiff "}, "II*\0", 4, 0},
    {{"TIFF", "tiff", ""}, "MM\0*", 4, 0},
    {{"BMP", "bmp", " bmp dib "}, "BM", 2, 0},
    {{"PGM", "pgm", " pgm pnm "}, "P5", 2, 0},
    {{"PGM", "pgm", ""}, "P2", 2, 0},
    {{"PPM", "ppm", " ppm "}, "P6", 2, 0},
    {{"PPM", "ppm", ""}, "P3", 2, 0},
    {{"PBM", "pbm", " pbm "}, "P4", 2, 0},
    {{"PBM", "pbm", ""}, "P1", 2, 0},
    {{"PAM", "pam", " pam "}, "P7\n", 3, 0},
    {{"PFM", "pfm", " pfm "}, "Pf", 2, 0},
    {{"PFM", "pfm", ""}, "PF", 2, 0},
    {{"QOI", "qoi", " qoi "}, "qoif", 4, 0},
    {{"Targa", "targa", " tga "}, "", 0, 0}, /* no fixed beginning */
    {{"SGI", "sgi", " sgi "}, "\x01\xda", 2, 0},
    {{"DPX", "dpx", " dpx "}, "SDPX", 4, 0},
    {{"DPX", "dpx", ""}, "XPDS", 4, 0},
    {{"OpenEXR", "exr", " exr "}, "\x76\x2f\x31\x01", 4, 0},
    {{"Radiance", "hdr", ""}, "#?RADIANCE", 10, 0},
    {{"PSD", "psd", " psd "}, "8BPS", 4, 0},
    {{"GIF", "gif", " gif "}, "GIF87a", 6, 0},
    {{"GIF", "gif", ""}, "GIF89a", 6, 0},
    {{"JPEG 2000", "jpeg2000", " jp2 j2k j2c jpf jpx "}, "\0\0\0\x0cjP  ", 8, 0},
    {{"JPEG 2000", "jpeg2000", ""}, "\xff\x4f\xff\x51", 4, 0},
    {{"JPEG XL", "jpegxl", " jxl "}, "\xff\x0a", 2, 0},
    {{"JPEG XL", "jpegxl", ""}, "\0\0\0\x0cJXL ", 8, 0},
    {{"WebP", "webp", " webp "}, "WEBP", 4, 8},
    {{"JPEG", "mjpeg", " jpg jpeg jpe jfif thm "}, "\xff\xd8\xff", 3, 0},
    {{"HEIF", NULL, " heic heif hif avif "}, "ftypheic", 8, 4},
    {{"HEIF", NULL, ""}, "ftypheix", 8, 4},
    {{"HEIF", NULL, ""}, "ftypmif1", 8, 4},
    {{"AVIF", NULL, ""}, "ftypavif", 8, 4},
};
enum { FORMATS = sizeof format_table / sizeof *format_table };
const int picture_ranks = FORMATS;

/* PGM and similar formats continue with white space and a number, or a comment. */
static bool fits_netpbm(const uint8_t *bytes, size_t length) {
    size_t place = 2;
    while (place < length && place < 16 && bytes[place] && strchr(" \t\r\n", bytes[place])) place++;
    return place > 2 && place < length && (bytes[place] == '#' || (bytes[place] >= '0' && bytes[place] <= '9'));
}

/* Formats whose few first bytes may also begin other files. */
static bool fits(const PictureFormat *format, const char *path, const uint8_t *bytes, size_t length) {
    if (!strcmp(format->name, "WebP")) return memcmp(bytes, "RIFF", 4) == 0;
    if (!strcmp(format->name, "BMP")) return length >= 18 && bytes[14] >= 12 && bytes[14] <= 124 && !bytes[15] && !bytes[16] && !bytes[17];
    if (!strcmp(format->name, "SGI")) return length >= 4 && bytes[2] <= 1 && (bytes[3] == 1 || bytes[3] == 2);
    if (!strcmp(format->name, "JPEG XL") && bytes[0]) return !strcasecmp(path_extension(path), "jxl");
    if (bytes[0] == 'P' && bytes[1] != '7') return fits_netpbm(bytes, length);
    return true;
}

int picture_name_rank(const char *name) {
    char word[16];
    const char *extension = path_extension(name);
    if (!*extension || strlen(extension) > sizeof word - 3) return -1;
    snprintf(word, sizeof word, " %s ", extension);
    for (int i = 0; i < FORMATS; i++)
        if (strcasestr(format_table[i].format.extensions, word)) return i;
    return -1;
}

const PictureFormat *picture_format(const char *path, const uint8_t *bytes, size_t length) {
    for (int i = 0; i < FORMATS; i++) {
        size_t end = format_table[i].place + format_table[i].length;
        if (format_table[i].length > 0 && length >= end &&
            memcmp(bytes + format_table[i].place, format_table[i].bytes, format_table[i].length) == 0 &&
            fits(&format_table[i].format, path, bytes, length))
            return &format_table[i].format;
    }
    int named = picture_name_rank(path);
    return named >= 0 && format_table[named].length == 0 ? &format_table[named].format : NULL;
}

/* ---- animations ---- */

uint32_t big_endian(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* APNG: an acTL chunk before the first of the image data. */
static bool png_is_animated(FILE *file) {
    uint8_t head[8];
    for (bool good = fseek(file, 8, SEEK_SET) == 0; good && fread(head, 1, 8, file) == 8;
         good = fseek(file, (long)big_endian(head) + 4, SEEK_CUR) == 0) {
        if (memcmp(head + 4, "acTL", 4) == 0) return true;
        if (memcmp(head + 4, "IDAT", 4) == 0) return false;
    }
    return false;
}

static bool gif_is_animated(FILE *file) {
    GifEnd end;
    return gif_images(file, 2, &end) > 1;
}

/* WebP has a flag in its extended header; the others are read on. */
static bool is_animated(const char *path, const PictureFormat *format, const uint8_t *head, size_t length) {
    const bool png = !strcmp(format->name, "PNG"), gif = !strcmp(format->name, "GIF");
    if (!png && !gif) return !strcmp(format->name, "WebP") && length > 20 && memcmp(head + 12, "VP8X", 4) == 0 && (head[20] & 2) != 0;
    FILE *file = file_open(path, NULL);
    const bool animated = file && (png ? png_is_animated : gif_is_animated)(file);
    if (file) fclose(file);
    return animated;
}

size_t picture_head(const char *path, uint8_t head[PICTURE_HEAD]) {
    size_t length;
    return file_peek(path, head, PICTURE_HEAD, &length, NULL) ? length : 0;
}

PictureKind picture_kind(const char *path, const uint8_t *head, size_t length) {
    const PictureFormat *format = picture_format(path, head, length);
    PictureKind kind = format ? PICTURE_STILL : PICTURE_NONE;
    if (format && is_animated(path, format, head, length)) kind = PICTURE_ANIMATED;
    const char *extension = path_extension(path);
    bool stream = !strcasecmp(extension, "mjpeg") || !strcasecmp(extension, "mjpg"); /* JPEG after JPEG in one file */
    if (format) return stream && !strcmp(format->name, "JPEG") ? PICTURE_NONE : kind;
    if (picture_probe(path, head, length)) return PICTURE_STILL;
    return picture_name_rank(path) >= 0 && !video_file_begins(head, length) ? PICTURE_STILL : PICTURE_NONE;
}
