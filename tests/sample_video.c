/* sample_video.c: encodes small videos with libavcodec. */
#include "sample_video.h"

#include <check.h>
#include <ftw.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/log.h>
#include <libavutil/pixdesc.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

uint8_t sample_level(int frame, int row, int column) {
    return (uint8_t)(frame * 5 + row + 2 * column);
}

static AVCodecContext *encoder_open(const SampleVideo *sample, int rows, int columns, const AVFormatContext *container) {
    const AVCodec *codec = avcodec_find_encoder_by_name(sample->codec);
    ck_assert_msg(codec != NULL, "libavcodec has no encoder named %s", sample->codec);
    AVCodecContext *encoder = avcodec_alloc_context3(codec);
    encoder->height = rows;
    encoder->width = columns;
    encoder->time_base = (AVRational){1, 25};
    encoder->framerate = (AVRational){25, 1};
    encoder->gop_size = sample->key_every ? sample->key_every : 12;
    encoder->max_b_frames = sample->b_frames;
    const bool grey = !strcmp(sample->codec, "ffv1") || !strcmp(sample->codec, "gif") || !strcmp(sample->codec, "apng");
    encoder->pix_fmt = grey ? AV_PIX_FMT_GRAY8 : !strcmp(sample->codec, "mjpeg") ? AV_PIX_FMT_YUVJ420P : AV_PIX_FMT_YUV420P;
    if (sample->level) encoder->level = sample->level;
    encoder->bit_rate = 400000;
    if (container->oformat->flags & AVFMT_GLOBALHEADER) encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    ck_assert_int_ge(avcodec_open2(encoder, codec, NULL), 0);
    return encoder;
}

/* The video that is being written. */
static bool (*hurt_packet)(AVPacket *packet, int number);
static int packet_number;

/* Sends a frame (NULL: the end) and writes the packets. */
static void encode(AVCodecContext *encoder, AVFormatContext *container, const AVFrame *frame) {
    AVPacket *packet = av_packet_alloc();
    ck_assert_int_ge(avcodec_send_frame(encoder, frame), 0);
    while (avcodec_receive_packet(encoder, packet) >= 0) {
        av_packet_rescale_ts(packet, encoder->time_base, container->streams[0]->time_base);
        if (!packet->duration) packet->duration = av_rescale_q(1, encoder->time_base, container->streams[0]->time_base);
        const int number = packet_number++;
        if (hurt_packet && (av_packet_make_writable(packet) < 0 || !hurt_packet(packet, number))) av_packet_unref(packet);
        else ck_assert_int_ge(av_interleaved_write_frame(container, packet), 0);
    }
    av_packet_free(&packet);
}

static void draw_frame(AVFrame *frame, int number) {
    ck_assert_int_ge(av_frame_make_writable(frame), 0);
    for (int row = 0; row < frame->height; row++)
        for (int column = 0; column < frame->width; column++)
            frame->data[0][row * frame->linesize[0] + column] = sample_level(number, row, column);
    for (int plane = 1; plane < 3 && frame->data[plane]; plane++)
        for (int row = 0; row < (frame->height + 1) / 2; row++)
            memset(frame->data[plane] + row * frame->linesize[plane], 100 + 9 * plane + number % 40, (size_t)(frame->width + 1) / 2);
    frame->pts = number;
}

/* Frames first … end − 1, all of one size. */
static void encode_frames(AVCodecContext *encoder, AVFormatContext *container, int first, int end) {
    AVFrame *frame = av_frame_alloc();
    frame->format = encoder->pix_fmt;
    frame->width = encoder->width;
    frame->height = encoder->height;
    ck_assert_int_ge(av_frame_get_buffer(frame, 0), 0);
    for (int number = first; number < end; number++) {
        draw_frame(frame, number);
        encode(encoder, container, frame);
    }
    encode(encoder, container, NULL);
    av_frame_free(&frame);
}

/* Adds a display matrix to a stream. */
static uint8_t *matrix_place(AVStream *stream) {
    const size_t size = 9 * sizeof(int32_t);
#if LIBAVFORMAT_VERSION_MAJOR >= 61
    AVCodecParameters *parameters = stream->codecpar;
    AVPacketSideData *data =
        av_packet_side_data_new(&parameters->coded_side_data, &parameters->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX, size, 0);
    uint8_t *place = data ? data->data : NULL;
#else
    uint8_t *place = av_stream_new_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, size);
#endif
    ck_assert_ptr_nonnull(place);
    return place;
}

void sample_video_write(const char *path, const SampleVideo *sample) {
    av_log_set_level(AV_LOG_QUIET);
    AVFormatContext *container = NULL;
    ck_assert_int_ge(avformat_alloc_output_context2(&container, NULL, NULL, path), 0);
    AVStream *stream = avformat_new_stream(container, NULL);
    AVCodecContext *encoder = encoder_open(sample, sample->small_until ? sample->rows / 2 : sample->rows,
                                           sample->small_until ? sample->columns / 2 : sample->columns, container);
    ck_assert_int_ge(avcodec_parameters_from_context(stream->codecpar, encoder), 0);
    stream->time_base = encoder->time_base;
    hurt_packet = sample->hurt;
    packet_number = 0;
    if (sample->matrix) memcpy(matrix_place(stream), sample->matrix, 9 * sizeof(int32_t));
    ck_assert_int_ge(avio_open(&container->pb, path, AVIO_FLAG_WRITE), 0);
    AVDictionary *options = NULL;
    if (sample->index_first) av_dict_set(&options, "movflags", "faststart", 0);
    ck_assert_int_ge(avformat_write_header(container, &options), 0);
    av_dict_free(&options);
    int change = sample->small_from ? sample->small_from : sample->small_until ? sample->small_until : sample->frames;
    encode_frames(encoder, container, 0, change);
    avcodec_free_context(&encoder);
    if (change < sample->frames) {
        encoder = encoder_open(sample, sample->small_from ? sample->rows / 2 : sample->rows,
                               sample->small_from ? sample->columns / 2 : sample->columns, container);
        encode_frames(encoder, container, change, sample->frames);
        avcodec_free_context(&encoder);
    }
    ck_assert_int_ge(av_write_trailer(container), 0);
    avio_closep(&container->pb);
    avformat_free_context(container);
}

void sample_png_write(const char *path, int rows, int columns, uint8_t red, uint8_t green, uint8_t blue) {
    png_image image = {.version = PNG_IMAGE_VERSION, .width = (png_uint_32)columns, .height = (png_uint_32)rows, .format = PNG_FORMAT_RGB};
    size_t size = (size_t)rows * (size_t)columns * 3;
    uint8_t *rgb = malloc(size);
    ck_assert_ptr_nonnull(rgb);
    for (size_t i = 0; i < size; i += 3) rgb[i] = red, rgb[i + 1] = green, rgb[i + 2] = blue;
    ck_assert_msg(png_image_write_to_file(&image, path, 0, rgb, 0, NULL), "%s: %s", path, image.message);
    free(rgb);
}

/* Fills a plane of 8 or 16 bits. Chroma planes are neutral. */
static void fill_plane(AVFrame *frame, const AVPixFmtDescriptor *format, int plane, const SamplePicture *sample) {
    const bool colour = plane > 0 && !(format->flags & AV_PIX_FMT_FLAG_RGB), full = frame->format != AV_PIX_FMT_YUV420P;
    const int rows = colour ? (frame->height + 1) / 2 : frame->height, step = format->comp[plane].step;
    for (int row = 0; row < rows; row++)
        for (int column = 0; column < (colour ? (frame->width + 1) / 2 : frame->width); column++) {
            const bool corner = 2 * row < frame->height && 2 * column < frame->width;
            const int level = corner ? sample->corner : sample->level;
            memset(frame->data[plane] + row * frame->linesize[plane] + column * step,
                   colour ? 128
                   : full ? level
                          : 16 + level * 219 / 255,
                   (size_t)step);
        }
}

bool sample_picture_write(const char *path, const SamplePicture *sample) {
    av_log_set_level(AV_LOG_QUIET);
    const AVCodec *codec = avcodec_find_encoder_by_name(sample->encoder);
    if (!codec) return false;
    AVCodecContext *encoder = avcodec_alloc_context3(codec);
    AVFrame *frame = av_frame_alloc();
    AVPacket *packet = av_packet_alloc();
    encoder->width = frame->width = sample->columns;
    encoder->height = frame->height = sample->rows;
    encoder->pix_fmt = av_get_pix_fmt(sample->format);
    frame->format = encoder->pix_fmt;
    encoder->time_base = (AVRational){1, 25};
    ck_assert_msg(avcodec_open2(encoder, codec, NULL) >= 0 && av_frame_get_buffer(frame, 0) >= 0, "%s", path);
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(encoder->pix_fmt);
    for (int plane = 0; plane < av_pix_fmt_count_planes(encoder->pix_fmt); plane++) fill_plane(frame, format, plane, sample);
    frame->pts = 0;
    frame->quality = 1;
    ck_assert(avcodec_send_frame(encoder, frame) >= 0 && avcodec_send_frame(encoder, NULL) >= 0);
    ck_assert_msg(avcodec_receive_packet(encoder, packet) >= 0, "%s", path);
    sample_bytes_write(path, packet->data, packet->size);
    av_packet_free(&packet);
    av_frame_free(&frame);
    avcodec_free_context(&encoder);
    return true;
}

void sample_bytes_write(const char *path, const void *bytes, long length) {
    FILE *file = fopen(path, "wb");
    ck_assert_msg(file != NULL, "cannot write %s", path);
    ck_assert_int_eq((long)fwrite(bytes, 1, (size_t)length, file), length);
    ck_assert_int_eq(fclose(file), 0);
}

void sample_truncate(const char *path, double share) {
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq(truncate(path, (off_t)((double)status.st_size * share)), 0);
}

char *sample_folder(void) {
    const char *parent = getenv("TMPDIR");
    char name[4096];
    snprintf(name, sizeof name, "%s/zoetrope-test-XXXXXX", parent && *parent ? parent : P_tmpdir);
    ck_assert_msg(mkdtemp(name) != NULL, "cannot make a temporary folder like %s", name);
    return strdup(name);
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place) {
    (void)status, (void)kind, (void)place;
    return remove(path);
}

void sample_folder_remove(char *folder) {
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(folder);
}
