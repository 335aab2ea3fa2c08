/* sample_video.h: makes videos and pictures for the tests of data loading, in a temporary folder. */
#ifndef ZOETROPE_SAMPLE_VIDEO_H
#define ZOETROPE_SAMPLE_VIDEO_H

#include <stdbool.h>
#include <stdint.h>

struct AVPacket;

typedef struct SampleVideo {
    const char *codec; /* of libavcodec: ffv1 (lossless, grey), mpeg4, mjpeg */
    int frames, rows, columns;
    int key_every;         /* frames from key frame to key frame */
    int b_frames;          /* between two others */
    int small_from;        /* from this frame on, half as high and wide; 0: never */
    int small_until;       /* before this frame, half as high and wide; 0: never */
    int level;             /* of the codec: ffv1 has checksums from 3 on; 0: the default */
    bool index_first;      /* in MP4: so that a file that is cut off still has one */
    const int32_t *matrix; /* [9]: the display matrix; NULL: none */
    /* Called for each packet before it is written; may change its bytes. false: the packet is lost. NULL: not called. */
    bool (*hurt)(struct AVPacket *packet, int number);
} SampleVideo;

/* The level that each frame of a sample has at a pixel, before the codec. */
uint8_t sample_level(int frame, int row, int column);

/* The extension of the path decides the container. The test fails if the video cannot be made. */
void sample_video_write(const char *path, const SampleVideo *sample);

/* A PNG of one colour. */
void sample_png_write(const char *path, int rows, int columns, uint8_t red, uint8_t green, uint8_t blue);

/* A still image. */
typedef struct SamplePicture {
    const char *encoder; /* of libavcodec: mjpeg, tiff, bmp, pgm … */
    const char *format;  /* of its pixels, by libavutil's name: gray, gray16be, yuvj420p, rgb24 … */
    int rows, columns;
    uint8_t level, corner; /* `corner` in the upper left quarter, else `level` */
} SamplePicture;
/* False: this libavcodec does not have the encoder. */
bool sample_picture_write(const char *path, const SamplePicture *sample);

/* A file of these bytes. */
void sample_bytes_write(const char *path, const void *bytes, long length);

/* Cuts off a file after this share of its length. */
void sample_truncate(const char *path, double share);

/* A new temporary folder; the caller frees the name, and removes the folder with sample_folder_remove. */
char *sample_folder(void);
void sample_folder_remove(char *folder);

#endif
