/* png_read.c: PNG by libpng. */
#include "data/picture.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

typedef struct Png {
    const uint8_t *file;
    size_t length, place;
    png_structp reader;
    png_infop info;
    jmp_buf broken;     /* where libpng jumps if the file is bad, */
    char complaint[96]; /* after writing this */
    bool no_memory;
    int64_t rows, columns;
    png_bytep *row_starts;
} Png;

static void complain(png_structp reader, png_const_charp message) {
    Png *png = png_get_error_ptr(reader);
    snprintf(png->complaint, sizeof png->complaint, "%s", message);
    longjmp(png->broken, 1);
}

static void stay_silent(png_structp reader, png_const_charp message) {
    (void)reader, (void)message;
}

static void read_bytes(png_structp reader, png_bytep bytes, size_t count) {
    Png *png = png_get_io_ptr(reader);
    if (count > png->length - png->place) png_error(reader, "the file is cut off");
    memcpy(bytes, png->file + png->place, count);
    png->place += count;
}

/* Replaces libpng's own, whose errors do not tell whether memory or the file was the cause. */
static png_voidp allocate_or_note(png_structp reader, png_alloc_size_t size) {
    Png *png = png_get_mem_ptr(reader);
    void *memory = malloc(size);
    png->no_memory |= memory == NULL;
    return memory;
}

static void free_memory(png_structp reader, png_voidp memory) {
    (void)reader;
    free(memory);
}

/* The result is always 8 bits of red, green and blue: palettes are looked up, the upper 8 of 16 bits are taken, alpha is dropped, and gamma
 * is not applied, like Pillow's convert("RGB"). */
static bool read_header(Png *png) {
    png->reader = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, png, complain, stay_silent, png, allocate_or_note, free_memory);
    if (png->reader) png->info = png_create_info_struct(png->reader);
    png->no_memory |= !png->info;
    if (!png->info || setjmp(png->broken)) return false;
    png_set_read_fn(png->reader, png, read_bytes);
    png_read_info(png->reader, png->info);
    png_set_expand(png->reader);
    png_set_strip_16(png->reader);
    png_set_strip_alpha(png->reader);
    png_set_gray_to_rgb(png->reader);
    png_set_interlace_handling(png->reader);
    png_read_update_info(png->reader, png->info);
    png->rows = png_get_image_height(png->reader, png->info);
    png->columns = png_get_image_width(png->reader, png->info);
    if (png->rows * png->columns > PICTURE_MOST_PIXELS) complain(png->reader, "more pixels than the 268 million that are allowed");
    return true;
}

/* Separate from png_read because of setjmp: its function should not have variables that change. */
static bool read_rows(Png *png) {
    if (setjmp(png->broken)) return false;
    png_read_image(png->reader, png->row_starts);
    png_read_end(png->reader, NULL);
    return true;
}

PictureStatus png_read(const uint8_t *file, size_t length, uint8_t **rgb, int *rows, int *columns, Error *error) {
    Png png = {.file = file, .length = length};
    *rgb = NULL;
    bool good = read_header(&png);
    if (good) {
        size_t line = (size_t)png.columns * 3;
        *rgb = malloc((size_t)png.rows * line);
        png.row_starts = malloc((size_t)png.rows * sizeof *png.row_starts);
        png.no_memory = !*rgb || !png.row_starts;
        for (int64_t row = 0; !png.no_memory && row < png.rows; row++) png.row_starts[row] = *rgb + (size_t)row * line;
        good = !png.no_memory && read_rows(&png);
    }
    png_destroy_read_struct(&png.reader, &png.info, NULL);
    free(png.row_starts);
    *rows = (int)png.rows;
    *columns = (int)png.columns;
    if (good) return PICTURE_READ;
    free(*rgb);
    *rgb = NULL;
    if (png.no_memory) {
        fail_memory(error, "a picture");
        return PICTURE_NO_MEMORY;
    }
    fail(error, "not a PNG that can be read: %s", png.complaint);
    return PICTURE_UNREADABLE;
}
