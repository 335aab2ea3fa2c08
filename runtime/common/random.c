/* random.c: Philox 4×32-10, and numbers made from it. */
#include "exact.h"

#include "common/random.h"

__extension__ typedef unsigned __int128 wide;

PhiloxBlock philox(PhiloxBlock counter, uint32_t key0, uint32_t key1) {
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        uint64_t product0 = (uint64_t)PHILOX_MULTIPLIER0 * counter.word[0];
        uint64_t product1 = (uint64_t)PHILOX_MULTIPLIER1 * counter.word[2];
        counter = (PhiloxBlock){{(uint32_t)(product1 >> 32) ^ counter.word[1] ^ key0, (uint32_t)product1,
                                 (uint32_t)(product0 >> 32) ^ counter.word[3] ^ key1, (uint32_t)product0}};
        key0 += PHILOX_WEYL0;
        key1 += PHILOX_WEYL1;
    }
    return counter;
}

/* `attempt` is 0 for streams of single numbers, and counts from 1 in random_below: the two never share a block. */
static PhiloxBlock block(uint64_t seed, RandomStream stream, uint64_t index, uint32_t attempt) {
    PhiloxBlock counter = {{(uint32_t)index, (uint32_t)(index >> 32), (uint32_t)stream, attempt}};
    return philox(counter, (uint32_t)seed, (uint32_t)(seed >> 32));
}

static float unit(uint32_t bits) {
    return (float)(bits >> 8) * 0x1p-24f;
}

uint32_t random_bits(uint64_t seed, RandomStream stream, uint64_t index) {
    return block(seed, stream, index / 4, 0).word[index % 4];
}

float random_uniform(uint64_t seed, RandomStream stream, uint64_t index) {
    return unit(random_bits(seed, stream, index));
}

uint64_t random_below(uint64_t seed, RandomStream stream, uint64_t index, uint64_t bound) {
    uint64_t rejected = -bound % bound; /* 2⁶⁴ mod bound: the number of low halves that must be rejected */
    for (uint32_t attempt = 1;; attempt++) {
        PhiloxBlock bits = block(seed, stream, index, attempt);
        for (int half = 0; half < 2; half++) {
            uint64_t draw = (uint64_t)bits.word[2 * half] << 32 | bits.word[2 * half + 1];
            wide product = draw * (wide)bound;
            if ((uint64_t)product >= rejected) return (uint64_t)(product >> 64);
        }
    }
}

void random_fill_pairs(uint64_t seed, RandomStream stream, uint64_t first, float *values, size_t pairs) {
    random_fill(seed, stream, first, values, 2 * pairs);
    for (size_t i = 0; i < pairs; i++) values[i] = 1.0f - values[i];
}
