/* spec_values.c: one value: from its text into its field, and from the field back to text. */
#include "spec/spec_internal.h"

#include <math.h>
#include <string.h>

const char *given(const SpecNode *node) {
    if (node->kind == NODE_LIST) return node->count ? format("a list of %d", node->count) : "an empty list";
    if (node->kind == NODE_MAP) return "a section of keys";
    if (node->quoted) return format("the text \"%s\"", shown(node->text));
    if (!node->text[0] || !strcmp(node->text, "~") || !strcmp(node->text, "null")) return "nothing";
    double value;
    return format(parse_number(node->text, &value) == NUMBER_NONE ? "'%s'" : "%s", shown(node->text));
}

/* What to write for what was probably meant as a number, as a line of a remedy, or "". */
static const char *number_hint(const SpecNode *node) {
    double value;
    if (node->kind != NODE_SCALAR) return "";
    if (node->quoted) return parse_number(node->text, &value) != NUMBER_NONE ? "remove the quotes\n" : "";
    const char *plain = plain_number(node->text);
    return plain ? format("write %s\n", plain) : "";
}

static void wrong_type(SpecErrors *errors, const Key *key, const SpecNode *node, const char *what) {
    spec_error(errors, node->mark, node->width, format("%s`%s` must be %s", number_hint(node), key->name, key_legal(key)), "`%s` is %s%s",
               key->name, given(node), what);
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

/* Of what is no list, and not quoted. */
static NumberKind number_kind(const SpecNode *node, double *value) {
    return node->kind == NODE_SCALAR && !node->quoted ? parse_number(node->text, value) : NUMBER_NONE;
}

static const char leading_zero[] = ", whose leading zero makes it octal for some programs";

static bool read_number(SpecErrors *errors, const Key *key, const SpecNode *node, int index, void *target) {
    bool whole = key->type != KEY_NUMBER && key->type != KEY_TWO_NUMBERS;
    double value;
    if (node->kind == NODE_REFUSED) return false;
    NumberKind kind = number_kind(node, &value);
    if (kind == NUMBER_NONE) return wrong_type(errors, key, node, ""), false;
    if (kind == NUMBER_NOT_FINITE) return wrong_type(errors, key, node, ", which is not a finite number"), false;
    if (plain_number(node->text)) return wrong_type(errors, key, node, leading_zero), false;
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
    const NumberKind kind = number_kind(node, &value);
    const bool whole = kind == NUMBER_INTEGER || kind == NUMBER_HUGE, zeros = kind != NUMBER_NONE && plain_number(node->text);
    if (kind == NUMBER_INTEGER && !zeros && value >= 0) return *(uint64_t *)field(key, target) = parse_whole(node->text), true;
    wrong_type(errors, key, node,
               zeros                 ? leading_zero
               : whole               ? ", which is out of range"
               : kind == NUMBER_REAL ? ", which is not a whole number"
                                     : "");
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
