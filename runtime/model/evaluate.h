/* evaluate.h: runs the network on every clip of the data. */
#ifndef ZOETROPE_EVALUATE_H
#define ZOETROPE_EVALUATE_H

#include "data/dataset.h"
#include "model/model_state.h"

typedef struct EvaluatedClip {
    int64_t number;                  /* among all clips of the data */
    int64_t video, clip;             /* frames clip · T … clip · T + T − 1 of it */
    const float *x, *reconstruction; /* [T, C, H, W] */
} EvaluatedClip;

typedef struct EvaluationVisitor {
    /* Called for each clip; false, with an error, stops the evaluation. */
    bool (*visit)(void *context, const EvaluatedClip *clip, Error *error);
    /* Called if a video can no longer be read; its remaining clips are left out. NULL: that is an error. */
    void (*leave_out)(void *context, int64_t video, const Error *reason);
    void *context;
} EvaluationVisitor;

/* Reconstructs every non-overlapping clip of the data, in order, with running statistics, and shows each to the visitor. */
bool evaluate_data(ModelState *state, const Dataset *data, const EvaluationVisitor *visitor, Error *error);

#endif
