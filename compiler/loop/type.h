/* type.h: the types in which elements are stored, and the types of their values. */
#ifndef ZOETROPE_TYPE_H
#define ZOETROPE_TYPE_H

#include <stdbool.h>
#include <stdint.h>

/* The types of elements. Values are floats, doubles or pairs. Smaller elements are only read, as a float or as a pair. TYPE_PAIR: two
 * bfloat16 in 32 bits, the first in the low half, for dot products of pairs. TYPE_I8_PAIR: two bytes in 16 bits, likewise. */
typedef enum { TYPE_F32, TYPE_F64, TYPE_PAIR, TYPE_F16, TYPE_BF16, TYPE_I8, TYPE_I8_PAIR, TYPES } Type;
static inline long type_size(Type type) { /* in bytes */
    return type == TYPE_F64 ? 8 : type == TYPE_F32 || type == TYPE_PAIR ? 4 : type == TYPE_I8 ? 1 : 2;
}
static inline bool type_is_narrow(Type type) {
    return type > TYPE_PAIR;
}
static inline Type value_type(Type type) { /* of an element, once it is loaded */
    return type == TYPE_I8_PAIR ? TYPE_PAIR : type_is_narrow(type) ? TYPE_F32 : type;
}
extern const char *const type_names[TYPES];
uint16_t f16_bits(double value); /* the nearest one, ties to even */
uint16_t bf16_bits(double value);
double element_value(Type type, const void *elements, long offset);

#endif
