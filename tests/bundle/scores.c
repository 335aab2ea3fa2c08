/* scores.c: `scores WEIGHTS SEED` reads raw grey frames on standard input and prints a score a line, as in a trainer's scores.csv. If the
 * network has several channels, all get the same values. -DBUNDLE=tiny -DUPPER=TINY -DBUNDLE_HEADER='"tiny.h"' */
#include BUNDLE_HEADER

#include <stdio.h>
#include <stdlib.h>

#define JOIN_AGAIN(a, b) a##_##b
#define JOIN(a, b) JOIN_AGAIN(a, b)
#define CALL(name) JOIN(BUNDLE, name)
#define SIZE(name) JOIN(UPPER, name)

enum { AREA = SIZE(HEIGHT) * SIZE(WIDTH), CHANNELS = SIZE(CHANNELS) };

static _Alignas(64) unsigned char weights[SIZE(WEIGHTS_SIZE)];
static char workspace[SIZE(WORKSPACE_SIZE)(1)];
static float state[SIZE(STATE_SIZE)];
static uint8_t grey[AREA], frame[SIZE(FRAME_SIZE)];

int main(int count, char **arguments) {
    CALL(model) model;
    FILE *file = count == 3 ? fopen(arguments[1], "rb") : NULL;
    if (!file || fread(weights, 1, sizeof weights, file) != sizeof weights) return 2;
    const int error = CALL(model_open)(&model, weights, sizeof weights, 1);
    if (error) {
        fprintf(stderr, "%s\n", CALL(error_text)(error));
        return 1;
    }
    CALL(reset)(state, strtoull(arguments[2], NULL, 10));
    while (fread(grey, 1, sizeof grey, stdin) == sizeof grey) {
        double score;
        for (int i = 0; i < AREA; i++)
            for (int c = 0; c < CHANNELS; c++) frame[i * CHANNELS + c] = grey[i];
        if (CALL(step_u8)(&model, state, workspace, frame, NULL, &score)) return 1;
        printf("%.9g\n", score);
    }
    return 0;
}
