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
    case KEY_TRIPLE:
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
    case KEY_SHAPE:
    case KEY_WORD:
    case KEY_PART:
        die("key %s has no number", key->name);
    }
}

/* Of a field that may be written as one number for all. */
static int number_count(const Key *key) {
    return key->type == KEY_PAIR ? 2 : key->type == KEY_TRIPLE ? 3 : 1;
}

void set_default(const Key *key, void *target) {
    if (key->type == KEY_SECTION || key->type == KEY_LAYERS || key->type == KEY_NAME || key->type == KEY_VERSION) return;
    store_number(key, target, 0, key->fallback);
    for (int i = 1; i < number_count(key); i++) store_number(key, target, i, key->fallback);
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

NumberKind number_kind(const SpecNode *node, double *value) {
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
    const int count = key->type == KEY_TWO_NUMBERS ? 2 : number_count(key);
    if (key->type != KEY_TWO_NUMBERS && node->kind != NODE_LIST) {
        if (!read_number(errors, key, node, 0, target)) return false;
        int *numbers = field(key, target);
        for (int i = 1; i < count; i++) numbers[i] = numbers[0];
        return true;
    }
    if (node->kind != NODE_LIST || node->count != count) return wrong_type(errors, key, node, ""), false;
    bool read = true;
    int i = 0;
    for (const SpecNode *item = node->first; item; item = item->next) read &= read_number(errors, key, item, i++, target);
    return read;
}

static bool read_shape(SpecErrors *errors, const Key *key, const SpecNode *node, void *target) {
    WrittenShape *shape = field(key, target);
    Key size = *key; /* of one of its sizes */
    size.type = KEY_INTEGER;
    if (node->kind != NODE_LIST || node->count > 4 || !(key->ranks >> node->count & 1)) return wrong_type(errors, key, node, ""), false;
    bool read = true;
    int count = 0, sizes[4];
    for (const SpecNode *item = node->first; item; item = item->next, count++) {
        size.offset = (size_t)count * sizeof *sizes;
        read &= read_number(errors, &size, item, 0, sizes);
    }
    if (!read) return false;
    shape->rank = count;
    memcpy(shape->size, sizes, (size_t)count * sizeof *sizes);
    return true;
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
    for (int i = (int)key->minimum; key->choices[i]; i++)
        if (!strcmp(node->text, key->choices[i])) return store_number(key, target, 0, i), true;
    const char *near = nearest_name(usual_name(node->text), key->choices + (int)key->minimum);
    const char *legal = format("`%s` must be %s", key->name, key_legal(key));
    spec_error(errors, node->mark, node->width, near ? format("did you mean `%s`?\n%s", near, legal) : legal, "unknown %s '%s'", key->name,
               shown(node->text));
    return false;
}

static bool read_name(SpecErrors *errors, const Key *key, const SpecNode *node, void *target) {
    const bool word = key->type == KEY_WORD;
    if (node->kind != NODE_SCALAR || (!node->text[0] && (word || !node->quoted))) return wrong_type(errors, key, node, ""), false;
    const char *problem = word ? identifier_problem(node->text) : name_problem(node->text);
    const char *remedy = word ? "choose letters, digits and _"
                              : "C functions, files and folders are named after it: choose letters, digits and _, such as my_model";
    if (problem) spec_error(errors, node->mark, node->width, remedy, "the name '%s' cannot be used: %s", shown(node->text), problem);
    else *(const char **)field(key, target) = node->text;
    return !problem;
}

bool read_value(SpecErrors *errors, const Key *key, const SpecNode *node, void *target) {
    if (node->kind == NODE_REFUSED) return false;
    switch (key->type) {
    case KEY_NAME:
    case KEY_WORD:
        return read_name(errors, key, node, target);
    case KEY_VERSION:
    case KEY_INTEGER:
    case KEY_LONG:
    case KEY_NUMBER:
        return read_number(errors, key, node, 0, target);
    case KEY_SEED:
        return read_seed(errors, key, node, target);
    case KEY_PAIR:
    case KEY_TRIPLE:
    case KEY_TWO_NUMBERS:
        return read_numbers(errors, key, node, target);
    case KEY_SHAPE:
        return read_shape(errors, key, node, target);
    case KEY_PART:
        return *(const SpecNode **)field(key, target) = node, true;
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

static const char *written_text(const WrittenShape *shape) {
    Text text = {0};
    for (int i = 0; i < shape->rank; i++) text_add(&text, "%s%d", i ? ", " : "[", shape->size[i]);
    return shape->rank ? format("%s]", text.bytes) : NULL;
}

const char *value_text(const Key *key, const void *target) {
    const void *place = (const char *)target + key->offset;
    const bool optional = key->presence == KEY_OPTIONAL; /* and then not 0, where it was written */
    switch (key->type) {
    case KEY_NAME:
        return *(const char *const *)place;
    case KEY_VERSION:
        return number_text(key->fallback);
    case KEY_INTEGER:
        return optional && !*(const int *)place ? NULL : format("%d", *(const int *)place);
    case KEY_LONG:
        return format("%ld", *(const long *)place);
    case KEY_SEED:
        return format("%llu", (unsigned long long)*(const uint64_t *)place);
    case KEY_PAIR:
        return format("[%d, %d]", ((const int *)place)[0], ((const int *)place)[1]);
    case KEY_TRIPLE:
        return format("[%d, %d, %d]", ((const int *)place)[0], ((const int *)place)[1], ((const int *)place)[2]);
    case KEY_SHAPE:
        return written_text(place);
    case KEY_WORD:
        return *(const char *const *)place;
    case KEY_PART:
        return NULL;
    case KEY_NUMBER:
        return optional && *(const double *)place == 0 ? NULL : number_text(*(const double *)place);
    case KEY_TWO_NUMBERS:
        return format("[%s, %s]", number_text(((const double *)place)[0]), number_text(((const double *)place)[1]));
    case KEY_BOOLEAN:
        return *(const bool *)place ? "true" : "false";
    case KEY_CHOICE:
        return *(const unsigned *)place < (unsigned)key->minimum ? NULL : key->choices[*(const unsigned *)place];
    case KEY_SECTION:
        return NULL;
    case KEY_LAYERS:
        break;
    }
    die("key %s has no value of its own", key->name);
}
