/* video_stills.c: still images as the frames of one video, in the order of their names. */
#include "common/file.h"
#include "data/picture.h"
#include "data/stills.h"
#include "data/video.h"

#include <inttypes.h>
#include <stdlib.h>

typedef struct Stills {
    Video video;
    char *folder;
    const char *const *names; /* [count] */
    int64_t count, current;
    bool images;   /* no frames of a recording */
    bool readable; /* all could be read before */
    PictureReader *reader;
    Picture picture;
    bool turned;         /* one of them at least */
    bool *unreadable;    /* [count]: known so far */
    int64_t unread;      /* how many */
    char complaint[600]; /* about the first */
    int64_t pages;       /* pictures that are the first of several in their file */
} Stills;

/* ---- the report ---- */

/* How many frames are missing, and where: numbers that are left out, and pictures that cannot be read. */
static void stills_find_gaps(const Stills *stills, char *text, size_t size) {
    int64_t step = stills_step(stills->names, stills->count), gaps = 0, missing = 0;
    const char *before = NULL, *first = NULL, *next = NULL;
    for (int64_t i = 0; i < stills->count; i++) {
        if (stills->unreadable[i]) continue;
        int64_t here = before ? stills_distance(before, stills->names[i]) : 0;
        if (here % step != 0) return; /* the numbers do not count frames, but time, for example */
        if (here > step && gaps++ == 0) {
            first = before;
            next = stills->names[i];
            missing = here / step - 1;
        }
        before = stills->names[i];
    }
    if (gaps == 0) return;
    int length =
        snprintf(text, size, "%" PRId64 " %s missing between %s and %s", missing, plural(missing, "frame is", "frames are"), first, next);
    if (gaps > 1 && length < (int)size)
        snprintf(text + length, size - (size_t)length, ", and more at %" PRId64 " other %s", gaps - 1, plural(gaps - 1, "place", "places"));
}

static void stills_report(const Video *video, VideoReport *report) {
    const Stills *stills = (const Stills *)video;
    size_t length = 0;
    report->turned = stills->turned;
    report->incomplete = stills->unread > 0;
    if (stills->unread > 0 && stills->images)
        snprintf(report->damage, sizeof report->damage, "%" PRId64 " of %" PRId64 " %s cannot be read (%s%s)", stills->unread,
                 stills->count, plural(stills->count, "image", "images"), stills->unread > 1 ? "the first: " : "", stills->complaint);
    else if (stills->unread > 0 && stills->unread == stills->count)
        length = (size_t)snprintf(report->gap, sizeof report->gap, "none of its frames can be read (%s%s)",
                                  stills->unread > 1 ? "the first: " : "", stills->complaint);
    else if (stills->unread > 0)
        length = (size_t)snprintf(report->gap, sizeof report->gap, "%" PRId64 " of %" PRId64 " frames cannot be read (%s%s)",
                                  stills->unread, stills->count, stills->unread > 1 ? "the first: " : "", stills->complaint);
    if (stills->pages > 0) {
        snprintf(report->remark, sizeof report->remark, "%" PRId64 " of its pictures %s further pages", stills->pages,
                 plural(stills->pages, "has", "have"));
        report->consequence = "only the first page of each is used; to use the others, write each to its own file";
    }
    char gaps[700] = "";
    if (!stills->images) stills_find_gaps(stills, gaps, sizeof gaps);
    if (gaps[0] && length < sizeof report->gap)
        snprintf(report->gap + length, sizeof report->gap - length, "%s%s", length > 0 ? "; " : "", gaps);
}

/* ---- reading ---- */

/* Skips a picture that cannot be read. */
static void stills_pass_over(Stills *stills, const Error *reason) {
    if (stills->unread == 0)
        snprintf(stills->complaint, sizeof stills->complaint, "%.280s: %.300s", stills->names[stills->current], reason->text);
    if (!stills->unreadable[stills->current]) stills->unread++;
    stills->unreadable[stills->current] = true;
}

static VideoStatus stills_next(Video *video, VideoFrame *frame, Error *error) {
    Stills *stills = (Stills *)video;
    Error reason;
    while (++stills->current < stills->count) {
        char *path = path_join(stills->folder, "%s", stills->names[stills->current]);
        PictureStatus status = picture_read(stills->reader, path, &stills->picture, &reason);
        free(path);
        if (status == PICTURE_READ) {
            stills->turned |= stills->picture.turned;
            stills->pages += stills->picture.first_page;
            *frame = (VideoFrame){.rows = stills->picture.rows, .columns = stills->picture.columns, .timestamp = stills->current};
            return VIDEO_FRAME;
        }
        if (status == PICTURE_NO_MEMORY || stills->readable) {
            fail(error, "%s/%s: %s", stills->folder, stills->names[stills->current], reason.text);
            return VIDEO_FAILED;
        }
        stills_pass_over(stills, &reason);
    }
    return VIDEO_END;
}

static const uint8_t *stills_rgb(Video *video, Error *error) {
    (void)error;
    return ((Stills *)video)->picture.rgb;
}

/* The timestamp is the place among the names, including those that cannot be read. */
static bool stills_seek(Video *video, int64_t frame, int64_t timestamp, Error *error) {
    (void)frame, (void)error;
    ((Stills *)video)->current = timestamp - 1;
    return true;
}

static void stills_close(Video *video) {
    Stills *stills = (Stills *)video;
    picture_reader_free(stills->reader);
    free(stills->unreadable);
    free(stills->folder);
    free(stills);
}

Video *video_stills_open(const VideoSource *source, Error *error) {
    static const VideoFunctions functions = {
        .next = stills_next, .rgb = stills_rgb, .seek = stills_seek, .report = stills_report, .close = stills_close};
    (void)error;
    Stills *stills = allocate(sizeof *stills);
    stills->video.functions = &functions;
    stills->folder = copy_text(source->folder);
    stills->names = source->names;
    stills->count = source->name_count;
    stills->images = source->images;
    stills->readable = source->readable;
    stills->current = -1;
    stills->unreadable = allocate((size_t)source->name_count + 1);
    stills->reader = picture_reader_new();
    return &stills->video;
}
