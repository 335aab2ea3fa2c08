/* video.h: reading the frames of one video, whatever it is: a file that libav* decodes, a folder of PNG frames, or one that the
 * program draws itself.
 *
 * Frames come one after another as RGB of their own size, which may change midway. Reading twice from the beginning gives the same
 * frames to the bit: each decoder runs in one thread.
 */
#ifndef ZOETROPE_VIDEO_H
#define ZOETROPE_VIDEO_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

typedef enum VideoKind { VIDEO_FILE, VIDEO_FOLDER, VIDEO_SYNTHETIC } VideoKind;

/* What is needed to open a video, again and again. */
typedef struct VideoSource {
    VideoKind kind;
    const char *path; /* file or folder; a made-up name for a synthetic video */
    /* synthetic only: */
    uint64_t seed, number; /* number: which of the seed's endlessly many videos */
    int64_t frames;
    int height, width;
    bool colour;
} VideoSource;

typedef struct VideoFrame {
    int rows, columns;
    int64_t timestamp; /* in units of its own, or VIDEO_NO_TIMESTAMP */
} VideoFrame;
#define VIDEO_NO_TIMESTAMP INT64_MIN

typedef enum VideoStatus { VIDEO_FRAME, VIDEO_END, VIDEO_FAILED } VideoStatus;

typedef struct Video Video;

/* Each kind of video is a row of such functions; a Video of each kind starts with a pointer to them. */
typedef struct VideoFunctions {
    VideoStatus (*next)(Video *video, VideoFrame *frame, Error *error);
    const uint8_t *(*rgb)(Video *video, Error *error);
    bool (*seek)(Video *video, int64_t frame, int64_t timestamp, Error *error);
    int64_t (*damaged)(const Video *video);    /* NULL: never */
    const char *(*remark)(const Video *video); /* NULL: nothing to remark */
    void (*close)(Video *video);
} VideoFunctions;

struct Video {
    const VideoFunctions *functions;
};

/* NULL with an error that names the file and says why it is no video that can be read. video_close takes NULL, too. */
Video *video_open(const VideoSource *source, Error *error);
void video_close(Video *video);

/* Goes on to the next frame. A file that breaks off (truncated, damaged) ends where nothing more can be decoded. */
VideoStatus video_next(Video *video, VideoFrame *frame, Error *error);

/* The current frame: [rows, columns, 3], valid until the next call for this video. NULL with an error. */
const uint8_t *video_rgb(Video *video, Error *error);

/* Goes back or forward so that soon, though perhaps not at once, video_next gives the frame with this number and timestamp: a file
 * goes on at the key frame that its container has at or before the timestamp. The caller compares timestamps. False with an error:
 * this video cannot; open it anew and read from the beginning. */
bool video_seek(Video *video, int64_t frame, int64_t timestamp, Error *error);

/* Packets so far that could not be decoded and were left out. */
int64_t video_damaged(const Video *video);

/* What is odd about a video, though it can be read: "2 frames are missing between a.png and d.png"; or NULL. */
const char *video_remark(const Video *video);

/* What file is worth a warning when it cannot be read: does its name end like that of a video (.mp4, .avi …)? */
bool video_has_usual_name(const char *path);

/* Of the three kinds; video_open chooses. */
Video *video_file_open(const char *path, Error *error);
Video *video_folder_open(const char *path, Error *error);
Video *synthetic_open(const VideoSource *source, Error *error);

/* Does the name end in .png? Such files in one folder are the frames of one video. */
bool video_is_png_name(const char *name);

#endif
