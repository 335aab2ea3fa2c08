/* edited_weights.h: files of weights as other programs make them. */
#ifndef ZOETROPE_EDITED_WEIGHTS_H
#define ZOETROPE_EDITED_WEIGHTS_H

#include "../compiler/bundle/inference.h"
#include "../runtime/weights/safetensors.h"

enum { MOST_TENSORS = 200 };

typedef struct Weights { /* the content of a file */
    int count;
    FileTensor tensor[MOST_TENSORS];
} Weights;

Weights trainer_weights(void);                /* of fake_model */
Weights compiler_weights(const Graph *graph); /* of a spec */
void write_weights(const Weights *weights, const char *path);
bool is_count(const FileTensor *tensor); /* num_batches_tracked */

/* Changes. A tensor is named by the end of its name. */
typedef void Edit(Weights *weights, const char *argument);
Edit prefix_names;   /* "module." */
Edit add_set;        /* "model. ema.": prefixes of the first set, and of a second one of zeros */
Edit add_set_before; /* the same, with the second set first */
Edit add_average;    /* the same, the second set without running statistics */
Edit convert;        /* "F16": all except num_batches_tracked */
Edit set_counts;     /* "I32 [1] 7": num_batches_tracked */
Edit drop;           /* "running_var" */
Edit add_unused;     /* "BOOL": other.thing [3, 4], of any type */
Edit misshape;       /* "fc1.0.weight" */
Edit make_integers;  /* "fc1.0.weight" */
Edit set_number;     /* "encoder.1.bias nan": its last one; the others become 0 */
Edit rename_one;     /* "encoder.1.bias encoder.bias" */
Edit wrap_networks;  /* "module": encoder.0.weight to encoder.module.0.weight */
Edit make_foreign;   /* "layers": to layers.0, layers.1, … */
Edit empty;          /* "" */

#endif
