/* type.c: element types, and rounding to the types smaller than a float. Half and bfloat16 round as in IEEE 754: to nearest, ties to even,
 * with denormals; beyond the largest number, to infinity. */
#include "loop/type.h"

#include "base/bfloat16.h"
#include "base/support.h"

#include <math.h>

typedef struct NarrowFormat { /* sign, exponent, mantissa, from the highest bit down */
    int exponent_bits, mantissa_bits;
} NarrowFormat;

static const NarrowFormat half = {5, 10}, bfloat16 = {8, 7};

const char *const type_names[TYPES] = {"f32", "f64", "bf16 pairs", "f16", "bf16", "i8", "i8 pairs"};

static uint16_t narrow_bits(NarrowFormat format, double value) {
    const int bias = (1 << (format.exponent_bits - 1)) - 1;
    const long infinity = ((1L << format.exponent_bits) - 1) << format.mantissa_bits;
    const long sign = signbit(value) ? 1L << (format.exponent_bits + format.mantissa_bits) : 0;
    const double size = fabs(value);
    if (isnan(value)) return (uint16_t)(sign | infinity | 1L << (format.mantissa_bits - 1));
    if (isinf(value)) return (uint16_t)(sign | infinity);
    int exponent = 0;
    frexp(size, &exponent); /* size = [0.5, 1) · 2^exponent */
    if (size == 0 || exponent - 1 < 1 - bias) exponent = 2 - bias;
    /* in steps of the last bit; a denormal has exponent 0, and what rounds up to the next power of two carries into the exponent */
    const long steps = (long)nearbyint(ldexp(size, format.mantissa_bits - (exponent - 1)));
    const long bits =
        exponent - 2 + bias >= 1 << format.exponent_bits ? infinity : ((long)(exponent - 2 + bias) << format.mantissa_bits) + steps;
    return (uint16_t)(sign | minimum(bits, infinity));
}

static double narrow_value(NarrowFormat format, uint16_t bits) {
    const int bias = (1 << (format.exponent_bits - 1)) - 1, most = (1 << format.exponent_bits) - 1;
    const int exponent = bits >> format.mantissa_bits & most, mantissa = bits & ((1 << format.mantissa_bits) - 1);
    const double sign = bits >> (format.exponent_bits + format.mantissa_bits) ? -1 : 1;
    if (exponent == most) return mantissa ? (double)NAN : sign * (double)INFINITY;
    if (exponent == 0) return sign * ldexp(mantissa, 1 - bias - format.mantissa_bits);
    return sign * ldexp(mantissa + (1 << format.mantissa_bits), exponent - bias - format.mantissa_bits);
}

uint16_t f16_bits(double value) {
    return narrow_bits(half, value);
}
uint16_t bf16_bits(double value) {
    return narrow_bits(bfloat16, value);
}

double element_value(Type type, const void *elements, long offset) {
    switch (type) {
    case TYPE_F32:
        return (double)((const float *)elements)[offset];
    case TYPE_F64:
        return ((const double *)elements)[offset];
    case TYPE_PAIR:
        return (double)((const uint32_t *)elements)[offset];
    case TYPE_F16:
        return narrow_value(half, ((const uint16_t *)elements)[offset]);
    case TYPE_BF16:
        return narrow_value(bfloat16, ((const uint16_t *)elements)[offset]);
    case TYPE_I8:
        return (double)((const int8_t *)elements)[offset];
    case TYPE_I8_PAIR: {
        const uint16_t pair = ((const uint16_t *)elements)[offset];
        return (double)bfloat16_pair((float)(int8_t)(pair & 0xff), (float)(int8_t)(pair >> 8));
    }
    case TYPES:
        break;
    }
    die("an element of type %d", (int)type);
}
