/* main.c: an example. It reads the weights and runs a few frames of a moving square, which the program draws itself.
 *
 *   ./example [--selftest] [--target NAME] [--threads N] [WEIGHTS]     (default: @name@.weights) */
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

int main(int count, char **arguments) {
    const char *path = "@name@.weights", *target = NULL;
    int threads = 1, selftest = 0;
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--selftest") == 0) selftest = 1;
        else if (strcmp(arguments[i], "--target") == 0 && i + 1 < count) target = arguments[++i];
        else if (strcmp(arguments[i], "--threads") == 0 && i + 1 < count) threads = read_threads(arguments[++i]);
        else if (arguments[i][0] != '-') path = arguments[i];
        else {
            fprintf(stderr, "usage: %s [--selftest] [--target NAME] [--threads N] [WEIGHTS]\n", arguments[0]);
            return 2;
        }
    }
    if (threads == 0) {
        fprintf(stderr, "--threads wants a number from 1 to 1024\n");
        return 2;
    }
    size_t size = 0;
    const void *weights = read_file(path, &size);
    if (!weights) {
        fprintf(stderr, "cannot read %s; give the file @name@.weights that was made with this code\n", path);
        return 1;
    }
    @name@_model model;
    const int error = @name@_model_open_target(&model, weights, size, threads, target);
    if (error) return fail(path, error);
    void *workspace = malloc(@NAME@_WORKSPACE_SIZE(threads));
    float *state = (float *)malloc(sizeof(float) * @NAME@_STATE_SIZE);
    float *frame = (float *)malloc(sizeof(float) * 2 * @NAME@_FRAME_SIZE);
    if (!workspace || !state || !frame) {
        fprintf(stderr, "out of memory\n");
        return 1;
    }
    if (selftest) return run_selftest(&model, workspace);
    @name@_reset(state, 0);
    for (int number = 0; number < 8; number++) {
        double score;
        draw_square(frame, number);
        const int status = @name@_step(&model, state, workspace, frame, frame + @NAME@_FRAME_SIZE, &score);
        if (status) return fail("a frame", status);
        printf("frame %d: score %.6f\n", number, score);
    }
    return finish();
}
