/* dataset.c: reads every video once, keeps what fits, and says which clips there are. clip_reader.c reads them. */
#include "dataset.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataset_index.h"
#include "dataset_scan.h"
#include "file.h"
#include "random.h"
#include "text.h"

enum { MOST_WARNINGS = 20, PROGRESS_FRAMES = 256 };

/* A data set that is being opened. */
typedef struct Builder {
    Dataset *dataset;
    const DatasetOptions *options;
    FILE *output;
    size_t cache_left;
    Resizer *resizer;
    uint8_t *levels; /* of one frame */
    int64_t room;    /* videos */
    int64_t warnings, frames_read;
    Error first; /* the first thing that was left out */
} Builder;

static size_t frame_bytes(const Dataset *dataset) {
    return (size_t)dataset->channels * (size_t)dataset->height * (size_t)dataset->width;
}

uint64_t hash_levels(const uint8_t *levels, size_t count) { /* FNV-1a, over words of 8 bytes */
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; count >= 8; levels += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, levels, 8);
        hash = (hash ^ word) * UINT64_C(0x100000001b3);
        hash ^= hash >> 29;
    }
    for (; count; levels++, count--) hash = (hash ^ *levels) * UINT64_C(0x100000001b3);
    return hash;
}

static void warn(Builder *builder, const char *text, const char *consequence) {
    if (!builder->first.text[0]) fail(&builder->first, "%s", text);
    if (builder->warnings++ >= MOST_WARNINGS) return;
    const DatasetOptions *options = builder->options;
    if (options->progress) options->progress(options->progress_context, builder->dataset->count, builder->frames_read, NULL);
    print_escaped(builder->output, "warning: %s; %s", text, consequence);
}

/* Arrays of a video while it is being read. */
typedef struct Growth {
    int64_t room;       /* of timestamps and hashes, in frames */
    int64_t level_room; /* of levels, in frames */
    bool streamed;      /* it has turned out not to fit in the cache */
} Growth;

static void keep_levels(Builder *builder, DatasetVideo *video, Growth *growth) {
    size_t size = frame_bytes(builder->dataset);
    if (video->frames == growth->level_room) {
        int64_t most = (int64_t)(builder->cache_left / size), room = growth->level_room + growth->level_room / 2 + 64;
        if (room > most) room = most;
        uint8_t *levels = room > video->frames ? realloc(video->levels, (size_t)room * size) : NULL;
        if (!levels) {
            growth->streamed = true;
            free(video->levels);
            video->levels = NULL;
            return;
        }
        video->levels = levels;
        growth->level_room = room;
    }
    memcpy(video->levels + (size_t)video->frames * size, builder->levels, size);
}

static void keep_frame(Builder *builder, DatasetVideo *video, Growth *growth, int64_t timestamp) {
    if (video->frames == growth->room) {
        growth->room = growth->room + growth->room / 2 + 64;
        video->timestamps = reallocate(video->timestamps, (size_t)growth->room * sizeof *video->timestamps);
        video->hashes = reallocate(video->hashes, (size_t)growth->room * sizeof *video->hashes);
    }
    if (timestamp == VIDEO_NO_TIMESTAMP || (video->frames && timestamp <= video->timestamps[video->frames - 1])) video->ordered = false;
    video->timestamps[video->frames] = timestamp;
    video->hashes[video->frames] = hash_levels(builder->levels, frame_bytes(builder->dataset));
    if (!growth->streamed) keep_levels(builder, video, growth);
    video->frames++;
    const DatasetOptions *options = builder->options;
    if (++builder->frames_read % PROGRESS_FRAMES == 0 && options->progress)
        options->progress(options->progress_context, builder->dataset->count, builder->frames_read, video->source.path);
}

static void video_free(DatasetVideo *video) {
    free(video->levels);
    free(video->timestamps);
    free(video->hashes);
    free(video->path);
    *video = (DatasetVideo){.frames = 0};
}

static bool stopped(const Builder *builder) {
    return builder->options->stop && *builder->options->stop;
}

static bool fail_stopped(const Builder *builder, Error *error) {
    return !stopped(builder) || fail(error, "stopped while videos were being read");
}

/* Reads all frames of an open video. */
static bool read_frames(Builder *builder, Video *reader, DatasetVideo *video, Growth *growth, Error *error) {
    VideoFrame frame;
    VideoStatus status = VIDEO_END;
    while (!stopped(builder) && (status = video_next(reader, &frame, error)) == VIDEO_FRAME) {
        const uint8_t *rgb = video_rgb(reader, error);
        if (!rgb || !resizer_run(builder->resizer, rgb, frame.rows, frame.columns, builder->levels, error)) return false;
        keep_frame(builder, video, growth, frame.timestamp);
    }
    if (status == VIDEO_FAILED) return false;
    return video->frames || fail(error, "%s: not one frame of it can be decoded", video->source.path);
}

/* Of the two ways to keep a video, gives up the one that is not needed. */
static void settle(Builder *builder, DatasetVideo *video) {
    Dataset *dataset = builder->dataset;
    size_t count = (size_t)video->frames;
    if (video->levels) {
        size_t size = count * frame_bytes(dataset);
        uint8_t *levels = realloc(video->levels, size);
        if (levels) video->levels = levels;
        builder->cache_left -= size;
        dataset->memory += size;
        dataset->cached++;
        free(video->timestamps);
        free(video->hashes);
        video->timestamps = NULL;
        video->hashes = NULL;
    } else {
        video->timestamps = reallocate(video->timestamps, count * sizeof *video->timestamps);
        video->hashes = reallocate(video->hashes, count * sizeof *video->hashes);
        dataset->memory += count * (sizeof *video->timestamps + sizeof *video->hashes);
    }
    dataset->memory += sizeof *video + strlen(video->path) + 1;
    dataset->frames += video->frames;
}

static void add_video(Builder *builder, const DatasetVideo *video) {
    Dataset *dataset = builder->dataset;
    if (dataset->count == builder->room) {
        builder->room = builder->room ? 2 * builder->room : 64;
        dataset->videos = reallocate(dataset->videos, (size_t)builder->room * sizeof *dataset->videos);
    }
    dataset->videos[dataset->count++] = *video;
    const DatasetOptions *options = builder->options;
    if (options->progress) options->progress(options->progress_context, dataset->count, builder->frames_read, video->source.path);
}

/* Reads one candidate and keeps it, or warns and counts why not. `given`: the user named it, so that it is worth a warning whatever it is.
 */
static void take(Builder *builder, const VideoSource *source, bool given) {
    Dataset *dataset = builder->dataset;
    DatasetCounts *counts = &dataset->counts;
    DatasetVideo video = {.source = *source, .path = copy_text(source->path), .ordered = true};
    video.source.path = video.path;
    Growth growth = {.streamed = false};
    Error error;
    counts->files++;
    Video *reader = video_open(&video.source, &error);
    bool good = reader && read_frames(builder, reader, &video, &growth, &error);
    if (stopped(builder)) {
        video_close(reader);
        video_free(&video);
        return;
    }
    if (!good) {
        bool silent = !given && !video.frames && source->kind == VIDEO_FILE && !video_has_usual_name(source->path);
        if (silent) counts->others++;
        else counts->unreadable++, warn(builder, error.text, "left out");
        video_close(reader);
        video_free(&video);
        return;
    }
    int64_t damaged = video_damaged(reader);
    char remark[400];
    snprintf(remark, sizeof remark, "%s", video_remark(reader) ? video_remark(reader) : "");
    video_close(reader);
    if (video.frames < dataset->T) {
        counts->brief++;
        fail(&error, "%s: has %" PRId64 " %s, and a clip needs T = %d", video.path, video.frames, plural(video.frames, "frame", "frames"),
             dataset->T);
        warn(builder, error.text, "left out");
        video_free(&video);
        return;
    }
    if (damaged) {
        counts->damaged++;
        fail(&error, "%s: damaged: %" PRId64 " %s cannot be decoded", video.path, damaged, plural(damaged, "place", "places"));
        warn(builder, error.text, "the frames that can be are used");
    }
    if (remark[0]) {
        counts->gaps++;
        fail(&error, "%s: %s", video.path, remark);
        warn(builder, error.text, "those that are there are used as if they followed one another");
    }
    settle(builder, &video);
    add_video(builder, &video);
}

static bool builder_start(Builder *builder, const DatasetOptions *options, Error *error) {
    *builder = (Builder){.options = options, .output = options->warnings ? options->warnings : stderr};
    builder->cache_left = options->cache_bytes ? options->cache_bytes : DATASET_CACHE_BYTES;
    builder->dataset = allocate(sizeof *builder->dataset);
    *builder->dataset = (Dataset){
        .T = options->T, .channels = options->channels, .height = options->height, .width = options->width, .memory = sizeof(Dataset)};
    builder->resizer = resizer_new(options->channels, options->height, options->width, error);
    builder->levels = malloc(frame_bytes(builder->dataset));
    return builder->resizer && (builder->levels || fail_memory(error, "a frame"));
}

static Dataset *builder_end(Builder *builder, bool good) {
    if (builder->warnings > MOST_WARNINGS)
        fprintf(builder->output, "warning: %" PRId64 " more like these\n", builder->warnings - MOST_WARNINGS);
    resizer_free(builder->resizer);
    free(builder->levels);
    if (good) return builder->dataset;
    dataset_close(builder->dataset);
    return NULL;
}

/* The error for a user whose paths hold nothing to learn from. */
static bool fail_empty(const Builder *builder, const char *const *paths, int path_count, Error *error) {
    const DatasetCounts *counts = &builder->dataset->counts;
    const char *more = path_count > 1 ? " (and the other paths given)" : "";
    if (!counts->files)
        return fail(error, "%s%s: no file in it%s; give a folder with videos, video files, or folders of PNG frames", paths[0], more,
                    counts->unreadable_folders ? " that can be read" : "");
    return fail(error,
                "%s%s: no video to use among %" PRId64 " %s: %" PRId64 " unreadable, %" PRId64 " shorter than T = %d %s, %" PRId64
                " %s%s%s; give videos that FFmpeg's libraries decode, or folders of PNG frames",
                paths[0], more, counts->files, plural(counts->files, "file", "files"), counts->unreadable, counts->brief,
                builder->dataset->T, plural(builder->dataset->T, "frame", "frames"), counts->others,
                plural(counts->others, "not a video", "not videos"), builder->first.text[0] ? ". The first: " : "", builder->first.text);
}

Dataset *dataset_open(const char *const *paths, int path_count, const DatasetOptions *options, Error *error) {
    Builder builder;
    bool good = builder_start(&builder, options, error);
    Scan scan = {.warnings = builder.output};
    good = good && scan_paths(&scan, paths, path_count, error);
    if (good) {
        builder.dataset->counts.unreadable_folders = scan.unreadable_folders;
        for (int64_t i = 0; i < scan.count && !stopped(&builder); i++) {
            VideoSource source = {.kind = scan.candidates[i].kind, .path = scan.candidates[i].path};
            take(&builder, &source, scan.candidates[i].given);
        }
        good = fail_stopped(&builder, error) && (builder.dataset->count || fail_empty(&builder, paths, path_count, error));
    }
    scan_free(&scan);
    return builder_end(&builder, good);
}

Dataset *dataset_open_synthetic(uint64_t seed, uint64_t first, int64_t videos, int64_t frames, const DatasetOptions *options,
                                Error *error) {
    Builder builder;
    bool good = builder_start(&builder, options, error);
    for (int64_t i = 0; good && i < videos && !stopped(&builder); i++) {
        uint64_t number = first + (uint64_t)i;
        char name[64];
        snprintf(name, sizeof name, "synthetic/%" PRIu64, number);
        VideoSource source = {.kind = VIDEO_SYNTHETIC,
                              .path = name,
                              .seed = seed,
                              .number = number,
                              .frames = frames,
                              .height = options->height,
                              .width = options->width,
                              .colour = options->channels == 3};
        take(&builder, &source, true);
    }
    good = good && fail_stopped(&builder, error) &&
           (builder.dataset->count ||
            fail(error, "no synthetic video has %d frames, as a clip needs: draw longer ones than %" PRId64, options->T, frames));
    return builder_end(&builder, good);
}

void dataset_close(Dataset *dataset) {
    if (!dataset) return;
    for (int64_t i = 0; i < dataset->count; i++) video_free(&dataset->videos[i]);
    free(dataset->videos);
    free(dataset);
}

void dataset_describe(const Dataset *dataset, char *text, size_t size) {
    const DatasetCounts *counts = &dataset->counts;
    size_t length =
        (size_t)snprintf(text, size, "%" PRId64 " %s, %" PRId64 " %s", dataset->count, plural(dataset->count, "video", "videos"),
                         dataset->frames, plural(dataset->frames, "frame", "frames"));
    const struct {
        int64_t count;
        const char *one, *several;
    } rows[] = {{dataset->count - dataset->cached, "streamed", "streamed"},
                {counts->unreadable, "unreadable and left out", "unreadable and left out"},
                {counts->brief, "too short and left out", "too short and left out"},
                {counts->damaged, "damaged in part", "damaged in part"},
                {counts->gaps, "with frames missing", "with frames missing"},
                {counts->others, "other file", "other files"},
                {counts->unreadable_folders, "unreadable folder", "unreadable folders"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].count && length < size)
            length += (size_t)snprintf(text + length, size - length, ", %" PRId64 " %s", rows[i].count,
                                       plural(rows[i].count, rows[i].one, rows[i].several));
}

size_t dataset_memory_bytes(const Dataset *dataset) {
    return dataset->memory;
}

Clip dataset_draw(const Dataset *dataset, uint64_t seed, int64_t iteration, int batch, int place) {
    uint64_t index = (uint64_t)iteration * (uint64_t)batch + (uint64_t)place;
    int64_t video = (int64_t)random_below(seed, RANDOM_CLIP_VIDEO, index, (uint64_t)dataset->count);
    uint64_t starts = (uint64_t)(dataset->videos[video].frames - dataset->T + 1);
    return (Clip){video, (int64_t)random_below(seed, RANDOM_CLIP_START, index, starts)};
}

int64_t dataset_clips(const Dataset *dataset, int64_t video) {
    return dataset->videos[video].frames / dataset->T;
}

int64_t dataset_left_over(const Dataset *dataset, int64_t video) {
    return dataset->videos[video].frames % dataset->T;
}
