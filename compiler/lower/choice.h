/* choice.h: the decisions of the cost model for a kernel, as data: an algorithm, and numbers that have names. A caller may request others
 * before lowering, and find out afterwards which were accepted. Choices never change what is computed, except for the rounding of sums. */
#ifndef ZOETROPE_CHOICE_H
#define ZOETROPE_CHOICE_H

#include "target/target.h"

/* name in a tuning file, meaning */
#define CHOICE_ALGORITHMS(X)                                                                                                               \
    X(DIRECT, "direct", "a product for each tap")                                                                                          \
    X(FEW, "few_outputs", "directly, lanes along the input channels: to a few output channels")                                            \
    X(FILTERED_2, "filtered_2", "minimal filtering, by tiles of 2 outputs")                                                                \
    X(FILTERED_4, "filtered_4", "minimal filtering, by tiles of 4 outputs in each direction in which they divide")                         \
    X(BLAS, "blas", "calls of OpenBLAS's sgemm on blocks of fixed size, for a linear layer")

typedef enum {
#define X(id, name, meaning) ALGORITHM_##id,
    CHOICE_ALGORITHMS(X)
#undef X
        ALGORITHMS,
    ALGORITHM_ANY = ALGORITHMS /* none is asked for */
} Algorithm;

/* A register tile holds the sums of tile_vectors vectors times the product of its other tile_… values. A block is the part that is staged
 * or transformed at once, or that shares it. */
#define CHOICE_FIELDS(X)                                                                                                                   \
    X(TILE_VECTORS, "tile_vectors", "vectors side by side in a register tile")                                                             \
    X(TILE_CHANNELS, "tile_channels", "channels of the other operand in a register tile")                                                  \
    X(TILE_IMAGES, "tile_images", "images in a register tile")                                                                             \
    X(TILE_ROWS, "tile_rows", "rows in a register tile: of outputs, or, filtered, of tiles of outputs")                                    \
    X(TILE_COLUMNS, "tile_columns", "columns in a register tile: of outputs, or, filtered, of tiles of outputs")                           \
    X(TILE_KERNEL_ROWS, "tile_kernel_rows", "rows of the convolution's kernel in a register tile")                                         \
    X(TILE_KERNEL_COLUMNS, "tile_kernel_columns", "columns of the convolution's kernel in a register tile")                                \
    X(TILE_SEQUENCES, "tile_sequences", "sequences of the batch in a register tile")                                                       \
    X(TILE_STEPS, "tile_steps", "time steps in a register tile")                                                                           \
    X(BLOCK_CHANNELS, "block_channels", "output channels that share one pass over the staged or transformed input")                        \
    X(BLOCK_SMALL, "block_small", "channels of the smaller image at a time, in a weight gradient")                                         \
    X(BLOCK_LARGE, "block_large", "channels of the larger image at a time, in a weight gradient")                                          \
    X(BLOCK_IMAGES, "block_images", "images that are staged or transformed at once")                                                       \
    X(BLOCK_ROWS, "block_rows", "rows that are staged or transformed at once: of outputs, or, filtered, of tiles of outputs")              \
    X(BLOCK_COLUMNS, "block_columns", "columns that are staged or transformed at once: of outputs, or, filtered, of tiles")                \
    X(GROUPS, "groups", "groups of images that have a weight gradient of their own, added up in order")                                    \
    X(CALL_ROWS, "call_rows", "rows, or in a weight gradient features, that are the rows of the result of a call of BLAS")                 \
    X(CALL_COLUMNS, "call_columns", "features that are the columns of the result of a call of BLAS")                                       \
    X(CALL_TERMS, "call_terms", "features, or in a weight gradient rows, that a call of BLAS sums over at a time")

typedef enum {
#define X(id, name, meaning) FIELD_##id,
    CHOICE_FIELDS(X)
#undef X
        FIELDS
} ChoiceField;

extern const char *const algorithm_names[ALGORITHMS + 1], *const algorithm_meanings[ALGORITHMS]; /* the names end with NULL */
extern const char *const field_names[FIELDS + 1], *const field_meanings[FIELDS];

typedef struct Legal { /* 1 … most, of which only … */
    long most;
    long multiple; /* … the multiples of this (0: all) … */
    bool ragged;   /* … and `most` itself */
    long divides;  /* … that divide this (0: all) */
    int registers; /* not 0: a value above `most` would need more registers than this */
} Legal;
bool is_legal(const Legal *legal, long value);
/* The nearest legal value above (step 1) or below (−1); 0 if there is none. */
long next_legal(const Legal *legal, long value, int step);
/* The legal values in words: "1 to 7", "the divisors of 64 up to 16", … */
const char *legal_text(const Legal *legal);

enum { MAX_CHOSEN = 8, BLOCK_BYTES_MOST = 4 << 20 /* no stage or transformed block is larger */ };

typedef struct Chosen {
    ChoiceField field;
    long value;
    Legal legal; /* given the values before it */
} Chosen;

/* ---- requests, and the answers ---- */

typedef struct WantedKernel {
    const char *program; /* whose kernel it is: step0; NULL: that of each program that has one of this name */
    const char *kernel;
    Algorithm algorithm;
    long value[FIELDS]; /* 0: any */
} WantedKernel;

typedef struct WantedChoices { /* for one target */
    int count, capacity;
    WantedKernel *kernel;
} WantedChoices;

/* Adds a kernel without any requests so far. The pointer is valid until the next call. */
WantedKernel *want_kernel(WantedChoices *wanted, const char *kernel);
/* The index in the list of the program's kernel, or else of the kernel of every program; −1 if nothing is requested of it, or if `wanted`
 * is NULL. */
int find_wanted(const WantedChoices *wanted, const char *program, const char *kernel);

/* The answer to the requests for a kernel, from the first program that has it. Requests that were not followed were refused. */
typedef struct Answer {
    bool found;          /* there is such a kernel */
    Algorithm algorithm; /* the one that is used. If another one was requested, the requested values do not apply */
    bool has[FIELDS];    /* it has such a value, … */
    Legal legal[FIELDS]; /* … which may be one of these */
    const char *why;     /* it cannot be run with these values; NULL: it can */
} Answer;

/* Choices that shapes and targets leave open. */
typedef struct Choices {
    int filtering; /* 0: all convolution is direct; 2: minimal filtering by tiles of 2 outputs, where the cost model expects a gain … */
    bool filter_everywhere; /* … or wherever it is possible, for the tests */
    bool few_images; /* weights are read again for every few images: their layout matters, and filtering must pay for making them larger */
    bool sums_apart; /* sums of tiles (lower_tiles.h) by kernels of their own, for the tests */
    const WantedChoices *wanted; /* NULL: the cost model decides */
} Choices;
extern const Choices default_choices;

/* ---- choosing ---- */

typedef struct KernelChoice { /* of one kernel: its algorithm's values, in order */
    const char *program;      /* whose kernel it is, where several programs are tuned; NULL: only one is */
    const char *kernel;
    Algorithm algorithm;
    int count;
    Chosen chosen[MAX_CHOSEN];
    const Target *target;
    const WantedKernel *wanted; /* NULL: the cost model decides, and `answer` is NULL too */
    Answer *answer;
} KernelChoice;

/* The value of a field: the requested one, if it is legal; else the cost model's, or the legal one nearest to it. */
long choose(KernelChoice *choice, ChoiceField field, long model, Legal legal);

/* {algorithm: direct, tile_vectors: 2, …}: as in a tuning file */
const char *choice_text(const KernelChoice *choice);
/* Its key there: encoder1_conv_forward, or step0.encoder1_conv_forward. */
const char *choice_key(const KernelChoice *choice);
/* That of a kernel; of several programs, the first one's where `program` is NULL. NULL: there is none. */
const KernelChoice *find_choice(const KernelChoice *const *list, int count, const char *program, const char *kernel);

#endif
