/* dataset_open.c: reads every video once, keeps what fits, and reports what is left out. */
#include "data/dataset.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/text.h"
#include "data/dataset_index.h"
#include "data/dataset_scan.h"
#include "data/picture.h"

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
    Error first; /* about the first file that was left out */
} Builder;

static size_t frame_bytes(const Dataset *dataset) {
    return (size_t)dataset->channels * (size_t)dataset->height * (size_t)dataset->width;
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
    bool streamed;      /* it does not fit in the cache */
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
    if (video->frames) return true;
    VideoReport report;
    video_report(reader, &report);
    const char *why = report.gap[0] ? report.gap : report.damage[0] ? report.damage : "none of its frames can be decoded";
    return fail(error, "%s: %s", video->name, why);
}

static void leave_out_image(Builder *builder, const DatasetVideo *video, int64_t number) {
    char *path = path_join(video->folder, "%s", video->names[number]);
    dataset_note_incomplete(builder->dataset, path);
    free(path);
    free(video->names[number]);
}

/* Of single images, only the names of those that can be read are kept, so that image i has name i. */
static void keep_names(Builder *builder, DatasetVideo *video) {
    int64_t next = 0;
    for (int64_t i = 0; i < video->frames; i++) {
        const int64_t place = video->timestamps[i];
        while (next < place) leave_out_image(builder, video, next++);
        video->names[i] = video->names[next];
        video->identities[i] = video->identities[next++];
        video->timestamps[i] = i;
    }
    while (next < video->files) leave_out_image(builder, video, next++);
    video->files = video->source.name_count = video->frames;
    video->source.readable = true;
}

/* A video is kept in one of two ways. Frees the memory of the other. */
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
    dataset->memory += sizeof *video + strlen(video->path) + strlen(video->name) + 2 + (size_t)video->files * sizeof *video->identities;
    for (int64_t i = 0; i < video->source.name_count; i++) dataset->memory += strlen(video->names[i]) + 1 + sizeof *video->names;
    const bool images = video->source.images || video->source.kind == VIDEO_IDX;
    video->before = dataset->frames;
    dataset->frames += video->frames;
    dataset->images += images ? video->frames : 0;
    dataset->image_sets += images;
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

/* Reports in one line what is odd about a video that is used. */
static void warn_of_video(Builder *builder, const DatasetVideo *video, const VideoReport *report) {
    DatasetCounts *counts = &builder->dataset->counts;
    const char *gap = report->gap;
    char jumps[200] = "";
    Error text;
    if (!gap[0] && video->source.kind == VIDEO_FILE && video->ordered) {
        timestamps_find_gaps(video->timestamps, video->frames, jumps, sizeof jumps);
        gap = jumps;
    }
    counts->turned += report->turned;
    counts->damaged += report->damage[0] != 0;
    counts->gaps += gap[0] != 0;
    if (report->incomplete && !video->source.images) dataset_note_incomplete(builder->dataset, video->name);
    if (!report->damage[0] && !gap[0] && !report->remark[0]) return;
    fail(&text, "%s: %s%s%s%s%s", video->name, report->damage, report->damage[0] && gap[0] ? "; " : "", gap,
         (report->damage[0] || gap[0]) && report->remark[0] ? "; " : "", report->remark);
    warn(builder, text.text,
         gap[0]              ? "the others are used as if they were consecutive"
         : report->damage[0] ? video->source.images ? "the others are used" : "the frames that can be decoded are used"
                             : report->consequence);
}

static bool is_animation(const char *path) {
    uint8_t head[PICTURE_HEAD];
    return picture_kind(path, head, picture_head(path, head)) == PICTURE_ANIMATED;
}

/* A video that cannot be used. `given`: the user named it, so it is always worth a warning. */
static void leave_out(Builder *builder, const DatasetVideo *video, bool given, const Error *reason) {
    const bool file = video->source.kind == VIDEO_FILE, animation = file && is_animation(video->path);
    if (!given && !video->frames && file && !animation && !video_has_usual_name(video->path)) {
        builder->dataset->counts.others++;
        return;
    }
    builder->dataset->counts.unreadable++;
    warn(builder, reason->text,
         animation ? "left out: these FFmpeg libraries do not decode this kind of animation; convert it to a video" : "left out");
    if (!video->dispensable) dataset_note_incomplete(builder->dataset, video->name);
}

static void leave_out_brief(Builder *builder, const DatasetVideo *video, const VideoReport *report) {
    const int T = builder->dataset->T;
    Error text;
    builder->dataset->counts.brief++;
    const char *why = report->damage[0] ? report->damage : report->gap;
    fail(&text, "%s: %s %" PRId64 " %s, but a clip needs T = %d%s%s", video->name, strcmp(video->name, video->path) ? "have" : "has",
         video->frames, plural(video->frames, "frame", "frames"), T, why[0] ? "; " : "", why);
    warn(builder, text.text, "left out");
    if (!video->dispensable) dataset_note_incomplete(builder->dataset, video->name);
}

/* Reads one video, whose texts then belong to the data set. Keeps it, or warns and counts the reason. */
static void take(Builder *builder, DatasetVideo video, bool given) {
    Growth growth = {.streamed = false};
    VideoReport report = {.incomplete = false};
    Error error;
    builder->dataset->counts.files++;
    video.ordered = true;
    const bool refused = video.source.kind == VIDEO_IDX && !builder->options->images;
    Video *reader = refused ? NULL : video_open(&video.source, &error);
    if (refused) fail_idx(video.path, &error);
    bool good = reader && read_frames(builder, reader, &video, &growth, &error);
    if (reader) video_report(reader, &report);
    video_close(reader);
    if (stopped(builder)) {
        dataset_video_free(&video);
        return;
    }
    if (good && video.frames >= builder->dataset->T) {
        warn_of_video(builder, &video, &report);
        if (video.source.images) keep_names(builder, &video);
        settle(builder, &video);
        add_video(builder, &video);
        return;
    }
    if (good) leave_out_brief(builder, &video, &report);
    else leave_out(builder, &video, given, &error);
    dataset_video_free(&video);
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

/* The error if the paths hold nothing to train on. */
static bool fail_empty(const Builder *builder, const char *const *paths, int path_count, Error *error) {
    const DatasetCounts *counts = &builder->dataset->counts;
    const char *more = path_count > 1 ? " (and the other paths given)" : "";
    if (counts->labels && counts->labels == counts->files)
        return fail(error, "%s%s: labels, and no images; give the file of images (…-images-idx3-ubyte) or the folder that it is in",
                    paths[0], more);
    if (!counts->files)
        return fail(error, "%s%s: no file in it%s%s; give a folder with videos, video files, or folders of still images", paths[0], more,
                    counts->unreadable_folders ? " that can be read" : "",
                    counts->hidden ? " but hidden ones and leftovers of tools, which are used only if they are named" : "");
    return fail(error,
                "%s%s: no usable video among %" PRId64 " %s: %" PRId64 " unreadable, %" PRId64 " shorter than T = %d %s, %" PRId64
                " %s%s%s; give videos that FFmpeg's libraries decode, or folders of still images",
                paths[0], more, counts->files, plural(counts->files, "file", "files"), counts->unreadable, counts->brief,
                builder->dataset->T, plural(builder->dataset->T, "frame", "frames"), counts->others,
                plural(counts->others, "not a video", "not videos"), builder->first.text[0] ? ". The first: " : "", builder->first.text);
}

static void warn_of_scan(void *context, const char *text, const char *consequence) {
    warn(context, text, consequence);
}

static void leave_out_folder(void *context, const char *path) {
    const Builder *builder = context;
    dataset_note_incomplete(builder->dataset, path);
}

/* The name in messages: a folder that also holds videos is more than its stills. */
static char *name_of(const Candidate *candidate) {
    if (candidate->kind != VIDEO_STILLS || !candidate->beside || candidate->files == 1) return copy_text(candidate->path);
    return path_join("", "the %" PRId64 " still images of %s", candidate->files, candidate->path);
}

/* The candidate's texts move to the video. */
static DatasetVideo video_of(Candidate *candidate, const DatasetOptions *options) {
    DatasetVideo video = {.name = name_of(candidate),
                          .dispensable = candidate->beside && !candidate->given && candidate->files < options->T,
                          .path = candidate->path,
                          .folder = candidate->folder,
                          .files = candidate->files};
    const size_t files = (size_t)candidate->files;
    video.identities = allocate((files + 1) * sizeof *video.identities);
    if (candidate->kind == VIDEO_STILLS) video.names = allocate((files + 1) * sizeof *video.names);
    for (size_t i = 0; i < files; i++) {
        video.identities[i] = candidate->file[i].identity;
        if (video.names != NULL) video.names[i] = candidate->file[i].name;
    }
    free(candidate->file);
    video.source = (VideoSource){.kind = candidate->kind,
                                 .path = video.path,
                                 .folder = video.folder,
                                 .names = (const char *const *)video.names,
                                 .name_count = video.names ? video.files : 0,
                                 .images = options->images && candidate->kind == VIDEO_STILLS};
    *candidate = (Candidate){.duplicate = true};
    return video;
}

static void take_candidates(Builder *builder, Scan *scan) {
    DatasetCounts *counts = &builder->dataset->counts;
    counts->unreadable_folders = scan->unreadable_folders;
    counts->duplicates = scan->duplicates;
    counts->proxies = scan->proxies;
    counts->hidden = scan->hidden;
    counts->labels = scan->labels;
    counts->others = scan->others;
    counts->files = scan->others + scan->labels;
    for (int64_t i = 0; i < scan->count && !stopped(builder); i++) {
        GivenFolder *folder = scan->candidates[i].below >= 0 ? &scan->given_folders[scan->candidates[i].below] : NULL;
        const int64_t others = counts->others;
        const bool given = scan->candidates[i].given;
        if (!scan->candidates[i].duplicate) take(builder, video_of(&scan->candidates[i], builder->options), given);
        if (folder) folder->fruitful |= counts->others == others;
        if (folder) folder->others += counts->others - others;
    }
}

/* Folders that were named but contain nothing: a wrong path, or a disk that is not mounted. */
static void warn_of_fruitless(Builder *builder, const Scan *scan) {
    for (int64_t i = 0; i < scan->given_count; i++) {
        const GivenFolder *folder = &scan->given_folders[i];
        char others[64] = "";
        Error text;
        if (folder->fruitful) continue;
        if (folder->others > 0)
            snprintf(others, sizeof others, " among %" PRId64 " other %s", folder->others, plural(folder->others, "file", "files"));
        fail(&text, "%s: no video and no still image in it%s%s", folder->path, others,
             folder->hidden > 0 ? ", but hidden names and leftovers of tools, which are used only if they are named" : "");
        warn(builder, text.text, "it is left out");
        dataset_note_incomplete(builder->dataset, folder->path);
    }
}

Dataset *dataset_open(const char *const *paths, int path_count, const DatasetOptions *options, Error *error) {
    Builder builder;
    bool good = builder_start(&builder, options, error);
    Scan *scan = allocate(sizeof *scan);
    *scan = (Scan){.images = options->images, .warn = warn_of_scan, .leave_out = leave_out_folder, .context = &builder};
    good = good && scan_paths(scan, paths, path_count, error);
    if (good) {
        take_candidates(&builder, scan);
        if (!stopped(&builder) && builder.dataset->count > 0) warn_of_fruitless(&builder, scan);
        good = fail_stopped(&builder, error) && (builder.dataset->count || fail_empty(&builder, paths, path_count, error));
    }
    scan_free(scan);
    free(scan);
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
        DatasetVideo video = {.source = source, .name = copy_text(name), .path = copy_text(name)};
        video.source.path = video.path;
        take(&builder, video, true);
    }
    good = good && fail_stopped(&builder, error) &&
           (builder.dataset->count || fail(error, "drawn videos need at least the %d frames of a clip, not %" PRId64, options->T, frames));
    return builder_end(&builder, good);
}
