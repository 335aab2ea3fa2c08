/* system_keys.c: the table of keys of version 2's sections, as spec_keys.c has those of version 1. */
#include "spec/system_internal.h"

#define LIMIT_NONE SPEC_WHOLE_LIMIT

static const char *const norms[] = {"none", "batch", NULL};
static const char *const activations[] = {"none", "relu", "leaky_relu", "sigmoid", "tanh", "elu", "silu", "softplus", NULL};
static const char *const initial_states[] = {"normal", "zeros", NULL};
static const char *const precisions[] = {"f32", "bf16", NULL};
static const char *const distributions[] = {"normal", "uniform", NULL};
static const char *const overs[] = {"frame", "clip", NULL};
static const char *const reductions[] = {"mean", "sum", NULL};
static const char *const times[] = {"even", "falling", NULL};
static const char *const draws[] = {"new", "kept", NULL};
static const char *const batches[] = {"same", "next", "each", NULL};
static const char *const schedules[] = {"constant", "exponential", "step", "cosine", "linear", NULL};
static const char *const pers[] = {"clip", "frame", NULL};
static const char *const only[] = {"nothing", "score", NULL};
static const char *const kaimings[] = {"", "relu", "leaky_relu", NULL};

const char *const layer_kind_names[LAYER_KINDS + 1] = {
    "conv",       "conv_transpose", "conv3d",   "conv_transpose3d", "linear", "reshape", "gru",  "conv_lstm",  "max_pool", "avg_pool",
    "max_pool3d", "avg_pool3d",     "upsample", "concat",           "add",    "memory",  "norm", "activation", "dropout",  NULL};
const char *const term_kind_names[TERM_KINDS + 1] = {"mse",  "l1", "bce_with_logits", "bce", "kl", "gradient_difference", "entropy",
                                                     "mean", NULL};

#define BIT(kind) (1u << (kind))
#define TRANSPOSED BIT(LAYER_CONV_TRANSPOSE)
#define CONV_2D (BIT(LAYER_CONV) | BIT(LAYER_CONV_TRANSPOSE))
#define CONV_3D (BIT(LAYER_CONV3D) | BIT(LAYER_CONV_TRANSPOSE3D))
#define LINEAR BIT(LAYER_LINEAR)
#define PRODUCTS (CONV_2D | CONV_3D | LINEAR)
#define POOL_2D (BIT(LAYER_MAX_POOL) | BIT(LAYER_AVG_POOL))
#define POOL_3D (BIT(LAYER_MAX_POOL3D) | BIT(LAYER_AVG_POOL3D))
#define LSTM BIT(LAYER_CONV_LSTM)
#define GRU BIT(LAYER_GRU)

/* name, its section and type, the field; then what a row says besides. */
#define ROW(in, word, kind_of_key, struct_of, field, ...)                                                                                  \
    {                                                                                                                                      \
        .section = in, .name = word, .type = kind_of_key, .offset = offsetof(struct_of, field), .mark = NOWHERE, .count = NOWHERE,         \
        __VA_ARGS__                                                                                                                        \
    }
#define PART(in, word, struct_of, field, needed, what, text)                                                                               \
    ROW(in, word, KEY_PART, struct_of, field, .presence = needed, .legal = what, .help = text)
#define L(word, type, field, who, ...) ROW(SECTION_NETWORK_LAYER, word, type, LayerDraft, layer.field, .kinds = who, __VA_ARGS__)
#define O(word, type, field, ...) ROW(SECTION_NETWORK_OPTIMIZER, word, type, OptimizerDraft, optimizer.field, __VA_ARGS__)
#define S(word, type, field, ...) ROW(SECTION_LEARNING_SCHEDULE, word, type, OptimizerDraft, optimizer.schedule.field, __VA_ARGS__)
#define WITH(struct_of, field, values, text) .depends = offsetof(struct_of, field), .among = values, .among_text = text
#define NAMED(values, text) WITH(OptimizerDraft, optimizer.name, values, text)
#define SCHEDULED(values, text) WITH(OptimizerDraft, optimizer.schedule.name, values, text)
#define SOME .presence = KEY_OPTIONAL
#define FALLBACK(value) .presence = KEY_DEFAULT, .fallback = value
#define RANGE(least, most) .minimum = least, .maximum = most
#define ADAMS (BIT(OPTIMIZER_ADAM) | BIT(OPTIMIZER_ADAMW))
#define ARGUMENTS(kind, what, text) PART(SECTION_TERM, #kind, TermDraft, arguments[TERM_##what], KEY_OPTIONAL, "a list of arguments", text)

// clang-format off
static const Key rows[] = {
    ROW(SECTION_SYSTEM, "version", KEY_VERSION, SystemDraft, name, .presence = KEY_REQUIRED, RANGE(1, 2), .fallback = 2, .step = 1, .help = "2: a system."),
    ROW(SECTION_SYSTEM, "name", KEY_NAME, SystemDraft, name, .presence = KEY_REQUIRED, .help = "Files, folders and C functions are named after it."),
    PART(SECTION_SYSTEM, "input", SystemDraft, input, KEY_REQUIRED, "a section", "The shape of the data, `x`."),
    PART(SECTION_SYSTEM, "noise", SystemDraft, noise, KEY_OPTIONAL, "a section of names", "What is drawn for each item."),
    PART(SECTION_SYSTEM, "networks", SystemDraft, networks, KEY_REQUIRED, "a section of names", "Lists of layers, or sections with `layers`."),
    PART(SECTION_SYSTEM, "values", SystemDraft, values, KEY_OPTIONAL, "a section of names", "`name: expression`, each from what stands above it."),
    PART(SECTION_SYSTEM, "losses", SystemDraft, losses, KEY_OPTIONAL, "a section of names", "Terms, or lists of terms."),
    PART(SECTION_SYSTEM, "steps", SystemDraft, steps, KEY_OPTIONAL, "a list of steps", "What an iteration does, in order."),
    PART(SECTION_SYSTEM, "outputs", SystemDraft, outputs, KEY_OPTIONAL, "a section of names",
         "`name: expression`, which may call networks: what `reconstruct` writes and a bundle gives. `reconstruction` is compared with `target` (`x` where it is left out); `samples` are strips from fresh noise."),
    PART(SECTION_SYSTEM, "score", SystemDraft, score, KEY_OPTIONAL, "a section",
         "Left out: the mean squared error of `reconstruction` and `target` in the scale of [0, 1], for each frame."),
    PART(SECTION_SYSTEM, "search", SystemDraft, search, KEY_OPTIONAL, "a section", "A noise that is learned for each item."),
    PART(SECTION_SYSTEM, "initial", SystemDraft, initial, KEY_OPTIONAL, "a section", "Left out: PyTorch's initial weights."),
    ROW(SECTION_SYSTEM, "precision", KEY_CHOICE, SystemDraft, precision, FALLBACK(COMPUTE_F32), .choices = precisions, .help = "As in version 1."),
    PART(SECTION_SYSTEM, "optimizer", SystemDraft, optimizer, KEY_OPTIONAL, "a section", "Of every network. Left out, with `optimizers`: Adam."),
    PART(SECTION_SYSTEM, "optimizers", SystemDraft, optimizers, KEY_OPTIONAL, "a section of names", "One for each network, and `all` for the others."),
    ROW(SECTION_SYSTEM, "average", KEY_NUMBER, SystemDraft, average, SOME, RANGE(SPEC_NUMBER_LEAST, 1), .below = true,
        .help = "After each update of a network, its averages become `average` · averages + (1 − `average`) · weights. Evaluation uses them."),
    PART(SECTION_SYSTEM, "training", SystemDraft, training, KEY_OPTIONAL, "a section", "How long, and on how much at once."),

    ROW(SECTION_CLIP, "T", KEY_INTEGER, Spec, T, FALLBACK(1), RANGE(1, LIMIT_NONE), .help = "Frames of a clip. Left out: single images."),
    ROW(SECTION_CLIP, "channels", KEY_INTEGER, Spec, channels, .presence = KEY_REQUIRED, RANGE(1, 3), .step = 2, .help = "1: grey. 3: colour (RGB)."),
    ROW(SECTION_CLIP, "height", KEY_INTEGER, Spec, height, .presence = KEY_REQUIRED, RANGE(1, LIMIT_NONE), .help = "Pixels, after resizing."),
    ROW(SECTION_CLIP, "width", KEY_INTEGER, Spec, width, .presence = KEY_REQUIRED, RANGE(1, LIMIT_NONE), .help = "Pixels, after resizing."),

    ROW(SECTION_NOISE, "shape", KEY_SHAPE, NoiseDraft, noise.written, .presence = KEY_REQUIRED, RANGE(1, LIMIT_NONE), .ranks = 1 << 1 | 1 << 3 | 1 << 4, .help = "Of an item."),
    ROW(SECTION_NOISE, "distribution", KEY_CHOICE, NoiseDraft, distribution, FALLBACK(0), .choices = distributions, .help = "`normal`: N(0, 1)."),
    ROW(SECTION_NOISE, "range", KEY_TWO_NUMBERS, NoiseDraft, noise.low, .presence = KEY_DEFAULT, .fallback = -1, .fallback2 = 1, RANGE(-SPEC_NUMBER_LIMIT, SPEC_NUMBER_LIMIT),
        WITH(NoiseDraft, distribution, 2, "distribution: uniform"), .help = "From the first number up to the second."),

    PART(SECTION_NETWORK, "inputs", NetworkDraft, inputs, KEY_OPTIONAL, "a list of names", "In the order of a call's arguments; `[x]` where it is left out."),
    PART(SECTION_NETWORK, "defaults", NetworkDraft, defaults, KEY_OPTIONAL, "a section", "Values for keys of its layers with a product that do not say otherwise. Not of `from`, `name` and `tap`."),
    PART(SECTION_NETWORK, "layers", NetworkDraft, layers, KEY_OPTIONAL, "a list of layers", "Required, unless there is `like`."),
    PART(SECTION_NETWORK, "like", NetworkDraft, like, KEY_OPTIONAL, "the name of another network", "It has that network's inputs, defaults and layers, with weights of its own. Only `frozen` may stand beside it."),
    ROW(SECTION_NETWORK, "frozen", KEY_BOOLEAN, NetworkDraft, frozen, FALLBACK(0), .help = "No step updates it, and it is in evaluation mode always; its weights come from `--init`."),

    L("channels", KEY_INTEGER, channels, CONV_2D | CONV_3D | LSTM, .presence = KEY_REQUIRED, RANGE(1, LIMIT_NONE), .help = "Channels out."),
    ROW(SECTION_NETWORK_LAYER, "features", KEY_INTEGER, LayerDraft, features, .kinds = LINEAR, SOME, RANGE(1, LIMIT_NONE), .help = "Values out: this or `shape`."),
    L("shape", KEY_SHAPE, written, LINEAR, SOME, RANGE(1, LIMIT_NONE), .ranks = 1 << 3, .help = "Of what comes out, in each frame: this or `features`."),
    L("over", KEY_CHOICE, over, LINEAR, FALLBACK(OVER_FRAME), .choices = overs, .help = "`frame`: each frame by itself. `clip`: all C·T·H·W values, in that order, become one frame."),
    L("to", KEY_SHAPE, written, BIT(LAYER_RESHAPE), .presence = KEY_REQUIRED, RANGE(1, LIMIT_NONE), .ranks = 1 << 1 | 1 << 3 | 1 << 4, .help = "[C] or [C, H, W]: of each frame. [C, T, H, W]: of the clip. `- reshape: [256, 4, 4]` is short for it."),
    L("hidden", KEY_INTEGER, hidden, GRU, .presence = KEY_REQUIRED, RANGE(1, LIMIT_NONE), .help = "Size of its state."),
    L("layers", KEY_INTEGER, gru_layers, GRU, FALLBACK(1), RANGE(1, 64), .help = "GRUs on top of each other."),
    L("initial_state", KEY_CHOICE, initial_state, GRU, FALLBACK(INITIAL_STATE_ZEROS), .choices = initial_states, .help = "`normal`: drawn from N(0, 1) for each item."),
    L("kernel", KEY_PAIR, kernel[1], CONV_2D, .presence = KEY_REQUIRED, RANGE(1, SYSTEM_KERNEL), .help = "Size of the kernel."),
    L("kernel", KEY_TRIPLE, kernel, CONV_3D, .presence = KEY_REQUIRED, RANGE(1, SYSTEM_KERNEL), .help = "Size of the kernel."),
    L("kernel", KEY_INTEGER, kernel[1], LSTM, FALLBACK(3), RANGE(1, SYSTEM_KERNEL), .step = 2, .help = "Size of the kernel; what comes out has the size of what goes in."),
    L("kernel", KEY_PAIR, kernel[1], POOL_2D, .presence = KEY_REQUIRED, RANGE(1, SYSTEM_KERNEL), .help = "Size of the window."),
    L("kernel", KEY_TRIPLE, kernel, POOL_3D, .presence = KEY_REQUIRED, RANGE(1, SYSTEM_KERNEL), .help = "Size of the window."),
    L("stride", KEY_PAIR, stride[1], CONV_2D, FALLBACK(1), RANGE(1, 4), .help = "Step of the kernel."),
    L("stride", KEY_TRIPLE, stride, CONV_3D, FALLBACK(1), RANGE(1, 4), .help = "Step of the kernel."),
    L("stride", KEY_PAIR, stride[1], POOL_2D, SOME, RANGE(1, SYSTEM_KERNEL), .help = "Step of the window; left out: `kernel`."),
    L("stride", KEY_TRIPLE, stride, POOL_3D, SOME, RANGE(1, SYSTEM_KERNEL), .help = "Step of the window; left out: `kernel`."),
    L("padding", KEY_PAIR, padding[1], CONV_2D, FALLBACK(0), RANGE(0, 16), .help = "Zeros around the input; of `conv_transpose`: cut off around the output."),
    L("padding", KEY_TRIPLE, padding, CONV_3D, FALLBACK(0), RANGE(0, 16), .help = "The same, of time too."),
    L("padding", KEY_PAIR, padding[1], POOL_2D, FALLBACK(0), RANGE(0, SYSTEM_KERNEL / 2), .help = "At most half of the kernel. It counts in an average."),
    L("padding", KEY_TRIPLE, padding, POOL_3D, FALLBACK(0), RANGE(0, SYSTEM_KERNEL / 2), .help = "At most half of the kernel. It counts in an average."),
    L("output_padding", KEY_PAIR, output_padding[1], TRANSPOSED, FALLBACK(0), RANGE(0, 3), .help = "Added at the bottom and right. Smaller than `stride`."),
    L("output_padding", KEY_TRIPLE, output_padding, BIT(LAYER_CONV_TRANSPOSE3D), FALLBACK(0), RANGE(0, 3), .help = "Added at the end of each axis. Smaller than `stride`."),
    L("bias", KEY_BOOLEAN, bias, PRODUCTS | LSTM, FALLBACK(1), .help = "One learned number added to each channel."),
    L("scale", KEY_PAIR, scale, BIT(LAYER_UPSAMPLE), FALLBACK(2), RANGE(1, LIMIT_NONE), .help = "How often each pixel stands there; nearest."),
    L("items", KEY_INTEGER, items, BIT(LAYER_MEMORY), .presence = KEY_REQUIRED, RANGE(1, LIMIT_NONE), .help = "How many vectors it has."),
    L("shrink", KEY_NUMBER, shrink, BIT(LAYER_MEMORY), FALLBACK(0.0025), RANGE(0, SPEC_NUMBER_LIMIT), .help = "Weights below it become 0."),
    L("kind", KEY_CHOICE, norm, BIT(LAYER_NORM), .presence = KEY_REQUIRED, RANGE(1, 0), .choices = norms, .help = "`- norm: batch` is short for it."),
    L("kind", KEY_CHOICE, activation, BIT(LAYER_ACTIVATION), .presence = KEY_REQUIRED, RANGE(1, 0), .choices = activations, .help = "`- activation: relu` is short for it."),
    L("p", KEY_NUMBER, dropout, BIT(LAYER_DROPOUT), .presence = KEY_REQUIRED, RANGE(0, 1), .below = true, .help = "Probability of a zero, in training. `- dropout: 0.5` is short for it."),
    L("norm", KEY_CHOICE, norm, PRODUCTS, FALLBACK(NORM_NONE), .choices = norms, .help = "`batch`: batch norm over batch, T, H and W, after the product."),
    L("epsilon", KEY_NUMBER, epsilon, PRODUCTS | BIT(LAYER_NORM), FALLBACK(1e-5), RANGE(0, SPEC_NUMBER_LIMIT), WITH(LayerDraft, layer.norm, 2, "norm: batch"), .help = "Added to the variance."),
    L("momentum", KEY_NUMBER, momentum, PRODUCTS | BIT(LAYER_NORM), FALLBACK(0.1), RANGE(0, 1), WITH(LayerDraft, layer.norm, 2, "norm: batch"), .help = "Share of the new value in the running statistics."),
    L("activation", KEY_CHOICE, activation, PRODUCTS, FALLBACK(ACTIVATION_NONE), .choices = activations, .help = "After the norm. elu has α 1, softplus β 1."),
    L("slope", KEY_NUMBER, slope, PRODUCTS | BIT(LAYER_ACTIVATION), FALLBACK(0.01), RANGE(0, SPEC_NUMBER_LIMIT), WITH(LayerDraft, layer.activation, BIT(ACTIVATION_LEAKY_RELU), "activation: leaky_relu"), .help = "Factor of negative values."),
    L("dropout", KEY_NUMBER, dropout, PRODUCTS, FALLBACK(0), RANGE(0, 1), .below = true, .help = "Last of all: probability of a zero, in training."),
    PART(SECTION_NETWORK_LAYER, "from", LayerDraft, from, KEY_OPTIONAL, "a name, and of `concat` and `add` a list of two or more", "An input of the network, or a `name` or `tap` above. Required of `concat` and `add`."),
    L("name", KEY_WORD, name, 0, SOME, .help = "Of its result."),
    L("tap", KEY_WORD, tap, PRODUCTS | BIT(LAYER_MEMORY), SOME, .help = "Name of the product before norm and activation; of `memory`: of its weights, [items, T, H, W]."),

    ARGUMENTS(mse, MSE, "`[v, target]`: squared differences. A target may be a number."),
    ARGUMENTS(l1, L1, "`[v, target]`: absolute differences."),
    ARGUMENTS(bce_with_logits, BCE_WITH_LOGITS, "`[v, target]`: max(v, 0) − v · t + log(1 + e^−abs(v))."),
    ARGUMENTS(bce, BCE, "`[p, target]`: −t · log(p + ε) − (1 − t) · log(1 − p + ε)."),
    ARGUMENTS(kl, KL, "`[mean, log_variance]`: ½ (mean² + e^log_variance − log_variance − 1), always summed."),
    ARGUMENTS(gradient_difference, GRADIENT_DIFFERENCE, "`[v, target]`: abs(abs(∂v) − abs(∂target)) of neighbouring rows, and of neighbouring columns, each reduced by itself, then added."),
    ARGUMENTS(entropy, ENTROPY, "`[v]`: −Σ over channels of v · log(v + 1e-12), then reduced over T, H and W."),
    ARGUMENTS(mean, MEAN, "`[v]`: the value itself."),
    ROW(SECTION_TERM, "reduce", KEY_CHOICE, TermDraft, sum, .presence = KEY_DEFAULT, .fallback = 0, .choices = reductions, .help = "Over the elements of an item; over the batch it is always the mean."),
    ROW(SECTION_TERM, "weight", KEY_NUMBER, TermDraft, weight, FALLBACK(1), RANGE(-SPEC_NUMBER_LIMIT, SPEC_NUMBER_LIMIT), .help = "Factor of the term."),
    ROW(SECTION_TERM, "epsilon", KEY_NUMBER, TermDraft, epsilon, FALLBACK(1e-7), RANGE(0, SPEC_NUMBER_LIMIT), WITH(TermDraft, kind, BIT(TERM_BCE), "bce"), .help = "ε of `bce`."),
    ROW(SECTION_TERM, "over_time", KEY_CHOICE, TermDraft, falling, SOME, RANGE(1, 0), .choices = times, WITH(TermDraft, sum, 1, "reduce: mean"), .help = "Frame t of T, from 0, weighs (T − t) / T² instead of 1 / T."),
    ROW(SECTION_TERM, "only", KEY_CHOICE, TermDraft, only, SOME, RANGE(1, 0), .choices = only, .help = "Keeps the loss out of the default step; all terms of a loss have it, or none."),

    PART(SECTION_STEP, "update", StepDraft, update, KEY_REQUIRED, "a section: network → a loss, a list of losses, or losses with factors", "What learns, by what."),
    ROW(SECTION_STEP, "noise", KEY_CHOICE, StepDraft, kept, FALLBACK(0), .choices = draws, .help = "`kept`: the draw of the nearest step above that is not kept."),
    ROW(SECTION_STEP, "batch", KEY_CHOICE, StepDraft, batch, FALLBACK(BATCH_SAME), .choices = batches, .help = "`same`: the newest of the iteration. `next`: another one. `each`: another one in each round of `times`."),
    ROW(SECTION_STEP, "times", KEY_INTEGER, StepDraft, times, FALLBACK(1), RANGE(1, LIMIT_NONE), .help = "How often it is done in a row."),
    ROW(SECTION_STEP, "every", KEY_INTEGER, StepDraft, every, FALLBACK(1), RANGE(1, LIMIT_NONE), .help = "Only in iterations that this divides, counted from 0."),

    O("name", KEY_CHOICE, name, FALLBACK(OPTIMIZER_ADAM), .choices = optimizer_names, .help = "Adam, AdamW, stochastic gradient descent or RMSprop."),
    O("learning_rate", KEY_NUMBER, learning_rate, FALLBACK(1e-3), RANGE(0, SPEC_NUMBER_LIMIT), NAMED(ADAMS | BIT(OPTIMIZER_SGD), "name: adam`, `adamw` or `sgd"), .help = "Before its schedule."),
    O("learning_rate", KEY_NUMBER, learning_rate, FALLBACK(1e-2), RANGE(0, SPEC_NUMBER_LIMIT), NAMED(BIT(OPTIMIZER_RMSPROP), "name: rmsprop"), .help = "Before its schedule."),
    O("betas", KEY_TWO_NUMBERS, beta1, .presence = KEY_DEFAULT, .fallback = 0.9, .fallback2 = 0.999, RANGE(0, 1), .below = true, NAMED(ADAMS, "name: adam` or `adamw"), .help = "Decay of the running means of the gradient and of its square."),
    O("alpha", KEY_NUMBER, alpha, FALLBACK(0.99), RANGE(0, 1), .below = true, NAMED(BIT(OPTIMIZER_RMSPROP), "name: rmsprop"), .help = "Decay of the running mean of the gradient's square."),
    O("epsilon", KEY_NUMBER, epsilon, FALLBACK(1e-8), RANGE(0, SPEC_NUMBER_LIMIT), NAMED(ADAMS | BIT(OPTIMIZER_RMSPROP), "name: adam`, `adamw` or `rmsprop"), .help = "Added to the root of the mean square."),
    O("weight_decay", KEY_NUMBER, weight_decay, FALLBACK(0), RANGE(0, SPEC_NUMBER_LIMIT), NAMED(~BIT(OPTIMIZER_ADAMW), "name: adam`, `sgd` or `rmsprop"), .help = "An L2 term: weight_decay × parameter is added to the gradient."),
    O("weight_decay", KEY_NUMBER, weight_decay, FALLBACK(1e-2), RANGE(0, SPEC_NUMBER_LIMIT), NAMED(BIT(OPTIMIZER_ADAMW), "name: adamw"), .help = "Decoupled: parameters shrink by learning_rate × weight_decay, before the step."),
    O("momentum", KEY_NUMBER, momentum, FALLBACK(0), RANGE(0, SPEC_NUMBER_LIMIT), NAMED(BIT(OPTIMIZER_SGD) | BIT(OPTIMIZER_RMSPROP), "name: sgd` or `rmsprop"), .help = "Decay of the sum of past gradients that a step follows (no dampening)."),
    O("nesterov", KEY_BOOLEAN, nesterov, FALLBACK(0), NAMED(BIT(OPTIMIZER_SGD), "name: sgd"), .help = "Nesterov's momentum; `momentum` is above 0."),
    ROW(SECTION_NETWORK_OPTIMIZER, "schedule", KEY_SECTION, OptimizerDraft, optimizer, SOME, .inner = SECTION_LEARNING_SCHEDULE, .help = "A factor of the learning rate."),
    O("warm_up", KEY_LONG, schedule.warm_up, FALLBACK(0), RANGE(0, LIMIT_NONE), .help = "Iterations in which the learning rate rises to its value; the schedule begins after them."),
    O("clip_norm", KEY_NUMBER, clip_norm, SOME, RANGE(SPEC_NUMBER_LEAST, SPEC_NUMBER_LIMIT), .help = "The network's gradient is scaled to this norm at most, before weight decay."),

    S("name", KEY_CHOICE, name, .presence = KEY_REQUIRED, RANGE(1, 0), .choices = schedules,
      .help = "`exponential`: gamma^⌊j / every⌋. `step`: gamma^(how many of `at` are ≤ j). `cosine`: to + (1 − to)(1 + cos(π · min(j / over, 1))) / 2. `linear`: 1 + (to − 1) · min(j / over, 1)."),
    S("gamma", KEY_NUMBER, gamma, .presence = KEY_REQUIRED, RANGE(0, SPEC_NUMBER_LIMIT), SCHEDULED(BIT(SCHEDULE_EXPONENTIAL) | BIT(SCHEDULE_STEP), "name: exponential` or `step"), .help = "The factor of each fall."),
    S("every", KEY_LONG, every, FALLBACK(1), RANGE(1, LIMIT_NONE), SCHEDULED(BIT(SCHEDULE_EXPONENTIAL), "name: exponential"), .help = "Iterations between falls."),
    ROW(SECTION_LEARNING_SCHEDULE, "at", KEY_PART, OptimizerDraft, at, .presence = KEY_REQUIRED, SCHEDULED(BIT(SCHEDULE_STEP), "name: step"), .legal = "a list of whole numbers, 0 or more", .help = "Iterations at which it falls."),
    S("to", KEY_NUMBER, to, FALLBACK(0), RANGE(0, SPEC_NUMBER_LIMIT), SCHEDULED(BIT(SCHEDULE_COSINE) | BIT(SCHEDULE_LINEAR), "name: cosine` or `linear"), .help = "The factor at the end."),
    S("over", KEY_LONG, over, .presence = KEY_REQUIRED, RANGE(1, LIMIT_NONE), SCHEDULED(BIT(SCHEDULE_COSINE) | BIT(SCHEDULE_LINEAR), "name: cosine` or `linear"), .help = "Iterations until then."),

    PART(SECTION_SCORE, "sum", ScoreDraft, sum, KEY_OPTIONAL, "a section: loss → factor", "Losses with factors; a loss counts with its `weight`. Left out: as where `score` is left out."),
    ROW(SECTION_SCORE, "per", KEY_CHOICE, ScoreDraft, per_frame, SOME, .choices = pers, .help = "One number for a clip, or one for each frame. Left out: clip; without `sum`: frame."),
    ROW(SECTION_SCORE, "first_frame", KEY_INTEGER, ScoreDraft, first_frame, FALLBACK(0), RANGE(0, LIMIT_NONE), .help = "The clip's frame to which the score's first number belongs."),

    PART(SECTION_SEARCH, "noise", SearchDraft, noise, KEY_REQUIRED, "the name of a noise", "What is learned, for each item by itself, by the item's score."),
    ROW(SECTION_SEARCH, "steps", KEY_INTEGER, SearchDraft, steps, .presence = KEY_REQUIRED, RANGE(1, LIMIT_NONE), .help = "Updates."),
    PART(SECTION_SEARCH, "optimizer", SearchDraft, optimizer, KEY_OPTIONAL, "a section", "Its keys are those of an optimizer. `clip_norm` is of an item's gradient, a schedule counts updates of the search."),

    PART(SECTION_INITIAL, "weights", InitialDraft, weights, KEY_OPTIONAL, "a section, or xavier", "Of layers with a product and of `conv_lstm`."),
    ROW(SECTION_INITIAL, "bias", KEY_NUMBER, InitialDraft, bias, SOME, RANGE(-SPEC_NUMBER_LIMIT, SPEC_NUMBER_LIMIT), .help = "Every bias of those layers."),
    PART(SECTION_INITIAL, "norm", InitialDraft, norm, KEY_OPTIONAL, "a section", "Of batch norm's weight; its bias is 0."),
    ROW(SECTION_INITIAL_WEIGHTS, "normal", KEY_NUMBER, InitialDraft, normal, SOME, RANGE(0, SPEC_NUMBER_LIMIT), .help = "N(0, σ²)."),
    ROW(SECTION_INITIAL_WEIGHTS, "kaiming", KEY_CHOICE, InitialDraft, kaiming, SOME, RANGE(1, 0), .choices = kaimings, .help = "Normal, by fan_in and the gain of that activation; the layer's `slope`, or 0.01."),
    ROW(SECTION_INITIAL_NORM, "normal", KEY_NUMBER, InitialDraft, normal, .presence = KEY_REQUIRED, RANGE(0, SPEC_NUMBER_LIMIT), .help = "N(1, σ²)."),
};
// clang-format on
const Key *const system_keys = rows;
const int system_key_count = (int)(sizeof rows / sizeof *rows);
