/* emit_check_pairs.h: part of emit_checks.h, for targets with pairs of bfloat16. Compares their operations with compiler/base/bfloat16.c,
 * to the bit, on special values and on random bits. */
#include "../compiler/base/bfloat16.c"

static uint32_t random_bits(void) {
    static uint64_t state = 1;
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 32);
}

static float float_of_bits(uint32_t bits) {
    float a;
    memcpy(&a, &bits, sizeof a);
    return a;
}

static uint32_t pairs[2][COUNT], pair_output[COUNT];
enum { PAIR_ROUNDS = 2000 };

/* Round 0: special values. Then random bits, numbers of similar size, and numbers whose products are near the smallest normal number. */
static uint32_t pair_bits(int round, int i, int which) {
    const uint32_t bits = random_bits();
    if (round == 0) return bfloat16_pair(special[(i + 5 * which) % SPECIALS], special[(7 * i + which) / SPECIALS % SPECIALS]);
    if (round % 3 == 0) return bits;
    if (round % 3 == 1) return (bits & 0x80ff80ffu) | 0x3f003f00u;
    return ((bits & 0x87ff87ffu) | 0x1e001e00u) & (round % 2 ? 0xffffffffu : 0xffffu);
}

static float added_bits(int round, int i) {
    const uint32_t bits = random_bits();
    if (round == 0) return special[i / SPECIALS];
    return float_of_bits(round % 3 == 0 ? bits : round % 3 == 1 ? (bits & 0x81ffffffu) | 0x3e000000u : bits & 0x81ffffffu);
}

static int is_nan_pair(uint32_t a, uint32_t b) { /* if one half is NaN, so is the other */
    for (int half = 0; half < 2; half++, a >>= 16, b >>= 16)
        if ((a & 0xffff) != (b & 0xffff) && !((a & 0x7fff) > 0x7f80 && (b & 0x7fff) > 0x7f80)) return 0;
    return 1;
}

#define CHECK_PAIR(call)                                                                                                                   \
    for (int round = 0; round < PAIR_ROUNDS; round++) {                                                                                    \
        for (int i = 0; i < COUNT; i++) {                                                                                                  \
            inputs_float[0][i] = round ? float_of_bits(random_bits()) : special[i / SPECIALS];                                             \
            inputs_float[1][i] = round ? float_of_bits(random_bits()) : special[i % SPECIALS];                                             \
        }                                                                                                                                  \
        call(pair_output, inputs_float[0], inputs_float[1], 1);                                                                            \
        for (int i = 0; i < COUNT; i++)                                                                                                    \
            expect(is_nan_pair(pair_output[i], bfloat16_pair(inputs_float[0][i], inputs_float[1][i])), #call, i);                          \
    }
#define CHECK_DOTS(name, call, added)                                                                                                      \
    for (int round = 0; round < PAIR_ROUNDS; round++) {                                                                                    \
        for (int i = 0; i < COUNT; i++) {                                                                                                  \
            pairs[0][i] = pair_bits(round, i, 0);                                                                                          \
            pairs[1][i] = pair_bits(round, i, 1);                                                                                          \
            inputs_float[2][i] = added;                                                                                                    \
        }                                                                                                                                  \
        call;                                                                                                                              \
        for (int i = 0; i < COUNT; i++) {                                                                                                  \
            const float wanted = bfloat16_dot_add(pairs[0][i], pairs[1][i], inputs_float[2][i]);                                           \
            expect(SAME(wanted, output_float[i], 1), name, i);                                                                             \
        }                                                                                                                                  \
    }
#define CHECK_DOT(call) CHECK_DOTS(#call, call(output_float, pairs[0], pairs[1], 1), 0.0f)
#define CHECK_DOT_ADD(call) CHECK_DOTS(#call, call(output_float, pairs[0], pairs[1], inputs_float[2], 1), added_bits(round, i))
