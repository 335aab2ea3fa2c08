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

typedef struct ModelBuffer { /* of what is drawn, or of an output: programs that have one of this name share it */
    const ModelArgument *argument;
    float *values; /* room for a whole number of pairs */
} ModelBuffer;

typedef struct ModelCall { /* what a program is called with */
    const float **input;   /* NULL where it is the caller's, as x */
    float **output;
    double *loss;
} ModelCall;

enum { LIBRARY_TEXT = 192 };

typedef struct ModelState {
    const ModelDescription *model;
    const ModelTarget *target;
    char library[LIBRARY_TEXT]; /* target_library() */
    int threads;
    uint64_t seed;
    int64_t updates;           /* training iterations done so far: the number of the next one */
    int64_t *group_updates;    /* by group: how often it was updated */
    void *workspace, *scratch; /* see ModelStep */
    int buffers;
    ModelBuffer *buffer;
    ModelCall *call;       /* by program */
    float *coefficients;   /* [groups, MODEL_COEFFICIENTS] of the step that is being done */
    float *search_moments; /* of the search: two of the noise; NULL if there is none */
    float *samples;        /* the output of that name, as it was before the search; NULL if there is none */
    float *item;           /* the draws of one item, while they are made; NULL if there are none */
    float *h0;             /* the buffer of that name; NULL if there is none */
    float *reconstruction; /* [B, T, C, H, W], of the last program that gave one; NULL: none gives one */
    double loss;           /* the first one of the last program */
    StateName *names;      /* [model->state_names] */
    int batch_norms;
    int64_t *batches_tracked;                /* num_batches_tracked of each batch norm */
    void (*done)(void *context, int kernel); /* see ModelStep; NULL unless a profile is taken */
    void *context;
} ModelState;

const char *target_tuning(const ModelTarget *target); /* "none", or the hash of its choices */
/* What the target's kernels are linked with, and what that chose for this CPU: "OpenBLAS 0.3.21 …, kernels SkylakeX", or "none". Makes it
 * ready for the target's programs. */
void target_library(const ModelTarget *target, char text[LIBRARY_TEXT]);
/* The target that ZOETROPE_TARGET names (the argument; NULL or empty: none), else the best that this CPU has. */
const ModelTarget *choose_target(const ModelDescription *model, const char *wanted, Error *error);

/* Allocates everything; the weights are zero until they are initialised or loaded. */
bool model_open(ModelState *state, const ModelDescription *model, int threads, uint64_t seed, Error *error);
void model_close(ModelState *state);

/* The spec's distributions, drawn from the seed; running statistics as PyTorch starts them; no updates done. */
void model_initialize(ModelState *state);

/* ---- training ---- */

/* Iteration `updates`, all of its steps on one batch, x: [B, T, C, H, W]: draws what they want (a function of seed and iteration), then
 * runs each forward, backward, update. */
void model_train(ModelState *state, const float *x);
/* The same with the present contents of the buffers instead of new draws. */
void model_update(ModelState *state, const float *x);
/* Its parts. Is step number `step` of the iteration to be done? */
bool step_is_due(const ModelState *state, int step);
/* Draws what a step reads, in this round of its `times`, and after the last one what later steps read that keep its draws; steps that are
 * not due read nothing. Nothing if it keeps another one's. */
void model_draw(ModelState *state, int step, int64_t round);
/* One of these draws, into its buffer. */
void model_draw_argument(ModelState *state, const ModelArgument *argument, int step, int64_t round);
/* Runs it once, on a batch, with the draws that there are. Its losses are then in state->call[its program].loss. */
void model_run_step(ModelState *state, int step, const float *x);
/* Coefficients of a group's 1-based update in iteration i (see MODEL_COEFFICIENTS), in double; powers by multiplications alone, so that
 * they repeat everywhere. */
void update_coefficients(const ModelGroup *group, int64_t update, int64_t i, float coefficients[MODEL_COEFFICIENTS]);
/* Ends the iteration. */
void model_end_iteration(ModelState *state);

/* ---- evaluation ---- */

/* Runs a program, by number, on a batch, with the present contents of the buffers. */
void model_run(ModelState *state, int number, const float *x);

/* A forward pass with running statistics of the clips first_clip … first_clip + clips − 1 (1 ≤ clips ≤ B) of a set. The rest of
 * x must be finite and is ignored. The draws of a clip depend only on the seed and the
 * clip's number. */
void model_evaluate(ModelState *state, const float *x, int64_t first_clip, int clips);
/* The same of a whole batch, without a search, which may take minutes: for what is generated from noise that is drawn. */
void model_sample(ModelState *state, const float *x);
/* Its parts: the draws; then a pass with the present contents of the buffers, for a whole batch. */
void model_draw_evaluation(ModelState *state, int64_t first_clip, int clips);
void model_forward(ModelState *state, const float *x);

/* Has the program an input of this name? */
bool program_has_input(const ModelProgram *program, const ModelArgument *argument);

/* Bytes of the buffers: of draws that programs read, of outputs, and of a search. */
size_t model_buffer_bytes(const ModelDescription *model);
/* Buffers for the draws that no program reads, too, which only files of `step` have. */
bool model_add_unread_draws(ModelState *state, Error *error);

/* The buffer of what is drawn, or of an output; NULL: there is none of that name. */
float *model_buffer(const ModelState *state, const char *name);
ModelBuffer *model_find_buffer(const ModelState *state, const char *name);

/* The initial state of a stream, [layers, hidden], and room for one more value. Zeros, the mean of what training drew, if the seed is 0 or
 * the spec says so. With another seed, a draw from N(0, 1), the same as in an inference bundle. */
void model_initial_state(const ModelState *state, float *h0);
/* One frame of one video, for stream.c, with ModelTarget's functions: the codes of all runs; from one code, the frame and its mean squared
 * error. */
void model_advance(ModelState *state, const float *x, const float *h, float *next, float *code);
double model_decode(ModelState *state, const float *x, const float *code, float *reconstruction);

/* Memory for this many floats, aligned to a cache line for kernels; NULL: none. */
float *aligned_floats(size_t count);
bool all_finite(const float *values, size_t count);
/* Numbers of elements: a clip [T, C, H, W], a batch of clips. */
size_t clip_elements(const ModelDescription *model);
size_t batch_elements(const ModelDescription *model);
/* Of an argument, for one item; all elements if no dimension counts items. */
size_t item_elements(const ModelArgument *argument);
/* The largest number of moments of a group. */
int model_moments(const ModelDescription *model);

#endif
