/* dataset.c: an open data set and its list of clips. dataset_open.c opens it, clip_reader.c reads its clips. */
#include "data/dataset.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/file_identity.h"
#include "common/random.h"
#include "data/dataset_index.h"

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

void dataset_video_free(DatasetVideo *video) {
    free(video->levels);
    free(video->timestamps);
    free(video->hashes);
    for (int64_t i = 0; i < video->source.name_count; i++) free(video->names[i]);
    free(video->names);
    free(video->identities);
    free(video->folder);
    free(video->path);
    free(video->name);
    *video = (DatasetVideo){.frames = 0};
}

void dataset_close(Dataset *dataset) {
    if (!dataset) return;
    for (int64_t i = 0; i < dataset->count; i++) dataset_video_free(&dataset->videos[i]);
    for (int64_t i = 0; i < dataset->incomplete_count; i++) free(dataset->incomplete[i]);
    free(dataset->incomplete);
    free(dataset->videos);
    free(dataset);
}

void dataset_describe(const Dataset *dataset, char *text, size_t size) {
    const DatasetCounts *counts = &dataset->counts;
    const int64_t videos = dataset->count - dataset->image_sets, frames = dataset->frames - dataset->images;
    size_t length = 0;
    if (dataset->images > 0)
        length = (size_t)snprintf(text, size, "%" PRId64 " %s%s", dataset->images, plural(dataset->images, "image", "images"),
                                  videos > 0 ? ", " : "");
    if (dataset->images == 0 || videos > 0)
        length += (size_t)snprintf(text + length, size - length, "%" PRId64 " %s, %" PRId64 " %s", videos,
                                   plural(videos, "video", "videos"), frames, plural(frames, "frame", "frames"));
    const struct {
        int64_t count;
        const char *one, *several;
    } rows[] = {{dataset->count - dataset->cached, "streamed", "streamed"},
                {counts->unreadable, "unreadable and left out", "unreadable and left out"},
                {counts->brief, "too short and left out", "too short and left out"},
                {counts->damaged, "partly damaged", "partly damaged"},
                {counts->gaps, "with frames missing", "with frames missing"},
                {counts->turned, "turned upright as its metadata say", "turned upright as their metadata say"},
                {counts->duplicates, "more path to one of them", "more paths to some of them"},
                {counts->proxies, "small copy of a video left out", "small copies of videos left out"},
                {counts->labels, "file of labels left alone", "files of labels left alone"},
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

/* A frame by its number among those of all videos. */
static Clip find_frame(const Dataset *dataset, int64_t number) {
    int64_t low = 0, high = dataset->count - 1;
    while (low < high) {
        const int64_t middle = low + (high - low + 1) / 2;
        if (dataset->videos[middle].before <= number) low = middle;
        else high = middle - 1;
    }
    return (Clip){low, number - dataset->videos[low].before};
}

Clip dataset_draw(const Dataset *dataset, uint64_t seed, int64_t iteration, int batch, int place) {
    uint64_t index = (uint64_t)iteration * (uint64_t)batch + (uint64_t)place;
    if (dataset->images > 0) return find_frame(dataset, (int64_t)random_below(seed, RANDOM_CLIP_START, index, (uint64_t)dataset->frames));
    int64_t video = (int64_t)random_below(seed, RANDOM_CLIP_VIDEO, index, (uint64_t)dataset->count);
    uint64_t starts = (uint64_t)(dataset->videos[video].frames - dataset->T + 1);
    return (Clip){video, (int64_t)random_below(seed, RANDOM_CLIP_START, index, starts)};
}

char *dataset_frame_path(const Dataset *dataset, int64_t video, int64_t frame) {
    const VideoSource *source = &dataset->videos[video].source;
    return source->images ? path_join(source->folder, "%s", source->names[frame]) : copy_text(source->path);
}

int64_t dataset_clips(const Dataset *dataset, int64_t video) {
    return dataset->videos[video].frames / dataset->T;
}

int64_t dataset_left_over(const Dataset *dataset, int64_t video) {
    return dataset->videos[video].frames % dataset->T;
}

static void note_overlap(DatasetOverlap *overlap, const Dataset *two, int64_t video, int64_t frame, int64_t items) {
    if (overlap->both == 0) overlap->first = dataset_frame_path(two, video, frame);
    overlap->both += items;
}

DatasetOverlap dataset_overlap(const Dataset *one, const Dataset *two) {
    FileSet files = {.count = 0};
    DatasetOverlap overlap = {.items = two->count - two->image_sets + two->images};
    overlap.nouns = two->images == 0 ? "videos" : two->image_sets == two->count ? "images" : "images and videos";
    overlap.noun = overlap.items > 1 ? overlap.nouns : two->images > 0 ? "image" : "video";
    for (int64_t i = 0; i < one->count; i++)
        for (int64_t k = 0; k < one->videos[i].files; k++)
            if (!file_set_find(&files, one->videos[i].identities[k])) file_set_add(&files, one->videos[i].identities[k], i);
    for (int64_t i = 0; i < two->count; i++) {
        const DatasetVideo *video = &two->videos[i];
        bool both = false;
        for (int64_t k = 0; !both && k < video->files; k++) {
            if (file_set_find(&files, video->identities[k]) == NULL) continue;
            both = !video->source.images;
            note_overlap(&overlap, two, i, k, video->source.kind == VIDEO_IDX ? video->frames : 1);
        }
    }
    file_set_free(&files);
    return overlap;
}

void dataset_note_incomplete(Dataset *dataset, const char *name) {
    enum { STEP = 64 };
    const int64_t count = dataset->incomplete_count;
    for (int64_t i = 0; i < count; i++)
        if (!strcmp(dataset->incomplete[i], name)) return; /* noted when it was opened */
    if (count % STEP == 0) dataset->incomplete = reallocate(dataset->incomplete, (size_t)(count + STEP) * sizeof *dataset->incomplete);
    dataset->incomplete[dataset->incomplete_count++] = copy_text(name);
}

void dataset_note_lost(Dataset *dataset, int64_t video, int64_t frame) {
    char *path = dataset->videos[video].source.images ? dataset_frame_path(dataset, video, frame) : copy_text(dataset->videos[video].name);
    dataset_note_incomplete(dataset, path);
    free(path);
}

bool dataset_check_complete(const Dataset *data, Error *error) {
    if (data->incomplete_count == 0) return true;
    enum { ROOM = 4000 };
    size_t length =
        (size_t)snprintf(error->text, sizeof error->text, "%" PRId64 " of the inputs %s no complete result:", data->incomplete_count,
                         plural(data->incomplete_count, "has", "have"));
    int64_t i = 0;
    for (; i < data->incomplete_count && length + strlen(data->incomplete[i]) < ROOM; i++)
        length += (size_t)snprintf(error->text + length, sizeof error->text - length, "%s %s", i > 0 ? "," : "", data->incomplete[i]);
    if (i < data->incomplete_count)
        length += (size_t)snprintf(error->text + length, sizeof error->text - length, " and %" PRId64 " more", data->incomplete_count - i);
    snprintf(error->text + length, sizeof error->text - length, "; the warnings say why; all other results are written");
    return false;
}
