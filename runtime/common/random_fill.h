/* random_fill.h: the ways in which random_fill draws, for their tests. */
#ifndef ZOETROPE_RANDOM_FILL_H
#define ZOETROPE_RANDOM_FILL_H

#include "common/random.h"

typedef struct RandomFiller {
    const char *name;
    size_t blocks; /* of four numbers that are drawn at once */
    /* Numbers 4 · first … of the stream; `count` is a multiple of `blocks`. */
    void (*fill)(uint64_t seed, RandomStream stream, uint64_t first, float *values, size_t count);
    int (*available)(void); /* on this processor? The last way always is. */
} RandomFiller;

/* The fastest first. */
extern const RandomFiller random_fillers[];
extern const int random_filler_count;

/* random_fill in one of these ways. */
void random_fill_by(const RandomFiller *filler, uint64_t seed, RandomStream stream, uint64_t first, float *values, size_t count);

#endif
