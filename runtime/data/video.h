/* video.h: reads the frames of one video of any kind: a file that libav* decodes, still images as frames, the images of an idx file,
 * or one that the program draws itself.
 *
 * Frames come one after another as RGB of their own size, which may change midway, turned upright according to metadata. Reading twice from
 * the beginning gives the same frames to the bit: each decoder runs in one thread.
 */
#ifndef ZOETROPE_VIDEO_H
#define ZOETROPE_VIDEO_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

typedef enum VideoKind { VIDEO_FILE, VIDEO_STILLS, VIDEO_IDX, VIDEO_SYNTHETIC } VideoKind;

/* What is needed to open a video, any number of times. */
typedef struct VideoSource {
    VideoKind kind;
    const char *path; /* file or folder; a made-up name for a synthetic video */
    /* stills only: */
    const char *folder;       /* which they are in */
    const char *const *names; /* [name_count], in the order of frames; they must outlive the video */
    int64_t name_count;
    bool images;   /* they are no frames of a recording: nothing can be missing between them */
    bool readable; /* all of them could be read before, so it is an error if one cannot be read now */
    /* synthetic only: */
    uint64_t seed, number; /* number: the place in the endless sequence of the seed */
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

/* The report on a video that was read from beginning to end. Each text is one line, or empty. */
typedef struct VideoReport {
    bool incomplete;         /* something in it could not be read as it was written; a text says what */
    bool turned;             /* according to its metadata */
    char damage[1000];       /* "damaged: 2 of 100 frames …" */
    char gap[1000];          /* "2 frames are missing between a.png and d.png" */
    char remark[100];        /* anything else, … */
    const char *consequence; /* … and its consequence */
} VideoReport;

/* Each kind of video has a table of these functions, and its Video starts with a pointer to it. */
typedef struct VideoFunctions {
    VideoStatus (*next)(Video *video, VideoFrame *frame, Error *error);
    const uint8_t *(*rgb)(Video *video, Error *error);
    bool (*seek)(Video *video, int64_t frame, int64_t timestamp, Error *error);
    void (*report)(const Video *video, VideoReport *report); /* NULL: nothing */
    void (*close)(Video *video);
} VideoFunctions;

struct Video {
    const VideoFunctions *functions;
};

/* NULL with an error that names the file and says why it cannot be read as a video. video_close accepts NULL. */
Video *video_open(const VideoSource *source, Error *error);
void video_close(Video *video);

/* Goes to the next frame. A truncated or damaged file ends where nothing more can be decoded. */
VideoStatus video_next(Video *video, VideoFrame *frame, Error *error);

/* The current frame: [rows, columns, 3], valid until the next call for this video. NULL with an error. */
const uint8_t *video_rgb(Video *video, Error *error);

/* Goes back or forward, so that video_next soon, perhaps not at once, returns the frame with this number and timestamp. A file continues at
 * a key frame at or before the timestamp. The caller compares timestamps. False with an error: this video cannot seek; open it again and
 * read from the beginning. */
bool video_seek(Video *video, int64_t frame, int64_t timestamp, Error *error);

void video_report(const Video *video, VideoReport *report);

/* Does the name end like that of a video (.mp4, .avi …)? Then it is worth a warning if it cannot be read. */
bool video_has_usual_name(const char *path);

/* Of the four kinds; video_open chooses. */
Video *video_file_open(const char *path, Error *error);
Video *video_stills_open(const VideoSource *source, Error *error);
Video *video_idx_open(const VideoSource *source, Error *error);
Video *synthetic_open(const VideoSource *source, Error *error);

/* Do these bytes, the first of a file, look like those of a video? */
bool video_file_begins(const uint8_t *bytes, size_t length);

/* Formats that libav* "decodes" from any text, that make it open other files, or that are drawings. */
bool video_format_is_none(const char *name);

/* The text after the last dot of a name, or an empty one. */
const char *path_extension(const char *path);

#endif
