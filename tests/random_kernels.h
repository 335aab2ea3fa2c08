/* random_kernels.h: computes of the kinds that lowering makes, on small random shapes. Memory holds small integers, so sums are exact in
 * any order. */
#ifndef ZOETROPE_TESTS_RANDOM_KERNELS_H
#define ZOETROPE_TESTS_RANDOM_KERNELS_H

#include "../compiler/loop/kernel.h"

enum { LANES = 4, MOST_TENSORS = 8 };

typedef struct Random {
    uint64_t state;
} Random;
long random_index(Random *random, long limit); /* 0 … limit − 1 */
bool random_chance(Random *random, long of_100);
void random_order(Random *random, int count, int *order);

typedef struct Example {
    Kernel kernel; /* not scheduled */
    const char *kind;
    int tensor_count;
    const Buffer *tensor[MOST_TENSORS];
    void *elements[MOST_TENSORS], *initial[MOST_TENSORS], *expected[MOST_TENSORS];
    const char *lanes;    /* a variable along which vectors are contiguous in the layouts of tensors; NULL: none */
    const Buffer *staged; /* a virtual buffer that a stage may have; NULL: none */
    bool plain;           /* each store is only a sum */
} Example;

/* A kernel of a random kind, with its memory filled, and the results of an unscheduled run in `expected`. */
Example *random_example(Random *random);
enum { EXAMPLE_KINDS = 7 };
Example *random_example_of(Random *random, int kind);

/* Runs the kernel from the initial memory; returns NULL, or the name of a tensor that differs from `expected`. */
const char *run_example(const Example *example, const Kernel *kernel, bool reverse);
/* Only runs it; the results are in example->elements. */
void run_from_initial(const Example *example, const Kernel *kernel, bool reverse);
size_t tensor_bytes(const Buffer *buffer);

#endif
