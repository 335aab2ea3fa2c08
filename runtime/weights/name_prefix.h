/* name_prefix.h: the prefix of all names of a model's weights in a file: none, or one that wrappers add (module., _orig_mod.). */
#ifndef ZOETROPE_NAME_PREFIX_H
#define ZOETROPE_NAME_PREFIX_H

#include "weights/state_dict.h"

typedef struct NamePrefix {
    const char *text; /* `length` bytes, which point into a name of the file */
    size_t length;
    int names; /* how many of the wanted tensors (without num_batches_tracked) have a name with it */
    int fits;  /* how many of these have the right shape */
} NamePrefix;

/* All prefixes of wanted tensors in the file, the best first: most tensors that fit, then most names. If these are equal, no prefix comes
 * before those of well-known wrappers, then others, then averages of weights (ema.). The caller frees the list. */
NamePrefix *list_prefixes(const TensorFile *file, const WantedWeights *wanted, int *count);

/* Is neither of the two better? Then it is unknown which is meant. */
bool same_rank(const NamePrefix *a, const NamePrefix *b);

/* A tensor whose name differs from this one only by names of wrappers; NULL: none. */
const FileTensor *find_wrapped(const TensorFile *file, const char *name);

#endif
