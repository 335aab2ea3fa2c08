/* program.h: a graph lowered for one target: kernels, the order they are called in, and where each tensor lies. */
#ifndef ZOETROPE_PROGRAM_H
#define ZOETROPE_PROGRAM_H

#include "graph/graph.h"
#include "graph/named_nodes.h"
#include "loop/kernel.h"
#include "lower/choice.h"
#include "target/target.h"

/* Where a tensor's memory is. Generated programs get a ModelStep (runtime/model.h), or a block and file-order values. */
typedef enum {
    PLACE_WORKSPACE,    /* workspace + offset */
    PLACE_STEP,         /* an input, output or loss of the caller's, by the name in the program's signature; of bundles, a field */
    PLACE_COEFFICIENTS, /* floats: UPDATE_COEFFICIENTS of each group */
    PLACE_WEIGHTS,      /* inference: the packed weights, + offset */
    PLACE_BLOCK,        /* load and save: start of the block asked for, + offset */
    PLACE_VALUES        /* load and save: the caller's values in file order, + offset; `normal`: the values */
} Place;

typedef enum {
    BLOCK_PARAMETERS,
    BLOCK_GRADIENTS,
    BLOCK_MOMENT1,
    BLOCK_MOMENT2,
    BLOCK_STATISTICS,
    BLOCK_AVERAGE, /* of weights, over the updates */
    BLOCK_COUNT
} BlockIndex; /* as runtime/model.h's ModelBlock: program.c asserts it */

enum { NORMAL_CHUNK = 1024 };     /* pairs that the kernel of `normal` makes at a time */
enum { UPDATE_COEFFICIENTS = 4 }; /* as runtime/model.h's MODEL_COEFFICIENTS: program.c asserts it */

typedef struct Tensor { /* Buffer.owner of every SPACE_TENSOR buffer */
    const Buffer *buffer;
    Place place;
    const char *field; /* PLACE_STEP: the name */
    long bytes;
    long offset;          /* bytes from the place; of workspace tensors a multiple of 64 */
    bool kept;            /* shares its place with no other tensor: parameters, gradients, moments, statistics, second copies */
    int first, last;      /* calls between which it lives; set by plan.c */
    bool stays;           /* it lives to the end of its program: it is read afterwards */
    struct Tensor *whole; /* a part of this tensor, which plan.c places; NULL: of none */
    long within;          /* the part's place in it, in bytes */
} Tensor;

typedef struct Call {
    const Kernel *kernel; /* its tensors, in the order of kernel_buffers(), are the arguments */
    Scan *scan;           /* consecutive calls of one scan are the body of its loop over time; NULL: called once */
} Call;

/* What a program is given and gives, in the order of runtime/model.h's ModelProgram; by role: inputs, outputs, losses. */
typedef struct Signature {
    int count[ROLE_CUT];
    const Argument *argument[ROLE_CUT];
} Signature;

/* What is known of a program before it is lowered. */
typedef struct ProgramHead {
    const char *name;    /* of its function in C: train, evaluate, … */
    const char *comment; /* over it */
    Signature signature; /* of what is called with a ModelStep */
} ProgramHead;

typedef struct Program {
    const char *name;    /* of its function in C: train, evaluate, load_parameters, … */
    const char *comment; /* over it */
    Signature signature; /* of what is called with a ModelStep */
    bool measured;       /* there is a table of its kernels, for profiling */
    bool tuned;          /* a tuning file is made from its kernels */
    int call_count, call_capacity;
    Call *call;
    /* Where it computes the nodes of one graph: */
    const Graph *graph;
    const Buffer **buffer;        /* by node id: where it is stored; NULL: nowhere */
    int *first_call;              /* by node id, and one more: its first call, those of the next node following */
    const Node *const *summed_by; /* by node id: the convolution in whose kernel its sums of tiles are (lower_tiles.h); NULL: in none */
    /* The memory that it needs if no other program is called: the kept tensors that it touches, each rounded up to 64 bytes, and the part
     * that its other tensors share. And its scratch a thread. */
    long alone_bytes, alone_scratch;
} Program;

/* The code for a group of parameters. */
typedef struct GroupCode {
    long block_offset[BLOCK_COUNT], block_bytes; /* by ModelBlock, in the workspace; −1: it has none, such a moment or averages */
    long statistic_bytes;
    Tensor *gradients; /* of a system: the block of gradients, which shares memory with what else its program uses; NULL: it is kept */
    Program load_parameters, save_parameters; /* a block of parameters: also gradients and moments */
    Program load_statistics, save_statistics;
} GroupCode;

/* What a step leaves for later ones of the iteration: the tensors of a node, and of batch norm's statistics those that move the running
 * ones. */
typedef struct KeptTensors {
    const Buffer *value, *moments;
} KeptTensors;

typedef struct TargetKernel {
    Kernel *kernel;
    int wanted; /* index of its node's kernel in choices.wanted; −1: nothing is requested of it */
} TargetKernel;

/* The code for one target. */
typedef struct TargetCode {
    const Target *target;
    int program_count, program_capacity;
    Program **program; /* the programs that take a ModelStep, in ModelTarget's order; one runs at a time, so they share the workspace */
    int group_count;
    GroupCode *group;   /* by the number of the graph's */
    Program renew;      /* after load of MODEL_PARAMETERS: the copies of weights in other layouts … */
    int *renewed;       /* … by call, the number of the parameter */
    Program normal;     /* see ModelTarget.normal; a kernel over a chunk of NORMAL_CHUNK pairs */
    Program arithmetic; /* see ModelTarget.arithmetic_holds */
    int kernel_count, kernel_capacity;
    TargetKernel *kernel;  /* of all programs, in the order in which they were lowered */
    long kept_bytes;       /* blocks, second copies and what steps leave for later ones: the start of the workspace */
    KeptTensors *kept;     /* by Node.kept */
    int kept_count;        /* numbers of Node.kept, 0 included */
    long between_bytes;    /* of what steps leave for later ones */
    long workspace_bytes;  /* the fixed part */
    long scratch_bytes;    /* a thread */
    bool calls_blas;       /* some kernel does */
    const char *tuning;    /* a hash of the choices that differ from the cost model's; NULL: none do */
    bool several_tuned;    /* programs: their kernels' choices are told apart by the program's name */
    KernelChoice **choice; /* for the kernels of the tuned programs, in their order */
    int choice_count, choice_capacity;
    Choices choices;           /* the choices in effect: the given ones, without those that the target cannot do */
    Answer *answer;            /* to each of choices.wanted */
    int refused;               /* kernels that could not be run as requested: their calls are missing, and an answer has a `why` */
    const struct Trade *trade; /* the limit of --max-ram, and what was done to keep it (recompute.h); NULL: no limit */
} TargetCode;

/* add_program(): adds a program without calls to those of ModelTarget. program_named(): finds one of them. */
Program *add_program(TargetCode *code, const ProgramHead *head);
Signature signature_of(const Graph *graph);
Program *program_named(const TargetCode *code, const char *name);
void add_target_kernel(TargetCode *code, Kernel *kernel, int wanted);
void add_call(Program *program, const Kernel *kernel, Scan *scan);
Tensor *whole_tensor(Tensor *tensor);         /* what is placed: of a part its whole */
long program_scratch(const Program *program); /* bytes a thread: the most that any of its kernels needs */

#endif
