/* checkpoint.h: weights and training states in safetensors files.
 *
 * Weights are PyTorch's state_dict: its names, its layout, num_batches_tracked as I64 of shape []. A training state is the same
 * plus "optimizer.moment1.<parameter>" and "optimizer.moment2.<parameter>", with the rest in the metadata; so it can be given
 * wherever weights can.
 */
#ifndef ZOETROPE_CHECKPOINT_H
#define ZOETROPE_CHECKPOINT_H

#include "model/model_state.h"
#include "weights/safetensors.h"

#include <stdio.h>

typedef struct CarriedTensors { /* what --init holds and the model does not use: saved again as it came */
    int count;
    FileTensor *tensor;
} CarriedTensors;

typedef struct RunProgress { /* what a training state knows beyond the model */
    double best_psnr;        /* on the validation clips so far; −INFINITY: none yet */
    char data[64];           /* what it learns from, to notice another data set on --resume */
    char validation[64];     /* the same of what it is validated on; "none"; "": an older file does not say */
    char target[32];         /* on which it ran */
    char tuning[32];         /* of that; "none"; "": an older file does not say */
} RunProgress;

/* Loads weights, running statistics and num_batches_tracked, by the rules of state_dict.h. Each tensor that cannot be used is a line on
 * `messages`; the model is then unchanged. `model` must be open; its moments and `updates` are left alone. *carried: copies of the tensors
 * that the model does not use, with their type and bytes, each named on `messages`; where it is NULL, how many there are. */
bool checkpoint_load(ModelState *state, CarriedTensors *carried, const TensorFile *file, FILE *messages, Error *error);
void carried_free(CarriedTensors *carried);

/* Writes weights and carried tensors. Refuses weights that are not finite, so that they replace none that are. */
bool checkpoint_save(const ModelState *state, const CarriedTensors *carried, const char *path, Error *error);

/* How many updates made the weights, as the file says; −1: it does not. */
int64_t checkpoint_iteration(const TensorFile *file);

/* Writes all that --resume needs. */
bool training_state_save(const ModelState *state, const CarriedTensors *carried, const RunProgress *progress, const char *path,
                         Error *error);
/* Reads it into an open model; spec and seed must be the model's. */
bool training_state_load(ModelState *state, CarriedTensors *carried, RunProgress *progress, const TensorFile *file, FILE *messages,
                         Error *error);
/* The seed of a training state, so that --resume need not be told. */
bool training_state_seed(const TensorFile *file, uint64_t *seed, Error *error);

#endif
