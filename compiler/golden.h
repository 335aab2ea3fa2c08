/* golden.h: an input of a bundle and what must come of it. */
#ifndef ZOETROPE_GOLDEN_H
#define ZOETROPE_GOLDEN_H

#include "inference.h"

/* Frames and a state drawn from a fixed seed, and what comes of them in double precision. */
enum { GOLDEN_FRAMES = 2 };
typedef struct Golden {
    int frames;
    float *x, *state, *reconstruction, *final_state; /* [frames, C, H, W], [layers, hidden] */
    double *score;                                   /* [frames] */
} Golden;
/* As a target computes it (NULL: by no rounding at all). */
Golden *compute_golden(const Inference *inference, double *const *parameters, const InferenceCode *code);
/* Whether all that came of it is finite. */
bool golden_finite(const Inference *inference, const Golden *golden);
/* The first target that multiplies in bfloat16: the others do so in the same way. NULL: none does. */
const InferenceCode *rounding_code(const Inference *inference);

#endif
