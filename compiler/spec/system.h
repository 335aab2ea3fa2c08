/* system.h: a spec of language version 2, read, checked and resolved: names have become pointers and numbers, every shape is known, every
 * default is written out. `spec->system` is NULL for version 1.
 *
 * Everything is in the spec's order unless a comment says otherwise. Pointers point into the arrays of the same System. */
#ifndef ZOETROPE_SYSTEM_H
#define ZOETROPE_SYSTEM_H

#include "spec/spec.h"

/* Of one item of a batch: channels, frames, height, width. A vector of n values is {n, 1, 1, 1}. */
typedef struct Shape {
    int C, T, H, W;
} Shape;

/* A list of sizes in a spec: [C], [C, H, W] or [C, T, H, W]. Rank 0: none is written. */
typedef struct WrittenShape {
    int rank, size[4];
} WrittenShape;

/* ---- noise ---- */

typedef struct Noise {
    const char *name;
    WrittenShape written; /* these sizes follow B in files */
    Shape shape;          /* of an item */
    bool uniform;         /* over [low, high); else N(0, 1) */
    double low, high;
} Noise;

/* ---- networks ---- */

typedef enum {
    LAYER_CONV, /* the five layers with a product are the first */
    LAYER_CONV_TRANSPOSE,
    LAYER_CONV3D,
    LAYER_CONV_TRANSPOSE3D,
    LAYER_LINEAR,
    LAYER_RESHAPE,
    LAYER_GRU,
    LAYER_CONV_LSTM,
    LAYER_MAX_POOL,
    LAYER_AVG_POOL,
    LAYER_MAX_POOL3D,
    LAYER_AVG_POOL3D,
    LAYER_UPSAMPLE,
    LAYER_CONCAT,
    LAYER_ADD,
    LAYER_MEMORY,
    LAYER_NORM, /* the last three have nothing but their norm, activation or dropout */
    LAYER_ACTIVATION,
    LAYER_DROPOUT,
    LAYER_KINDS
} LayerKind;
extern const char *const layer_kind_names[LAYER_KINDS + 1]; /* as a spec has them; then NULL */

static inline bool has_product(LayerKind kind) {
    return kind <= LAYER_LINEAR;
}

static inline bool is_transposed(LayerKind kind) {
    return kind == LAYER_CONV_TRANSPOSE || kind == LAYER_CONV_TRANSPOSE3D;
}

static inline bool is_pool(LayerKind kind) {
    return kind >= LAYER_MAX_POOL && kind <= LAYER_AVG_POOL3D;
}

/* What a layer reads, or what `value.name` of a call means. */
typedef enum {
    SOURCE_INPUT, /* of the network: `index` counts its inputs */
    SOURCE_LAYER, /* the result of layer `index` */
    SOURCE_TAP    /* layer `index`'s product before norm and activation; a memory's weights */
} SourceKind;
typedef struct Source {
    SourceKind kind;
    int index;
} Source;

/* How many frames a linear layer takes at once. */
typedef enum { OVER_FRAME, OVER_CLIP } LinearOver;

/* A layer computes, of what it reads: its kind's own operation (if it has one), then norm, then activation, then dropout. Each that it has
 * is a module of PyTorch's nn.Sequential and has a number there; the number of what it has not is -1. So `norm`, `activation` and `dropout`
 * layers are those with `own_module` -1. */
typedef struct NetworkLayer {
    LayerKind kind;
    const char *name, *tap; /* NULL: none */
    Source *from;           /* one; of concat and add two or more */
    int from_count;
    int own_module, norm_module, activation_module, dropout_module;
    Shape in;       /* of from[0] */
    Shape out;      /* after the kind's own operation, and after all */
    Shape tap_size; /* of `tap`, where it has one: `out`, or a memory's [items, T, H, W] */

    /* conv, conv_transpose, conv3d, conv_transpose3d, and pools: [0] is time, [1] vertical, [2] horizontal. Without "3d", time has kernel
     * 1, stride 1, padding 0. conv_lstm: kernel and padding (kernel / 2) of height and width. */
    int kernel[3], stride[3], padding[3], output_padding[3];
    int channels; /* out; of a linear layer its features, or the channels of its `shape`; of conv_lstm of one gate */
    bool bias;
    LinearOver over;
    WrittenShape written;   /* a linear layer's `shape`, which it may have; `to` of reshape */
    int hidden, gru_layers; /* gru */
    InitialState initial_state;
    int items;     /* memory */
    double shrink; /* memory: λ */
    int scale[2];  /* upsample: vertical, horizontal */

    Norm norm;
    double epsilon, momentum; /* of norm */
    Activation activation;
    double slope;   /* of leaky_relu */
    double dropout; /* probability of a zero; 0: none */
    Mark mark;
    int width; /* of its kind's word in the text, for errors */
} NetworkLayer;

typedef struct NetworkInput {
    const char *name;
    Shape shape; /* of every call's argument */
    Mark mark;
} NetworkInput;

typedef struct Network {
    const char *name;
    int index; /* in System.networks */
    NetworkInput *inputs;
    int input_count;
    NetworkLayer *layers;
    int layer_count;
    int module_count;     /* of its nn.Sequential */
    int like;             /* the network whose layers it repeats, or -1 */
    bool frozen;          /* never updated, evaluation mode always */
    int call_count;       /* in values, then in outputs */
    Optimizer *optimizer; /* NULL: frozen */
    Mark mark;
} Network;

/* ---- values ---- */

typedef enum {
    VALUE_DATA,   /* x */
    VALUE_NOISE,  /* `noise` */
    VALUE_CALL,   /* operands: the arguments, by the network's inputs; `call` */
    VALUE_RESULT, /* operand: a VALUE_CALL; what its network names: `source` (a layer or a tap) */
    VALUE_SAMPLE, /* operands: mean, log_variance, noise: mean + exp(log_variance / 2) ⊙ noise */
    VALUE_JOIN,   /* operands: a, b; 2·B items: b's after a's */
    VALUE_HALF,   /* operand: joined; `half` 0 or 1 */
    VALUE_FRAMES, /* operand; frames first … first + count − 1 */
    VALUE_CONCAT, /* two or more operands, along channels */
    VALUE_ADD,    /* two or more operands */
    VALUE_UNIT,   /* operand: (v + 1) / 2 */
    VALUE_DETACH, /* operand; no gradient goes through */
    VALUE_KINDS
} ValueKind;

/* A node of the expressions. A name means one node wherever it stands, so a network that is called once is one node, however often the name
 * is used; each call that is written is a node of its own. What is no call is one node for each kind and operands. */
typedef struct Value Value;
typedef struct NetworkCall NetworkCall;
struct Value {
    ValueKind kind;
    int number; /* in System.values */
    Value **operands;
    int operand_count;
    Shape shape; /* of an item */
    bool joined; /* 2·B items instead of B */
    const Noise *noise;
    NetworkCall *call;
    Source source;
    int half, first, count;
    const char *name; /* the first that `values` gives it, or NULL */
    Mark mark;        /* of the expression that wrote it first; line 0: x and noises */
};

struct NetworkCall {
    Network *network;
    int number;      /* of the network's calls, from 0: in values, then in outputs; nested ones from the inside out, left to right */
    bool in_outputs; /* only evaluation computes it */
    Value *value;    /* its VALUE_CALL, whose operands are the arguments */
    Mark mark;
};

typedef struct Definition { /* a row of `values` */
    const char *name;
    Value *value;
    Mark mark;
} Definition;

/* ---- losses ---- */

typedef enum {
    TERM_MSE,
    TERM_L1,
    TERM_BCE_WITH_LOGITS,
    TERM_BCE,
    TERM_KL,
    TERM_GRADIENT_DIFFERENCE,
    TERM_ENTROPY,
    TERM_MEAN,
    TERM_KINDS
} TermKind;
extern const char *const term_kind_names[TERM_KINDS + 1]; /* as a spec has them; then NULL */

typedef struct LossTerm {
    TermKind kind;
    Value *value;   /* v, p, or kl's mean */
    Value *other;   /* target, or kl's log_variance; NULL where the target is a number, and of entropy and mean */
    double target;  /* where `other` is NULL */
    bool sum;       /* over an item's elements, else the mean; kl: always true. Over the batch it is the mean */
    double weight;  /* factor of the term */
    double epsilon; /* of bce */
    bool falling;   /* over_time: frame t of T weighs (T − t) / T² instead of 1 / T */
    Mark mark;
} LossTerm;

typedef struct NamedLoss {
    const char *name;
    LossTerm *terms; /* added */
    int term_count;
    bool only_score;
    Mark mark;
} NamedLoss;

typedef struct WeighedLoss {
    const NamedLoss *loss;
    double factor;
} WeighedLoss;

/* ---- steps ---- */

typedef struct StepUpdate {
    Network *network;
    WeighedLoss *losses;
    int loss_count;
    Mark mark;
} StepUpdate;

typedef enum { BATCH_SAME, BATCH_NEXT, BATCH_EACH } StepBatch;

typedef struct TrainingStep {
    StepUpdate *updates;
    int update_count;
    bool *needs; /* by Value.number: whether its losses need the value; they are computed in the order of System.values */
    bool kept;   /* noise: kept */
    int draw; /* the number of the step whose noise, dropout and initial states it reads: its own, or the nearest above that is not kept */
    StepBatch batch;
    int batch_of; /* the number of the step whose batch it reads: its own, or the nearest above with next or each; -1: the iteration's first
                   */
    int times, every;
} TrainingStep;

/* ---- evaluation ---- */

typedef struct SystemOutput {
    const char *name;
    Value *value; /* not joined */
    Mark mark;
} SystemOutput;

typedef struct Score {
    bool present;   /* there is a score: a `sum`, or a reconstruction to compare */
    bool per_frame; /* else one number a clip */
    WeighedLoss *losses;
    int loss_count;  /* 0: mean squared error of `reconstruction` and `target` in the scale of [0, 1] */
    bool *needs;     /* by Value.number: whether the score needs the value */
    int frame_count; /* F: numbers for each item; 1 where it is per clip */
    int first_frame; /* of the clip: what the score's first number belongs to */
    Mark mark;
} Score;

typedef struct NoiseSearch {
    const Noise *noise; /* NULL: no search */
    int steps;
    Optimizer optimizer;
    Mark mark;
} NoiseSearch;

/* ---- initial weights ---- */

typedef enum { INITIAL_DEFAULT, INITIAL_NORMAL, INITIAL_KAIMING_RELU, INITIAL_KAIMING_LEAKY_RELU, INITIAL_XAVIER } InitialWeights;

typedef struct Initial {
    InitialWeights weights;   /* of layers with a product and of conv_lstm; DEFAULT: PyTorch's */
    double weights_deviation; /* of INITIAL_NORMAL */
    bool bias_given;          /* else PyTorch's default */
    double bias;              /* every bias of layers with a product and of conv_lstm */
    bool norm_given;          /* else 1 */
    double norm_deviation;    /* batch norm's weight is drawn from N(1, deviation²) */
} Initial;

/* ---- all ---- */

typedef struct System {
    Noise *noises;
    int noise_count;
    Network *networks;
    int network_count;
    Value **values; /* every node: operands before what reads them; x and noises first, what only outputs need last */
    int value_count;
    NetworkCall **calls; /* in the order of their values */
    int call_count;
    Definition *definitions;
    int definition_count;
    NamedLoss *losses;
    int loss_count;
    TrainingStep *steps; /* the default step is written out */
    int step_count;
    double average; /* of weights: factor of what was; 0: no averages */
    SystemOutput *outputs;
    int output_count;
    const SystemOutput *reconstruction, *samples; /* among them, or NULL */
    Value *target;                                /* what `reconstruction` is compared with: the output `target`, or x */
    Score score;
    bool *evaluation_needs; /* by Value.number: whether the score or an output needs the value */
    NoiseSearch search;
    Initial initial;
} System;

/* Elements of an item. */
double shape_elements(Shape shape);
bool shapes_equal(Shape a, Shape b);
/* The value as an expression, with names where it and its operands have some. */
const char *value_label(const Value *value);
/* The same, but for its own name. */
const char *value_expression(const Value *value);
/* What a layer reads, "h" or "a, b"; "" where that is what it would read without `from`. */
const char *layer_sources(const Network *network, int index);
/* "128 × 4 × 4"; T in second place where it is not 1; a vector is one number. */
const char *size_text(Shape shape);

#endif
