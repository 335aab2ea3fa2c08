/* spec_keys.c: the table of keys. Parser, errors, canonical form and docs/spec.md come from it: to add a key, add a row. */
#include "spec/spec_internal.h"

#include <ctype.h>
#include <string.h>

#define SPEC(field) offsetof(Spec, field)
#define LAYER(field) offsetof(Layer, field)
#define LIMIT_NONE SPEC_WHOLE_LIMIT

static const char *const norms[] = {"none", "batch", NULL};
static const char *const activations[] = {"none", "relu", "leaky_relu", "sigmoid", "tanh", NULL};
static const char *const initial_states[] = {"normal", "zeros", NULL};
static const char *const losses[] = {"mse", "l1", NULL};
static const char *const precisions[] = {"f32", "bf16", NULL};
const char *const optimizer_names[] = {
    [OPTIMIZER_ADAM] = "adam", [OPTIMIZER_ADAMW] = "adamw", [OPTIMIZER_SGD] = "sgd", [OPTIMIZER_RMSPROP] = "rmsprop", NULL};
static const char *const version_1_optimizers[] = {"adam", "adamw", "sgd", NULL}; /* in the same order */

const SectionText spec_sections[SECTIONS] = {
    [SECTION_SPEC] = {"a spec", "The spec", "The sections may come in any order."},
    [SECTION_INPUT] = {"input", "input", "The clips: T consecutive frames, pixels scaled to [-1, 1]."},
    [SECTION_LAYER] =
        {"a layer", "Layers of encoder and decoder",
         "A list of layers; each is `- conv: {…}` or `- conv_transpose: {…}`, and either kind may stand in either list. A layer is the "
         "convolution, then the norm, then the activation. `kernel`, `stride`, `padding` and `output_padding` are one number, or "
         "[vertical, horizontal]."},
    [SECTION_GRU] = {"gru", "gru", "The only part that sees time. It reads the latent of each frame in turn, and needs `latent`."},
    [SECTION_OPTIMIZER] = {"optimizer", "optimizer", "As torch.optim defines it, and with its defaults."},
    [SECTION_TRAINING] = {"training", "training", "What the trainer does unless its command line says otherwise."},
    [SECTION_SYSTEM] = {"a spec", "The spec of a system", "The sections may come in any order. `training` is version 1's."},
    [SECTION_CLIP] = {"input", "input of a system", "The data, `x`: clips of T consecutive frames, pixels scaled to [-1, 1]."},
    [SECTION_NOISE] = {"a noise", "Each noise of `noise`", "`name: {shape: [128]}`: drawn for each item."},
    [SECTION_NETWORK] = {"a network", "Each network of `networks`", "A network is a list of layers, or a section with these keys."},
    [SECTION_NETWORK_LAYER] =
        {"a layer", "Layers of networks",
         "A list of layers; each is `- kind: {…}` with the keys that go with the kind. A layer reads the layer before it, "
         "the first one the first input, or what `from` names."},
    [SECTION_TERM] = {"a term of a loss", "Each loss of `losses`",
                      "`name: {mse: [y, x], weight: 2}`, or a list of such terms, which are added. A term has one kind."},
    [SECTION_STEP] =
        {"a step", "Each step of `steps`",
         "Steps are done in order in every iteration. Left out: one step that updates every network that is not frozen by the sum of "
         "all losses without `only: score`."},
    [SECTION_NETWORK_OPTIMIZER] = {"an optimizer", "Each optimizer of a system",
                                   "As torch.optim defines it, and with its defaults. `optimizer: {…}` is for all networks; "
                                   "`optimizers: {network: {…}, all: {…}}` has one for each, of which none inherits from `all`."},
    [SECTION_LEARNING_SCHEDULE] = {"schedule", "schedule",
                                   "A factor of the learning rate by the iteration i, from 0. With j = i − `warm_up`: while j < 0 it is "
                                   "(i + 1) / `warm_up`."},
    [SECTION_SCORE] = {"score", "score", "What is anomalous, for each item by itself, in evaluation mode."},
    [SECTION_SEARCH] = {"search", "search", "A noise that is learned for each item before outputs and score are computed."},
    [SECTION_INITIAL] = {"initial", "initial", "Initial weights, where they are not PyTorch's."},
    [SECTION_INITIAL_WEIGHTS] = {"weights", "weights",
                                 "Of layers with a product and of `conv_lstm`: one of these, or `weights: xavier` (uniform)."},
    [SECTION_INITIAL_NORM] = {"norm", "norm", "Of batch norm's weight."},
};

/* A section's keys stand in the order of the canonical form; what a `when` depends on stands before it. */
#define SECTION_KEY(name, presence, inner, mark, help)                                                                                     \
    {                                                                                                                                      \
        SECTION_SPEC, name, KEY_SECTION, NOWHERE, presence, WHEN_ALWAYS, 0, 0, 0, 0, NULL, inner, mark, help, 0, false, NOWHERE, 0, 0, 0,  \
            NULL, 0, NULL                                                                                                                  \
    }
#define LAYERS_KEY(name, help)                                                                                                             \
    {                                                                                                                                      \
        SECTION_SPEC, #name, KEY_LAYERS, SPEC(name), KEY_REQUIRED, WHEN_ALWAYS, 0, 0, 0, 0, NULL, SECTION_LAYER, SPEC(name##_mark), help,  \
            0, false, SPEC(name##_count), 0, 0, 0, NULL, 0, NULL                                                                           \
    }
#define INTEGER(section, name, type, offset, presence, minimum, maximum, fallback, mark, help, step)                                       \
    {                                                                                                                                      \
        section, name, type, offset, presence, WHEN_ALWAYS, minimum, maximum, fallback, 0, NULL, 0, mark, help, step, false, NOWHERE, 0,   \
            0, 0, NULL, 0, NULL                                                                                                            \
    }
#define PAIR(name, presence, when, minimum, maximum, fallback, help)                                                                       \
    {                                                                                                                                      \
        SECTION_LAYER, #name, KEY_PAIR, LAYER(name), presence, when, minimum, maximum, fallback, 0, NULL, 0, NOWHERE, help, 0, false,      \
            NOWHERE, 0, 0, 0, NULL, 0, NULL                                                                                                \
    }
#define CHOICE(section, name, offset, choices, fallback, help)                                                                             \
    {                                                                                                                                      \
        section, name, KEY_CHOICE, offset, KEY_DEFAULT, WHEN_ALWAYS, 0, 0, fallback, 0, choices, 0, NOWHERE, help, 0, false, NOWHERE, 0,   \
            0, 0, NULL, 0, NULL                                                                                                            \
    }
#define NUMBER(section, name, offset, when, fallback, help)                                                                                \
    {                                                                                                                                      \
        section, name, KEY_NUMBER, offset, KEY_DEFAULT, when, 0, SPEC_NUMBER_LIMIT, fallback, 0, NULL, 0, NOWHERE, help, 0, false,         \
            NOWHERE, 0, 0, 0, NULL, 0, NULL                                                                                                \
    }

// clang-format off
static const Key rows[] = {
    INTEGER(SECTION_SPEC, "version", KEY_VERSION, NOWHERE, KEY_REQUIRED, 1, 2, 1, NOWHERE, "Of this language. 1: one network, of these keys. 2: [a system](#version-2).", 1),
    {SECTION_SPEC, "name", KEY_NAME, SPEC(name), KEY_REQUIRED, WHEN_ALWAYS, 0, 0, 0, 0, NULL, 0, NOWHERE,
     "Files, folders and C functions are named after it.", 0, false, NOWHERE, 0, 0, 0, NULL, 0, NULL},
    SECTION_KEY("input", KEY_REQUIRED, SECTION_INPUT, SPEC(input_mark), "The shape of a clip."),
    LAYERS_KEY(encoder, "Layers that see each frame by itself."),
    INTEGER(SECTION_SPEC, "latent", KEY_INTEGER, SPEC(latent), KEY_OPTIONAL, 1, LIMIT_NONE, 0, SPEC(latent_mark),
            "Size of a linear layer, with bias, on the encoder's last shape. A second one leads back to that shape, from the GRU's state, "
            "or from the latent where there is no `gru`. Left out: no linear layers, the decoder follows the encoder.", 0),
    SECTION_KEY("gru", KEY_OPTIONAL, SECTION_GRU, SPEC(gru_mark), "Recurrence over the frames. Left out: a frame auto-encoder."),
    LAYERS_KEY(decoder, "Layers from the encoder's last shape back to the input's shape, which the last must have exactly."),
    CHOICE(SECTION_SPEC, "loss", SPEC(loss), losses, LOSS_MSE,
           "`mse`: mean of squared, `l1`: mean of absolute differences, over all elements of the batch."),
    CHOICE(SECTION_SPEC, "precision", SPEC(precision), precisions, COMPUTE_F32,
           "`bf16`: convolutions take their operands rounded to bfloat16 and sum in float32; all that is kept (parameters, optimizer, "
           "statistics, files) and every other operation is float32. It needs a CPU with AVX512-BF16, and takes about 0.7 of the time there "
           "([which layers, and what else](performance.md#bfloat16))."),
    SECTION_KEY("optimizer", KEY_DEFAULT, SECTION_OPTIMIZER, NOWHERE, "What learns."),
    SECTION_KEY("training", KEY_DEFAULT, SECTION_TRAINING, SPEC(training_mark), "How long, and on how much at once."),

    INTEGER(SECTION_INPUT, "T", KEY_INTEGER, SPEC(T), KEY_REQUIRED, 1, LIMIT_NONE, 0, NOWHERE, "Frames of a clip.", 0),
    INTEGER(SECTION_INPUT, "channels", KEY_INTEGER, SPEC(channels), KEY_REQUIRED, 1, 3, 0, NOWHERE, "1: grey. 3: colour (RGB).", 2),
    INTEGER(SECTION_INPUT, "height", KEY_INTEGER, SPEC(height), KEY_REQUIRED, 1, LIMIT_NONE, 0, NOWHERE, "Pixels, after resizing.", 0),
    INTEGER(SECTION_INPUT, "width", KEY_INTEGER, SPEC(width), KEY_REQUIRED, 1, LIMIT_NONE, 0, NOWHERE, "Pixels, after resizing.", 0),

    INTEGER(SECTION_LAYER, "channels", KEY_INTEGER, LAYER(channels), KEY_REQUIRED, 1, LIMIT_NONE, 0, NOWHERE, "Channels out.", 0),
    PAIR(kernel, KEY_REQUIRED, WHEN_ALWAYS, 1, 7, 0, "Size of the kernel."),
    PAIR(stride, KEY_DEFAULT, WHEN_ALWAYS, 1, 4, 1, "Step of the kernel: `conv` divides the size by it, `conv_transpose` multiplies."),
    PAIR(padding, KEY_DEFAULT, WHEN_ALWAYS, 0, 16, 0, "`conv`: zeros around its input. `conv_transpose`: cut off around its output."),
    PAIR(output_padding, KEY_DEFAULT, WHEN_TRANSPOSED, 0, 3, 0,
         "Added to the output's height and width at the bottom and right: of the sizes that a strided convolution takes to one, it picks which to go "
         "back to. Smaller than `stride`."),
    {SECTION_LAYER, "bias", KEY_BOOLEAN, LAYER(bias), KEY_DEFAULT, WHEN_ALWAYS, 0, 0, 1, 0, NULL, 0, NOWHERE, "One learned number added to each channel.", 0, false, NOWHERE, 0, 0, 0, NULL, 0, NULL},
    CHOICE(SECTION_LAYER, "norm", LAYER(norm), norms, NORM_NONE,
           "`batch`: batch norm with eps 1e-5 and momentum 0.1. In training it needs more than one value for each channel (batch · T · height · width)."),
    CHOICE(SECTION_LAYER, "activation", LAYER(activation), activations, ACTIVATION_NONE, "After the norm. The last layer's should suit pixels in [-1, 1]: tanh or none."),
    NUMBER(SECTION_LAYER, "slope", LAYER(slope), WHEN_LEAKY_RELU, 0.01, "Factor of negative values."),

    INTEGER(SECTION_GRU, "hidden", KEY_INTEGER, SPEC(hidden), KEY_REQUIRED, 1, LIMIT_NONE, 0, NOWHERE, "Size of its state.", 0),
    INTEGER(SECTION_GRU, "layers", KEY_INTEGER, SPEC(gru_layers), KEY_DEFAULT, 1, 64, 1, NOWHERE, "GRUs on top of each other.", 0),
    CHOICE(SECTION_GRU, "initial_state", SPEC(initial_state), initial_states, INITIAL_STATE_ZEROS,
           "Of each clip. `normal`: drawn from N(0, 1) for every forward pass of training, validation and `reconstruct`; an input of the compiled "
           "model. In use (`score`, and an inference bundle) it is zeros, the mean of that, unless a seed asks for a draw."),

    CHOICE(SECTION_OPTIMIZER, "name", SPEC(optimizer.name), version_1_optimizers, OPTIMIZER_ADAM, "Adam, AdamW or stochastic gradient descent."),
    NUMBER(SECTION_OPTIMIZER, "learning_rate", SPEC(optimizer.learning_rate), WHEN_ALWAYS, 1e-3, "Constant over the training."),
    {SECTION_OPTIMIZER, "betas", KEY_TWO_NUMBERS, SPEC(optimizer.beta1), KEY_DEFAULT, WHEN_ADAM, 0, 1, 0.9, 0.999, NULL, 0, NOWHERE,
     "Decay of the running means of the gradient and of its square.", 0, true, NOWHERE, 0, 0, 0, NULL, 0, NULL},
    NUMBER(SECTION_OPTIMIZER, "epsilon", SPEC(optimizer.epsilon), WHEN_ADAM, 1e-8, "Added to the root of the mean square."),
    NUMBER(SECTION_OPTIMIZER, "weight_decay", SPEC(optimizer.weight_decay), WHEN_ADAM_OR_SGD, 0, "An L2 term: weight_decay × parameter is added to the gradient."),
    NUMBER(SECTION_OPTIMIZER, "weight_decay", SPEC(optimizer.weight_decay), WHEN_ADAMW, 1e-2, "Decoupled: parameters shrink by learning_rate × weight_decay, before the step."),
    NUMBER(SECTION_OPTIMIZER, "momentum", SPEC(optimizer.momentum), WHEN_SGD, 0, "Decay of the sum of past gradients that a step follows (no dampening, no Nesterov)."),

    INTEGER(SECTION_TRAINING, "batch", KEY_INTEGER, SPEC(training.batch), KEY_DEFAULT, 1, LIMIT_NONE, 16, NOWHERE, "Clips of a step.", 0),
    INTEGER(SECTION_TRAINING, "iterations", KEY_LONG, SPEC(training.iterations), KEY_DEFAULT, 1, LIMIT_NONE, 10000, NOWHERE, "Steps.", 0),
    INTEGER(SECTION_TRAINING, "strips_every", KEY_LONG, SPEC(training.strips_every), KEY_DEFAULT, 1, LIMIT_NONE, 200, NOWHERE, "Steps between pictures of real and reconstructed clips.", 0),
    {SECTION_TRAINING, "seed", KEY_SEED, SPEC(training.seed), KEY_DEFAULT, WHEN_ALWAYS, 0, 0, 0, 0, NULL, 0, NOWHERE,
     "Of the initial weights, the clips drawn and the initial states: same seed, same training.", 0, false, NOWHERE, 0, 0, 0, NULL, 0, NULL},
};
// clang-format on
const Key *spec_keys = rows;
int spec_key_count = (int)(sizeof rows / sizeof *rows);

const Key *next_key(Section section, const Key *before) {
    const bool second = section >= SECTION_SYSTEM;
    const Key *key = second ? system_keys : spec_keys, *end = key + (second ? system_key_count : spec_key_count);
    if (before) key = before + 1;
    while (key < end && key->section != section) key++;
    return key < end ? key : NULL;
}

/* The conditions of version 2's rows. */
static bool row_applies(const Key *key, const void *target) {
    if (key->kinds && !(key->kinds >> ((const NetworkLayer *)target)->kind & 1)) return false;
    return !key->among || (key->among >> *(const unsigned *)((const char *)target + key->depends) & 1);
}

bool key_applies(const Key *key, const void *target) {
    const Layer *layer = target;
    const Spec *spec = target;
    switch (key->when) {
    case WHEN_ALWAYS:
        return row_applies(key, target);
    case WHEN_TRANSPOSED:
        return layer->transposed;
    case WHEN_LEAKY_RELU:
        return layer->activation == ACTIVATION_LEAKY_RELU;
    case WHEN_ADAM:
        return spec->optimizer.name != OPTIMIZER_SGD;
    case WHEN_ADAMW:
        return spec->optimizer.name == OPTIMIZER_ADAMW;
    case WHEN_ADAM_OR_SGD:
        return spec->optimizer.name != OPTIMIZER_ADAMW;
    case WHEN_SGD:
        return spec->optimizer.name == OPTIMIZER_SGD;
    }
    die("no such condition: %d", (int)key->when);
}

/* "conv` or `linear": kinds of layers, between backquotes. */
static const char *kinds_text(unsigned kinds) {
    Text text = {0};
    for (int kind = 0; kind < LAYER_KINDS; kind++)
        if (kinds >> kind & 1) text_add(&text, "%s%s", !text.length ? "" : kinds >> (kind + 1) ? "`, `" : "` or `", layer_kind_names[kind]);
    return text.bytes;
}

const char *when_text(const Key *key) {
    static const char *const texts[] = {
        [WHEN_ALWAYS] = "",
        [WHEN_TRANSPOSED] = "conv_transpose",
        [WHEN_LEAKY_RELU] = "activation: leaky_relu",
        [WHEN_ADAM] = "name: adam` or `adamw",
        [WHEN_ADAMW] = "name: adamw",
        [WHEN_ADAM_OR_SGD] = "name: adam` or `sgd",
        [WHEN_SGD] = "name: sgd",
    };
    if (key->among) return key->among_text;
    return key->kinds ? kinds_text(key->kinds) : texts[key->when];
}

static const char *choices_text(const Key *key) {
    Text text = {0};
    const int first = (int)key->minimum;
    for (int i = first; key->choices[i]; i++)
        text_add(&text, "%s%s", i == first ? "" : key->choices[i + 1] ? ", " : " or ", key->choices[i]);
    return text.bytes;
}

static const char *range_text(const Key *key) {
    if (key->minimum >= key->maximum) return number_text(key->minimum);
    if (key->step > 0 && key->maximum > key->minimum + key->step)
        return format("%s, %s, … or %s", number_text(key->minimum), number_text(key->minimum + key->step), number_text(key->maximum));
    if (key->step > 0) return format("%s or %s", number_text(key->minimum), number_text(key->maximum));
    if (key->below) return format("at least %s and below %s", number_text(key->minimum), number_text(key->maximum));
    if (key->minimum <= -SPEC_NUMBER_LIMIT) return "of either sign";
    if (key->maximum >= LIMIT_NONE) return format("%s or more", number_text(key->minimum));
    return format("%s to %s", number_text(key->minimum), number_text(key->maximum));
}

const char *key_legal(const Key *key) {
    switch (key->type) {
    case KEY_VERSION:
        return range_text(key);
    case KEY_NAME:
        return format("a C identifier of at most %d characters", SPEC_NAME_LENGTH);
    case KEY_SECTION:
        return "a section";
    case KEY_LAYERS:
        return format("a list of 1 to %d layers", SPEC_LAYERS);
    case KEY_INTEGER:
    case KEY_LONG:
        return format("a whole number, %s", range_text(key));
    case KEY_SEED:
        return "a whole number from 0 to 18446744073709551615";
    case KEY_PAIR:
        return format("a whole number, %s, or two as [vertical, horizontal]", range_text(key));
    case KEY_TRIPLE:
        return format("a whole number, %s, or three as [time, vertical, horizontal]", range_text(key));
    case KEY_SHAPE:
        return key->ranks == 1 << 3 ? "sizes as [C, H, W]" : "sizes as [C], [C, H, W] or [C, T, H, W]";
    case KEY_WORD:
        return "a C identifier";
    case KEY_PART:
        return key->legal;
    case KEY_NUMBER:
        return format("a number, %s", range_text(key));
    case KEY_TWO_NUMBERS:
        return format("two numbers, each %s", range_text(key));
    case KEY_BOOLEAN:
        return "true or false";
    case KEY_CHOICE:
        return choices_text(key);
    }
    die("no such type: %d", (int)key->type);
}

const char *usual_name(const char *name) {
    static const char *const names[][2] = {
        {"lr", "learning_rate"},
        {"eps", "epsilon"},
        {"out_channels", "channels"},
        {"filters", "channels"},
        {"kernel_size", "kernel"},
        {"batch_size", "batch"},
        {"batchsize", "batch"},
        {"epochs", "iterations"},
        {"steps", "iterations"},
        {"negative_slope", "slope"},
        {"hidden_size", "hidden"},
        {"num_layers", "layers"},
        {"frames", "T"},
        {"time", "T"},
        {"Conv2d", "conv"},
        {"conv2d", "conv"},
        {"deconv", "conv_transpose"},
        {"ConvTranspose2d", "conv_transpose"},
        {"act", "activation"},
        {"h0", "initial_state"},
        {"latent_size", "latent"},
        {"latent_dim", "latent"},
        {"wd", "weight_decay"},
        {"conv_transpose2d", "conv_transpose"},
        {"lrelu", "leaky_relu"},
        {"LeakyReLU", "leaky_relu"},
        {"batch_norm", "norm"},
        {"batchnorm", "norm"},
        {"zero", "zeros"},
        {"mae", "l1"},
        {"optimiser", "optimizer"},
        {"linear", "none"},
        {"identity", "none"},
        {"dtype", "precision"},
        {"float32", "f32"},
        {"fp32", "f32"},
        {"bfloat16", "bf16"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i][0])) return names[i][1];
    return name;
}

const char *other_name(Section section, const char *name) {
    static const char *const run[] = {"threads", "target",   "targets", "device", "gpu",    "tile",     "tiles", "dtype",
                                      "layout",  "schedule", "tuning",  "vector", "unroll", "parallel", NULL};
    for (int i = 0; run[i]; i++)
        if (!strcmp(name, run[i])) return "a spec says what is computed and learned, never how it is run";
    const Section first = section >= SECTION_SYSTEM ? SECTION_SYSTEM : SECTION_SPEC, end = first ? SECTIONS : SECTION_SYSTEM;
    for (Section other = first; other < end; other++)
        for (const Key *key = next_key(other, NULL); key; key = next_key(other, key))
            if (!strcmp(name, key->name))
                return other == first ? format("`%s` stands at the outermost level", name)
                                      : format("`%s` is a key of %s", name, spec_sections[other].name);
    return NULL;
}
