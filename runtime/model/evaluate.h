/* evaluate.h: runs the model on every clip of the data. */
#ifndef ZOETROPE_EVALUATE_H
#define ZOETROPE_EVALUATE_H

#include "data/dataset.h"
#include "model/model_state.h"

typedef struct ClipShape {
    int frames, channels, height, width;
} ClipShape;

/* Of an output [B, T, C, H, W]; of x. */
ClipShape output_shape(const ModelArgument *argument);
ClipShape data_shape(const ModelDescription *model);
bool clip_shapes_agree(ClipShape a, ClipShape b);
/* Can it be shown as pictures? It has 1 or 3 channels and is no vector. */
bool is_picture(ClipShape shape);
size_t clip_shape_elements(ClipShape shape);

typedef struct EvaluatedOutput {
    const char *name; /* as in the spec: without "output." */
    ClipShape shape;
    const float *values;
} EvaluatedOutput;

typedef struct EvaluatedClip {
    int64_t number;      /* among all clips of the data */
    int64_t video, clip; /* which of the video's clips */
    int64_t first_frame; /* frames first_frame … first_frame + T − 1 of the video */
    const float *x;      /* [T, C, H, W] */
    int outputs;
    const EvaluatedOutput *output; /* all but target, in the program's order */
    const float *reconstruction;   /* the output of that name; NULL: there is none */
    const float *target;           /* what it is compared with: the output of that name, or x */
    ClipShape shape, target_shape; /* of both */
    const float *score;            /* [scores]; of version 1, NULL */
    int scores;                    /* 1, or one for each of so many frames */
} EvaluatedClip;

typedef struct EvaluationVisitor {
    /* Called for each clip; false, with an error, stops the evaluation. */
    bool (*visit)(void *context, const EvaluatedClip *clip, Error *error);
    /* Called if a frame can no longer be read. A single image is left out, or the remaining clips of a video. NULL: that is an error. */
    void (*leave_out)(void *context, int64_t video, int64_t frame, const Error *reason);
    void *context;
    int stride;  /* frames from the beginning of a clip to that of the next; 0: T, without overlap */
    bool to_end; /* also the last T frames of a video, if no other clip ends with it */
} EvaluationVisitor;

/* Runs every clip of the data, in order, with running statistics, and shows each to the visitor. A model that averages its weights runs
 * with the averages; afterwards it has its weights again, to the bit. */
bool evaluate_data(ModelState *state, const Dataset *data, const EvaluationVisitor *visitor, Error *error);

/* Does evaluation compute anything? A system without outputs and without a score has an evaluation program that gives nothing. */
bool has_evaluation(const ModelDescription *model);
/* An output of the evaluation by its name in the spec; NULL: there is none. */
const ModelArgument *find_output(const ModelDescription *model, const char *name);
/* The spec's name of an output; NULL: it is none, but the score. */
const char *output_name(const ModelDescription *model, const ModelArgument *argument);
/* The score; NULL: it has none. [B]: of a clip; [B, F]: of F frames each. */
const ModelArgument *score_argument(const ModelDescription *model);
/* Over the frames that have one; the clip must have a score. */
double mean_score(const EvaluatedClip *clip);

#endif
