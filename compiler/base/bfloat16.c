/* bfloat16: the reference of PAIR and DOT_ADD, in double. A product of two bfloat16 is exact there. */
#include "base/bfloat16.h"

#include <math.h>
#include <string.h>

static uint32_t bits_of(float a) {
    uint32_t bits;
    memcpy(&bits, &a, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits) {
    float a;
    memcpy(&a, &bits, sizeof a);
    return a;
}

uint32_t bfloat16_of(float a) {
    const uint32_t bits = bits_of(a);
    if ((bits & 0x7fffffff) > 0x7f800000) return bits >> 16 | 0x40;
    if ((bits & 0x7f800000) == 0) return bits >> 16 & 0x8000;
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

double bfloat16_value(uint32_t bits) {
    return (double)float_of(bits << 16);
}

uint32_t bfloat16_pair(float low, float high) {
    return bfloat16_of(low) | bfloat16_of(high) << 16;
}

static float flushed(float a) {
    return (bits_of(a) & 0x7f800000) == 0 ? copysignf(0, a) : a;
}

/* a · b + c, rounded once. The sum in double may itself be rounded. Then its last bit is made odd, so that it stays on the right side of
 * every float. Whether a result is denormal is decided after rounding to 24 bits, with an unlimited exponent: it is below 2^-126 · (1 −
 * 2^-25). */
static float multiply_add(float a, float b, float c) {
    const double product = (double)a * (double)b, sum = product + (double)c;
    const double taken = sum - product, lost = (product - (sum - taken)) + ((double)c - taken);
    double odd = sum;
    uint64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    if ((lost > 0 || lost < 0) && (bits & 1) == 0) bits = (lost > 0) == (sum > 0) ? bits + 1 : bits - 1;
    memcpy(&odd, &bits, sizeof odd);
    return fabs(odd) < 0x1.ffffffp-127 ? (float)copysign(0, odd) : (float)odd;
}

float bfloat16_dot_add(uint32_t a, uint32_t b, float c) {
    const float high = multiply_add(flushed(float_of(a & 0xffff0000)), flushed(float_of(b & 0xffff0000)), flushed(c));
    return multiply_add(flushed(float_of(a << 16)), flushed(float_of(b << 16)), high);
}
