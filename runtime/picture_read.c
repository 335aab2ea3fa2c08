/* picture_read.c: reading still images: PNG by libpng, all others by libav*. */
#include "file.h"
#include "picture.h"
#include "rgb.h"
#include "video_damage.h"

#include <libavcodec/avcodec.h>
#include <stdlib.h>
#include <string.h>

struct PictureReader {
    const PictureFormat *format; /* that the decoder is for */
    AVCodecContext *decoder;
    AVPacket *packet;
    AVFrame *frame;
    RgbConverter converter;
    uint8_t *png, *turned; /* of a PNG */
};

PictureReader *picture_reader_new(void) {
    damage_listen();
    return allocate(sizeof(PictureReader));
}

void picture_reader_free(PictureReader *reader) {
    if (!reader) return;
    avcodec_free_context(&reader->decoder);
    av_packet_free(&reader->packet);
    av_frame_free(&reader->frame);
    rgb_free(&reader->converter);
    free(reader->png);
    free(reader->turned);
    free(reader);
}

static bool open_decoder(PictureReader *reader, const PictureFormat *format, Error *error) {
    if (reader->decoder && reader->format == format) return true;
    avcodec_free_context(&reader->decoder);
    const AVCodecDescriptor *descriptor = format->codec ? avcodec_descriptor_get_by_name(format->codec) : NULL;
    const AVCodec *codec = descriptor ? avcodec_find_decoder(descriptor->id) : NULL;
    if (!codec) return fail(error, "%s, which these libraries of FFmpeg do not decode; convert it to PNG", format->name);
    if (!reader->packet) reader->packet = av_packet_alloc();
    if (!reader->frame) reader->frame = av_frame_alloc();
    reader->decoder = avcodec_alloc_context3(codec);
    if (!reader->decoder || !reader->packet || !reader->frame) return fail_memory(error, "a decoder of pictures");
    reader->format = format;
    reader->decoder->max_pixels = PICTURE_MOST_PIXELS;
    reader->decoder->thread_count = 1;
    /* What is damaged is not guessed at: it costs that frame. Other decoders say so by themselves, or are strict about harmless things. */
    if (codec->id == AV_CODEC_ID_MJPEG) reader->decoder->err_recognition = AV_EF_EXPLODE;
    if (avcodec_open2(reader->decoder, codec, NULL) >= 0) return true;
    avcodec_free_context(&reader->decoder);
    return fail(error, "%s, whose decoder cannot be opened", format->name);
}

/* The whole file is one packet. */
static PictureStatus decode(PictureReader *reader, const uint8_t *file, size_t length, Error *error) {
    if (length > INT32_MAX / 2 || av_new_packet(reader->packet, (int)length) < 0) {
        fail_memory(error, "a picture");
        return PICTURE_NO_MEMORY;
    }
    memcpy(reader->packet->data, file, length);
    int code = avcodec_send_packet(reader->decoder, reader->packet);
    av_packet_unref(reader->packet);
    if (code >= 0) {
        avcodec_send_packet(reader->decoder, NULL);
        code = avcodec_receive_frame(reader->decoder, reader->frame);
    }
    avcodec_flush_buffers(reader->decoder);
    if (code == AVERROR(ENOMEM)) {
        fail_memory(error, "a picture");
        return PICTURE_NO_MEMORY;
    }
    const AVFrame *frame = reader->frame;
    if (code >= 0 && frame->width > 0 && frame->height > 0 && !frame->decode_error_flags && !(frame->flags & AV_FRAME_FLAG_CORRUPT))
        return PICTURE_READ;
    fail(error, "not a %s that can be read: it is damaged or cut off, or of a kind that libavcodec does not know", reader->format->name);
    return PICTURE_UNREADABLE;
}

static PictureStatus read_by_libav(PictureReader *reader, const PictureFormat *format, const uint8_t *file, size_t length, Turn turn,
                                   Picture *picture, Error *error) {
    if (!open_decoder(reader, format, error)) return PICTURE_UNREADABLE;
    PictureStatus status = decode(reader, file, length, error);
    if (status != PICTURE_READ) return status;
    picture->rgb = rgb_convert(&reader->converter, reader->frame, turn, NULL, error);
    picture->rows = reader->frame->height;
    picture->columns = reader->frame->width;
    return picture->rgb ? PICTURE_READ : PICTURE_UNREADABLE;
}

static PictureStatus read_png(PictureReader *reader, const uint8_t *file, size_t length, Turn turn, Picture *picture, Error *error) {
    free(reader->png);
    picture->rgb = reader->png = png_read(file, length, &picture->rows, &picture->columns, error);
    if (!reader->png) return PICTURE_UNREADABLE;
    if (turn == TURN_UPRIGHT) return PICTURE_READ;
    free(reader->turned);
    reader->turned = malloc((size_t)picture->rows * (size_t)picture->columns * 3);
    if (!reader->turned) {
        fail_memory(error, "a picture");
        return PICTURE_NO_MEMORY;
    }
    turn_rgb(reader->png, picture->rows, picture->columns, turn, reader->turned);
    picture->rgb = reader->turned;
    return PICTURE_READ;
}

PictureStatus picture_read(PictureReader *reader, const char *path, Picture *picture, Error *error) {
    unsigned char *file;
    size_t length;
    Error reason;
    if (!file_read(path, &file, &length, &reason)) {
        const char *text = reason.text + strlen(path) + 2; /* after "path: ", which the caller says in its own way */
        fail(error, "%.*s", (int)strcspn(text, ";"), text);
        return PICTURE_UNREADABLE;
    }
    const PictureFormat *format = picture_format(path, file, length);
    PictureStatus status = PICTURE_UNREADABLE;
    const bool pages = tiff_has_pages(file, length);
    Turn turn = turn_of_picture(file, length);
    if (!length) fail(error, "the file is empty");
    else if (!format) fail(error, "its content is not that of a picture");
    else if (!strcmp(format->name, "PNG")) status = read_png(reader, file, length, turn, picture, error);
    else status = read_by_libav(reader, format, file, length, turn, picture, error);
    free(file);
    if (status == PICTURE_READ && turn_swaps(turn)) {
        int rows = picture->rows;
        picture->rows = picture->columns;
        picture->columns = rows;
    }
    picture->turned = turn != TURN_UPRIGHT;
    picture->first_page = pages;
    return status;
}
