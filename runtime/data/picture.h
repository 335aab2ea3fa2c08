/* picture.h: still images: recognising them by content, and reading them. */
#ifndef ZOETROPE_PICTURE_H
#define ZOETROPE_PICTURE_H

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum PictureKind {
    PICTURE_NONE,    /* something else */
    PICTURE_STILL,   /* a frame of a recording */
    PICTURE_ANIMATED /* a video in the format of a picture */
} PictureKind;

typedef struct PictureFormat {
    const char *name;       /* for messages */
    const char *codec;      /* libavcodec's name; NULL: none */
    const char *extensions; /* between blanks */
} PictureFormat;

/* The format of a picture that begins with these bytes (256 are enough); NULL: unknown. A format without a fixed beginning (Targa) is known
 * by its name. */
const PictureFormat *picture_format(const char *path, const uint8_t *bytes, size_t length);

enum { PICTURE_HEAD = 4096 };
/* Reads the first bytes of a file, for the functions below. Returns how many: 0 if it cannot be read. */
size_t picture_head(const char *path, uint8_t head[PICTURE_HEAD]);

/* Is the file a still, or an animation (APNG, GIF or WebP of several images)? Its content decides; if that does not tell, such as
 * when the file is empty or damaged, its name does. `head`: its first PICTURE_HEAD bytes, or all. */
PictureKind picture_kind(const char *path, const uint8_t *head, size_t length);

/* Is it a still in a format that picture_format does not know, but libav* decodes? `bytes`: its first PICTURE_HEAD, or all. */
bool picture_probe(const char *path, const uint8_t *bytes, size_t length);

/* A number of 4 bytes. */
uint32_t big_endian(const uint8_t *bytes);

/* By the name only: the place of its extension in the table of formats, lossless ones first; −1: not a still's. */
int picture_name_rank(const char *name);
/* Ranks are below this. */
extern const int picture_ranks;

/* ---- reading ---- */

typedef struct Picture {
    int rows, columns;  /* upright */
    const uint8_t *rgb; /* [rows, columns, 3], valid until the next picture is read */
    bool turned;        /* according to its metadata */
    bool first_page;    /* the first of several in the file */
} Picture;

typedef enum PictureStatus { PICTURE_READ, PICTURE_UNREADABLE, PICTURE_NO_MEMORY } PictureStatus;

/* Reads one picture after another. */
typedef struct PictureReader PictureReader;
PictureReader *picture_reader_new(void);
void picture_reader_free(PictureReader *reader);

/* A damaged or cut-off picture is not read. The error says why, without naming the file. */
PictureStatus picture_read(PictureReader *reader, const char *path, Picture *picture, Error *error);

/* ---- picture_whole.c ---- */

/* How a GIF ends, or what is read of it. */
typedef enum GifEnd {
    GIF_COMPLETE, /* as it should, or it was not read to its end */
    GIF_OPEN,     /* between two blocks */
    GIF_CUT       /* within a block */
} GifEnd;
/* How many whole images a GIF has, of up to `most`. */
int gif_images(FILE *file, int most, GifEnd *end);

/* Does a still lack its end, in a format whose decoder takes what there is for the whole? */
bool picture_is_cut(const unsigned char *bytes, size_t length);

/* The same of an animation (GIF, APNG). */
bool animation_is_cut(FILE *file);

/* ---- png_read.c ---- */

/* PNG → *rgb: [rows, columns, 3], which the caller frees; NULL with an error if it cannot be read. */
PictureStatus png_read(const uint8_t *file, size_t length, uint8_t **rgb, int *rows, int *columns, Error *error);

/* Largest picture, and largest frame of a video, that is read: 2²⁸ pixels, 16384 × 16384. A few bytes of a broken file can claim far more.
 */
#define PICTURE_MOST_PIXELS ((int64_t)1 << 28)

#endif
