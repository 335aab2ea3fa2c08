/* video_file.c: any file that libav* decodes: its best video stream, frame by frame, as RGB.
 *
 * Pictures are turned according to the stream's display matrix, as in players. They are not deinterlaced.
 */
#include "common/file.h"
#include "data/picture.h"
#include "data/rgb.h"
#include "data/video.h"
#include "data/video_damage.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct File {
    Video video;
    char *path;
    AVFormatContext *container;
    AVCodecContext *decoder;
    int stream;
    AVPacket *packet;
    AVFrame *frame;
    bool drained; /* the container has ended, and the decoder knows it */
    VideoDamage damage;
    Turn stream_turn, turn; /* as the stream says, and of the current frame */
    bool turned, askew;     /* some frame is turned; by an angle that is not a multiple of 90° */
    RgbConverter converter;
    const uint8_t *rgb; /* [rows, columns, 3] of the current frame; NULL: not converted yet */
} File;

static const char *reason(int code, char *text, size_t size) {
    if (code == AVERROR_INVALIDDATA) return "its content is not that of a video (or is damaged)";
    return av_strerror(code, text, size) ? "unknown error" : text;
}

static bool file_fail(const File *file, const char *what, int code, Error *error) {
    char text[AV_ERROR_MAX_STRING_SIZE];
    return fail(error, "%s: %s: %s", file->path, what, reason(code, text, sizeof text));
}

/* Formats that libav* "decodes" from any text, that make it open other files, or that are drawings. */
bool video_format_is_none(const char *name) {
    static const char *const formats[] = {"tty", "bin", "adf", "idf", "xbin", "concat", "hls", "dash", "imf", "sdp", "rtsp", "svg_pipe"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (!strcmp(name, formats[i])) return true;
    return false;
}

static bool file_open_container(File *file, Error *error) {
    struct stat status;
    if (stat(file->path, &status)) return fail(error, "%s: cannot read it: %s", file->path, strerror(errno));
    if (!S_ISREG(status.st_mode)) return fail(error, "%s: not a regular file", file->path);
    if (!status.st_size) return fail(error, "%s: the file is empty", file->path);
    file->container = avformat_alloc_context();
    if (!file->container) return fail_memory(error, "a video");
    damage_hear(&file->damage, file->container);
    /* "file:", so that a name with a colon is not taken for a protocol; no pattern, so that % in a name is not special. */
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
    if (video_format_is_none(file->container->iformat->name))
        return fail(error, "%s: no video (%s)", file->path, file->container->iformat->long_name);
    if (file->container->probe_score <= AVPROBE_SCORE_RETRY && !video_has_usual_name(file->path)) /* some bytes look like a format's */
        return fail(error, "%s: it hardly looks like a video; if it is one, give it the usual extension of its format", file->path);
    file->damage.reading = true;
    code = avformat_find_stream_info(file->container, NULL);
    file->damage.reading = false;
    if (code < 0) return file_fail(file, "cannot be opened as a video", code, error);
    for (unsigned i = 0; i < file->container->nb_streams; i++)
        if (file->container->streams[i]->codecpar->codec_id == AV_CODEC_ID_SVG) return fail(error, "%s: no video (a drawing)", file->path);
    return true;
}

bool video_file_begins(const uint8_t *bytes, size_t length) {
    enum { HEAD = 256 };
    uint8_t head[HEAD + AVPROBE_PADDING_SIZE] = {0};
    if (length > HEAD) length = HEAD;
    memcpy(head, bytes, length);
    int score = 0;
    const AVInputFormat *format = av_probe_input_format3(&(AVProbeData){.filename = "", .buf = head, .buf_size = (int)length}, 1, &score);
    return format && score > AVPROBE_SCORE_RETRY && !video_format_is_none(format->name);
}

/* The turn of the stream, or in a few formats of each frame. */
static Turn matrix_turn(File *file, const uint8_t *matrix, size_t size) {
    bool exact = true;
    int32_t numbers[9];
    if (!matrix || size < sizeof numbers) return TURN_UPRIGHT;
    memcpy(numbers, matrix, sizeof numbers);
    Turn turn = turn_of_matrix(numbers, &exact);
    file->askew |= !exact;
    return turn;
}

static Turn find_stream_turn(File *file, const AVStream *stream) {
#if LIBAVFORMAT_VERSION_MAJOR >= 61
    const AVPacketSideData *data =
        av_packet_side_data_get(stream->codecpar->coded_side_data, stream->codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
    return data ? matrix_turn(file, data->data, data->size) : TURN_UPRIGHT;
#else
    size_t size = 0;
    const uint8_t *matrix = av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
    return matrix_turn(file, matrix, size);
#endif
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
    file->decoder->max_pixels = PICTURE_MOST_PIXELS;
    file->decoder->thread_count = 1; /* with more threads, damaged streams would not always decode to the same frames */
    file->stream_turn = find_stream_turn(file, stream);
    damage_start(&file->damage, file->stream, file->decoder);
    code = avcodec_open2(file->decoder, codec, NULL);
    return code >= 0 || file_fail(file, "cannot be decoded", code, error);
}

/* Sends the decoder the next packet of the stream, or the end. A packet that it cannot decode is left out. */
static bool file_feed(File *file, Error *error) {
    for (;;) {
        file->damage.reading = true;
        int code = av_read_frame(file->container, file->packet);
        file->damage.reading = false;
        if (code < 0) { /* the end, or damage that stops the container: the frames so far are the video */
            if (code == AVERROR(ENOMEM)) return fail_memory(error, "decoding");
            if (code != AVERROR_EOF) file->damage.breaks_off = true;
            file->drained = true;
            avcodec_send_packet(file->decoder, NULL);
            return true;
        }
        if (file->packet->stream_index == file->stream) break;
        av_packet_unref(file->packet);
    }
    int code = damage_send(&file->damage, file->decoder, file->packet);
    av_packet_unref(file->packet);
    return code != AVERROR(ENOMEM) || fail_memory(error, "decoding");
}

static void describe_frame(File *file, VideoFrame *frame) {
    const AVFrame *picture = file->frame;
    const AVFrameSideData *own = av_frame_get_side_data(picture, AV_FRAME_DATA_DISPLAYMATRIX);
    file->turn = own ? matrix_turn(file, own->data, own->size) : file->stream_turn;
    file->turned |= file->turn != TURN_UPRIGHT;
    const bool swapped = turn_swaps(file->turn);
    const int64_t timestamp = picture->best_effort_timestamp;
    *frame = (VideoFrame){.rows = swapped ? picture->width : picture->height,
                          .columns = swapped ? picture->height : picture->width,
                          .timestamp = timestamp == AV_NOPTS_VALUE ? VIDEO_NO_TIMESTAMP : timestamp};
}

static VideoStatus file_next(Video *video, VideoFrame *frame, Error *error) {
    File *file = (File *)video;
    file->rgb = NULL;
    for (;;) {
        int code = avcodec_receive_frame(file->decoder, file->frame);
        if (code >= 0 && file->frame->width > 0 && file->frame->height > 0) break;
        if (code == AVERROR_EOF) return VIDEO_END;
        if (code == AVERROR(ENOMEM)) {
            fail_memory(error, "decoding");
            return VIDEO_FAILED;
        }
        if (code < 0 && code != AVERROR(EAGAIN)) {
            file->damage.lost++;
            if (file->drained) return VIDEO_END;
        }
        if (code == AVERROR(EAGAIN) && file->drained) return VIDEO_END;
        if (code < 0 && !file_feed(file, error)) return VIDEO_FAILED;
    }
    damage_look_at(&file->damage, file->frame);
    describe_frame(file, frame);
    return VIDEO_FRAME;
}

static const uint8_t *file_rgb(Video *video, Error *error) {
    File *file = (File *)video;
    if (!file->rgb) file->rgb = rgb_convert(&file->converter, file->frame, file->turn, file->path, error);
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

static void file_report(const Video *video, VideoReport *report) {
    const File *file = (const File *)video;
    report->turned = file->turned;
    damage_report(&file->damage, report);
    if (!file->askew) return;
    snprintf(report->remark, sizeof report->remark, "its metadata turn it by an angle that is not a multiple of 90 degrees");
    report->consequence = "the nearest multiple is used";
}

static void file_close(Video *video) {
    File *file = (File *)video;
    rgb_free(&file->converter);
    av_frame_free(&file->frame);
    av_packet_free(&file->packet);
    avcodec_free_context(&file->decoder);
    avformat_close_input(&file->container);
    free(file->path);
    free(file);
}

Video *video_file_open(const char *path, Error *error) {
    static const VideoFunctions functions = {
        .next = file_next, .rgb = file_rgb, .seek = file_seek, .report = file_report, .close = file_close};
    damage_listen();
    File *file = allocate(sizeof *file);
    file->video.functions = &functions;
    file->path = copy_text(path);
    if (file_open_container(file, error) && file_open_decoder(file, error)) return &file->video;
    file_close(&file->video);
    return NULL;
}
