/* arithmetic.h: whole numbers: the larger, the smaller, and divisions. */
#ifndef ZOETROPE_ARITHMETIC_H
#define ZOETROPE_ARITHMETIC_H

static inline long minimum(long a, long b) {
    return a < b ? a : b;
}
static inline long maximum(long a, long b) {
    return a > b ? a : b;
}
/* Division that rounds towards minus infinity, and its non-negative remainder; b > 0. */
static inline long floor_divide(long a, long b) {
    return a / b - (a % b != 0 && a < 0);
}
static inline long floor_modulo(long a, long b) {
    return a - floor_divide(a, b) * b;
}
static inline long round_up(long a, long b) {
    return floor_divide(a + b - 1, b) * b;
}
/* The size of the fewest equal parts of at most `most`; the last may be smaller. */
static inline long divide_evenly(long number, long most) {
    const long parts = (number + most - 1) / most;
    return (number + parts - 1) / parts;
}
/* Of those up to `most`; both at least 1. */
static inline long largest_divisor(long number, long most) {
    long divisor = number < most ? number : most > 1 ? most : 1;
    while (number % divisor) divisor--;
    return divisor;
}

#endif
