/* rgb.h: decoded frames of libav* as RGB, upright. */
#ifndef ZOETROPE_RGB_H
#define ZOETROPE_RGB_H

#include "common/error.h"
#include "data/turn.h"

#include <libavutil/frame.h>

/* libswscale's tables for the last frames, and their RGB. Starts zeroed. */
typedef struct RgbConverter {
    struct SwsContext *scaler;
    /* The conversion depends on these. While they stay the same, the tables are kept. */
    int rows, columns;
    enum AVPixelFormat format;
    enum AVColorSpace matrix;
    enum AVColorRange range;
    uint8_t *rgb, *turned; /* [rows, columns, 3] */
    int rgb_size, turned_size;
    bool no_memory; /* why the last frame was not converted */
} RgbConverter;

/* The frame as [rows, columns, 3], valid until the next call; [columns, rows, 3] if turn_swaps. NULL with an error, which names `path` if
 * that is not NULL. */
const uint8_t *rgb_convert(RgbConverter *converter, const AVFrame *frame, Turn turn, const char *path, Error *error);
void rgb_free(RgbConverter *converter);

#endif
