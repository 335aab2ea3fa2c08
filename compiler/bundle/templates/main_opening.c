#include "@name@.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The whole file, at an address that is a multiple of @NAME@_ALIGNMENT. Where there is mmap(), that is better: nothing is copied. */
static const void *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    unsigned char *memory = NULL;
    long length = -1;
    if (fseek(file, 0, SEEK_END) == 0) length = ftell(file);
    if (length >= 0 && fseek(file, 0, SEEK_SET) == 0) memory = (unsigned char *)malloc((size_t)length + @NAME@_ALIGNMENT);
    if (memory) {
        memory += @NAME@_ALIGNMENT - (uintptr_t)memory % @NAME@_ALIGNMENT;
        *size = fread(memory, 1, (size_t)length, file);
    }
    fclose(file);
    return memory;
}

static int fail(const char *what, int error) {
    fprintf(stderr, "%s: %s\n", what, @name@_error_text(error));
    return 1;
}

/* A number of threads, or 0 where the text is none. */
static int read_threads(const char *text) {
    char *end;
    const long number = strtol(text, &end, 10);
    return end != text && *end == 0 && number >= 1 && number <= 1024 ? (int)number : 0;
}

/* The exit status: what was printed has to have arrived. */
static int finish(void) {
    if (fflush(stdout) == 0 && !ferror(stdout)) return 0;
    perror("standard output");
    return 1;
}

static int run_selftest(const @name@_model *model, void *workspace) {
    double difference = 0;
    int error = @name@_model_verify(model);
    if (error) return fail("weights", error);
    error = @name@_selftest(model, workspace, &difference);
    if (error) return fail("self-test", error);
    printf("self-test on %s: passed; the largest difference is %.3g, %.3g is allowed\n", @name@_model_target(model), difference,
           @name@_selftest_tolerance(model));
    return finish();
}

static void draw_square(float *frame, int number) {
    for (int c = 0; c < @NAME@_CHANNELS; c++)
        for (int h = 0; h < @NAME@_HEIGHT; h++)
            for (int w = 0; w < @NAME@_WIDTH; w++) {
                const int inside = h / 8 == 2 && w / 8 == 1 + number % 4;
                *frame++ = inside ? 0.8f : -0.6f;
            }
}
