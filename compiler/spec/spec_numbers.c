/* spec_numbers.c: numbers in text, by YAML 1.2's core schema, and back. */
#include "spec/spec_internal.h"

#include "../../runtime/common/whole_number.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"

static const char *after_sign(const char *text) {
    return text + (*text == '-' || *text == '+');
}

/* Of 0x1f and 0o17, which have no sign: 16 and 8; else 0. */
static int base_of(const char *text) {
    const int base = text[0] != '0' ? 0 : text[1] == 'x' ? 16 : text[1] == 'o' ? 8 : 0;
    const char *set = base == 16 ? DIGITS "abcdefABCDEF" : "01234567";
    return base && text[2] && text[2 + strspn(text + 2, set)] == 0 ? base : 0;
}

/* [-+]? ( . digits | digits ( . digits? )? ) ( [eE] [-+]? digits )? */
static WholeNumber read_decimal(const char *text, uint64_t *value) {
    const char *end;
    const WholeNumber whole = read_whole_number(after_sign(text), &end, value);
    return *end ? WHOLE_NONE : whole;
}

/* Of a real number without its sign: has it no digit but 0 before the exponent? */
static bool is_zero(const char *text) {
    const char *digit = strpbrk(text, "123456789eE");
    return !digit || *digit == 'e' || *digit == 'E';
}

/* The double nearest to a decimal number. What is finite stays finite, and what is not 0 does not become it. */
static double nearest_double(const char *text) {
    const double sign = *text == '-' ? -1 : 1, value = strtod(text, NULL);
    if (!isfinite(value)) return sign * 1e300;
    return value == 0 && !is_zero(after_sign(text)) ? sign * DBL_TRUE_MIN : value;
}

NumberKind parse_number(const char *text, double *value) {
    static const char *const not_finite[] = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN", NULL};
    static const NumberKind kinds[] = {
        [WHOLE_READ] = NUMBER_INTEGER, [WHOLE_TOO_LARGE] = NUMBER_HUGE, [WHOLE_FRACTION] = NUMBER_REAL, [WHOLE_NONE] = NUMBER_NONE};
    *value = 0;
    for (int i = 0; not_finite[i]; i++)
        if (!strcmp(after_sign(text), not_finite[i])) return NUMBER_NOT_FINITE;
    const int base = base_of(text);
    if (base) {
        errno = 0;
        *value = (double)strtoull(text + 2, NULL, base);
        return errno ? NUMBER_HUGE : NUMBER_INTEGER;
    }
    uint64_t whole;
    const NumberKind kind = kinds[read_decimal(text, &whole)];
    if (kind != NUMBER_NONE) *value = nearest_double(text);
    return kind;
}

uint64_t parse_whole(const char *text) {
    uint64_t value;
    const int base = base_of(text);
    if (base) return strtoull(text + 2, NULL, base);
    read_decimal(text, &value);
    return value;
}

const char *plain_number(const char *text) {
    char *plain = format("%s", text), *number = plain + (after_sign(text) - text), *end = number;
    uint64_t value;
    for (const char *c = number; *c; c++)
        if (*c != '_') *end++ = *c;
    *end = 0;
    const char *first = number;
    while (*first == '0' && first[1] >= '0' && first[1] <= '9') first++;
    memmove(number, first, strlen(first) + 1);
    return strcmp(plain, text) != 0 && read_decimal(plain, &value) != WHOLE_NONE ? plain : NULL;
}

const char *number_text(double value) {
    if (fabs(value) >= 1 && fabs(value) < 1e15 && floor(value) == value) return format("%.0f", value);
    for (int digits = 1; digits < 17; digits++) {
        const char *text = format("%.*g", digits, value);
        if (strtod(text, NULL) == value) return text;
    }
    return format("%.17g", value);
}
