/* stream.c: reads raw grey frames on standard input, and prints a line of JSON with a score for each.
 *
 *   ffmpeg -v error -i VIDEO -vf format=rgb24,scale=48:48:flags=bilinear,format=gray -f rawvideo - |
 *       ./stream tiny.weights [RECONSTRUCTIONS]
 *
 * RECONSTRUCTIONS is a file for raw frames of the same kind: ffplay -f rawvideo -pixel_format gray -video_size 48x48 RECONSTRUCTIONS */
#include "tiny.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { THREADS = 2 };

/* All memory that the network needs. Its size is known when the program is compiled. */
static char workspace[TINY_WORKSPACE_SIZE(THREADS)];
static float state[TINY_STATE_SIZE];
static uint8_t frame[TINY_FRAME_SIZE], reconstruction[TINY_FRAME_SIZE];

static const void *map_file(const char *path, struct stat *information) {
    const int file = open(path, O_RDONLY);
    if (file < 0 || fstat(file, information) != 0) return NULL;
    void *memory = mmap(NULL, (size_t)information->st_size, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    return memory == MAP_FAILED ? NULL : memory;
}

/* Opening a file for writing empties it. So it may be neither the weights, which are mapped, nor the frames. */
static int is_file(const char *path, const struct stat *other) {
    struct stat information;
    return stat(path, &information) == 0 && S_ISREG(information.st_mode) && information.st_dev == other->st_dev &&
           information.st_ino == other->st_ino;
}

static int fail(const char *what) {
    perror(what);
    return 1;
}

int main(int count, char **arguments) {
    size_t length;
    struct stat weights_file, frames_file;
    tiny_model model;
    if (count != 2 && count != 3) {
        fprintf(stderr, "usage: %s WEIGHTS [RECONSTRUCTIONS] <FRAMES\n", arguments[0]);
        return 2;
    }
    if (fstat(STDIN_FILENO, &frames_file) != 0) return fail("standard input");
    const void *weights = map_file(arguments[1], &weights_file);
    if (!weights) return fail(arguments[1]);
    const int error = tiny_model_open(&model, weights, (size_t)weights_file.st_size, THREADS);
    if (error) {
        fprintf(stderr, "%s: %s\n", arguments[1], tiny_error_text(error));
        return 1;
    }
    if (count == 3 && (is_file(arguments[2], &weights_file) || is_file(arguments[2], &frames_file))) {
        fprintf(stderr, "%s: the reconstructions would replace what is read; give them a file of their own\n", arguments[2]);
        return 1;
    }
    FILE *out = count == 3 ? fopen(arguments[2], "wb") : NULL;
    if (count == 3 && !out) return fail(arguments[2]);
    long bad = 0;
    tiny_reset(state, 0);
    for (long number = 0; (length = fread(frame, 1, sizeof frame, stdin)) == sizeof frame; number++) {
        double score;
        const int status = tiny_step_u8(&model, state, workspace, frame, reconstruction, &score);
        if (status) { /* a score that is not finite must not pass for a good one: no threshold would find it */
            fprintf(stderr, "frame %ld: %s\n", number, tiny_error_text(status));
            bad++;
        }
        const int said =
            status ? printf("{\"frame\": %ld, \"score\": null}\n", number) : printf("{\"frame\": %ld, \"score\": %.9g}\n", number, score);
        if (said < 0 || fflush(stdout) != 0) return fail("standard output");
        if (out && fwrite(reconstruction, 1, sizeof reconstruction, out) != sizeof reconstruction) return fail(arguments[2]);
    }
    if (ferror(stdin)) return fail("standard input");
    if (length > 0) {
        fprintf(stderr,
                "the last frame has %zu of %d bytes; give frames of %d x %d bytes: "
                "ffmpeg … -vf format=rgb24,scale=%d:%d:flags=bilinear,format=gray -f rawvideo -\n",
                length, TINY_FRAME_SIZE, TINY_WIDTH, TINY_HEIGHT, TINY_WIDTH, TINY_HEIGHT);
        return 1;
    }
    if (out && fclose(out) != 0) return fail(arguments[2]);
    return bad > 0;
}
