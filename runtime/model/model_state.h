/* model_state.h: a compiled model at work: its memory, its target, and the steps it can take. */
#ifndef ZOETROPE_MODEL_STATE_H
#define ZOETROPE_MODEL_STATE_H

#include "common/error.h"
#include "model.h"
#include "weights/state_dict.h"

typedef struct StateName { /* one name of PyTorch's state_dict */
    const char *name;
    StateKind kind;
    const ModelTensor *tensor; /* NULL for num_batches_tracked */
    int index;                 /* num_batches_tracked: in ModelState.batches_tracked */
} StateName;

typedef struct ModelState {
    const ModelDescription *model;
    const ModelTarget *target;
    int threads;
    uint64_t seed;
    int64_t updates;           /* done so far: the number of the next training iteration */
    void *workspace, *scratch; /* see ModelStep */
    float *h0;                 /* [layers, B, hidden], NULL if the model has none; room for whole pairs */
    float *clip_state;         /* the h0 of one clip while it is drawn */
    float *reconstruction;     /* [B, T, C, H, W], of the last step */
    double loss;               /* of the last step */
    StateName *names;          /* [model->state_names] */
    int batch_norms;
    int64_t *batches_tracked;                /* num_batches_tracked of each batch norm */
    void (*done)(void *context, int kernel); /* see ModelStep; NULL unless a profile is taken */
    void *context;
} ModelState;

/* The target that ZOETROPE_TARGET names (the argument; NULL or empty: none), else the best that this CPU has. */
const char *target_tuning(const ModelTarget *target); /* "none", or the hash of its choices */
const ModelTarget *choose_target(const ModelDescription *model, const char *wanted, Error *error);

/* Allocates everything; the weights are zero until they are initialised or loaded. */
bool model_open(ModelState *state, const ModelDescription *model, int threads, uint64_t seed, Error *error);
void model_close(ModelState *state);

/* PyTorch's default distributions, drawn from the seed; running statistics as PyTorch starts them; no updates done. */
void model_initialize(ModelState *state);

/* Iteration `updates`: draws h0 (a function of seed and iteration), then forward, backward, update. x: [B, T, C, H, W]. */
void model_train(ModelState *state, const float *x);
/* The same with the h0 in state->h0. */
void model_update(ModelState *state, const float *x);

/* A forward pass with running statistics of the clips first_clip … first_clip + clips − 1 (1 ≤ clips ≤ B) of a set. The rest of
 * x must be finite and is ignored. The h0 of a clip depends only on the seed and the clip's number. */
void model_evaluate(ModelState *state, const float *x, int64_t first_clip, int clips);
/* The same with the h0 in state->h0, for a whole batch. */
void model_forward(ModelState *state, const float *x);

/* The initial state of a stream, [layers, hidden], and room for one more value. Zeros, the mean of what training drew, if the seed is 0 or
 * the spec says so. With another seed, a draw from N(0, 1), the same as in an inference bundle. */
void model_initial_state(const ModelState *state, float *h0);
/* One frame of one video, for stream.c, with ModelTarget's functions: the codes of all runs; from one code, the frame and its mean squared
 * error. */
void model_advance(ModelState *state, const float *x, const float *h, float *next, float *code);
double model_decode(ModelState *state, const float *x, const float *code, float *reconstruction);

/* Memory for this many floats, aligned to a cache line for kernels; NULL: none. */
float *aligned_floats(size_t count);
/* Numbers of elements: a clip [T, C, H, W], a batch of clips, h0 (0 if the model has none), names of num_batches_tracked. */
size_t clip_elements(const ModelDescription *model);
size_t batch_elements(const ModelDescription *model);
size_t initial_state_elements(const ModelDescription *model);

/* Coefficients of the 1-based step (see MODEL_COEFFICIENTS), in double with only multiplications, so that they are the same everywhere. */
void update_coefficients(const ModelDescription *model, int64_t step, float coefficients[MODEL_COEFFICIENTS]);

#endif
