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
    float *h0;                 /* [layers, B, hidden], NULL where the model has none; room for a whole number of pairs */
    float *clip_state;         /* the h0 of one clip while it is drawn */
    float *reconstruction;     /* [B, T, C, H, W], of the last step */
    double loss;               /* of the last step */
    StateName *names;          /* model->state_names of them */
    int batch_norms;
    int64_t *batches_tracked;                /* num_batches_tracked of each batch norm */
    void (*done)(void *context, int kernel); /* see ModelStep; NULL unless a profile is taken */
    void *context;
} ModelState;

/* The target that ZOETROPE_TARGET (the argument; NULL or empty: none) names, else the best this CPU has. */
const char *target_tuning(const ModelTarget *target); /* "none", or the hash of its choices */
const ModelTarget *choose_target(const ModelDescription *model, const char *wanted, Error *error);

/* Allocates everything; the weights are zero until they are initialised or loaded. */
bool model_open(ModelState *state, const ModelDescription *model, int threads, uint64_t seed, Error *error);
void model_close(ModelState *state);

/* PyTorch's default distributions, drawn from the seed; running statistics as PyTorch starts them; no updates done. */
void model_initialize(ModelState *state);

/* Iteration `updates`: draws h0 (a function of seed and iteration), then forward, backward, update. x: [B, T, C, H, W]. */
void model_train(ModelState *state, const float *x);
/* The same with the h0 that lies in state->h0. */
void model_update(ModelState *state, const float *x);

/* A forward pass with running statistics of the clips first_clip … first_clip + clips − 1 (1 ≤ clips ≤ B) of a set; what x holds
 * behind them must be finite and is ignored. The h0 of a clip is a function of the seed and the clip's number. */
void model_evaluate(ModelState *state, const float *x, int64_t first_clip, int clips);
/* The same with the h0 that lies in state->h0, for a whole batch. */
void model_forward(ModelState *state, const float *x);

/* What a stream starts from, [layers, hidden], and room for one value more: zeros, the mean of what training drew, with seed 0, or where
 * the spec says so; with another seed a draw of N(0, 1), the same as that of an inference bundle. */
void model_initial_state(const ModelState *state, float *h0);
/* One frame of one video, for stream.c, by ModelTarget's functions: to the codes of all runs, and from one code to the frame; the mean
 * squared error. */
void model_advance(ModelState *state, const float *x, const float *h, float *next, float *code);
double model_decode(ModelState *state, const float *x, const float *code, float *reconstruction);

/* Room for so many floats from the beginning of a cache line on, as kernels want them; NULL: there is none. */
float *aligned_floats(size_t count);
/* Elements: of a clip [T, C, H, W], of a batch of them, of h0 (0 where the model has none), of num_batches_tracked names. */
size_t clip_elements(const ModelDescription *model);
size_t batch_elements(const ModelDescription *model);
size_t initial_state_elements(const ModelDescription *model);

/* Coefficients of the 1-based step (see MODEL_COEFFICIENTS), in double by multiplications alone, so that they repeat everywhere. */
void update_coefficients(const ModelDescription *model, int64_t step, float coefficients[MODEL_COEFFICIENTS]);

#endif
