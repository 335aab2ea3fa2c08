/* model.h: what a generated model gives to the runtime: tables, and for each target the compiled programs.
 *
 * "File order" is PyTorch's: each tensor row-major in its state_dict shape, tensors one after another in the table's order,
 * without gaps, and without num_batches_tracked (which the runtime keeps as integers).
 */
#ifndef ZOETROPE_MODEL_H
#define ZOETROPE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODEL_RANK = 8 };

typedef struct ModelTensor {
    const char *name; /* encoder.0.weight */
    int rank;
    int64_t shape[MODEL_RANK];
    int64_t count;  /* elements */
    int64_t offset; /* in file order, in elements, among all trained parameters, or all running statistics */
    int group;      /* the ModelGroup that it belongs to */
    /* Initial values: `fill`, and uniform in ±bound or normal with this deviation around it; 0: not. */
    double bound, deviation, fill;
} ModelTensor;

typedef enum { MODEL_PARAMETERS, MODEL_GRADIENTS, MODEL_MOMENT1, MODEL_MOMENT2, MODEL_STATISTICS, MODEL_AVERAGE, MODEL_BLOCKS } ModelBlock;

/* Of a learning rate: a factor of the iteration i, from 0. With j = i − warm_up: while j < 0, (i + 1) / warm_up; then
 *   exponential  gamma^⌊j / every⌋
 *   step         gamma^(how many of `at` are ≤ j)
 *   cosine       to + (1 − to) · (1 + cos(π · min(j / over, 1))) / 2
 *   linear       1 + (to − 1) · min(j / over, 1) */
typedef enum {
    MODEL_SCHEDULE_CONSTANT,
    MODEL_SCHEDULE_EXPONENTIAL,
    MODEL_SCHEDULE_STEP,
    MODEL_SCHEDULE_COSINE,
    MODEL_SCHEDULE_LINEAR
} ModelScheduleKind;
typedef struct ModelSchedule {
    ModelScheduleKind kind;
    double gamma, to;
    int64_t every, over, warm_up;
    int at_count;
    const int64_t *at;
} ModelSchedule;

/* Parameters that are updated together: those of a network, or, of a version 1 spec, all. */
typedef struct ModelGroup {
    const char *name;      /* of the network; all */
    bool frozen;           /* no step updates it */
    const char *optimizer; /* adam, adamw, sgd, rmsprop */
    double learning_rate, beta1, beta2, epsilon, weight_decay, momentum;
    ModelSchedule schedule;
    int moments; /* how many moment blocks: adam and adamw 2; sgd with momentum and rmsprop 1, rmsprop with momentum 2; else 0 */
} ModelGroup;

/* Coefficients of a group's update that change from step to step. For its 1-based update s: adam, adamw: {lr/(1 − β1^s), √(1 − β2^s), lr};
 * sgd and rmsprop: {lr}. */
enum { MODEL_COEFFICIENTS = 4 };

/* ---- programs: what a model computes ---- */

typedef enum {
    DRAW_NONE,    /* the caller has it */
    DRAW_NORMAL,  /* N(0, 1) */
    DRAW_UNIFORM, /* in [low, high) */
    DRAW_FACTORS  /* of dropout: 0 with probability `low`, else 1 / (1 − low) */
} ModelDraw;

/* What a program is given, or gives: floats, row-major. */
typedef struct ModelArgument {
    const char *name; /* x, h0, noise.eps, dropout.discriminator.3.0, reconstruction */
    int rank;
    int64_t shape[MODEL_RANK];
    int64_t count; /* elements */
    int items;     /* the dimension that counts the items of the batch; −1: none does */
    /* The shape is that of files which `step` reads and writes: [B, C, T, …]. In memory, frames come before channels. */
    bool channels_first;
    ModelDraw draw;
    double low, high;
} ModelArgument;

typedef struct ModelProgram {
    const char *name; /* train, step0, evaluate, advance, decode */
    int inputs, outputs, losses;
    const ModelArgument *input, *output;
    const char *const *loss; /* names of single numbers */
} ModelProgram;

typedef struct ModelStep {
    const float *const *input; /* by number among the program's inputs, and so on */
    float *const *output;
    double *loss;              /* out, each before the update */
    const float *coefficients; /* of training steps: [groups, MODEL_COEFFICIENTS] */
    void *workspace;           /* workspace_size bytes, 64-byte aligned; keeps the parameters from call to call */
    void *scratch;             /* threads × scratch_size bytes, 64-byte aligned */
    int threads;
    /* Called after each of the program's kernels with its number in the target's table (see ModelKernel); NULL: not called. */
    void (*done)(void *context, int kernel);
    void *context;
} ModelStep;

typedef struct ModelKernel { /* one that a program calls */
    const char *name;        /* encoder1_conv_forward */
    double flops, bytes;     /* of one call: arithmetic as written (a multiply-add is 2), and compulsory memory traffic */
    int calls;               /* in a row, in one step: T for the body of a scan, else 1 */
    bool pairs;              /* its products are dot products of pairs of bfloat16 */
} ModelKernel;

typedef struct ModelCode { /* of a program, for a target */
    void (*run)(const ModelStep *step);
    const ModelKernel *kernel; /* in the order of their calls; NULL: it is not measured */
    int kernels;
} ModelCode;

typedef struct ModelTarget {
    const char *name;        /* avx512 */
    bool (*available)(void); /* does this CPU (and operating system) have what it needs? */
    /* Do its operations have the bits that they should, here and now? Flags of the compiler may change them, and modes of the CPU. Only
     * where it is available; NULL: nothing can be said. */
    bool (*arithmetic_holds)(void);
    const char *tuning; /* a hash of the choices of kernels that were not the cost model's (zoetrope compile --tuning); NULL: none */
    /* Has to be called before its programs: sets up BLAS, which some of their kernels call, and tells what it says of itself, and which
     * kernels it chose for this CPU. The bits of results depend on both. NULL: no kernel calls BLAS. */
    void (*library)(const char **version, const char **kernels);
    size_t workspace_size, scratch_size;
    /* Between file order and the target's layout, all groups. Of moments and averages, values of groups that have none are left alone; a
     * block that no group has must not be asked for. load of parameters also renews every copy the kernels keep of them. `workspace` must
     * have been zeroed once before the first load. */
    void (*load)(void *workspace, ModelBlock block, const float *values);
    void (*save)(const void *workspace, ModelBlock block, float *values);
    const ModelCode *program; /* by number in ModelDescription.program */
    /* In place: n pairs of uniforms (u1 in (0, 1], u2 in [0, 1)), u1 first n, then u2 n → 2n independent N(0, 1) by Box and Muller. */
    void (*normal)(float *values, size_t n);
} ModelTarget;

/* ---- training ---- */

typedef enum { MODEL_BATCH_SAME, MODEL_BATCH_NEXT, MODEL_BATCH_EACH } ModelBatch;

/* A step of each training iteration: a program that computes losses and gradients and updates some groups. Its gradients stay readable
 * until the next step. */
typedef struct ModelTrainingStep {
    int program;
    int draws_of; /* the step whose noise, dropout and initial states it reads: its own number, or that of one before it */
    ModelBatch batch;
    int64_t times, every; /* done so many times in a row, in iterations that `every` divides */
    int groups;           /* that it updates … */
    const int *group;     /* … by number */
    int norms;            /* batch norms whose running statistics it moves … */
    const int *norm;      /* … by number among the state_dict's num_batches_tracked; once for each call */
} ModelTrainingStep;

/* Before outputs and score, a noise is learned for each item by itself: so many updates by the gradient of the item's score. */
typedef struct ModelSearch {
    int program;       /* gives `gradient`, of the noise's shape */
    const char *noise; /* noise.z */
    int64_t steps;
    ModelGroup optimizer; /* its schedule counts updates */
    double alpha, clip_norm;
    bool nesterov;
} ModelSearch;

typedef struct ModelDescription {
    const char *name;      /* gru_ae */
    const char *spec_hash; /* 16 hexadecimal digits */
    const char *compiler_version;
    const char *precision;      /* f32 or bf16 */
    const char *canonical_spec; /* the spec with its defaults, as text */
    int language;               /* version of the spec: 1 or 2 */
    int T, channels, height, width, batch;
    int hidden, gru_layers; /* of a version 1 spec, or 0, 0 without GRU */
    int64_t code_size;      /* elements of what the decoder takes, of a frame */
    bool initial_state_normal;
    bool loss_is_l1;
    double average; /* of weights: the factor of what was; 0: no averages are kept */
    int64_t iterations, strips_every;
    uint64_t seed;
    int group_count;
    const ModelGroup *groups;
    int parameter_tensors; /* trained, or frozen */
    const ModelTensor *parameters;
    int64_t parameter_count; /* elements */
    int statistic_tensors;   /* running_mean, running_var of each batch norm */
    const ModelTensor *statistics;
    int64_t statistic_count;
    /* The names of a state_dict in PyTorch's order, parameters, statistics and num_batches_tracked ("encoder.1.num_batches_tracked")
     * together. */
    int state_names;
    const char *const *state_name;
    int program_count;
    const ModelProgram *programs;
    int step_count;
    const ModelTrainingStep *steps;
    /* Draws of a system that no step reads, though its training makes them: each has a name in files of `step`. */
    int unread_draws;
    const ModelArgument *unread_draw;
    /* Programs by number; −1: there is none. */
    int evaluate;    /* forward with running statistics: outputs; loss or score */
    int score_first; /* of scores [B, F]: the frame of the clip that the first one belongs to */
    /* One frame of one video, with running statistics, in two parts, between which the caller chooses a code. The GRU runs T times side by
     * side, so that each frame can be the last of T.
     *   advance: x, [1, 1, C, H, W], and h0, [layers, T, hidden], the states of these runs, also where the spec's initial state is zeros →
     *            state, as h0 and may be h0 itself, and code, [T, code_size], one for each run; without GRU, 1 for T
     *   decode:  code, [1, code_size], and x → reconstruction, as x; loss, the mean squared error, whatever the spec's */
    int advance, decode;
    const ModelSearch *search; /* NULL: nothing is searched for */
    int target_count;
    const ModelTarget *const *targets; /* best first; with f32 the last, generic, runs everywhere */
} ModelDescription;

/* The one model that a trainer is linked with. */
extern const ModelDescription model_description;

#endif
