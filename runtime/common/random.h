/* random.h: random numbers as a function of (seed, stream, index). So a resumed run draws the same ones as an uninterrupted run.
 *
 * The generator is Philox 4×32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011). Its key is the seed; its
 * counter is {index low, index high, stream, attempt}. Nothing here has a state.
 */
#ifndef ZOETROPE_RANDOM_H
#define ZOETROPE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Users of random numbers. Two users of one stream would draw the same numbers. Saved runs depend on these numbers: add, never renumber. */
typedef enum RandomStream {
    RANDOM_WEIGHTS = 1,          /* initial weights: index = place in the block of parameters, in file order */
    RANDOM_INITIAL_STATE = 2,    /* what a training iteration draws: h0; of a system, noise, factors of dropout and initial states */
    RANDOM_CLIP_VIDEO = 3,       /* which video a clip is taken from: index = iteration · batch + place in the batch */
    RANDOM_CLIP_START = 4,       /* and at which frame it starts */
    RANDOM_EVALUATION_STATE = 5, /* the same of validation, reconstruction and scores */
    RANDOM_SYNTHETIC = 6,        /* the videos that the program draws itself */
    RANDOM_NORMAL_WEIGHTS = 7,   /* initial weights that are normal: pairs from twice the place on */
} RandomStream;

#define PHILOX_ROUNDS 10
#define PHILOX_MULTIPLIER0 UINT32_C(0xD2511F53)
#define PHILOX_MULTIPLIER1 UINT32_C(0xCD9E8D57)
#define PHILOX_WEYL0 UINT32_C(0x9E3779B9) /* the golden ratio */
#define PHILOX_WEYL1 UINT32_C(0xBB67AE85) /* √3 − 1 */

typedef struct PhiloxBlock {
    uint32_t word[4];
} PhiloxBlock;

/* One block of Philox 4×32-10. */
PhiloxBlock philox(PhiloxBlock counter, uint32_t key0, uint32_t key1);

/* Number `index` of the stream: 32 random bits. */
uint32_t random_bits(uint64_t seed, RandomStream stream, uint64_t index);

/* Number `index` of the stream, uniform in [0, 1): a multiple of 2⁻²⁴. */
float random_uniform(uint64_t seed, RandomStream stream, uint64_t index);

/* Uniform in 0 … bound − 1 without the bias of a remainder (Lemire's method); bound ≥ 1. Independent of random_bits at every index. */
uint64_t random_below(uint64_t seed, RandomStream stream, uint64_t index, uint64_t bound);

/* values[i] = random_uniform(seed, stream, first + i); in random_fill.c. */
void random_fill(uint64_t seed, RandomStream stream, uint64_t first, float *values, size_t count);

/* The input of a Box-Muller transform: values[0 … pairs − 1] in (0, 1], values[pairs … 2·pairs − 1] in [0, 1). Uses the numbers
 * first … first + 2·pairs − 1 of the stream. */
void random_fill_pairs(uint64_t seed, RandomStream stream, uint64_t first, float *values, size_t pairs);

#endif
