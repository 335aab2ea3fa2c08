/* golden.h: an input of a bundle and what must come of it. */
#ifndef ZOETROPE_GOLDEN_H
#define ZOETROPE_GOLDEN_H

#include "bundle/inference.h"

/* Two frames, and what comes of them, in double precision, at the end of a stream that shows them in turn, so long that runs of
 * the recurrence have begun anew. */
enum { GOLDEN_FRAMES = 2 };
static inline long golden_first(const Spec *spec) { /* frame of the stream, of which what comes is known */
    return 2 * (long)spec->T - 1;
}
typedef struct Golden {
    float *x, *h0, *reconstruction; /* [2, C, H, W]; what the stream begins from; of the last frames */
    double score[GOLDEN_FRAMES];
} Golden;
/* As a target computes it (NULL: by no rounding at all). */
Golden *compute_golden(const Inference *inference, double *const *parameters, const InferenceCode *code);
/* Whether all that came of it is finite. */
bool golden_finite(const Inference *inference, const Golden *golden);
/* The first target that multiplies in bfloat16: the others do so in the same way. NULL: none does. */
const InferenceCode *rounding_code(const Inference *inference);

#endif
