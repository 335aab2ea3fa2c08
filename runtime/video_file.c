/* video_file.c: any file that libav* decodes: its best video stream, frame by frame, as the RGB that libswscale makes of it.
 *
 * Colours go by the stream's matrix and range, and where it does not tell, by libswscale's own default: BT.601 and limited (full for
 * yuvj and grey formats). Rotation that a player would apply is not applied; neither is deinterlacing.
 */
#include "file.h"
#include "video.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Largest frame that is read: 2²⁸ pixels, 16384 × 16384. A few bytes of a broken file can claim far more. */
#define MOST_PIXELS ((int64_t)1 << 28)

/* libswscale's own default, and that of the programs that use it: with it our RGB is theirs to the bit. More accurate flags differ from
 * it by up to 12 levels at coloured edges, since chroma is then interpolated. */
#define SCALER_FLAGS SWS_BICUBIC

/* What a conversion to RGB depends on: while it stays the same, its tables are kept. */
typedef struct Colours {
    int rows, columns;
    enum AVPixelFormat format;
    enum AVColorSpace matrix;
    enum AVColorRange range;
} Colours;

typedef struct File {
    Video video;
    char *path;
    AVFormatContext *container;
    AVCodecContext *decoder;
    int stream;
    AVPacket *packet;
    AVFrame *frame;
    bool drained; /* the container has ended, and the decoder knows it */
    int64_t damaged;
    struct SwsContext *scaler;
    Colours colours; /* what scaler is for */
    uint8_t *rgb;    /* [rows, columns, 3] of the current frame, where rgb_valid */
    int rgb_size;
    bool rgb_valid;
} File;

static const char *reason(int code, char *text, size_t size) {
    if (code == AVERROR_INVALIDDATA) return "its content is not that of a video (or is damaged)";
    return av_strerror(code, text, size) ? "unknown error" : text;
}

static bool file_fail(const File *file, const char *what, int code, Error *error) {
    char text[AV_ERROR_MAX_STRING_SIZE];
    return fail(error, "%s: %s: %s", file->path, what, reason(code, text, sizeof text));
}

/* Formats that libav* "decodes" from any text, or that make it open other files. */
static bool format_is_no_video(const char *name) {
    static const char *const formats[] = {"tty", "bin", "adf", "idf", "xbin", "concat", "hls", "dash", "imf", "sdp", "rtsp"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (!strcmp(name, formats[i])) return true;
    return false;
}

static bool file_open_container(File *file, Error *error) {
    struct stat status;
    if (stat(file->path, &status)) return fail(error, "%s: cannot read it: %s", file->path, strerror(errno));
    if (!S_ISREG(status.st_mode)) return fail(error, "%s: not a regular file", file->path);
    if (!status.st_size) return fail(error, "%s: the file is empty", file->path);
    /* "file:" so that a name with a colon is not taken for a protocol; no pattern, so that % in a name is nothing special. */
    size_t size = strlen(file->path) + sizeof "file:";
    char *address = allocate(size);
    snprintf(address, size, "file:%s", file->path);
    AVDictionary *options = NULL;
    av_dict_set(&options, "protocol_whitelist", "file", 0);
    av_dict_set(&options, "pattern_type", "none", 0);
    int code = avformat_open_input(&file->container, address, NULL, &options);
    av_dict_free(&options);
    free(address);
    if (code < 0) return file_fail(file, "cannot be opened as a video", code, error);
    if (format_is_no_video(file->container->iformat->name))
        return fail(error, "%s: no video (%s)", file->path, file->container->iformat->long_name);
    if (file->container->probe_score <= AVPROBE_SCORE_RETRY && !video_has_usual_name(file->path)) /* some bytes look like a format's */
        return fail(error, "%s: it hardly looks like a video; if it is one, give it the usual extension of its format", file->path);
    code = avformat_find_stream_info(file->container, NULL);
    if (code < 0) return file_fail(file, "cannot be opened as a video", code, error);
    return true;
}

static bool file_open_decoder(File *file, Error *error) {
    const AVCodec *codec = NULL;
    file->stream = av_find_best_stream(file->container, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
    if (file->stream == AVERROR_DECODER_NOT_FOUND) return fail(error, "%s: this libavcodec has no decoder for its video", file->path);
    if (file->stream < 0) return fail(error, "%s: no video in it", file->path);
    AVStream *stream = file->container->streams[file->stream];
    if (stream->disposition & AV_DISPOSITION_ATTACHED_PIC) return fail(error, "%s: no video in it (only a cover picture)", file->path);
    for (unsigned i = 0; i < file->container->nb_streams; i++)
        if ((int)i != file->stream) file->container->streams[i]->discard = AVDISCARD_ALL;
    file->decoder = avcodec_alloc_context3(codec);
    file->packet = av_packet_alloc();
    file->frame = av_frame_alloc();
    if (!file->decoder || !file->packet || !file->frame) return fail_memory(error, "a video decoder");
    int code = avcodec_parameters_to_context(file->decoder, stream->codecpar);
    if (code < 0) return file_fail(file, "cannot be decoded", code, error);
    file->decoder->pkt_timebase = stream->time_base;
    file->decoder->max_pixels = MOST_PIXELS;
    file->decoder->thread_count = 1; /* with more, damaged streams would not decode to the same frames each time */
    code = avcodec_open2(file->decoder, codec, NULL);
    return code >= 0 || file_fail(file, "cannot be decoded", code, error);
}

/* Gives the decoder the next packet of the stream, or the news that there is none. A packet that it cannot take is left out. */
static bool file_feed(File *file, Error *error) {
    for (;;) {
        int code = av_read_frame(file->container, file->packet);
        if (code < 0) { /* the end, or damage that the container cannot get over: the frames so far are the video */
            if (code == AVERROR(ENOMEM)) return fail_memory(error, "decoding");
            if (code != AVERROR_EOF) file->damaged++;
            file->drained = true;
            avcodec_send_packet(file->decoder, NULL);
            return true;
        }
        if (file->packet->stream_index == file->stream) break;
        av_packet_unref(file->packet);
    }
    int code = avcodec_send_packet(file->decoder, file->packet);
    av_packet_unref(file->packet);
    if (code == AVERROR(ENOMEM)) return fail_memory(error, "decoding");
    if (code < 0 && code != AVERROR_EOF) file->damaged++;
    return true;
}

static VideoStatus file_next(Video *video, VideoFrame *frame, Error *error) {
    File *file = (File *)video;
    file->rgb_valid = false;
    for (;;) {
        int code = avcodec_receive_frame(file->decoder, file->frame);
        if (code >= 0 && file->frame->width > 0 && file->frame->height > 0) break;
        if (code == AVERROR_EOF) return VIDEO_END;
        if (code == AVERROR(ENOMEM)) {
            fail_memory(error, "decoding");
            return VIDEO_FAILED;
        }
        if (code < 0 && code != AVERROR(EAGAIN)) {
            file->damaged++;
            if (file->drained) return VIDEO_END;
        }
        if (code == AVERROR(EAGAIN) && file->drained) return VIDEO_END;
        if (code < 0 && !file_feed(file, error)) return VIDEO_FAILED;
    }
    int64_t timestamp = file->frame->best_effort_timestamp;
    *frame = (VideoFrame){.rows = file->frame->height,
                          .columns = file->frame->width,
                          .timestamp = timestamp == AV_NOPTS_VALUE ? VIDEO_NO_TIMESTAMP : timestamp};
    return VIDEO_FRAME;
}

static bool file_set_scaler(File *file, const Colours *colours, Error *error) {
    const Colours *now = &file->colours;
    if (file->scaler && now->rows == colours->rows && now->columns == colours->columns && now->format == colours->format &&
        now->matrix == colours->matrix && now->range == colours->range)
        return true;
    sws_freeContext(file->scaler);
    const char *format = av_get_pix_fmt_name(colours->format);
    file->scaler = NULL;
    if (sws_isSupportedInput(colours->format))
        file->scaler = sws_getContext(colours->columns, colours->rows, colours->format, colours->columns, colours->rows, AV_PIX_FMT_RGB24,
                                      SCALER_FLAGS, NULL, NULL, NULL);
    if (!file->scaler)
        return fail(error, "%s: frames of %d × %d pixels in the format %s cannot be turned into RGB", file->path, colours->columns,
                    colours->rows, format ? format : "(unknown)");
    file->colours = *colours;
    int *from, *to, from_range, to_range, brightness, contrast, saturation;
    if (sws_getColorspaceDetails(file->scaler, &from, &from_range, &to, &to_range, &brightness, &contrast, &saturation) < 0)
        return true; /* RGB to RGB: there is nothing to choose */
    const int *matrix = sws_getCoefficients(colours->matrix == AVCOL_SPC_UNSPECIFIED ? SWS_CS_DEFAULT : (int)colours->matrix);
    if (colours->range != AVCOL_RANGE_UNSPECIFIED) from_range = colours->range == AVCOL_RANGE_JPEG;
    sws_setColorspaceDetails(file->scaler, matrix, from_range, to, to_range, brightness, contrast, saturation);
    return true;
}

static const uint8_t *file_rgb(Video *video, Error *error) {
    File *file = (File *)video;
    const AVFrame *frame = file->frame;
    if (file->rgb_valid) return file->rgb;
    Colours colours = {frame->height, frame->width, frame->format, frame->colorspace, frame->color_range};
    if (!file_set_scaler(file, &colours, error)) return NULL;
    /* libswscale's vector code may write a little past the end of a line: into the next, which it writes afterwards, or into the 64
     * bytes after the last. */
    int line = frame->width * 3;
    int size = av_image_get_buffer_size(AV_PIX_FMT_RGB24, frame->width, frame->height, 1);
    if (size < 0 || (size > file->rgb_size && !(file->rgb = av_realloc_f(file->rgb, (size_t)size + 64, 1)))) {
        file->rgb_size = 0;
        fail_memory(error, "a frame");
        return NULL;
    }
    if (size > file->rgb_size) file->rgb_size = size;
    uint8_t *const target[4] = {file->rgb, NULL, NULL, NULL};
    const int lines[4] = {line, 0, 0, 0};
    int code = sws_scale(file->scaler, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height, target, lines);
    if (code < 0) {
        file_fail(file, "a frame cannot be turned into RGB", code, error);
        return NULL;
    }
    file->rgb_valid = true;
    return file->rgb;
}

static bool file_seek(Video *video, int64_t frame, int64_t timestamp, Error *error) {
    File *file = (File *)video;
    (void)frame;
    int code = av_seek_frame(file->container, file->stream, timestamp, AVSEEK_FLAG_BACKWARD);
    if (code < 0) return file_fail(file, "cannot seek in it", code, error);
    avcodec_flush_buffers(file->decoder);
    file->drained = false;
    return true;
}

static int64_t file_damaged(const Video *video) {
    return ((const File *)video)->damaged;
}

static void file_close(Video *video) {
    File *file = (File *)video;
    sws_freeContext(file->scaler);
    av_frame_free(&file->frame);
    av_packet_free(&file->packet);
    avcodec_free_context(&file->decoder);
    avformat_close_input(&file->container);
    av_free(file->rgb);
    free(file->path);
    free(file);
}

Video *video_file_open(const char *path, Error *error) {
    static const VideoFunctions functions = {
        .next = file_next, .rgb = file_rgb, .seek = file_seek, .damaged = file_damaged, .close = file_close};
    av_log_set_level(AV_LOG_QUIET); /* errors reach the user through ours; libav* keeps this one setting for the process */
    File *file = allocate(sizeof *file);
    file->video.functions = &functions;
    file->path = copy_text(path);
    if (file_open_container(file, error) && file_open_decoder(file, error)) return &file->video;
    file_close(&file->video);
    return NULL;
}
