/* main.c: the minimum to use a bundle: the weights in memory, a model, a state, a workspace. */
#include <tiny.h>

#include <stdio.h>

static _Alignas(TINY_ALIGNMENT) unsigned char weights[TINY_WEIGHTS_SIZE];
static char workspace[TINY_WORKSPACE_SIZE(1)];
static float state[TINY_STATE_SIZE], frame[TINY_FRAME_SIZE], reconstruction[TINY_FRAME_SIZE];

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: embed tiny.weights\n");
        return 2;
    }
    FILE *file = fopen(arguments[1], "rb");
    if (!file) {
        perror(arguments[1]);
        return 1;
    }
    const size_t size = fread(weights, 1, sizeof weights, file);
    fclose(file);
    tiny_model model;
    const int error = tiny_model_open(&model, weights, size, 1);
    if (error) {
        fprintf(stderr, "%s: %s\n", arguments[1], tiny_error_text(error));
        return 1;
    }
    tiny_reset(state, 0);
    for (int number = 0; number < 5; number++) { /* a picture that gets brighter */
        double score;
        for (int i = 0; i < TINY_FRAME_SIZE; i++) frame[i] = -0.5f + 0.2f * (float)number;
        const int status = tiny_step(&model, state, workspace, frame, reconstruction, &score);
        if (status) { /* the score is not finite, so no threshold would find it */
            fprintf(stderr, "frame %d: %s\n", number, tiny_error_text(status));
            return 1;
        }
        printf("frame %d: score %.6f\n", number, score);
    }
    if (fflush(stdout) == 0 && !ferror(stdout)) return 0;
    perror("standard output");
    return 1;
}
