/* stream.h: a video frame by frame, as from a camera. */
#ifndef ZOETROPE_STREAM_H
#define ZOETROPE_STREAM_H

#include "model/model_state.h"

/* A frame's past: the last T frames, itself included, as in the clips of training; or all frames since the stream began. */
typedef enum { RECURRENCE_WINDOW, RECURRENCE_CARRIED } Recurrence;

typedef struct Stream {
    ModelState *model;
    Recurrence recurrence;
    int runs;        /* of the recurrence, side by side, each begun a frame after the one before: T, or 1 without GRU */
    int seen;        /* frames in the past: up to `runs`, then repeatedly from there to 2 · runs − 1 */
    float *start;    /* [layers, hidden]: the initial state of a run */
    float *h, *next; /* [layers, runs, hidden]: before a frame, and after it */
    float *code;     /* [runs, code_size] */
} Stream;

/* The initial state of streams depends on the model's seed: see model_initial_state(). */
bool stream_open(Stream *stream, ModelState *model, Recurrence recurrence, Error *error);
void stream_close(Stream *stream);

/* The next frame is the first one of a video. */
void stream_begin(Stream *stream);
/* One frame: x and reconstruction [C, H, W]. Returns the mean squared error, which is not finite if that or the next state is not. Such a
 * frame is forgotten: with a window, the past begins again after it; a carried state stays as it was. */
double stream_step(Stream *stream, const float *x, float *reconstruction);

#endif
