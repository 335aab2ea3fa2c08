/* checkpoint.h: weights and training states in safetensors files.
 *
 * Weights are PyTorch's state_dict: its names, its layout, num_batches_tracked as I64 of shape []. A training state is the same
 * plus "optimizer.moment1.<parameter>" and "optimizer.moment2.<parameter>", with the rest in the metadata; so it can be used
 * wherever weights can.
 */
#ifndef ZOETROPE_CHECKPOINT_H
#define ZOETROPE_CHECKPOINT_H

#include "model/model_state.h"
#include "weights/safetensors.h"

#include <stdio.h>

typedef struct CarriedTensors { /* tensors in --init that the model does not use: saved unchanged */
    int count;
    FileTensor *tensor;
} CarriedTensors;

typedef struct RunProgress {    /* what a training state holds besides the model */
    double best_psnr;           /* on the validation clips so far; −INFINITY: none yet */
    double best_score;          /* the same of a system without a reconstruction: the lowest; INFINITY: none yet */
    char data[64];              /* its training data, to notice another data set on --resume */
    char validation[64];        /* the same for validation; "none"; "": not in an older file */
    char target[32];            /* of the run */
    char tuning[32];            /* of that target; "none"; "": not in an older file */
    char library[LIBRARY_TEXT]; /* that it was linked with; "none"; "": not in an older file */
} RunProgress;

/* Loads weights, running statistics and num_batches_tracked, by the rules of state_dict.h. Each tensor that cannot be used is a line on
 * `messages`; the model is then unchanged. `model` must be open; its moments and `updates` do not change. *carried: copies of the tensors
 * that the model does not use, with type and bytes, each named on `messages`; if it is NULL, only their number is printed. */
bool checkpoint_load(ModelState *state, CarriedTensors *carried, const TensorFile *file, FILE *messages, Error *error);
void carried_free(CarriedTensors *carried);

/* Writes weights and carried tensors. Refuses weights that are not finite, so that they never replace good ones. */
bool checkpoint_save(const ModelState *state, const CarriedTensors *carried, const char *path, Error *error);

/* The number of updates of the weights in a file; −1: unknown. */
int64_t checkpoint_iteration(const TensorFile *file);

/* Writes everything that --resume needs. */
bool training_state_save(const ModelState *state, const CarriedTensors *carried, const RunProgress *progress, const char *path,
                         Error *error);
/* Reads it into an open model, which must have the same spec and seed. */
bool training_state_load(ModelState *state, CarriedTensors *carried, RunProgress *progress, const TensorFile *file, FILE *messages,
                         Error *error);
/* The seed of a training state, for --resume. */
bool training_state_seed(const TensorFile *file, uint64_t *seed, Error *error);

#endif
