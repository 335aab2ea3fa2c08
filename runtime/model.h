/* model.h: what a generated model gives to the runtime: tables, and for each target the compiled steps.
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
    int64_t offset; /* in file order, in elements, within its group: trained parameters, or running statistics */
    double bound; /* initial values: above 0, uniform in (−bound, bound); 0, all equal to `fill`; below 0, normally distributed around */
    double fill;  /* `fill` with the deviation −bound */
} ModelTensor;

typedef enum { MODEL_PARAMETERS, MODEL_GRADIENTS, MODEL_MOMENT1, MODEL_MOMENT2, MODEL_STATISTICS, MODEL_AVERAGE, MODEL_BLOCKS } ModelBlock;

/* Coefficients of the update that change from step to step, for 1-based step s: adam, adamw: {lr/(1 − β1^s), √(1 − β2^s), lr};
 * sgd, rmsprop: {lr}. */
enum { MODEL_COEFFICIENTS = 4 };

typedef struct ModelStep {
    const float *x;                         /* [B, T, C, H, W], pixels in [−1, 1] */
    const float *h0;                        /* [layers, B, hidden]; NULL where the model has none (no GRU, or initial_state: zeros) */
    float *reconstruction;                  /* out: [B, T, C, H, W] */
    double *loss;                           /* out: one value, before the update */
    float *state;                           /* advance only: [layers, T, hidden], out; may be h0 itself */
    float *code;                            /* advance: [T, code], out, one for each run; decode: [code], in; without GRU, 1 for T */
    float coefficients[MODEL_COEFFICIENTS]; /* train only */
    void *workspace;                        /* workspace_size bytes, 64-byte aligned; keeps the parameters from call to call */
    void *scratch;                          /* threads × scratch_size bytes, 64-byte aligned */
    int threads;
    /* Called after each of the step's kernels with its number in the target's table (see ModelKernel); NULL: not called. */
    void (*done)(void *context, int kernel);
    void *context;
} ModelStep;

typedef struct ModelKernel { /* one that `train` or `evaluate` calls */
    const char *name;        /* encoder1_conv_forward */
    double flops, bytes;     /* of one call: arithmetic as written (a multiply-add is 2), and compulsory memory traffic */
    int calls;               /* in a row, in one step: T for the body of a scan, else 1 */
    bool pairs;              /* its products are dot products of pairs of bfloat16 */
} ModelKernel;

typedef struct ModelTarget {
    const char *name;        /* avx512 */
    bool (*available)(void); /* does this CPU (and operating system) have what it needs? */
    /* Do its operations have the bits that they should, here and now? Flags of the compiler may change them, and modes of the CPU. Only
     * where it is available; NULL: nothing can be said. */
    bool (*arithmetic_holds)(void);
    const char *tuning; /* a hash of the choices of kernels that were not the cost model's (zoetrope compile --tuning); NULL: none */
    size_t workspace_size, scratch_size;
    /* Between file order and the target's layout. Blocks: the optimizer's moments exist as ModelDescription says. load of
     * parameters also renews every copy the kernels keep of them. `workspace` must have been zeroed once before the first load. */
    void (*load)(void *workspace, ModelBlock block, const float *values);
    void (*save)(const void *workspace, ModelBlock block, float *values);
    void (*train)(const ModelStep *step);    /* forward, backward, update; gradients stay readable until the next call */
    void (*evaluate)(const ModelStep *step); /* forward with running statistics */
    /* One frame of one video, with running statistics, in two parts, between which the caller chooses a code. The GRU runs T times side by
     * side, so that each frame can be the last of T: the states of these runs are h0 and state, also where the spec's initial state is
     * zeros. x and reconstruction are [C, H, W]; loss is the mean squared error, whatever the spec's. */
    void (*advance)(const ModelStep *step); /* x to the codes of all runs; their states move on */
    void (*decode)(const ModelStep *step);  /* a code, and x for the loss, to the reconstruction */
    /* In place: n pairs of uniforms (u1 in (0, 1], u2 in [0, 1)), u1 first n, then u2 n → 2n independent N(0, 1) by Box and Muller. */
    void (*normal)(float *values, size_t n);
    const ModelKernel *train_kernel, *evaluate_kernel; /* in the order of their calls */
    int train_kernels, evaluate_kernels;
} ModelTarget;

typedef struct ModelDescription {
    const char *name;      /* gru_ae */
    const char *spec_hash; /* 16 hexadecimal digits */
    const char *compiler_version;
    const char *precision;      /* f32 or bf16 */
    const char *canonical_spec; /* the spec with its defaults, as text */
    int T, channels, height, width, batch;
    int hidden, gru_layers; /* 0, 0 without GRU */
    int64_t code_size;      /* elements of what the decoder takes, of a frame */
    bool initial_state_normal;
    bool loss_is_l1;
    const char *optimizer; /* adam, adamw, sgd */
    double learning_rate, beta1, beta2, epsilon, weight_decay, momentum;
    int moments; /* how many moment blocks: adam and adamw 2, sgd with momentum 1, else 0 */
    int64_t iterations, strips_every;
    uint64_t seed;
    int parameter_tensors; /* trained */
    const ModelTensor *parameters;
    int64_t parameter_count; /* elements */
    int statistic_tensors;   /* running_mean, running_var of each batch norm */
    const ModelTensor *statistics;
    int64_t statistic_count;
    /* The names of a state_dict in PyTorch's order, parameters, statistics and num_batches_tracked ("encoder.1.num_batches_tracked")
     * together. */
    int state_names;
    const char *const *state_name;
    int target_count;
    const ModelTarget *const *targets; /* best first; with f32 the last, generic, runs everywhere */
} ModelDescription;

/* The one model that a trainer is linked with. */
extern const ModelDescription model_description;

#endif
