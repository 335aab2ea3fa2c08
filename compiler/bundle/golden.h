/* golden.h: an input of a bundle and the results that it must have. */
#ifndef ZOETROPE_GOLDEN_H
#define ZOETROPE_GOLDEN_H

#include "bundle/inference.h"

/* Version 1: two frames and their results, in double precision. They are the last frames of a stream that shows the two in turn, long
 * enough for runs of the recurrence to have been restarted. */
enum { GOLDEN_FRAMES = 2 };
static inline long golden_first(const Spec *spec) { /* frame of the stream, of which what comes is known */
    return 2 * (long)spec->T - 1;
}
/* Whatever the version: numbers as the file has them, the scores first. */
typedef struct Golden {
    long scores, values;
    double *score;
    float *value;                   /* the parts below, one after another; of version 2: x, draws, outputs, what a search finds */
    float *x, *h0, *reconstruction; /* version 1: [2, C, H, W]; what the stream begins from; of the last frames */
} Golden;
/* A smooth picture's pixel, in [-1, 1]; a number uniform in [0, 1). Functions of the place alone. */
float golden_pixel(long frame, long c, long h, long w);
double golden_uniform(uint64_t place);
/* Computes it as a target does; `target` NULL: without rounding to bfloat16. */
Golden *compute_golden(const Inference *inference, double *const *parameters, const InferenceCode *code);
/* Are all results finite? */
bool golden_finite(const Golden *golden);
/* The first target that multiplies in bfloat16. All of them do it in the same way. NULL if there is none. */
const InferenceCode *rounding_code(const Inference *inference);

#endif
