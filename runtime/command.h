/* command.h: the subcommands, and what more than one of them needs. */
#ifndef ZOETROPE_COMMAND_H
#define ZOETROPE_COMMAND_H

#include "checkpoint.h"
#include "dataset.h"
#include "options.h"

enum {
    EXIT_DONE = 0,
    EXIT_ERROR = 1,
    EXIT_USAGE = 2,
    EXIT_NOT_SAVED = 3,  /* stopped by a signal, and what was learned since the last save is lost */
    EXIT_INCOMPLETE = 4, /* done, and written; but some of the videos that were asked for have no complete result */
    EXIT_SIGNAL = 128    /* + the signal's number: stopped by it, and saved */
};

/* Each returns the exit status; where that is not EXIT_DONE or a signal's, the error says what to print. */
int command_train(const ModelDescription *model, const Options *options, Error *error);       /* train.c */
int command_reconstruct(const ModelDescription *model, const Options *options, Error *error); /* reconstruct.c */
int command_step(const ModelDescription *model, const Options *options, Error *error);        /* step.c */
int command_info(const ModelDescription *model, const Options *options, Error *error);        /* info.c */
int command_score(const ModelDescription *model, const Options *options, Error *error);       /* score.c */
int command_profile(const ModelDescription *model, const Options *options, Error *error);     /* profile.c */

/* The whole program but for the model that it is linked with. */
int run_program(const ModelDescription *model, int count, char *const *arguments);

/* ---- command.c ---- */

/* As --threads says, else as many as processors, quotas and the environment allow: see threads.h. */
int option_threads(const Options *options);
/* As --seed says, else the spec's. */
uint64_t option_seed(const ModelDescription *model, const Options *options);

/* Loads the weights of a file into an open model, for use without training: what else is in the file is counted on standard error. */
bool load_weights(ModelState *state, const char *path, Error *error);

/* Opens the videos of --data or --validation, with a line of progress on a terminal. `stop`: see DatasetOptions. */
Dataset *open_data(const ModelDescription *model, const PathList *paths, const Options *options, const volatile sig_atomic_t *stop,
                   Error *error);

/* "model name (spec …), target …, n threads, seed …" */
void print_model(FILE *out, const ModelState *state);

/* ---- evaluate.c ---- */

typedef struct EvaluatedClip {
    int64_t number;                  /* among all clips of the data */
    int64_t video, clip;             /* frames clip · T … clip · T + T − 1 of it */
    const float *x, *reconstruction; /* [T, C, H, W] */
} EvaluatedClip;

typedef struct EvaluationVisitor {
    /* Sees each clip; returning false, with an error, stops the evaluation. */
    bool (*visit)(void *context, const EvaluatedClip *clip, Error *error);
    /* A video can no longer be read, and its further clips are left out; NULL: that is an error. */
    void (*leave_out)(void *context, int64_t video, const Error *reason);
    void *context;
} EvaluationVisitor;

/* Reconstructs every non-overlapping clip of the data, in order, with running statistics, and shows each to the visitor. */
bool evaluate_data(ModelState *state, const Dataset *data, const EvaluationVisitor *visitor, Error *error);

#endif
