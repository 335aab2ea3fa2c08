/* clip_reader.c: frames of a data set, from its cache or from the file.
 *
 * To reach a frame of a file, the reader seeks in the container. It does not trust where that lands, or that decoding from there is right.
 * Timestamps tell which frames come, and each frame must have the hash that it had when the file was read from the beginning. If not,
 * the next try starts further back, and the last one at the beginning of the file.
 */
#include "exact.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "data/dataset_index.h"

enum { UNKNOWN = -1, NEAR = 24 /* frames at most this far ahead are reached by decoding, without a seek */ };

struct ClipReader {
    const Dataset *dataset;
    Resizer *resizer;
    uint8_t *levels; /* of one frame */
    size_t values;   /* C · H · W */
    Video *video;    /* the one read last, */
    int64_t number;  /* its number, */
    int64_t next;    /* and the frame that video_next will return, or UNKNOWN */
};

ClipReader *clip_reader_open(const Dataset *dataset, Error *error) {
    ClipReader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        fail_memory(error, "reading clips");
        return NULL;
    }
    *reader = (ClipReader){.dataset = dataset, .number = UNKNOWN, .next = UNKNOWN};
    reader->values = (size_t)dataset->channels * (size_t)dataset->height * (size_t)dataset->width;
    reader->levels = malloc(reader->values);
    reader->resizer = resizer_new(dataset->channels, dataset->height, dataset->width, error);
    if (reader->levels && reader->resizer) return reader;
    fail_memory(error, "reading clips");
    clip_reader_close(reader);
    return NULL;
}

void clip_reader_close(ClipReader *reader) {
    if (!reader) return;
    video_close(reader->video);
    resizer_free(reader->resizer);
    free(reader->levels);
    free(reader);
}

/* Which frame has this timestamp? Timestamps of an ordered video rise. */
static int64_t find(const DatasetVideo *video, int64_t timestamp) {
    int64_t low = 0, high = video->frames - 1;
    while (low <= high) {
        int64_t middle = low + (high - low) / 2;
        if (video->timestamps[middle] == timestamp) return middle;
        if (video->timestamps[middle] < timestamp) low = middle + 1;
        else high = middle - 1;
    }
    return UNKNOWN;
}

static bool fail_changed(const DatasetVideo *video, int64_t frame, Error *error) {
    if (video->source.images)
        return fail(error, "%s/%s: the image is no longer what it was when the program started: the file has changed", video->folder,
                    video->names[frame]);
    return fail(error, "%s: frame %" PRId64 " is no longer what it was when the program started: the file has changed", video->name, frame);
}

/* The next frame of the open video and its number: the expected one or, after a seek, one up to `latest`. */
static bool advance(ClipReader *reader, const DatasetVideo *video, int64_t latest, VideoFrame *frame, int64_t *number, Error *error) {
    VideoStatus status = video_next(reader->video, frame, error);
    if (status == VIDEO_END) return fail_changed(video, reader->next == UNKNOWN ? latest : reader->next, error);
    if (status == VIDEO_FAILED) return false;
    *number = reader->next;
    if (*number == UNKNOWN) {
        *number = find(video, frame->timestamp);
        if (*number == UNKNOWN || *number > latest) return fail_changed(video, latest, error);
    } else if (*number >= video->frames || frame->timestamp != video->timestamps[*number]) return fail_changed(video, *number, error);
    reader->next = *number + 1;
    return true;
}

/* Decodes from the current position, and returns frames start … start + count − 1. */
static bool read_on(ClipReader *reader, int64_t start, int64_t count, float *pixels, Error *error) {
    const DatasetVideo *video = &reader->dataset->videos[reader->number];
    while (count) {
        VideoFrame frame;
        int64_t number = UNKNOWN;
        if (!advance(reader, video, start, &frame, &number, error)) return false;
        if (number < start) continue;
        const uint8_t *rgb = video_rgb(reader->video, error);
        if (!rgb || !resizer_run(reader->resizer, rgb, frame.rows, frame.columns, reader->levels, error)) return false;
        if (hash_levels(reader->levels, reader->values) != video->hashes[number]) return fail_changed(video, number, error);
        levels_to_pixels(reader->levels, pixels, reader->values);
        pixels += reader->values;
        start++;
        count--;
    }
    return true;
}

static bool reopen(ClipReader *reader, int64_t number, Error *error) {
    video_close(reader->video);
    reader->video = video_open(&reader->dataset->videos[number].source, error);
    reader->number = reader->video ? number : UNKNOWN;
    reader->next = reader->video ? 0 : UNKNOWN;
    return reader->video != NULL;
}

/* Any of them can be read at once, so there is nothing else to try. */
static bool read_images(ClipReader *reader, const DatasetVideo *video, int64_t start, int64_t count, float *pixels, Error *error) {
    bool good = video_seek(reader->video, start, video->timestamps[start], error);
    reader->next = start;
    good = good && read_on(reader, start, count, pixels, error);
    if (!good) reader->next = UNKNOWN;
    return good;
}

static bool read_streamed(ClipReader *reader, int64_t number, int64_t start, int64_t count, float *pixels, Error *error) {
    static const int64_t back[] = {0, 16, 128, 1024}; /* how many frames before the wanted one to seek to, one try after another */
    const DatasetVideo *video = &reader->dataset->videos[number];
    if (reader->number != number && !reopen(reader, number, error)) return false;
    if (video->source.images) return read_images(reader, video, start, count, pixels, error);
    int64_t ahead = reader->next == UNKNOWN ? -1 : start - reader->next;
    const int64_t near =
        video->source.kind == VIDEO_STILLS || video->source.kind == VIDEO_IDX ? 0 : NEAR; /* any still can be read at once */
    if (ahead >= 0 && (ahead <= near || !video->ordered) && read_on(reader, start, count, pixels, error)) return true;
    for (size_t i = 0; video->ordered && i < sizeof back / sizeof *back && start > back[i]; i++) {
        int64_t target = start - back[i];
        if (!video_seek(reader->video, target, video->timestamps[target], error)) break;
        reader->next = UNKNOWN;
        if (read_on(reader, start, count, pixels, error)) return true;
    }
    if (reopen(reader, number, error) && read_on(reader, start, count, pixels, error)) return true;
    reader->next = UNKNOWN;
    return false;
}

bool clip_give_up(Error *error) {
    if (error == NULL) return false;
    const size_t length = strlen(error->text);
    snprintf(error->text + length, sizeof error->text - length, "; start again");
    return false;
}

bool clip_read(ClipReader *reader, int64_t number, int64_t start, int64_t count, float *pixels, Error *error) {
    const DatasetVideo *video = &reader->dataset->videos[number];
    if (!video->levels) return read_streamed(reader, number, start, count, pixels, error);
    levels_to_pixels(video->levels + (size_t)start * reader->values, pixels, (size_t)count * reader->values);
    return true;
}
