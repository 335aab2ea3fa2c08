/* link.c: weights that are linked into the program, as an object or as an array: the bundle of frames, made with --weights-as. */
#include "frames.h"

static char workspace[FRAMES_WORKSPACE_SIZE(1)];

int main(void) {
    frames_model model;
    double difference;
    return frames_model_open(&model, frames_weights, sizeof frames_weights, 1) || frames_model_verify(&model) ||
           frames_selftest(&model, workspace, &difference);
}
