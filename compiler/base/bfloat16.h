/* bfloat16.h: the arithmetic of pairs of bfloat16, as AVX512-BF16 does it: what PAIR and DOT_ADD of the loop IR mean, to the bit.
 *
 * Denormal operands and results are zeros of their sign, whatever the processor is set to; results are rounded to nearest, ties to even. */
#ifndef ZOETROPE_BFLOAT16_H
#define ZOETROPE_BFLOAT16_H

#include <stdint.h>

/* The upper half of the bits of a float, rounded; a NaN stays one. */
uint32_t bfloat16_of(float a);
double bfloat16_value(uint32_t bits);
/* `low` and `high`, each rounded, in the halves of a word. */
uint32_t bfloat16_pair(float low, float high);
/* low(a) · low(b) + (high(a) · high(b) + c): two fused multiply-adds. */
float bfloat16_dot_add(uint32_t a, uint32_t b, float c);

#endif
