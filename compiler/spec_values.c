/* spec_values.c: one value: text to number by YAML 1.2's core schema, into its field, and from the field back to text. */
#include "spec_internal.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool all_of(const char *text, const char *set) {
    return *text && text[strspn(text, set)] == 0;
}

#define DIGITS "0123456789"

bool parse_unsigned(const char *text, uint64_t *value) {
    int base = 10;
    if (*text == '+') text++;
    else if (text[0] == '0' && (text[1] == 'x' || text[1] == 'o')) {
        base = text[1] == 'x' ? 16 : 8;
        text += 2;
    }
    if (!all_of(text, base == 16 ? DIGITS "abcdefABCDEF" : base == 8 ? "01234567" : DIGITS)) return false;
    errno = 0;
    *value = strtoull(text, NULL, base);
    return errno == 0;
}

/* [-+]? ( . digits | digits ( . digits? )? ) ( [eE] [-+]? digits )? */
static bool is_real(const char *text) {
    text += *text == '-' || *text == '+';
    size_t whole = strspn(text, DIGITS), fraction = 0;
    text += whole;
    if (*text == '.') {
        fraction = strspn(text + 1, DIGITS);
        text += 1 + fraction;
    }
    if (whole + fraction == 0) return false;
    if (*text != 'e' && *text != 'E') return *text == 0;
    text++;
    text += *text == '-' || *text == '+';
    return all_of(text, DIGITS);
}

/* Of a real number without its sign: has it no digit but 0 before the exponent? */
static bool is_zero(const char *text) {
    const char *digit = strpbrk(text, "123456789eE");
    return !digit || *digit == 'e' || *digit == 'E';
}

NumberKind parse_number(const char *text, double *value) {
    static const char *const not_finite[] = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN", NULL};
    const char *unsigned_text = text + (*text == '-' || *text == '+');
    bool decimal = all_of(unsigned_text, DIGITS);
    uint64_t whole;
    *value = 0;
    for (int i = 0; not_finite[i]; i++)
        if (!strcmp(unsigned_text, not_finite[i])) return NUMBER_NOT_FINITE;
    if (parse_unsigned(text, &whole) || (decimal && parse_unsigned(unsigned_text, &whole))) {
        *value = *text == '-' ? -(double)whole : (double)whole;
        return NUMBER_INTEGER;
    }
    bool prefixed =
        text[0] == '0' && ((text[1] == 'x' && all_of(text + 2, DIGITS "abcdefABCDEF")) || (text[1] == 'o' && all_of(text + 2, "01234567")));
    if (decimal || prefixed) { /* more than 64 bits */
        *value = *text == '-' ? -1e300 : 1e300;
        return NUMBER_HUGE;
    }
    if (!is_real(text)) return NUMBER_NONE;
    *value = strtod(text, NULL);
    const double sign = *text == '-' ? -1 : 1;
    if (!isfinite(*value)) *value = sign * 1e300;                             /* the number is finite, but no double */
    if (*value == 0 && !is_zero(unsigned_text)) *value = sign * DBL_TRUE_MIN; /* nor is it 0 */
    return NUMBER_REAL;
}

const char *number_text(double value) {
    if (fabs(value) >= 1 && fabs(value) < 1e15 && floor(value) == value) return format("%.0f", value);
    for (int digits = 1; digits < 17; digits++) {
        const char *text = format("%.*g", digits, value);
        if (strtod(text, NULL) == value) return text;
    }
    return format("%.17g", value);
}

const char *given(const SpecNode *node) {
    if (node->kind == NODE_LIST) return node->count ? format("a list of %d", node->count) : "an empty list";
    if (node->kind == NODE_MAP) return "a section of keys";
    if (node->quoted) return format("the text \"%s\"", shown(node->text));
    if (!node->text[0] || !strcmp(node->text, "~") || !strcmp(node->text, "null")) return "nothing";
    double value;
    return format(parse_number(node->text, &value) == NUMBER_NONE ? "'%s'" : "%s", shown(node->text));
}

static void wrong_type(SpecErrors *errors, const Key *key, const SpecNode *node, const char *what) {
    double value;
    bool quotes = node->kind == NODE_SCALAR && node->quoted && parse_number(node->text, &value) != NUMBER_NONE;
    spec_error(errors, node->mark, node->width, format("%s`%s` must be %s", quotes ? "remove the quotes\n" : "", key->name, key_legal(key)),
               "`%s` is %s%s", key->name, given(node), what);
}

static void *field(const Key *key, void *target) {
    return (char *)target + key->offset;
}

/* Number `index` of a field with numbers. */
static void store_number(const Key *key, void *target, int index, double value) {
    void *place = field(key, target);
    switch (key->type) {
    case KEY_VERSION:
        break;
    case KEY_INTEGER:
    case KEY_PAIR:
        ((int *)place)[index] = (int)value;
        break;
    case KEY_LONG:
        *(long *)place = (long)value;
        break;
    case KEY_SEED:
        *(uint64_t *)place = (uint64_t)value;
        break;
    case KEY_NUMBER:
    case KEY_TWO_NUMBERS:
        ((double *)place)[index] = value;
        break;
    case KEY_BOOLEAN:
        *(bool *)place = value > 0;
        break;
    case KEY_CHOICE:
        *(unsigned *)place = (unsigned)value;
        break; /* an enum without negative values */
    case KEY_NAME:
    case KEY_SECTION:
    case KEY_LAYERS:
        die("key %s has no number", key->name);
    }
}

void set_default(const Key *key, void *target) {
    if (key->type == KEY_SECTION || key->type == KEY_LAYERS || key->type == KEY_NAME || key->type == KEY_VERSION) return;
    store_number(key, target, 0, key->fallback);
    if (key->type == KEY_PAIR) store_number(key, target, 1, key->fallback);
    if (key->type == KEY_TWO_NUMBERS) store_number(key, target, 1, key->fallback2);
}

/* NULL: the value is legal. The remedy that follows says what is; but for limits that nobody meets by intention. */
static const char *range_problem(const Key *key, double value) {
    const bool whole = key->type != KEY_NUMBER && key->type != KEY_TWO_NUMBERS;
    if (value > key->maximum && key->maximum >= SPEC_WHOLE_LIMIT)
        return format(", which is too large: %s is the limit", number_text(key->maximum));
    bool legal = value >= key->minimum && (key->below ? value < key->maximum : value <= key->maximum);
    if (legal && key->step > 0) legal = fmod(value - key->minimum, key->step) == 0;
    if (!legal) return ", which is out of range";
    if (whole || value == 0 || fabs(value) >= SPEC_NUMBER_LEAST) return NULL;
    return format(", which is too small for float32: above 0, the least is %s", number_text(SPEC_NUMBER_LEAST));
}

static bool read_number(SpecErrors *errors, const Key *key, const SpecNode *node, int index, void *target) {
    bool whole = key->type != KEY_NUMBER && key->type != KEY_TWO_NUMBERS;
    double value;
    if (node->kind == NODE_REFUSED) return false;
    NumberKind kind = node->kind == NODE_SCALAR && !node->quoted ? parse_number(node->text, &value) : NUMBER_NONE;
    if (kind == NUMBER_NONE) return wrong_type(errors, key, node, ""), false;
    if (kind == NUMBER_NOT_FINITE) return wrong_type(errors, key, node, ", which is not a finite number"), false;
    if (whole && kind == NUMBER_REAL) return wrong_type(errors, key, node, ", which is not a whole number"), false;
    const char *problem = range_problem(key, value);
    if (problem) return wrong_type(errors, key, node, problem), false;
    store_number(key, target, index, value == 0 ? 0 : value); /* −0 is 0 */
    return true;
}

static bool read_numbers(SpecErrors *errors, const Key *key, const SpecNode *node, void *target) {
    bool single = key->type == KEY_PAIR && node->kind != NODE_LIST;
    if (single) return read_number(errors, key, node, 0, target) && (((int *)field(key, target))[1] = ((int *)field(key, target))[0], true);
    if (node->kind != NODE_LIST || node->count != 2) return wrong_type(errors, key, node, ""), false;
    bool first = read_number(errors, key, node->first, 0, target);
    return read_number(errors, key, node->first->next, 1, target) && first;
}

static bool read_seed(SpecErrors *errors, const Key *key, const SpecNode *node, void *target) {
    double value;
    if (node->kind == NODE_SCALAR && !node->quoted && parse_unsigned(node->text, field(key, target))) return true;
    NumberKind kind = node->kind == NODE_SCALAR && !node->quoted ? parse_number(node->text, &value) : NUMBER_NONE;
    if (kind == NUMBER_INTEGER && value == 0) return *(uint64_t *)field(key, target) = 0, true; /* -0 */
    bool whole = kind == NUMBER_INTEGER || kind == NUMBER_HUGE;
    wrong_type(errors, key, node, whole ? ", which is out of range" : kind == NUMBER_REAL ? ", which is not a whole number" : "");
    return false;
}

static bool read_boolean(SpecErrors *errors, const Key *key, const SpecNode *node, void *target) {
    static const char *const words[2][3] = {{"false", "False", "FALSE"}, {"true", "True", "TRUE"}};
    for (int value = 0; value < 2; value++)
        for (int i = 0; i < 3; i++)
            if (node->kind == NODE_SCALAR && !node->quoted && !strcmp(node->text, words[value][i]))
                return *(bool *)field(key, target) = value, true;
    wrong_type(errors, key, node, "");
    return false;
}

static bool read_choice(SpecErrors *errors, const Key *key, const SpecNode *node, void *target) {
    if (node->kind != NODE_SCALAR || !node->text[0]) return wrong_type(errors, key, node, ""), false;
    for (int i = 0; key->choices[i]; i++)
        if (!strcmp(node->text, key->choices[i])) return store_number(key, target, 0, i), true;
    const char *near = nearest_name(usual_name(node->text), key->choices);
    const char *legal = format("`%s` must be %s", key->name, key_legal(key));
    spec_error(errors, node->mark, node->width, near ? format("did you mean `%s`?\n%s", near, legal) : legal, "unknown %s '%s'", key->name,
               shown(node->text));
    return false;
}

static bool read_name(SpecErrors *errors, const Key *key, const SpecNode *node, void *target) {
    if (node->kind != NODE_SCALAR || (!node->text[0] && !node->quoted)) return wrong_type(errors, key, node, ""), false;
    const char *problem = name_problem(node->text);
    if (problem)
        spec_error(errors, node->mark, node->width,
                   "C functions, files and folders are named after it: choose letters, digits and _, such as my_model",
                   "the name '%s' cannot be used: %s", shown(node->text), problem);
    else *(const char **)field(key, target) = node->text;
    return !problem;
}

bool read_value(SpecErrors *errors, const Key *key, const SpecNode *node, void *target) {
    if (node->kind == NODE_REFUSED) return false;
    switch (key->type) {
    case KEY_NAME:
        return read_name(errors, key, node, target);
    case KEY_VERSION:
    case KEY_INTEGER:
    case KEY_LONG:
    case KEY_NUMBER:
        return read_number(errors, key, node, 0, target);
    case KEY_SEED:
        return read_seed(errors, key, node, target);
    case KEY_PAIR:
    case KEY_TWO_NUMBERS:
        return read_numbers(errors, key, node, target);
    case KEY_BOOLEAN:
        return read_boolean(errors, key, node, target);
    case KEY_CHOICE:
        return read_choice(errors, key, node, target);
    case KEY_SECTION:
    case KEY_LAYERS:
        break;
    }
    die("key %s has no value of its own", key->name);
}

const char *value_text(const Key *key, const void *target) {
    const void *place = (const char *)target + key->offset;
    switch (key->type) {
    case KEY_NAME:
        return *(const char *const *)place;
    case KEY_VERSION:
        return number_text(key->fallback);
    case KEY_INTEGER:
        return format("%d", *(const int *)place);
    case KEY_LONG:
        return format("%ld", *(const long *)place);
    case KEY_SEED:
        return format("%llu", (unsigned long long)*(const uint64_t *)place);
    case KEY_PAIR:
        return format("[%d, %d]", ((const int *)place)[0], ((const int *)place)[1]);
    case KEY_NUMBER:
        return number_text(*(const double *)place);
    case KEY_TWO_NUMBERS:
        return format("[%s, %s]", number_text(((const double *)place)[0]), number_text(((const double *)place)[1]));
    case KEY_BOOLEAN:
        return *(const bool *)place ? "true" : "false";
    case KEY_CHOICE:
        return key->choices[*(const unsigned *)place];
    case KEY_SECTION:
    case KEY_LAYERS:
        break;
    }
    die("key %s has no value of its own", key->name);
}
