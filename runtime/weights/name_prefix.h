/* name_prefix.h: what stands before all names of a model's weights in a file: nothing, or what wrappers put there (module., _orig_mod.). */
#ifndef ZOETROPE_NAME_PREFIX_H
#define ZOETROPE_NAME_PREFIX_H

#include "weights/state_dict.h"

typedef struct NamePrefix {
    const char *text; /* `length` bytes, which point into a name of the file */
    size_t length;
    int names; /* so many of the wanted tensors (num_batches_tracked left out) have a name with it */
    int fits;  /* and so many of them the right shape */
} NamePrefix;

/* All prefixes with which a wanted tensor is in the file, the best first: most tensors that fit, then most names; of equals none at all
 * before those of well-known wrappers, then any others, then averages of weights (ema.). The caller frees the list. */
NamePrefix *list_prefixes(const TensorFile *file, const WantedWeights *wanted, int *count);

/* Is neither of the two better? Which is meant is then unknown. */
bool same_rank(const NamePrefix *a, const NamePrefix *b);

/* A tensor whose name is this one but for names of wrappers in it; NULL: none. */
const FileTensor *find_wrapped(const TensorFile *file, const char *name);

#endif
