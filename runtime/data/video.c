/* video.c: the four kinds of video behind one interface. */
#include "data/video.h"

#include <string.h>
#include <strings.h>

Video *video_open(const VideoSource *source, Error *error) {
    switch (source->kind) {
    case VIDEO_FILE:
        return video_file_open(source->path, error);
    case VIDEO_STILLS:
        return video_stills_open(source, error);
    case VIDEO_IDX:
        return video_idx_open(source, error);
    case VIDEO_SYNTHETIC:
        break;
    }
    return synthetic_open(source, error);
}

void video_close(Video *video) {
    if (video) video->functions->close(video);
}

VideoStatus video_next(Video *video, VideoFrame *frame, Error *error) {
    return video->functions->next(video, frame, error);
}

const uint8_t *video_rgb(Video *video, Error *error) {
    return video->functions->rgb(video, error);
}

bool video_seek(Video *video, int64_t frame, int64_t timestamp, Error *error) {
    return video->functions->seek(video, frame, timestamp, error);
}

void video_report(const Video *video, VideoReport *report) {
    *report = (VideoReport){.incomplete = false};
    if (video->functions->report) video->functions->report(video, report);
}

const char *path_extension(const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    return dot && dot != name ? dot + 1 : "";
}

bool video_has_usual_name(const char *path) {
    static const char *const extensions[] = {"mp4", "m4v",  "mov", "avi",  "mkv",  "webm",  "mpg",  "mpeg", "mpe",  "m2v",
                                             "ts",  "m2ts", "mts", "wmv",  "asf",  "flv",   "f4v",  "ogv",  "ogm",  "3gp",
                                             "3g2", "vob",  "y4m", "mxf",  "rm",   "rmvb",  "divx", "dv",   "nut",  "ivf",
                                             "264", "h264", "265", "h265", "hevc", "mjpeg", "mjpg", "gif",  "apng", "dav"};
    const char *extension = path_extension(path);
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
        if (!strcasecmp(extension, extensions[i])) return true;
    return false;
}
