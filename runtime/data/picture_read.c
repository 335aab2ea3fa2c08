/* picture_read.c: reading still images: PNG by libpng, all others by libav*. */
#include "common/file.h"
#include "data/picture.h"
#include "data/rgb.h"
#include "data/video.h"
#include "data/video_damage.h"

#include <libavcodec/avcodec.h>
#include <libavutil/intreadwrite.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct PictureReader {
    const PictureFormat *format; /* of the decoder */
    AVCodecContext *decoder;
    AVPacket *packet;
    AVFrame *frame;
    RgbConverter converter;
    uint8_t *png, *turned; /* of a PNG */
    Video *file;           /* for a format without a row in the table: the picture is its first frame */
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
    video_close(reader->file);
    free(reader->png);
    free(reader->turned);
    free(reader);
}

static PictureStatus no_memory(Error *error) {
    fail_memory(error, "a picture");
    return PICTURE_NO_MEMORY;
}

static PictureStatus unreadable(const PictureFormat *format, const char *why, Error *error) {
    fail(error, "%s, %s", format->name, why);
    return PICTURE_UNREADABLE;
}

static PictureStatus refuse(const PictureFormat *format, Error *error) {
    fail(error, "not a %s that can be read: it is damaged or cut off, or of a kind that libavcodec does not know", format->name);
    return PICTURE_UNREADABLE;
}

static PictureStatus open_decoder(PictureReader *reader, const PictureFormat *format, Error *error) {
    if (reader->decoder && reader->format == format) return PICTURE_READ;
    avcodec_free_context(&reader->decoder);
    const AVCodecDescriptor *descriptor = format->codec ? avcodec_descriptor_get_by_name(format->codec) : NULL;
    const AVCodec *codec = descriptor ? avcodec_find_decoder(descriptor->id) : NULL;
    if (!codec) return unreadable(format, "which these FFmpeg libraries do not decode; convert it to PNG", error);
    if (!reader->packet) reader->packet = av_packet_alloc();
    if (!reader->frame) reader->frame = av_frame_alloc();
    reader->decoder = avcodec_alloc_context3(codec);
    if (!reader->decoder || !reader->packet || !reader->frame) {
        avcodec_free_context(&reader->decoder);
        return no_memory(error);
    }
    reader->format = format;
    reader->decoder->max_pixels = PICTURE_MOST_PIXELS;
    reader->decoder->thread_count = 1;
    /* Damaged pictures are not guessed: they cost their frame. Other decoders report damage themselves, or are strict about harmless
     * things. */
    if (codec->id == AV_CODEC_ID_MJPEG) reader->decoder->err_recognition = AV_EF_EXPLODE;
    const int code = avcodec_open2(reader->decoder, codec, NULL);
    if (code >= 0) return PICTURE_READ;
    avcodec_free_context(&reader->decoder);
    return code == AVERROR(ENOMEM) ? no_memory(error) : unreadable(format, "whose decoder cannot be opened", error);
}

/* The whole file is one packet. */
static PictureStatus decode(PictureReader *reader, const uint8_t *file, size_t length, Error *error) {
    if (length > INT32_MAX / 2) return unreadable(reader->format, "whose file is larger than 1 GiB", error);
    if (av_new_packet(reader->packet, (int)length) < 0) return no_memory(error);
    memcpy(reader->packet->data, file, length);
    int code = avcodec_send_packet(reader->decoder, reader->packet);
    av_packet_unref(reader->packet);
    if (code >= 0) {
        avcodec_send_packet(reader->decoder, NULL);
        code = avcodec_receive_frame(reader->decoder, reader->frame);
    }
    avcodec_flush_buffers(reader->decoder);
    if (code == AVERROR(ENOMEM)) return no_memory(error);
    const AVFrame *frame = reader->frame;
    if (code >= 0 && frame->width > 0 && frame->height > 0 && !frame->decode_error_flags && !(frame->flags & AV_FRAME_FLAG_CORRUPT))
        return PICTURE_READ;
    avcodec_free_context(&reader->decoder); /* after damage, some (libjxl 0.7) end the program at the next picture */
    return refuse(reader->format, error);
}

static PictureStatus read_by_libav(PictureReader *reader, const PictureFormat *format, const uint8_t *file, size_t length, Turn turn,
                                   Picture *picture, Error *error) {
    PictureStatus status = open_decoder(reader, format, error);
    if (status == PICTURE_READ) status = decode(reader, file, length, error);
    if (status != PICTURE_READ) return status;
    picture->rgb = rgb_convert(&reader->converter, reader->frame, turn, NULL, error);
    picture->rows = reader->frame->height;
    picture->columns = reader->frame->width;
    return picture->rgb ? PICTURE_READ : reader->converter.no_memory ? PICTURE_NO_MEMORY : PICTURE_UNREADABLE;
}

static PictureStatus read_png(PictureReader *reader, const uint8_t *file, size_t length, Turn turn, Picture *picture, Error *error) {
    free(reader->png);
    PictureStatus status = png_read(file, length, &reader->png, &picture->rows, &picture->columns, error);
    picture->rgb = reader->png;
    if (status != PICTURE_READ || turn == TURN_UPRIGHT) return status;
    free(reader->turned);
    reader->turned = malloc((size_t)picture->rows * (size_t)picture->columns * 3);
    if (!reader->turned) return no_memory(error);
    turn_rgb(reader->png, picture->rows, picture->columns, turn, reader->turned);
    picture->rgb = reader->turned;
    return PICTURE_READ;
}

/* Any other that libav* knows, already turned. */
static PictureStatus read_as_video(PictureReader *reader, const char *path, Picture *picture, Error *error) {
    static const PictureFormat any = {"picture", NULL, ""};
    Error reason;
    VideoFrame frame;
    VideoReport report = {.incomplete = true};
    video_close(reader->file);
    reader->file = video_open(&(VideoSource){.kind = VIDEO_FILE, .path = path}, &reason);
    const VideoStatus status = reader->file ? video_next(reader->file, &frame, &reason) : VIDEO_END;
    if (status == VIDEO_FAILED) return no_memory(error);
    if (status == VIDEO_FRAME) video_report(reader->file, &report);
    if (report.incomplete) return refuse(&any, error);
    picture->rgb = video_rgb(reader->file, error);
    picture->rows = frame.rows;
    picture->columns = frame.columns;
    picture->turned = report.turned;
    return picture->rgb ? PICTURE_READ : PICTURE_UNREADABLE;
}

/* A .dib may be a BMP without the file header of 14 bytes, which is added here. */
static void complete_dib(const char *path, unsigned char **file, size_t *length) {
    enum { FILE_HEAD = 14, INFO_HEAD = 40 };
    const uint8_t *info = *file;
    if (strcasecmp(path_extension(path), "dib") != 0 || *length < INFO_HEAD || *length > INT32_MAX) return;
    const uint32_t size = AV_RL32(info), bits = AV_RL16(info + 14), compression = AV_RL32(info + 16), used = AV_RL32(info + 32);
    if (size < INFO_HEAD || size > 124 || AV_RL16(info + 12) != 1 || bits > 32 || used > 256) return;
    const uint32_t colours = used > 0 ? used : bits <= 8 ? 1u << bits : 0, masks = size == INFO_HEAD && compression == 3 ? 12 : 0;
    unsigned char *whole = allocate(FILE_HEAD + *length);
    memcpy(whole, "BM", 2);
    AV_WL32(whole + 2, (uint32_t)(FILE_HEAD + *length));
    AV_WL32(whole + 10, FILE_HEAD + size + masks + 4 * colours);
    memcpy(whole + FILE_HEAD, info, *length);
    free(*file);
    *file = whole;
    *length += FILE_HEAD;
}

PictureStatus picture_read(PictureReader *reader, const char *path, Picture *picture, Error *error) {
    unsigned char *file;
    size_t length;
    const FileStatus loaded = file_load(path, &file, &length, error);
    if (loaded != FILE_IS_READ) return loaded == FILE_NO_MEMORY ? PICTURE_NO_MEMORY : PICTURE_UNREADABLE;
    complete_dib(path, &file, &length);
    const PictureFormat *format = picture_format(path, file, length);
    PictureStatus status = PICTURE_UNREADABLE;
    const bool pages = tiff_has_pages(file, length);
    Turn turn = turn_of_picture(file, length);
    if (!length) fail(error, "the file is empty");
    else if (picture_is_cut(file, length)) fail(error, "the file is cut off");
    else if (!format && picture_probe(path, file, length)) status = read_as_video(reader, path, picture, error);
    else if (!format) fail(error, "its content is not that of a picture");
    else if (!strcmp(format->name, "PNG")) status = read_png(reader, file, length, turn, picture, error);
    else status = read_by_libav(reader, format, file, length, turn, picture, error);
    free(file);
    if (status == PICTURE_READ && format && turn_swaps(turn)) {
        int rows = picture->rows;
        picture->rows = picture->columns;
        picture->columns = rows;
    }
    if (format) picture->turned = turn != TURN_UPRIGHT;
    picture->first_page = pages;
    return status;
}
