/* pngs.c: raw grey frames on standard input to PNG files, for a trainer to read: pngs FOLDER HEIGHT WIDTH */
#include <png.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **arguments) {
    if (count != 4) return 2;
    const int height = atoi(arguments[2]), width = atoi(arguments[3]);
    const size_t size = (size_t)height * (size_t)width;
    unsigned char *frame = malloc(size);
    for (int number = 0; frame && fread(frame, 1, size, stdin) == size; number++) {
        png_image image = {
            .version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_GRAY, .height = (png_uint_32)height, .width = (png_uint_32)width};
        char path[4096];
        snprintf(path, sizeof path, "%s/%04d.png", arguments[1], number);
        if (!png_image_write_to_file(&image, path, 0, frame, 0, NULL)) return 1;
    }
    free(frame);
    return 0;
}
