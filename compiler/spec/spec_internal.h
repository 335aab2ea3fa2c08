/* spec_internal.h: what the files of the spec pass share; no other pass includes it. In the order of the work:
 * spec_errors.c collects errors, spec_characters.c looks at the bytes, spec_yaml.c makes a tree of the text, spec_numbers.c reads numbers,
 * spec_values.c reads one value, spec_keys.c is the table of keys, spec.c fills the Spec by it, spec_shapes.c and spec_mend.c check the
 * shapes, spec_documentation.c prints the table. */
#ifndef ZOETROPE_SPEC_INTERNAL_H
#define ZOETROPE_SPEC_INTERNAL_H

#include "spec/spec.h"
#include "spec/system.h"

enum {
    SPEC_BYTES = 1 << 20, /* a longer spec is refused */
    SPEC_DEPTH = 8,       /* so is deeper nesting; what is legal needs 7 */
    SPEC_LAYERS = 512,    /* in each list */
    SPEC_NAME_LENGTH = 63,
    SPEC_ERRORS_KEPT = 1000, /* are sorted; the rest are counted */
    SPEC_ERRORS_SHOWN = 100,
};
#define SPEC_TENSOR_ELEMENTS 2147483647.0 /* 2³¹ − 1: a tensor's index fits an int */
#define SPEC_WHOLE_LIMIT 2147483647.0     /* of whole numbers: what an int holds */
#define SPEC_NUMBER_LIMIT 1e30            /* of others: what float arithmetic stands */
#define SPEC_NUMBER_LEAST 1.2e-38         /* above 0: below it, float32 has fewer digits, and then none */
#define SPEC_TOTAL_BYTES 1099511627776.0  /* 2⁴⁰ */

/* ---- spec_errors.c ---- */

typedef struct SpecError {
    Mark mark;
    int width; /* characters to underline */
    bool warning;
    const char *message;
    const char *remedy; /* lines; NULL: none */
    int order;
} SpecError;

typedef struct SpecErrors {
    const char *path, *bytes;
    size_t length;
    const char *what;       /* the file is: "spec" */
    bool returns_end_lines; /* by themselves: the file has no line feed */
    int count;              /* of errors; the first SPEC_ERRORS_KEPT are kept */
    SpecError *errors;      /* with warnings among them */
    int kept, warning_count;
} SpecErrors;

void spec_error(SpecErrors *errors, Mark mark, int width, const char *remedy, const char *pattern, ...)
    __attribute__((format(printf, 5, 6)));
/* The same of what a spec may have: it is reported and the spec is taken. */
void spec_warning(SpecErrors *errors, Mark mark, int width, const char *remedy, const char *pattern, ...)
    __attribute__((format(printf, 5, 6)));
typedef struct SpecNode SpecNode;
/* Of a key that stands there a second time; `text`: what it is called. */
void report_repeated(SpecErrors *errors, const SpecNode *key, const char *text, const SpecNode *first);
/* By place: `file:line:column: error: message`, the source line, a caret, the remedy. */
void print_spec_errors(SpecErrors *errors, FILE *out);
/* Text of a user's in an error: printable, and shortened to about 40 characters. */
const char *shown(const char *text);
/* The name that `text` was probably meant to be, or NULL. names end with NULL. */
const char *nearest_name(const char *text, const char *const *names);

/* ---- spec_characters.c ---- */

/* Whether the text is UTF-8 in which all that YAML will see is what it looks like; reports what is not. Skips a byte-order mark at its
 * start. */
bool check_spec_bytes(SpecErrors *errors);
/* Bytes of the line end at `text`, before `end`; 0: none. They are an editor's: LF, CR LF, and CR in a file that has no LF. */
size_t line_end_bytes(const SpecErrors *errors, const char *text, const char *end);

/* ---- spec_yaml.c ---- */

typedef enum { NODE_SCALAR, NODE_LIST, NODE_MAP, NODE_REFUSED /* reported already */ } NodeKind;

struct SpecNode {
    NodeKind kind;
    Mark mark;
    int width;        /* characters on its line; 1 for what spans lines */
    const char *text; /* of a scalar */
    bool quoted;
    SpecNode *key;          /* of a map's child */
    SpecNode *first, *next; /* children of a list or map, in order */
    int count;
};

/* The tree of the only document, or, where there may be `several`, of the first, the others `next` to it; NULL after reporting why there is
 * none. */
SpecNode *read_yaml(SpecErrors *errors, bool several);
/* The bytes of a file, at most one more than SPEC_BYTES; NULL after reporting why it cannot be read. `missing`: the remedy where there is
 * none of that name. */
const char *read_spec_bytes(const char *path, const char *missing, size_t *length, FILE *errors);

/* ---- spec_keys.c ---- */

typedef enum {
    SECTION_SPEC,
    SECTION_INPUT,
    SECTION_LAYER,
    SECTION_GRU,
    SECTION_OPTIMIZER,
    SECTION_TRAINING,
    SECTION_SYSTEM, /* from here on: version 2 */
    SECTION_CLIP,
    SECTION_NOISE,
    SECTION_NETWORK,
    SECTION_NETWORK_LAYER,
    SECTION_TERM,
    SECTION_STEP,
    SECTION_NETWORK_OPTIMIZER,
    SECTION_LEARNING_SCHEDULE,
    SECTION_SCORE,
    SECTION_SEARCH,
    SECTION_INITIAL,
    SECTION_INITIAL_WEIGHTS,
    SECTION_INITIAL_NORM,
    SECTIONS
} Section;

typedef enum {
    KEY_VERSION,
    KEY_NAME, /* const char * */
    KEY_SECTION,
    KEY_LAYERS,      /* Layer *, and elsewhere (`count`) an int */
    KEY_INTEGER,     /* int */
    KEY_LONG,        /* long */
    KEY_SEED,        /* uint64_t */
    KEY_PAIR,        /* int[2], written as one number or as [vertical, horizontal] */
    KEY_NUMBER,      /* double */
    KEY_TWO_NUMBERS, /* two doubles, one after the other */
    KEY_BOOLEAN,     /* bool */
    KEY_CHOICE,      /* an enum, by its names */
    KEY_TRIPLE,      /* int[3], written as one number or as [time, vertical, horizontal] */
    KEY_SHAPE,       /* WrittenShape */
    KEY_WORD,        /* const char *, a C identifier; keywords are legal */
    KEY_PART         /* const SpecNode *: code of its own reads it */
} KeyType;

typedef enum { KEY_REQUIRED, KEY_DEFAULT, KEY_OPTIONAL } KeyPresence; /* optional: left out, it is not there at all */

/* When a key means anything. */
typedef enum { WHEN_ALWAYS, WHEN_TRANSPOSED, WHEN_LEAKY_RELU, WHEN_ADAM, WHEN_ADAMW, WHEN_ADAM_OR_SGD, WHEN_SGD } KeyWhen;

#define NOWHERE ((size_t)-1)

typedef struct Key {
    Section section;
    const char *name;
    KeyType type;
    size_t offset; /* of the field, in Spec or in Layer */
    KeyPresence presence;
    KeyWhen when;
    double minimum, maximum;    /* numbers; a maximum of LIMIT_NONE is not written out. A choice's minimum: its first legal index */
    double fallback;            /* of a choice: its index */
    double fallback2;           /* KEY_TWO_NUMBERS */
    const char *const *choices; /* KEY_CHOICE; ends with NULL */
    Section inner;              /* KEY_SECTION */
    size_t mark;                /* of the Spec's Mark, or NOWHERE */
    const char *help;
    double step;  /* 0, or only minimum, minimum + step, … are legal */
    bool below;   /* the maximum itself is not legal */
    size_t count; /* KEY_LAYERS: of the field of their number, in Spec; else NOWHERE */
    /* Of version 2: the kinds of layers that have the key, as bits (0: all); and the values, as bits, of the enum at `depends` with which
     * it means anything (0: always), and how they are written. */
    unsigned kinds, among;
    size_t depends;
    const char *among_text;
    unsigned ranks;    /* KEY_SHAPE: how many sizes there may be, as bits */
    const char *legal; /* KEY_PART: what it may be */
} Key;

typedef struct SectionText {
    const char *name;  /* in errors: "input" */
    const char *title; /* in the documentation */
    const char *help;
} SectionText;

extern const Key *spec_keys; /* tests put a larger table in its place */
extern int spec_key_count;
extern const Key *const system_keys; /* of the sections that only version 2 has */
extern const int system_key_count;
extern const SectionText spec_sections[SECTIONS];

/* The rows of a section, in order: for (key = next_key(section, NULL); key; key = next_key(section, key)). */
const Key *next_key(Section section, const Key *before);
/* target: what the section's offsets belong to: the Spec, or the Layer in SECTION_LAYER; in version 2 a draft (system_internal.h). */
bool key_applies(const Key *key, const void *target);
/* With what a key means anything; "": always. */
const char *when_text(const Key *key);
/* "1 to 7", "1 or more", "one of none, relu, …": what a value may be. */
const char *key_legal(const Key *key);
/* What someone who wrote `name` in the section was looking for, as a sentence, or NULL. */
const char *other_name(Section section, const char *name);
/* Words that another language's or tool's users write for one of our keys: returns ours, or `name` itself. */
const char *usual_name(const char *name);
/* Why `name` is no C identifier (keywords are), or NULL. */
const char *identifier_problem(const char *name);
/* Why `name` cannot name functions, files and folders, or NULL. */
const char *name_problem(const char *name);

/* ---- spec_numbers.c ---- */

typedef enum { NUMBER_NONE, NUMBER_INTEGER, NUMBER_REAL, NUMBER_NOT_FINITE, NUMBER_HUGE } NumberKind;

/* YAML 1.2's core schema: 12, -3, 0x1f, 0o17, 1e-4, .5. INTEGER: whatever is whole, as 6e3 and 16.0 are; HUGE: a whole number beyond 64
 * bits; REAL: one that is not whole. */
NumberKind parse_number(const char *text, double *value);
/* Of an INTEGER that is not negative, to the last digit. */
uint64_t parse_whole(const char *text);
/* A number with leading zeros, or with _ between its digits, without them: what to write instead of it. NULL: it has none, or is no number.
 */
const char *plain_number(const char *text);

/* ---- spec_values.c ---- */

/* What a user gave, for errors: '64.0', a list, nothing. */
const char *given(const SpecNode *node);
/* NUMBER_NONE too of what is no scalar, or quoted. */
NumberKind number_kind(const SpecNode *node, double *value);
/* Reads the value of a key into its field; false after reporting. Not for sections and lists of layers. */
bool read_value(SpecErrors *errors, const Key *key, const SpecNode *node, void *target);
void set_default(const Key *key, void *target);
/* The field as YAML; NULL: it was not written and has no default, or other code writes it. So is a choice before the first legal one. */
const char *value_text(const Key *key, const void *target);

/* ---- spec.c ---- */

typedef struct Reading {
    SpecErrors *errors;
    Spec *spec;
    SpecNode *defaults; /* of the network whose layers are read; NULL: none */
} Reading;

SpecNode *find_child(const SpecNode *map, const char *name);
/* Fills the target as the section's rows say. key: the word that opens the section, for errors (NULL: the spec itself). map NULL: the
 * section was left out; its keys get their defaults. False after reporting what is wrong. */
bool read_section(Reading *reading, Section section, const SpecNode *key, const SpecNode *map, void *target);
/* `- conv: {…}`: the map of keys in an item that is a layer, with its kind; NULL after reporting why it is none. */
const SpecNode *read_layer_kind(Reading *reading, const SpecNode *item, const char *const *kinds, const char *legal, int *kind);
/* Reports the first axis along which the output padding is not smaller than the stride. map: of the layer's keys. */
void check_output_padding(SpecErrors *errors, const SpecNode *map, int axes, const int *added, const int *stride);
/* `{key: value, …}` of a section whose keys are those of the table. */
void write_section(Text *text, Section section, const void *target);

/* ---- system.c, system_documentation.c ---- */

extern const char system_introduction[], system_rules[]; /* before and after version 2's keys in docs/spec.md */

/* Fills spec->system from the tree of a spec of version 2. */
void read_system(Reading *reading, const SpecNode *root);

/* ---- spec_shapes.c, spec_mend.c ---- */

/* Follows the shapes from input to output, as far as they are known: an input or a layer that could not be read has 0 channels. */
void check_shapes(SpecErrors *errors, Spec *spec);
/* One layer further; false, with `out` saying why and `shape` as it was, where a dimension vanishes or no longer fits an int. */
bool advance_shape(const Layer *layer, int shape[3], long out[3]);
/* A remedy for a layer in which a dimension vanishes. */
const char *vanish_remedy(const Layer *layer, const int in[3]);
/* The remedy for a decoder that ends in `shape`: lines that name the keys and values that would do, or say that no one key does. */
const char *shape_remedy(Spec *spec, const int shape[3]);

#endif
