/* video_damage.c: counts damage in video files.
 *
 * A decoder may refuse a packet, mark a frame (decode_error_flags, AV_FRAME_FLAG_CORRUPT), or conceal damage silently:
 * - Where each packet is a frame of its own (MJPEG, ProRes …), it is decoded strictly (AV_EF_EXPLODE). Only if that fails, it is
 *   decoded again as usual, so that the frame does not change.
 * - Decoders of the MPEG and H.26x families mark what they conceal.
 * - A few (FFV1, HEVC, Theora, early WMV) only log errors with av_log. In other decoders, such messages may also be about harmless
 *   things.
 * A container that has lost its place and looks for the next packet also logs errors.
 */
#include "data/video_damage.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { STRICT = AV_EF_EXPLODE | AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER };

/* Messages of these demuxers during reading, or some of them, mean damage. Errors of others may be harmless. ASF loses a frame if parts of
 * it are missing, and reports that at a low level. */
static bool is_about_damage(const AVFormatContext *container, int level, const char *message) {
    static const struct {
        const char *demuxer;
        int level;
        const char *part; /* of the message */
    } rows[] = {{"matroska", AV_LOG_ERROR, ""},
                {"mov,", AV_LOG_ERROR, ""},
                {"ogg", AV_LOG_ERROR, ""},
                {"flv", AV_LOG_ERROR, "mismatch"},
                {"asf", AV_LOG_TRACE, "incomplete packet"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strncmp(container->iformat->name, rows[i].demuxer, strlen(rows[i].demuxer)))
            return level <= rows[i].level && strstr(message, rows[i].part);
    return false;
}

/* The callback of av_log gets every message of every context. Our decoders and containers have their counts in `opaque`. */
static void listen_to(void *context, int level, const char *pattern, va_list arguments) {
    (void)arguments;
    if (!context) return;
    const AVClass *class = *(const AVClass *const *)context;
    if (class == avcodec_get_class()) {
        VideoDamage *damage = ((AVCodecContext *)context)->opaque;
        if (damage && damage->decoder == context) damage->complaints += level <= AV_LOG_ERROR;
    } else if (class == avformat_get_class()) {
        VideoDamage *damage = ((AVFormatContext *)context)->opaque;
        if (damage && damage->container == context && damage->reading)
            damage->container_complaints += is_about_damage(damage->container, level, pattern);
    }
}

void damage_listen(void) {
    av_log_set_level(AV_LOG_QUIET);
    av_log_set_callback(listen_to);
}

void damage_hear(VideoDamage *damage, AVFormatContext *container) {
    *damage = (VideoDamage){.container = container};
    container->opaque = damage;
}

void damage_start(VideoDamage *damage, int stream, AVCodecContext *decoder) {
    static const enum AVCodecID outspoken[] = {AV_CODEC_ID_FFV1, AV_CODEC_ID_HEVC,      AV_CODEC_ID_THEORA,    AV_CODEC_ID_WMV1,
                                               AV_CODEC_ID_WMV2, AV_CODEC_ID_MSMPEG4V1, AV_CODEC_ID_MSMPEG4V2, AV_CODEC_ID_MSMPEG4V3};
    const enum AVCodecID codec = decoder->codec_id;
    const AVCodecDescriptor *descriptor = avcodec_descriptor_get(codec);
    damage->stream = stream;
    damage->decoder = decoder;
    decoder->opaque = damage;
    for (size_t i = 0; i < sizeof outspoken / sizeof *outspoken; i++) damage->outspoken |= codec == outspoken[i];
    damage->strict = !damage->outspoken && descriptor && (descriptor->props & AV_CODEC_PROP_INTRA_ONLY) && codec != AV_CODEC_ID_TIFF;
}

int damage_send(VideoDamage *damage, AVCodecContext *decoder, const AVPacket *packet) {
    const int64_t complaints = damage->complaints;
    if (packet->flags & AV_PKT_FLAG_DISCARD || packet->size == 0) damage->unshown++;
    if (packet->pos >= 0) damage->place = packet->pos + packet->size;
    if (packet->pts != AV_NOPTS_VALUE && packet->pts + packet->duration > damage->reached) damage->reached = packet->pts + packet->duration;
    if (damage->packets++ == 0) damage->no_head = !damage->strict && !(packet->flags & AV_PKT_FLAG_KEY);
    const int recognition = decoder->err_recognition;
    if (damage->strict) decoder->err_recognition = STRICT;
    int code = avcodec_send_packet(decoder, packet);
    decoder->err_recognition = recognition;
    if (code < 0 && damage->strict && code != AVERROR(ENOMEM) && code != AVERROR_EOF && code != AVERROR(EAGAIN)) {
        code = avcodec_send_packet(decoder, packet);
        damage->pending = code >= 0;
    }
    if (code < 0 && code != AVERROR_EOF) damage->lost++;
    else damage->cut += (packet->flags & AV_PKT_FLAG_CORRUPT) != 0;
    if (code >= 0 && damage->outspoken && damage->complaints > complaints) damage->complained++;
    return code;
}

static bool is_interlaced(const AVFrame *frame) {
#ifdef AV_FRAME_FLAG_INTERLACED
    return (frame->flags & AV_FRAME_FLAG_INTERLACED) != 0;
#else
    return frame->interlaced_frame != 0;
#endif
}

void damage_look_at(VideoDamage *damage, const AVFrame *frame) {
    const bool marked = frame->decode_error_flags != 0 || (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0;
#ifdef AV_FRAME_FLAG_KEY
    damage->reached_key |= (frame->flags & AV_FRAME_FLAG_KEY) != 0;
#else
    damage->reached_key |= frame->key_frame != 0;
#endif
    damage->frames++;
    damage->fields |= is_interlaced(frame);
    if (damage->no_head && !damage->reached_key) damage->headless++;
    else damage->concealed += damage->pending || marked;
    damage->pending = false;
}

/* ---- the report ---- */

static void add(VideoReport *report, const char *pattern, ...) __attribute__((format(printf, 2, 3)));
static void add(VideoReport *report, const char *pattern, ...) {
    const size_t length = strlen(report->damage);
    va_list arguments;
    va_start(arguments, pattern);
    vsnprintf(report->damage + length, sizeof report->damage - length, pattern, arguments);
    va_end(arguments);
}

/* Packets without a frame. Many decoders drop one without an error, but log it, or mark the next frame. If a frame may be two packets, or a
 * packet no frame, only errors count: fields, hidden frames of VP8, and packed ones of MPEG-4. */
static int64_t lost_frames(const VideoDamage *damage) {
    const enum AVCodecID codec = damage->decoder->codec_id;
    const bool even = !damage->fields && codec != AV_CODEC_ID_VP8 && codec != AV_CODEC_ID_MPEG4;
    const bool hurt = damage->lost > 0 || damage->complaints > 0 || damage->concealed > 0;
    const int64_t left = damage->packets - damage->unshown - damage->frames;
    return even && hurt && left > damage->lost ? left : damage->lost;
}

void damage_report(const VideoDamage *damage, VideoReport *report) {
    int64_t concealed = damage->concealed; /* damage of a frame may be known in several ways, and by its packet */
    if (damage->cut > concealed) concealed = damage->cut;
    if (damage->complained > concealed) concealed = damage->complained;
    if (concealed > damage->frames - damage->headless) concealed = damage->frames - damage->headless; /* a frame counts once */
    const int64_t absent = damage_absent_frames(damage), lost = lost_frames(damage), damaged = lost + absent + concealed + damage->headless;
    const struct {
        int64_t count;
        const char *text;
    } kinds[] = {{absent, "not there"},
                 {lost, "cannot be decoded"},
                 {concealed, "only partly decoded"},
                 {damage->headless, "before the first key frame"}};
    const char *end = damage->breaks_off || absent > 0 || damage_is_cut(damage) ? "the file is cut off"
                      : damage->container_complaints > 0                        ? "parts of its container cannot be read"
                      : damage->no_head && !damaged                             ? "it does not begin with a key frame"
                                                                                : NULL;
    if (!damaged && !end) return;
    report->incomplete = true;
    if (!damaged) {
        add(report, "damaged: %s", end);
        return;
    }
    add(report, "damaged: %" PRId64 " of %" PRId64 " frames", damaged, damage->frames + lost + absent);
    for (int i = 0, parts = 0; i < 4; i++)
        if (kinds[i].count > 0) add(report, "%s%" PRId64 " %s", parts++ > 0 ? ", " : " (", kinds[i].count, kinds[i].text);
    add(report, ")%s%s", end ? "; " : "", end ? end : "");
}
