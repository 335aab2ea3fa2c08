/* whole_number.c: whole numbers in decimal as people write them. */
#include "common/whole_number.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const char digits[] = "0123456789";

/* Appends a digit to the value, if there is room. */
static bool append(uint64_t *value, int digit) {
    return !__builtin_mul_overflow(*value, UINT64_C(10), value) && !__builtin_add_overflow(*value, (uint64_t)digit, value);
}

/* The exponent after "e", or 0 if there is none. Very large ones are limited. */
static long read_exponent(const char **end) {
    enum { MOST = 100000000 };
    const char *text = *end;
    if (*text != 'e' && *text != 'E') return 0;
    const bool negative = *++text == '-';
    if (*text == '-' || *text == '+') text++;
    const size_t count = strspn(text, digits);
    if (count == 0) return 0;
    long exponent = 0;
    for (size_t i = 0; i < count; i++)
        if (exponent < MOST) exponent = exponent * 10 + (text[i] - '0');
    *end = text + count;
    return negative ? -exponent : exponent;
}

WholeNumber read_whole_number(const char *text, const char **end, uint64_t *value) {
    const size_t whole = strspn(text, digits), fraction = text[whole] == '.' ? strspn(text + whole + 1, digits) : 0;
    *value = 0;
    *end = text;
    if (whole + fraction == 0) return WHOLE_NONE;
    *end += whole + (text[whole] == '.') + fraction;
    const char *last = *end; /* after the last digit that counts */
    long exponent = read_exponent(end) - (long)fraction;
    for (; last > text && (last[-1] == '0' || last[-1] == '.'); last--) exponent += last[-1] == '0';
    if (last == text) return WHOLE_READ; /* 0 */
    if (exponent < 0) return WHOLE_FRACTION;
    for (; text < last; text++)
        if (*text != '.' && !append(value, *text - '0')) return WHOLE_TOO_LARGE;
    for (; exponent > 0; exponent--)
        if (!append(value, 0)) return WHOLE_TOO_LARGE;
    return WHOLE_READ;
}
