/* spec.h: the typed network spec, as read from YAML. See docs/spec.md, which is printed from the table of keys. */
#ifndef ZOETROPE_SPEC_H
#define ZOETROPE_SPEC_H

#include "base/support.h"

typedef struct Mark { /* a place in the spec's text; both count from 1; line 0: none */
    int line, column;
} Mark;

typedef enum { NORM_NONE, NORM_BATCH } Norm;
typedef enum {
    ACTIVATION_NONE,
    ACTIVATION_RELU,
    ACTIVATION_LEAKY_RELU,
    ACTIVATION_SIGMOID,
    ACTIVATION_TANH,
    ACTIVATION_ELU,
    ACTIVATION_SILU,
    ACTIVATION_SOFTPLUS,
    ACTIVATIONS
} Activation;
typedef enum { INITIAL_STATE_NORMAL, INITIAL_STATE_ZEROS } InitialState;
typedef enum { LOSS_MSE, LOSS_L1 } Loss;
typedef enum { COMPUTE_F32, COMPUTE_BF16 } ComputePrecision;
typedef enum { OPTIMIZER_ADAM, OPTIMIZER_ADAMW, OPTIMIZER_SGD, OPTIMIZER_RMSPROP } OptimizerName;
extern const char *const optimizer_names[]; /* as a spec has them; then NULL */

typedef struct Layer { /* conv or conv_transpose; [0] is vertical, [1] horizontal */
    bool transposed;
    int channels, kernel[2], stride[2], padding[2], output_padding[2];
    bool bias;
    Norm norm;
    Activation activation;
    double slope; /* of leaky_relu */
    Mark mark;
} Layer;

typedef enum { SCHEDULE_CONSTANT, SCHEDULE_EXPONENTIAL, SCHEDULE_STEP, SCHEDULE_COSINE, SCHEDULE_LINEAR } ScheduleName;

/* The factor of the learning rate in iteration i, from 0; j = i − warm_up. While j < 0 it is (i + 1) / warm_up. */
typedef struct LearningSchedule {
    ScheduleName name; /* constant: 1 after the warm-up, and all of version 1 */
    long warm_up;
    double gamma; /* exponential: γ^⌊j / every⌋; step: γ^(how many of `at` are ≤ j) */
    long every;
    long *at; /* rising */
    int at_count;
    double to; /* cosine: to + (1 − to)(1 + cos(π · min(j / over, 1))) / 2; linear: 1 + (to − 1) · min(j / over, 1) */
    long over;
} LearningSchedule;

typedef struct Optimizer {
    OptimizerName name;
    double learning_rate, beta1, beta2, epsilon, weight_decay, momentum;
    /* The rest is of version 2 alone. */
    bool nesterov;    /* sgd */
    double alpha;     /* rmsprop */
    double clip_norm; /* of the network's gradient, before weight decay; 0: it is not clipped */
    LearningSchedule schedule;
} Optimizer;

struct System; /* system.h */

typedef struct Spec {
    const char *path; /* as given on the command line */
    const char *name; /* a C identifier */
    int T, channels, height, width;
    Layer *encoder, *decoder;
    int encoder_count, decoder_count;
    int latent;             /* 0: no linear layers */
    int hidden, gru_layers; /* hidden 0: no GRU */
    InitialState initial_state;
    Loss loss;
    ComputePrecision precision; /* of convolutions */
    Optimizer optimizer;
    struct {
        int batch;
        long iterations, strips_every;
        uint64_t seed;
    } training;
    Mark encoder_mark, decoder_mark, latent_mark, gru_mark, input_mark, training_mark;
    struct System *system; /* of version 2, which has no encoder, decoder, latent, GRU, loss and optimizer in this struct; else NULL */
    const char *canonical; /* the spec with every default written out: two texts that mean the same give the same */
    uint64_t hash;         /* of canonical */
} Spec;

/* Shape after one layer: `in` and `out` are channels, height, width. Formulas: PyTorch's Conv2d and ConvTranspose2d.
 * Returns false where a dimension vanishes (out then holds the sizes that came out, ≤ 0). */
bool layer_output_shape(const Layer *layer, const int in[3], long out[3]);

/* Reads and checks a spec. All errors are reported on `errors` as file:line:column: message, the line, a caret, and the
 * remedy; then NULL is returned. In a spec that is returned, every shape is positive and fits; in version 1, the decoder's output has the
 * input's shape. A spec of version 2 may still have layers that cannot be compiled yet. */
Spec *read_spec(const char *path, FILE *errors);
/* The same, of a spec that is to be compiled: such layers are errors, too. What is returned can be compiled. */
Spec *read_spec_to_compile(const char *path, FILE *errors);
/* The same from memory; `path` is only named in errors. */
Spec *parse_spec(const char *path, const char *bytes, size_t length, FILE *errors);

/* The shortest text that reads back as the same double. */
const char *number_text(double value);

/* docs/spec.md, from the table of keys. */
void print_spec_documentation(FILE *out);

#endif
