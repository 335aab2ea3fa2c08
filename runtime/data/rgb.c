/* rgb.c: frames as RGB, by libswscale.
 *
 * Colours use the stream's matrix and range. If these are unknown, they use libswscale's default: BT.601 and limited range (full for yuvj
 * and grey formats).
 */
#include "data/rgb.h"

#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

/* The default of libswscale and of programs that use it: with it, our RGB is theirs to the bit. More accurate flags differ by up to 12
 * levels at coloured edges, because they interpolate chroma. */
#define SCALER_FLAGS SWS_BICUBIC

static void fail_at(const char *path, const char *what, Error *error) {
    fail(error, "%s%s%s", path ? path : "", path ? ": " : "", what);
}

static bool set_scaler(RgbConverter *now, const AVFrame *frame, const char *path, Error *error) {
    if (now->scaler && now->rows == frame->height && now->columns == frame->width && now->format == frame->format &&
        now->matrix == frame->colorspace && now->range == frame->color_range)
        return true;
    sws_freeContext(now->scaler);
    now->scaler = NULL;
    now->rows = frame->height;
    now->columns = frame->width;
    now->format = frame->format;
    now->matrix = frame->colorspace;
    now->range = frame->color_range;
    if (sws_isSupportedInput(now->format))
        now->scaler =
            sws_getContext(now->columns, now->rows, now->format, now->columns, now->rows, AV_PIX_FMT_RGB24, SCALER_FLAGS, NULL, NULL, NULL);
    if (!now->scaler) {
        const char *format = av_get_pix_fmt_name(now->format);
        char what[160];
        snprintf(what, sizeof what, "frames of %d × %d pixels in the format %.60s cannot be converted to RGB", now->columns, now->rows,
                 format ? format : "(unknown)");
        fail_at(path, what, error);
        return false;
    }
    int *from, *to, from_range, to_range, brightness, contrast, saturation;
    if (sws_getColorspaceDetails(now->scaler, &from, &from_range, &to, &to_range, &brightness, &contrast, &saturation) < 0)
        return true; /* RGB to RGB has no choice of colours */
    const int *matrix = sws_getCoefficients(now->matrix == AVCOL_SPC_UNSPECIFIED ? SWS_CS_DEFAULT : (int)now->matrix);
    if (now->range != AVCOL_RANGE_UNSPECIFIED) from_range = now->range == AVCOL_RANGE_JPEG;
    sws_setColorspaceDetails(now->scaler, matrix, from_range, to, to_range, brightness, contrast, saturation);
    return true;
}

/* libswscale's vector code may write a little past the end of a line: into the next, which it writes afterwards, or into the 64 bytes after
 * the last. */
static bool make_room(RgbConverter *converter, uint8_t **pixels, int *size, const AVFrame *frame, Error *error) {
    int needed = av_image_get_buffer_size(AV_PIX_FMT_RGB24, frame->width, frame->height, 1);
    if (needed >= 0 && needed <= *size) return true;
    if (needed < 0 || !(*pixels = av_realloc_f(*pixels, (size_t)needed + 64, 1))) {
        *size = 0;
        converter->no_memory = true;
        return fail_memory(error, "a frame");
    }
    *size = needed;
    return true;
}

const uint8_t *rgb_convert(RgbConverter *converter, const AVFrame *frame, Turn turn, const char *path, Error *error) {
    converter->no_memory = false;
    if (!set_scaler(converter, frame, path, error) || !make_room(converter, &converter->rgb, &converter->rgb_size, frame, error))
        return NULL;
    uint8_t *const target[4] = {converter->rgb, NULL, NULL, NULL};
    const int lines[4] = {frame->width * 3, 0, 0, 0};
    int code = sws_scale(converter->scaler, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height, target, lines);
    if (code < 0) {
        fail_at(path, "a frame cannot be converted to RGB", error);
        return NULL;
    }
    if (turn <= TURN_UPRIGHT) return converter->rgb;
    if (!make_room(converter, &converter->turned, &converter->turned_size, frame, error)) return NULL;
    turn_rgb(converter->rgb, frame->height, frame->width, turn, converter->turned);
    return converter->turned;
}

void rgb_free(RgbConverter *converter) {
    sws_freeContext(converter->scaler);
    av_free(converter->rgb);
    av_free(converter->turned);
}
