/* program.h: a graph lowered for one target: kernels, the order they are called in, and where each tensor lies. */
#ifndef ZOETROPE_PROGRAM_H
#define ZOETROPE_PROGRAM_H

#include "choice.h"
#include "graph.h"
#include "kernel.h"
#include "target.h"

/* Where a tensor's memory is. Generated programs get a ModelStep (runtime/model.h), or a block and file-order values. */
typedef enum {
    PLACE_WORKSPACE, /* workspace + offset */
    PLACE_X,
    PLACE_H0,
    PLACE_RECONSTRUCTION,
    PLACE_LOSS,         /* one double */
    PLACE_COEFFICIENTS, /* floats */
    PLACE_WEIGHTS,      /* inference: the packed weights, + offset */
    PLACE_STATE,        /* streams: h of each layer and run, written after a frame */
    PLACE_LATENT,       /* inference: what the encoder made, in row-major order */
    PLACE_CODE,         /* streams: what the recurrence made, of each run, or what the decoder takes, in row-major order */
    PLACE_BLOCK,        /* load and save: start of the block asked for, + offset */
    PLACE_VALUES        /* load and save: the caller's values in file order, + offset; `normal`: the values */
} Place;

typedef enum {
    BLOCK_PARAMETERS,
    BLOCK_GRADIENTS,
    BLOCK_MOMENT1,
    BLOCK_MOMENT2,
    BLOCK_STATISTICS,
    BLOCK_COUNT
} BlockIndex; /* as runtime/model.h's ModelBlock: program.c asserts it */

enum { NORMAL_CHUNK = 1024 };     /* pairs that the kernel of `normal` makes at a time */
enum { UPDATE_COEFFICIENTS = 4 }; /* as runtime/model.h's MODEL_COEFFICIENTS: program.c asserts it */

typedef struct Tensor { /* Buffer.owner of every SPACE_TENSOR buffer */
    const Buffer *buffer;
    Place place;
    long bytes;
    long offset;     /* bytes from the place; of workspace tensors a multiple of 64 */
    bool kept;       /* has its place for itself: parameters, gradients, moments, statistics, second copies */
    int first, last; /* calls between which it lives; set by plan.c */
} Tensor;

typedef struct Call {
    const Kernel *kernel; /* its tensors, in the order of kernel_buffers(), are the arguments */
    Scan *scan;           /* consecutive calls of one scan are the body of its loop over time; NULL: called once */
} Call;

typedef struct Program {
    const char *name; /* train, evaluate, load_parameters, … */
    int call_count, call_capacity;
    Call *call;
} Program;

/* Everything that is generated for one target. */
typedef struct TargetCode {
    const Target *target;
    Program train; /* forward, backward, update, renewed copies */
    Program evaluate;
    Program advance, decode;                  /* one frame of one video, with running statistics: to the codes, and from one of them */
    Program load_parameters, save_parameters; /* a block of parameters: also gradients and moments */
    Program load_statistics, save_statistics;
    Program renew;                               /* after load of MODEL_PARAMETERS: the copies of weights in other layouts */
    Program normal;                              /* see ModelTarget.normal; a kernel over a chunk of NORMAL_CHUNK pairs */
    Program arithmetic;                          /* see ModelTarget.arithmetic_holds */
    long block_offset[BLOCK_COUNT], block_bytes; /* by ModelBlock; −1 where the optimizer has no such moment */
    long statistic_bytes;
    long kept_bytes;      /* blocks and second copies: the start of the workspace */
    long workspace_bytes; /* the fixed part */
    long scratch_bytes;   /* a thread */
    /* What the evaluate program needs where nothing is trained: the kept tensors that it touches, each rounded up to 64 bytes, and the
     * memory that its other tensors share; and its scratch, a thread. */
    long evaluate_bytes, evaluate_scratch_bytes;
    const char *tuning;    /* a hash of the choices that the cost model would have made otherwise; NULL: there are none */
    KernelChoice **choice; /* for the kernels of a training step, in their order */
    int choice_count, choice_capacity;
    Choices choices; /* by which it was lowered: of those that were given, what its target can do */
    Answer *answer;  /* to each of choices.wanted */
    int refused;     /* calls that are missing, for their kernels could not be run as wanted: there is a `why` in an answer */
    const Buffer **train_buffer, **evaluate_buffer; /* by node id: where a node of the graph is stored; NULL: nowhere */
    const Graph *training;                          /* whose nodes `train` computes */
    const int *train_call; /* by node id, and one more: the first of its calls in `train`, those of the next node following */
    const Node *const
        *train_summed_by;      /* by node id: the convolution in whose kernel its sums of tiles are (lower_tiles.h); NULL: in none */
    const struct Trade *trade; /* what --max-ram asked for, and what was done for it (recompute.h); NULL: nothing */
} TargetCode;

void add_call(Program *program, const Kernel *kernel, Scan *scan);
long program_scratch(const Program *program); /* bytes a thread: the most that one of its kernels wants */

#endif
