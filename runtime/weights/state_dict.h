/* state_dict.h: the weights of a model in any safetensors file, with the same rules and messages for the trainer and the compiler.
 *
 * A parameter or a running statistic has its shape and is F32, or F64, F16 or BF16, which are converted. num_batches_tracked is a whole
 * number of any integer or float type, of shape [] or [1]. If it is missing (or infinite, because F16 or F8_E5M2 was too narrow), it is 0.
 * All names may have the same prefix (module., _orig_mod., model., or any other), which is found. Tensors that the model does not use may
 * be anything.
 */
#ifndef ZOETROPE_STATE_DICT_H
#define ZOETROPE_STATE_DICT_H

#include "weights/safetensors.h"

#include <stdio.h>

typedef enum { STATE_PARAMETER, STATE_STATISTIC, STATE_BATCHES_TRACKED } StateKind;

typedef struct WantedTensor {
    const char *name; /* PyTorch's: encoder.0.weight */
    StateKind kind;
    int rank; /* num_batches_tracked: 0 */
    const int64_t *shape;
} WantedTensor;

typedef struct WantedWeights {
    const char *model, *spec_hash;
    int count;
    const WantedTensor *tensor;
    const char *exact;   /* NULL: the rules above. Otherwise, the file must be as we write it, and this is the remedy if it is not */
    FILE *messages;      /* each fault is a line there, and each conversion a note */
    const char *speaker; /* the beginning of these lines: "zoetrope: ", or "" */
} WantedWeights;

typedef struct StateDict {
    const TensorFile *file;
    WantedWeights wanted;
    const FileTensor **tensor; /* for each wanted tensor; NULL: num_batches_tracked, which is missing */
} StateDict;

/* Finds the tensors and checks them all; false: at least one cannot be used, or there is none. Prints what is converted, and which prefix
 * is removed. `file` and what `wanted` points to must outlive it. */
bool state_dict_open(StateDict *dict, const TensorFile *file, const WantedWeights *wanted, Error *error);
void state_dict_close(StateDict *dict);

/* The values of wanted tensor number i: a parameter or a statistic; num_batches_tracked. */
void state_dict_floats(const StateDict *dict, int i, float *values);
int64_t state_dict_batches(const StateDict *dict, int i);

/* Is this tensor of the file a wanted one, or one of the optimizer's in a training state? */
bool state_dict_uses(const StateDict *dict, const FileTensor *tensor);
/* Prints how many are not. */
void state_dict_say_unused(const StateDict *dict);
/* Prints how many counts of batches the file lacks. */
void state_dict_say_counts(const StateDict *dict);
/* Prints a line on dict->wanted.messages. */
void state_dict_say(const WantedWeights *wanted, const char *pattern, ...) __attribute__((format(printf, 2, 3)));

/* ---- our training states ---- */

extern const char state_format[], moment_prefix[]; /* metadata "format"; the prefix of names of the optimizer's tensors */
bool is_training_state(const TensorFile *file);
/* Is it one of the optimizer's, in a training state? */
bool is_moment(const TensorFile *file, const char *name);

bool has_shape(const FileTensor *tensor, const WantedTensor *wanted);

#endif
