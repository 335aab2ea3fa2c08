/* system_internal.h: what the files that read version 2 share. In the order of the work: system_keys.c is the table of keys,
 * system.c reads section by section, system_names.c keeps the names, system_networks.c reads layers, system_expressions.c parses
 * expressions, system_values.c makes values of them and system_shapes.c follows the shapes, system_losses.c, system_steps.c,
 * system_optimizers.c and system_outputs.c read the rest, system_needs.c finds what depends on what, system_canonical.c writes the
 * canonical text. */
#ifndef ZOETROPE_SYSTEM_INTERNAL_H
#define ZOETROPE_SYSTEM_INTERNAL_H

#include "spec/spec_internal.h"

enum {
    SYSTEM_ENTRIES = 512, /* of each section with names, of a list of steps, of terms, of arguments */
    SYSTEM_VALUES = 4096, /* nodes of all expressions */
    SYSTEM_NESTING = 64,  /* of calls in an expression */
    SYSTEM_KERNEL = 15,
};

/* ---- what the sections' rows fill (offsets are into these) ---- */

typedef struct SystemDraft {
    const char *name;
    ComputePrecision precision;
    double average;
    const SpecNode *input, *noise, *networks, *values, *losses, *steps, *optimizer, *optimizers, *outputs, *score, *search, *initial,
        *training;
} SystemDraft;

typedef struct NoiseDraft {
    Noise noise;
    unsigned distribution; /* 1: uniform */
} NoiseDraft;

typedef struct NetworkDraft {
    const SpecNode *inputs, *layers, *like;
    SpecNode *defaults;
    bool frozen;
    /* Not in the table: */
    const SpecNode *key, *body;
    const NetworkCall *first_call; /* whose arguments gave the inputs their shapes */
    bool read, reading, broken;    /* broken: an error in it was reported; its calls have no value */
} NetworkDraft;

typedef struct LayerDraft {
    NetworkLayer layer; /* first: rows of layers have offsets into it */
    int features;
    const SpecNode *from;
} LayerDraft;

typedef struct TermDraft {
    const SpecNode *arguments[TERM_KINDS];
    unsigned sum, falling;
    double weight, epsilon;
    unsigned only; /* 1: score */
    TermKind kind;
} TermDraft;

typedef struct StepDraft {
    const SpecNode *update;
    unsigned kept, batch;
    int times, every;
} StepDraft;

typedef struct OptimizerDraft {
    Optimizer optimizer; /* first */
    const SpecNode *at;
} OptimizerDraft;

typedef struct ScoreDraft {
    const SpecNode *sum;
    unsigned per_frame;
    int first_frame;
} ScoreDraft;

typedef struct SearchDraft {
    const SpecNode *noise, *optimizer;
    int steps;
} SearchDraft;

typedef struct InitialDraft {
    const SpecNode *weights, *norm;
    double bias;
    double normal; /* of `weights` or of `norm` */
    unsigned kaiming;
} InitialDraft;

/* ---- names ---- */

typedef enum { NAME_DATA, NAME_FUNCTION, NAME_NOISE, NAME_NETWORK, NAME_VALUE } NameKind;
typedef struct Named {
    const char *name;
    NameKind kind;
    int index;
    Mark mark;
} Named;

typedef struct Builder {
    Reading *reading;
    SpecErrors *errors;
    Spec *spec;
    System *system;
    SystemDraft draft;
    NetworkDraft *networks; /* beside system->networks */
    Named *names;
    int name_count, name_capacity;
    int value_capacity, call_capacity;
    bool in_outputs;    /* what is read now are `outputs` */
    const char *within; /* in errors: "an argument of a loss": calls of networks are not legal; NULL: they are */
} Builder;

/* system_names.c */

/* The entries of a section whose keys are names: their values' nodes, in order. Reports, and leaves out, what is no name, and names that
 * stand there twice. `what`: "a loss". */
int named_entries(SpecErrors *errors, const char *section, const char *what, const SpecNode *map, const SpecNode ***entries);
const Named *find_name(const Builder *builder, const char *name);
/* Adds the name, unless it is taken, which is reported. */
bool claim_name(Builder *builder, NameKind kind, int index, const SpecNode *key);
/* Adds a name that is not taken. */
void add_name(Builder *builder, NameKind kind, int index, const char *name, Mark mark);
/* The first of the names (which end with NULL), for a hint: "a, b, c"; NULL: there are none. */
const char *first_names(const char *const *names);
/* The name of a network, loss or noise among `names` (which end with NULL): its index, or -1 after reporting. `what`: "network". */
int find_among(SpecErrors *errors, const SpecNode *node, const char *what, const char *const *names);
const char **network_names(const Builder *builder);
const char **loss_names(const Builder *builder);
/* Why no network can have the name, or NULL. */
const char *network_name_problem(const char *name);

/* ---- layers and shapes ---- */

void read_networks(Builder *builder);
/* Follows the shapes of the network's layers from those of its inputs. False after reporting; `call`: where it is called, for errors. */
bool follow_layers(Builder *builder, Network *network, Mark call);
/* Of what the network's layers read, or give. */
const char *source_name(const Network *network, Source source);
Shape source_shape(const Network *network, Source source);
/* "decoder[2] conv3d" */
const char *layer_label(const Network *network, int index);
/* Of what is joined along channels, or added; NULL, or why they do not fit. */
const char *merge_shapes(bool concat, const Shape *in, int count, Shape *out);
/* For an error about a value whose shape is not `wanted`: the shapes of the network that gives it, layer by layer, and a change of one key
 * that would mend it, if one does. Lines, or "". */
const char *shape_history(const Value *value, Shape wanted);
/* What makes values of one shape of them; where their shapes come from if no layer can be changed. Never empty. */
const char *mend_shapes(const Value *value, const Value *other);
/* Of all calls: tensors of more than 2^31 - 1 elements, and more than 2^40 bytes in all. */
void check_sizes(Builder *builder);
/* The layer or tap of the name; false: there is none. */
bool find_result(const Network *network, const char *name, Source *source);
/* Names of a network's results, for hints; ends with NULL. */
const char **result_names(const Network *network);

/* ---- expressions ---- */

typedef enum { EXPRESSION_NAME, EXPRESSION_RESULT, EXPRESSION_CALL, EXPRESSION_NUMBER } ExpressionKind;
typedef struct Expression Expression;
struct Expression {
    ExpressionKind kind;
    const char *text;   /* the name, of the function or network too */
    const char *result; /* RESULT: what stands after the dot */
    double number;
    Expression *first, *next; /* arguments */
    int count;
    Mark mark, result_mark;
    int width;
};
/* NULL after reporting. The node is a scalar, or what is left of one that was cut at a comma, which is reported as such. */
const Expression *parse_expression(SpecErrors *errors, const SpecNode *node);
/* Whether the expression in the node ends before all its parentheses close: YAML cut it at a comma. *end: the node that has the rest. */
bool is_cut(const SpecNode *node, const SpecNode **end);

/* ---- values ---- */

void claim_functions(Builder *builder);
void read_values(Builder *builder);
/* The value of an expression; NULL after reporting. */
Value *read_value_of(Builder *builder, const SpecNode *node);

void read_losses(Builder *builder);
void read_steps(Builder *builder);
/* `{loss: factor}`, a list of losses, or one: into an array; false after reporting. */
bool read_weighed_losses(Builder *builder, const SpecNode *node, WeighedLoss **losses, int *count);
void read_optimizers(Builder *builder);
bool read_optimizer(Builder *builder, const SpecNode *node, Optimizer *optimizer);
void read_outputs(Builder *builder);
void read_score(Builder *builder);
void read_search(Builder *builder);
void read_initial(Builder *builder);

/* ---- the whole, where all of it could be read ---- */

/* Finds what the steps, the score and the evaluation need. Errors and warnings: what nothing needs or updates, parameters without a
 * gradient, batch norm of one value, scores that depend on what is drawn. */
void check_needs(Builder *builder);
void check_gradients(Builder *builder);

const char *write_system(const Builder *builder);

#endif
