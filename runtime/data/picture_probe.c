/* picture_probe.c: still images in formats without a row in picture.c, which libav* recognises. */
#include "common/file.h"
#include "data/picture.h"
#include "data/video.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdlib.h>
#include <string.h>

/* Demuxers of single stills are named after their format: pcx_pipe, sunrast_pipe …. */
static bool reads_one_still(const AVInputFormat *format) {
    static const char end[] = "_pipe";
    const size_t length = strlen(format->name);
    return length >= sizeof end && !strcmp(format->name + length - (sizeof end - 1), end);
}

/* Other pictures (ICO, MSP, FITS …) have their own demuxers. Their file has no duration, and one packet of a codec with independent frames.
 * The sizes of an icon are streams of one packet each. */
static bool has_one_packet(AVFormatContext *container, int stream) {
    const AVStream *video = container->streams[stream];
    const AVCodecDescriptor *codec = avcodec_descriptor_get(video->codecpar->codec_id);
    bool fits = codec && (codec->props & (AV_CODEC_PROP_INTRA_ONLY | AV_CODEC_PROP_LOSSLESS)) && container->duration <= 0;
    for (unsigned i = 0; i < container->nb_streams; i++)
        fits &= container->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_VIDEO &&
                !(container->streams[i]->disposition & AV_DISPOSITION_ATTACHED_PIC);
    AVPacket *packet = fits ? av_packet_alloc() : NULL;
    int packets = 0;
    while (packet && packets < 2 && av_read_frame(container, packet) >= 0) {
        packets += packet->stream_index == stream;
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    return packets == 1;
}

static bool holds_a_still(const char *path, bool surely) {
    char *address = path_join("", "file:%s", path);
    AVFormatContext *container = NULL;
    AVDictionary *options = NULL;
    av_dict_set(&options, "protocol_whitelist", "file", 0);
    bool still = avformat_open_input(&container, address, NULL, &options) >= 0;
    const int stream = still ? av_find_best_stream(container, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0) : -1;
    still = stream >= 0 && avcodec_find_decoder(container->streams[stream]->codecpar->codec_id) != NULL;
    if (still && !surely) still = has_one_packet(container, stream);
    av_dict_free(&options);
    avformat_close_input(&container);
    free(address);
    return still;
}

bool picture_probe(const char *path, const uint8_t *bytes, size_t length) {
    uint8_t head[PICTURE_HEAD + AVPROBE_PADDING_SIZE] = {0};
    if (length > PICTURE_HEAD) length = PICTURE_HEAD;
    if (length > 0) memcpy(head, bytes, length);
    int score = 0;
    const AVProbeData data = {.filename = "", .buf = head, .buf_size = (int)length};
    const AVInputFormat *format = av_probe_input_format3(&data, 1, &score);
    if (!format || score <= AVPROBE_SCORE_RETRY || video_format_is_none(format->name)) return false;
    const bool surely = reads_one_still(format);
    return (surely || !video_has_usual_name(path)) && holds_a_still(path, surely);
}
