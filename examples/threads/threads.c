/* threads.c: several cameras at the same time on one model, one thread each. Every thread has its own state and workspace; the model and
 * its weights are shared and never written to. Each stream's scores are compared with those of the stream alone. threads WEIGHTS */
#include "tiny.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STREAMS = 6, FRAMES = 40 };

typedef struct Stream {
    const tiny_model *model;
    int number;
    double score[FRAMES];
    int bad; /* frames without a finite score */
} Stream;

/* The picture of camera `number`: a bar that moves at its own speed. */
static void look(int number, int time, float *frame) {
    for (int h = 0; h < TINY_HEIGHT; h++)
        for (int w = 0; w < TINY_WIDTH; w++) frame[h * TINY_WIDTH + w] = (w + time * (1 + number)) % TINY_WIDTH < 8 ? 0.7f : -0.4f;
}

static void *run_stream(void *context) {
    Stream *stream = context;
    char *workspace = malloc(TINY_WORKSPACE_SIZE(1));
    float state[TINY_STATE_SIZE], frame[TINY_FRAME_SIZE], reconstruction[TINY_FRAME_SIZE];
    if (!workspace) abort();
    tiny_reset(state, (uint64_t)stream->number);
    for (int time = 0; time < FRAMES; time++) {
        look(stream->number, time, frame);
        stream->bad += tiny_step(stream->model, state, workspace, frame, reconstruction, &stream->score[time]) != TINY_OK;
    }
    free(workspace);
    return NULL;
}

static const void *read_weights(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    unsigned char *memory = aligned_alloc(TINY_ALIGNMENT, (TINY_WEIGHTS_SIZE + 63) / 64 * 64);
    if (!file || !memory) return NULL;
    *size = fread(memory, 1, TINY_WEIGHTS_SIZE, file);
    fclose(file);
    return memory;
}

int main(int count, char **arguments) {
    size_t size = 0;
    tiny_model model;
    pthread_t thread[STREAMS];
    static Stream together[STREAMS], alone[STREAMS];
    if (count != 2) {
        fprintf(stderr, "usage: threads tiny.weights\n");
        return 2;
    }
    const void *weights = read_weights(arguments[1], &size);
    if (!weights) {
        perror(arguments[1]);
        return 1;
    }
    const int error = tiny_model_open(&model, weights, size, 1);
    if (error) {
        fprintf(stderr, "%s: %s\n", arguments[1], tiny_error_text(error));
        return 1;
    }
    for (int i = 0; i < STREAMS; i++) {
        together[i].model = alone[i].model = &model;
        together[i].number = alone[i].number = i;
        if (pthread_create(&thread[i], NULL, run_stream, &together[i]) != 0) abort();
    }
    for (int i = 0; i < STREAMS; i++) pthread_join(thread[i], NULL);
    int different = 0, bad = 0;
    for (int i = 0; i < STREAMS; i++) {
        run_stream(&alone[i]);
        different += memcmp(together[i].score, alone[i].score, sizeof alone[i].score) != 0;
        bad += together[i].bad;
        printf("stream %d: last score %.6f\n", i, together[i].score[FRAMES - 1]);
    }
    printf("%d streams at the same time, %d of them differ from the same stream alone\n", STREAMS, different);
    if (bad) fprintf(stderr, "%d frames have no finite score\n", bad);
    if (fflush(stdout) == 0 && !ferror(stdout)) return different != 0 || bad != 0;
    perror("standard output");
    return 1;
}
