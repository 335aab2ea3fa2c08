/* video_folder.c: a folder of PNG files as one video, its frames in natural order of their names (2.png before 10.png). */
#include "file.h"
#include "video.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

typedef struct Folder {
    Video video;
    char *path;
    char **names; /* [count] */
    int64_t count, current;
    char remark[800]; /* on frames that are missing; empty: none */
    char frame_path[4096];
    FILE *file; /* of the current frame, with its reader */
    png_structp reader;
    png_infop info;
    jmp_buf broken;     /* where libpng goes when the file is bad, */
    char complaint[96]; /* after writing this */
    int rows, columns;
    uint8_t *rgb; /* [rows, columns, 3] */
    png_bytep *row_starts;
} Folder;

/* Longest frame that is read: 2²⁸ pixels, 16384 × 16384. A few bytes of PNG can claim far more. */
#define MOST_PIXELS ((int64_t)1 << 28)

/* Runs of digits compare by value, all else by byte; names that are equal so far (07 and 7) by byte. */
static int compare_natural(const void *left, const void *right) {
    const char *const first = *(const char *const *)left, *const second = *(const char *const *)right;
    const unsigned char *a = (const unsigned char *)first, *b = (const unsigned char *)second;
    while (*a && *b) {
        if (!isdigit(*a) || !isdigit(*b)) {
            if (*a != *b) return *a < *b ? -1 : 1;
            a++, b++;
            continue;
        }
        while (*a == '0') a++;
        while (*b == '0') b++;
        size_t length_a = strspn((const char *)a, "0123456789"), length_b = strspn((const char *)b, "0123456789");
        if (length_a != length_b) return length_a < length_b ? -1 : 1;
        int order = memcmp(a, b, length_a);
        if (order) return order;
        a += length_a, b += length_b;
    }
    if (*a || *b) return *a ? 1 : -1;
    return strcmp(first, second);
}

/* ---- frames that are missing ---- */

/* A name around its last number: "frame_" 12 ".png". False: it has none, or one that is too long to count with. */
static bool split_name(const char *name, size_t *begin, size_t *end, int64_t *number) {
    *end = strlen(name);
    while (*end > 0 && !isdigit((unsigned char)name[*end - 1])) (*end)--;
    *begin = *end;
    while (*begin > 0 && isdigit((unsigned char)name[*begin - 1])) (*begin)--;
    if (*begin == *end || *end - *begin > 18) return false;
    *number = strtoll(name + *begin, NULL, 10);
    return true;
}

/* How much further the number of the next name is; 0: they are not of one sequence. */
static int64_t step_between(const char *name, const char *next) {
    size_t begin, end, next_begin, next_end;
    int64_t number, next_number;
    if (!split_name(name, &begin, &end, &number) || !split_name(next, &next_begin, &next_end, &next_number)) return 0;
    bool same = begin == next_begin && memcmp(name, next, begin) == 0 && strcmp(name + end, next + next_end) == 0;
    return same && next_number > number ? next_number - number : 0;
}

/* Frames are numbered by 1, or by some other step; where the number goes on by several steps, frames are missing. Where it goes on by
 * no whole number of steps it is not a count of frames (but a time, say), and nothing can be told from it. */
static void folder_find_gaps(Folder *folder) {
    int64_t step = INT64_MAX, gaps = 0, first = 0, missing = 0;
    for (int64_t i = 0; i + 1 < folder->count; i++) {
        int64_t here = step_between(folder->names[i], folder->names[i + 1]);
        if (here > 0 && here < step) step = here;
    }
    for (int64_t i = 0; i + 1 < folder->count; i++) {
        int64_t here = step_between(folder->names[i], folder->names[i + 1]);
        if (here % step != 0) return;
        if (here <= step || gaps++ > 0) continue;
        first = i;
        missing = here / step - 1;
    }
    if (gaps == 0) return;
    int length = snprintf(folder->remark, sizeof folder->remark, "%" PRId64 " %s missing between %s and %s", missing,
                          plural(missing, "frame is", "frames are"), folder->names[first], folder->names[first + 1]);
    if (gaps > 1 && length < (int)sizeof folder->remark)
        snprintf(folder->remark + length, sizeof folder->remark - (size_t)length, ", and more at %" PRId64 " other %s", gaps - 1,
                 plural(gaps - 1, "place", "places"));
}

static const char *folder_remark(const Video *video) {
    const Folder *folder = (const Folder *)video;
    return folder->remark[0] ? folder->remark : NULL;
}

static bool folder_list(Folder *folder, Error *error) {
    DIR *directory = opendir(folder->path);
    if (!directory) return fail(error, "%s: cannot read the folder: %s", folder->path, strerror(errno));
    int64_t room = 0;
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (!video_is_png_name(entry->d_name) || entry->d_type == DT_DIR) continue;
        if (folder->count == room) {
            room = room ? 2 * room : 64;
            folder->names = reallocate(folder->names, (size_t)room * sizeof *folder->names);
        }
        folder->names[folder->count++] = copy_text(entry->d_name);
    }
    closedir(directory);
    if (!folder->count) return fail(error, "%s: no PNG frames in it", folder->path);
    qsort(folder->names, (size_t)folder->count, sizeof *folder->names, compare_natural);
    folder_find_gaps(folder);
    return true;
}

static void folder_leave_frame(Folder *folder) {
    png_destroy_read_struct(&folder->reader, &folder->info, NULL);
    if (folder->file) fclose(folder->file);
    free(folder->rgb);
    free(folder->row_starts);
    folder->file = NULL;
    folder->rgb = NULL;
    folder->row_starts = NULL;
}

static void png_complains(png_structp reader, png_const_charp message) {
    Folder *folder = png_get_error_ptr(reader);
    snprintf(folder->complaint, sizeof folder->complaint, "%s", message);
    longjmp(folder->broken, 1);
}

static void png_warns(png_structp reader, png_const_charp message) {
    (void)reader, (void)message;
}

/* Whatever the file holds, 8 bits of red, green and blue come out: palettes are looked up, of 16 bits the upper 8 are taken, alpha
 * is left out, and gamma is not applied, as Pillow's convert("RGB") does. */
static bool folder_read_header(Folder *folder) {
    folder->reader = png_create_read_struct(PNG_LIBPNG_VER_STRING, folder, png_complains, png_warns);
    if (folder->reader) folder->info = png_create_info_struct(folder->reader);
    snprintf(folder->complaint, sizeof folder->complaint, "out of memory");
    if (!folder->info || setjmp(folder->broken)) return false;
    png_init_io(folder->reader, folder->file);
    png_read_info(folder->reader, folder->info);
    png_set_expand(folder->reader);
    png_set_strip_16(folder->reader);
    png_set_strip_alpha(folder->reader);
    png_set_gray_to_rgb(folder->reader);
    png_set_interlace_handling(folder->reader);
    png_read_update_info(folder->reader, folder->info);
    int64_t rows = png_get_image_height(folder->reader, folder->info), columns = png_get_image_width(folder->reader, folder->info);
    if (rows * columns > MOST_PIXELS) png_complains(folder->reader, "more pixels than the 268 million that are allowed");
    folder->rows = (int)rows;
    folder->columns = (int)columns;
    return true;
}

static VideoStatus folder_next(Video *video, VideoFrame *frame, Error *error) {
    Folder *folder = (Folder *)video;
    folder_leave_frame(folder);
    if (folder->current + 1 >= folder->count) return VIDEO_END;
    const char *name = folder->names[++folder->current];
    int length = snprintf(folder->frame_path, sizeof folder->frame_path, "%s/%s", folder->path, name);
    if (length >= (int)sizeof folder->frame_path) {
        fail(error, "%s: the path of a frame is longer than %zu bytes", folder->path, sizeof folder->frame_path);
        return VIDEO_FAILED;
    }
    folder->file = file_open(folder->frame_path, error);
    if (!folder->file) return VIDEO_FAILED;
    if (!folder_read_header(folder)) {
        fail(error, "%s: not a PNG that can be read: %s", folder->frame_path, folder->complaint);
        return VIDEO_FAILED;
    }
    *frame = (VideoFrame){.rows = folder->rows, .columns = folder->columns, .timestamp = folder->current};
    return VIDEO_FRAME;
}

/* Apart from folder_rgb because of setjmp, whose function should have no variables that change. */
static bool folder_read_rows(Folder *folder) {
    if (setjmp(folder->broken)) return false;
    png_read_image(folder->reader, folder->row_starts);
    png_read_end(folder->reader, NULL);
    return true;
}

static const uint8_t *folder_rgb(Video *video, Error *error) {
    Folder *folder = (Folder *)video;
    if (folder->rgb) return folder->rgb;
    size_t line = (size_t)folder->columns * 3;
    folder->rgb = malloc((size_t)folder->rows * line);
    folder->row_starts = malloc((size_t)folder->rows * sizeof *folder->row_starts);
    if (!folder->rgb || !folder->row_starts) {
        fail_memory(error, "a frame");
        return NULL;
    }
    for (int row = 0; row < folder->rows; row++) folder->row_starts[row] = folder->rgb + (size_t)row * line;
    if (folder_read_rows(folder)) return folder->rgb;
    fail(error, "%s: not a PNG that can be read: %s", folder->frame_path, folder->complaint);
    return NULL;
}

static bool folder_seek(Video *video, int64_t frame, int64_t timestamp, Error *error) {
    (void)timestamp, (void)error;
    ((Folder *)video)->current = frame - 1;
    return true;
}

static void folder_close(Video *video) {
    Folder *folder = (Folder *)video;
    folder_leave_frame(folder);
    for (int64_t i = 0; i < folder->count; i++) free(folder->names[i]);
    free(folder->names);
    free(folder->path);
    free(folder);
}

Video *video_folder_open(const char *path, Error *error) {
    static const VideoFunctions functions = {
        .next = folder_next, .rgb = folder_rgb, .seek = folder_seek, .remark = folder_remark, .close = folder_close};
    Folder *folder = allocate(sizeof *folder);
    folder->video.functions = &functions;
    folder->path = copy_text(path);
    folder->current = -1;
    if (folder_list(folder, error)) return &folder->video;
    folder_close(&folder->video);
    return NULL;
}
