/* video_damage.h: what of a video file is damaged, whether its decoder says so or conceals it. */
#ifndef ZOETROPE_VIDEO_DAMAGE_H
#define ZOETROPE_VIDEO_DAMAGE_H

#include "data/video.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

/* Counts from the beginning of a file to its end. */
typedef struct VideoDamage {
    const AVFormatContext *container;
    int stream;
    const AVCodecContext *decoder;
    int64_t packets, frames;
    int64_t lost;                             /* packets that cannot be decoded: each is a frame less */
    int64_t concealed;                        /* frames that are decoded in part, and the rest guessed */
    int64_t complained;                       /* packets that an outspoken decoder takes, and complains about */
    int64_t headless;                         /* frames before the first key frame, where the file does not begin with one */
    int64_t unshown;                          /* packets that are to give no frame */
    int64_t place;                            /* in the file: the end of the last packet */
    bool fields;                              /* some frame is of two fields, which may be a packet each */
    int64_t cut;                              /* packets that the container knows to be incomplete */
    bool pending;                             /* the frame that comes next is of a packet that strict decoding refused */
    bool strict;                              /* each packet is decoded for itself: strictly at first, and again if that fails */
    bool outspoken;                           /* the decoder marks few frames; what it complains about is damage */
    bool no_head;                             /* the first packet is no key frame … */
    bool reached_key;                         /* … and one has come since */
    bool breaks_off;                          /* the container cannot be read to its end */
    bool reading;                             /* the container is being read */
    int64_t reached;                          /* the end of the last packet, in the stream's units */
    int64_t complaints, container_complaints; /* heard from each */
} VideoDamage;

/* Before the container is opened: what is read of it while its streams are looked for is part of it. */
void damage_hear(VideoDamage *damage, AVFormatContext *container);
/* Before the decoder is opened. */
void damage_start(VideoDamage *damage, int stream, AVCodecContext *decoder);

/* avcodec_send_packet, which counts. Frames are those that the decoder would give without it. */
int damage_send(VideoDamage *damage, AVCodecContext *decoder, const AVPacket *packet);
/* Each frame that comes out. */
void damage_look_at(VideoDamage *damage, const AVFrame *frame);

void damage_report(const VideoDamage *damage, VideoReport *report);

/* Keeps libav* from printing, and listens to what it would. */
void damage_listen(void);

#endif
