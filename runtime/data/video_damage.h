/* video_damage.h: counts damage in a video file, whether its decoder reports or conceals it. */
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
    int64_t lost;                             /* packets that cannot be decoded: each costs a frame */
    int64_t concealed;                        /* frames that are partly decoded and partly guessed */
    int64_t complained;                       /* packets that an outspoken decoder accepts, but logs errors about */
    int64_t headless;                         /* frames before the first key frame, if the file does not begin with one */
    int64_t unshown;                          /* packets that are not meant to give a frame */
    int64_t place;                            /* in the file: the end of the last packet */
    bool fields;                              /* some frames have two fields, each of which may be a packet */
    int64_t cut;                              /* packets that the container knows to be incomplete */
    bool pending;                             /* the next frame belongs to a packet that strict decoding refused */
    bool strict;                              /* each packet is decoded by itself: strictly at first, and again if that fails */
    bool outspoken;                           /* the decoder marks few frames, but its logged errors mean damage */
    bool no_head;                             /* the first packet is not a key frame … */
    bool reached_key;                         /* … and one has come since */
    bool breaks_off;                          /* the container cannot be read to its end */
    bool reading;                             /* the container is being read */
    int64_t reached;                          /* the end of the last packet, in the stream's units */
    int64_t complaints, container_complaints; /* heard from each */
} VideoDamage;

/* Call it before the container is opened, because looking for streams already reads packets. */
void damage_hear(VideoDamage *damage, AVFormatContext *container);
/* Call it before the decoder is opened. */
void damage_start(VideoDamage *damage, int stream, AVCodecContext *decoder);

/* avcodec_send_packet that also counts. The frames are those that the decoder gives without it. */
int damage_send(VideoDamage *damage, AVCodecContext *decoder, const AVPacket *packet);
/* Call it for each decoded frame. */
void damage_look_at(VideoDamage *damage, const AVFrame *frame);

void damage_report(const VideoDamage *damage, VideoReport *report);

/* video_ending.c, of a file that was read to its end. Does it end before its container says that it does? */
bool damage_is_cut(const VideoDamage *damage);
/* Frames that the container has an entry for, but that are not in the file. */
int64_t damage_absent_frames(const VideoDamage *damage);

/* Keeps libav* from printing, and gets its messages. */
void damage_listen(void);

#endif
