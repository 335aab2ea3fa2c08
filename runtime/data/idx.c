/* idx.c: which files are idx files, and their images as the frames of a video. These are kept as bytes, one a pixel, while the file is
 * open, because a packed file cannot be read from its middle. */
#include "data/idx.h"

#include "common/file.h"
#include "data/picture.h"
#include "data/video.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <zlib.h>

static bool is_packed(const uint8_t *head, size_t length) {
    return length >= 2 && head[0] == 0x1f && head[1] == 0x8b;
}

/* The first bytes of a packed file, unpacked. */
static size_t unpack_head(const char *path, uint8_t head[IDX_HEAD]) {
    gzFile file = gzopen(path, "rb");
    const int read = file != NULL ? gzread(file, head, IDX_HEAD) : 0;
    if (file != NULL) gzclose(file);
    return read > 0 ? (size_t)read : 0;
}

static IdxKind kind_by_name(const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    if (strcasestr(name, "idx3-ubyte") != NULL) return IDX_IMAGES;
    return strcasestr(name, "idx1-ubyte") != NULL ? IDX_LABELS : IDX_NONE;
}

static bool has_size(const char *path, uint64_t size) {
    struct stat status;
    return stat(path, &status) == 0 && (uint64_t)status.st_size == size;
}

IdxKind idx_kind(const char *path, const uint8_t *head, size_t length) {
    enum { LARGEST_SIDE = 1 << 16 }; /* other files may begin with the same four bytes */
    uint8_t unpacked[IDX_HEAD];
    const bool packed = is_packed(head, length);
    if (packed) {
        length = unpack_head(path, unpacked);
        head = unpacked;
    }
    if (length >= IDX_HEAD && big_endian(head) == 0x0803) {
        const uint32_t rows = big_endian(head + 8), columns = big_endian(head + 12);
        if (big_endian(head + 4) > 0 && rows > 0 && rows <= LARGEST_SIDE && columns > 0 && columns <= LARGEST_SIDE) return IDX_IMAGES;
    }
    if (length >= 8 && big_endian(head) == 0x0801 && (packed || has_size(path, 8 + (uint64_t)big_endian(head + 4)))) return IDX_LABELS;
    return kind_by_name(path);
}

bool idx_is_packed_copy(const char *name, char *const *names, int64_t count) {
    const size_t length = strlen(name);
    if (length < 4 || strcasecmp(name + length - 3, ".gz") != 0 || kind_by_name(name) == IDX_NONE) return false;
    for (int64_t i = 0; i < count; i++)
        if (strlen(names[i]) == length - 3 && memcmp(names[i], name, length - 3) == 0) return true;
    return false;
}

typedef struct Idx {
    Video video;
    uint8_t *levels; /* [count, rows, columns] */
    int64_t count, current;
    int rows, columns;
    uint8_t *rgb; /* [rows, columns, 3] */
} Idx;

/* ---- loading ---- */

/* Reads up to `size` bytes; *read: how many there were. False with an error if they are damaged or cannot be read. */
static bool read_bytes(gzFile file, const char *path, uint8_t *bytes, size_t size, size_t *read, Error *error) {
    enum { MOST = 1 << 30 };
    *read = 0;
    for (int got = 1; *read < size && got > 0; *read += (size_t)got) {
        const size_t left = size - *read;
        got = gzread(file, bytes + *read, (unsigned)(left < MOST ? left : MOST));
        int code = Z_OK;
        const char *reason = gzerror(file, &code);
        if (code == Z_BUF_ERROR) return fail(error, "%s: the packed file is cut off; get it again", path);
        if (got < 0 && code == Z_ERRNO) return fail(error, "%s: cannot read it: %s", path, strerror(errno));
        if (got < 0) return fail(error, "%s: the packed file is damaged (%s); get it again", path, reason);
    }
    return true;
}

static bool read_header(Idx *idx, gzFile file, const char *path, Error *error) {
    uint8_t head[16];
    size_t read;
    if (!read_bytes(file, path, head, sizeof head, &read, error)) return false;
    if (read >= 4 && big_endian(head) != 0x0803)
        return fail(error, "%s: no idx file of images: it begins with %02x %02x %02x %02x instead of 00 00 08 03", path, head[0], head[1],
                    head[2], head[3]);
    if (read < sizeof head) return fail(error, "%s: an idx file that is cut off in its header, after %zu of 16 bytes", path, read);
    const int64_t count = big_endian(head + 4), rows = big_endian(head + 8), columns = big_endian(head + 12);
    if (count == 0 || rows == 0 || columns == 0)
        return fail(error, "%s: an idx file without images: its header says %" PRId64 " of %" PRId64 " × %" PRId64 " pixels", path, count,
                    rows, columns);
    if (rows > PICTURE_MOST_PIXELS / columns)
        return fail(error, "%s: its header says images of %" PRId64 " × %" PRId64 " pixels, which is too large; it is damaged", path, rows,
                    columns);
    idx->count = count;
    idx->rows = (int)rows;
    idx->columns = (int)columns;
    return true;
}

/* The memory grows with what is read, because a damaged header can claim any number. */
static bool read_images(Idx *idx, gzFile file, const char *path, Error *error) {
    const size_t image = (size_t)idx->rows * (size_t)idx->columns;
    const int64_t step = 1 + (int64_t)((1 << 24) / image);
    size_t read;
    for (int64_t have = 0, room = 0; have < idx->count; have = room) {
        room = have + have / 2 + step;
        if (room > idx->count) room = idx->count;
        uint8_t *levels = realloc(idx->levels, (size_t)room * image);
        if (levels == NULL) return fail_memory(error, "the images of an idx file");
        idx->levels = levels;
        const size_t size = (size_t)(room - have) * image;
        if (!read_bytes(file, path, levels + (size_t)have * image, size, &read, error)) return false;
        if (read < size)
            return fail(error, "%s: it is cut off: it holds %" PRId64 " of the %" PRId64 " images that its header says", path,
                        have + (int64_t)(read / image), idx->count);
    }
    uint8_t more;
    if (!read_bytes(file, path, &more, 1, &read, error)) return false; /* this also checks a packed file's checksum */
    return read == 0 || fail(error, "%s: it goes on after the %" PRId64 " images that its header says; it is damaged", path, idx->count);
}

static bool load(Idx *idx, const char *path, Error *error) {
    struct stat status;
    if (stat(path, &status) != 0) return fail(error, "%s: cannot read it: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode)) return fail(error, "%s: not a regular file", path);
    if (status.st_size == 0) return fail(error, "%s: the file is empty", path);
    gzFile file = gzopen(path, "rb"); /* reads files that are not packed, too */
    if (file == NULL) return fail(error, "%s: cannot read it: %s", path, strerror(errno));
    gzbuffer(file, 1 << 17);
    const bool good = read_header(idx, file, path, error) && read_images(idx, file, path, error);
    gzclose(file);
    idx->rgb = good ? malloc((size_t)idx->rows * (size_t)idx->columns * 3) : NULL;
    return good && (idx->rgb != NULL || fail_memory(error, "an image"));
}

/* ---- reading ---- */

static VideoStatus idx_next(Video *video, VideoFrame *frame, Error *error) {
    Idx *idx = (Idx *)video;
    (void)error;
    if (idx->current + 1 >= idx->count) return VIDEO_END;
    idx->current++;
    *frame = (VideoFrame){.rows = idx->rows, .columns = idx->columns, .timestamp = idx->current};
    return VIDEO_FRAME;
}

static const uint8_t *idx_rgb(Video *video, Error *error) {
    Idx *idx = (Idx *)video;
    (void)error;
    const size_t pixels = (size_t)idx->rows * (size_t)idx->columns;
    const uint8_t *levels = idx->levels + (size_t)idx->current * pixels;
    for (size_t i = 0; i < pixels; i++) idx->rgb[3 * i] = idx->rgb[3 * i + 1] = idx->rgb[3 * i + 2] = levels[i];
    return idx->rgb;
}

static bool idx_seek(Video *video, int64_t frame, int64_t timestamp, Error *error) {
    (void)timestamp, (void)error;
    ((Idx *)video)->current = frame - 1;
    return true;
}

static void idx_close(Video *video) {
    Idx *idx = (Idx *)video;
    free(idx->levels);
    free(idx->rgb);
    free(idx);
}

Video *video_idx_open(const VideoSource *source, Error *error) {
    static const VideoFunctions functions = {.next = idx_next, .rgb = idx_rgb, .seek = idx_seek, .close = idx_close};
    Idx *idx = allocate(sizeof *idx);
    *idx = (Idx){.video.functions = &functions, .current = -1};
    if (load(idx, source->path, error)) return &idx->video;
    idx_close(&idx->video);
    return NULL;
}
