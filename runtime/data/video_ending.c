/* video_ending.c: video files that end before their container says that they do. libav* reads most of them as if they were complete. */
#include "common/file.h"
#include "data/picture.h"
#include "data/video_damage.h"

#include <libavutil/intreadwrite.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_format(const AVFormatContext *container, const char *name) {
    return strncmp(container->iformat->name, name, strlen(name)) == 0;
}

static const char *find_path(const AVFormatContext *container) {
    return strncmp(container->url, "file:", 5) == 0 ? container->url + 5 : container->url;
}

/* In bytes; −1: unknown. */
static int64_t find_size(const AVFormatContext *container) {
    struct stat status;
    return stat(find_path(container), &status) == 0 ? (int64_t)status.st_size : -1;
}

static bool read_at(FILE *file, int64_t place, uint8_t *bytes, size_t count) {
    return fseeko(file, (off_t)place, SEEK_SET) == 0 && fread(bytes, 1, count, file) == count;
}

/* Matroska and FLV have the duration in their header. It may be that of another stream. */
static bool ends_before_its_duration(const VideoDamage *damage) {
    const AVFormatContext *container = damage->container;
    if (!is_format(container, "matroska") && !is_format(container, "flv")) return false;
    if (container->nb_streams != 1 || container->duration <= 0) return false;
    const int64_t start = container->start_time == AV_NOPTS_VALUE ? 0 : container->start_time;
    const int64_t reached = av_rescale_q(damage->reached, container->streams[0]->time_base, AV_TIME_BASE_Q) - start;
    const int64_t left = container->duration - reached, frame = damage->packets > 0 ? reached / damage->packets : 0;
    return left > 3 * frame && left > AV_TIME_BASE / 2 && left > container->duration / 50;
}

/* In Y4M, at most the header of a frame follows the last one (in the count of some versions of libavformat), never a part of a frame.
 */
static bool y4m_is_cut(const VideoDamage *damage) {
    enum { MOST_HEAD = 80 };
    return is_format(damage->container, "yuv4mpegpipe") && damage->packets > 0 && find_size(damage->container) > damage->place + MOST_HEAD;
}

/* AVI has its length at the beginning. */
static bool avi_is_cut(const AVFormatContext *container) {
    uint8_t head[12];
    size_t length;
    const int64_t size = find_size(container);
    if (!is_format(container, "avi") || size < 0) return false;
    if (!file_peek(find_path(container), head, sizeof head, &length, NULL) || length < sizeof head || memcmp(head, "RIFF", 4) != 0)
        return false;
    return size < 8 + (int64_t)AV_RL32(head + 4);
}

/* The length of an Ogg page that begins here; 0: none, −1: its head is not whole. */
static int64_t page_length(const uint8_t *bytes, size_t count) {
    enum { HEAD = 27 };
    if (count < 4 || memcmp(bytes, "OggS", 4) != 0) return 0;
    if (count < HEAD || count < (size_t)HEAD + bytes[HEAD - 1]) return -1;
    int64_t length = HEAD + bytes[HEAD - 1];
    for (int i = 0; i < bytes[HEAD - 1]; i++) length += bytes[HEAD + i];
    return length;
}

/* The last page of Ogg ends with the file. */
static bool ogg_is_cut(const AVFormatContext *container) {
    enum { LONGEST = 27 + 255 + 255 * 255 };
    const int64_t size = find_size(container), count = size < LONGEST ? size : LONGEST;
    if (!is_format(container, "ogg") || count < 4) return false;
    FILE *file = fopen(find_path(container), "rb");
    if (file == NULL) return false;
    uint8_t *bytes = allocate((size_t)count);
    bool cut = false;
    for (int64_t i = read_at(file, size - count, bytes, (size_t)count) ? count - 4 : -1; i >= 0; i--) {
        const int64_t length = page_length(bytes + i, (size_t)(count - i));
        if (length == 0) continue;
        cut = length < 0 || i + length > count;
        break;
    }
    free(bytes);
    fclose(file);
    return cut;
}

/* The first of MP4's boxes that goes on after the end of the file. */
static bool mp4_is_cut(const AVFormatContext *container) {
    static const char *const known[] = {"mdat", "moof", "moov", "mfra", "sidx", "free", "skip"};
    uint8_t head[16];
    const int64_t size = find_size(container);
    FILE *file = is_format(container, "mov,") ? fopen(find_path(container), "rb") : NULL;
    if (file == NULL) return false;
    bool cut = false;
    for (int64_t place = 0; !cut && place + 8 <= size && read_at(file, place, head, 8);) {
        uint64_t length = AV_RB32(head);
        if (length == 1 && read_at(file, place, head, 16)) length = AV_RB64(head + 8);
        if (length < 8) break; /* 0: to the end of the file */
        const bool beyond = length > (uint64_t)(size - place);
        for (size_t i = 0; beyond && i < sizeof known / sizeof *known; i++) cut |= memcmp(head + 4, known[i], 4) == 0;
        if (beyond) break;
        place += (int64_t)length;
    }
    fclose(file);
    return cut;
}

/* Of MP4's index: at least one frame is not in the file. */
static bool index_leads_beyond(const VideoDamage *damage) {
    const AVFormatContext *container = damage->container;
    AVStream *stream = container->streams[damage->stream];
    const int64_t size = find_size(container);
    for (int i = is_format(container, "mov,") && size >= 0 ? avformat_index_get_entries_count(stream) - 1 : -1; i >= 0; i--) {
        const AVIndexEntry *entry = avformat_index_get_entry(stream, i);
        if (entry->pos + entry->size > size) return true;
    }
    return false;
}

static bool picture_ends_early(const AVFormatContext *container) {
    FILE *file = is_format(container, "gif") || is_format(container, "apng") ? fopen(find_path(container), "rb") : NULL;
    const bool cut = file != NULL && animation_is_cut(file);
    if (file != NULL) fclose(file);
    return cut;
}

int64_t damage_absent_frames(const VideoDamage *damage) {
    const AVFormatContext *container = damage->container;
    const AVStream *stream = container->streams[damage->stream];
    const bool hurt = damage->breaks_off || damage->container_complaints > 0 || damage->cut > 0 || index_leads_beyond(damage);
    int64_t frames = 0;
    if (hurt && is_format(container, "mov,")) frames = avformat_index_get_entries_count(stream);
    else if (avi_is_cut(container)) frames = stream->nb_frames;
    return frames > damage->packets ? frames - damage->packets : 0;
}

bool damage_is_cut(const VideoDamage *damage) {
    return ends_before_its_duration(damage) || y4m_is_cut(damage) || ogg_is_cut(damage->container) || mp4_is_cut(damage->container) ||
           picture_ends_early(damage->container);
}
