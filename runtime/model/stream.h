/* stream.h: a video frame by frame, as a camera gives it. */
#ifndef ZOETROPE_STREAM_H
#define ZOETROPE_STREAM_H

#include "model/model_state.h"

/* What a frame's past is: the last T frames, itself included, as in the clips of training; or all frames since the stream began. */
typedef enum { RECURRENCE_WINDOW, RECURRENCE_CARRIED } Recurrence;

typedef struct Stream {
    ModelState *model;
    Recurrence recurrence;
    int runs;        /* of the recurrence, side by side, each begun a frame after the one before: T, or 1 without GRU */
    int seen;        /* frames that the past has: up to `runs`, and then from there to 2 · runs − 1, again and again */
    float *start;    /* [layers, hidden]: what a run begins from */
    float *h, *next; /* [layers, runs, hidden]: before a frame, and after it */
    float *code;     /* [runs, code_size] */
} Stream;

/* What streams begin from is a function of the model's seed: see model_initial_state(). */
bool stream_open(Stream *stream, ModelState *model, Recurrence recurrence, Error *error);
void stream_close(Stream *stream);

/* The next frame is the first one of a video. */
void stream_begin(Stream *stream);
/* One frame: x and reconstruction [C, H, W]. Returns the mean squared error; not finite where that is not, or the state after the frame
 * would not be. Such a frame is not remembered: with a window, the past begins anew after it; a state that is carried stays as it was. */
double stream_step(Stream *stream, const float *x, float *reconstruction);

#endif
