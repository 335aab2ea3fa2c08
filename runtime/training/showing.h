/* showing.h: strips of training: what a system's evaluation makes of the first clips of a batch, or of version 1, what the step made of
 * them. */
#ifndef ZOETROPE_SHOWING_H
#define ZOETROPE_SHOWING_H

#include "model/evaluate.h"

enum { SHOWN_STRIPS = 3, /* of each kind; fewer if the batch is smaller */ SHOWN_IMAGES = 8 /* single images in a strip */ };

typedef struct ShownKind {
    const char *name, *source; /* the buffer that it shows; NULL: x */
    int strips;
    ClipShape shape; /* of one */
    float *values;   /* [strips, frames, channels, height, width] */
} ShownKind;

typedef struct Showing {
    int kinds;
    ShownKind kind[3];
    const ModelArgument *reconstruction, *target; /* NULL: there is none, or the target is x */
} Showing;

/* Finds what the model's evaluation has to show: reconstructions beside their targets, samples. Perhaps nothing. Of version 1,
 * always clips and their reconstructions. */
bool showing_open(Showing *showing, const ModelDescription *model, Error *error);
void showing_close(Showing *showing);

/* Evaluates a batch, with the averages of the weights if there are any, and keeps what strips need. *psnr: the mean over its clips; NAN
 * without a reconstruction. A system with a search shows samples alone: its reconstructions take hundreds of updates. Of version
 * 1, nothing is evaluated: the last step's reconstructions are kept, and *psnr stays as it is. */
bool showing_take(Showing *showing, ModelState *state, const float *x, double *psnr, Error *error);
/* Writes real_itr<N>_no<K>.png and so on. */
bool showing_write(const Showing *showing, const char *folder, int64_t iteration, Error *error);

#endif
