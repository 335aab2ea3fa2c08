/* loop.h: the loop IR: what is computed (Kernel, Compute), how it is run (Schedule), and the loop tree that the two become.
 *
 *   lower      graph node → Kernel whose Computes say: for every index, out[…] = f(sum over … of …)
 *   schedule   Compute + Schedule → tree of Statements: loops, guards, assignments on buffers
 *   verify     proves every access of a tree in bounds and parallel loops free of conflicts
 *   interpret  runs a tree, slowly, for the tests
 *   emit       prints a tree as C for one target
 *
 * All memory is the arena's; nodes, once built, are never changed, except where a pass says so.
 */
#ifndef ZOETROPE_LOOP_H
#define ZOETROPE_LOOP_H

#include "support.h"

enum { MAX_RANK = 8, MAX_VARIABLES = 20, MAX_LEVELS = 24, MAX_STORES = 9, MAX_SUMS = 4, MAX_LAYOUT_TERMS = 10 };

/* ---- affine.c: integers that are affine in loop variables; small, passed by value ---- */

typedef struct Variable { /* takes the values 0 … extent − 1; identity is its address */
    const char *name;
    long extent;
} Variable;

typedef struct AffineTerm {
    const Variable *variable;
    long coefficient;
} AffineTerm;

typedef struct Affine { /* constant + Σ coefficient · variable; no variable twice, no coefficient 0 */
    long constant;
    int count;
    const AffineTerm *term; /* shared between values, never changed; only affine.c makes them */
} Affine;

Variable *new_variable(const char *name, long extent);
Affine affine_constant(long constant);
Affine affine_variable(const Variable *variable);
Affine affine_add(Affine a, Affine b);
Affine affine_scale(Affine a, long factor);
Affine affine_shift(Affine a, long constant);
Affine affine_substitute(Affine a, const Variable *variable, Affine by);
bool affine_equal(const Affine *a, const Affine *b);
long affine_coefficient(const Affine *a, const Variable *variable);
void affine_range(const Affine *a, long *low, long *high); /* over all its variables, both inclusive */

/* ---- buffers ---- */

/* Of elements. Values are floats, doubles or pairs: what is smaller is read as a float, or as a pair, and only ever read. TYPE_PAIR: two
 * bfloat16 in 32 bits, the first in the low half: what a dot product of pairs takes. TYPE_I8_PAIR: two bytes in 16 bits, likewise. */
typedef enum { TYPE_F32, TYPE_F64, TYPE_PAIR, TYPE_F16, TYPE_BF16, TYPE_I8, TYPE_I8_PAIR, TYPES } Type;
static inline long type_size(Type type) { /* in bytes */
    return type == TYPE_F64 ? 8 : type == TYPE_F32 || type == TYPE_PAIR ? 4 : type == TYPE_I8 ? 1 : 2;
}
static inline bool type_is_narrow(Type type) {
    return type > TYPE_PAIR;
}
static inline Type value_type(Type type) { /* of an element, once it is loaded */
    return type == TYPE_I8_PAIR ? TYPE_PAIR : type_is_narrow(type) ? TYPE_F32 : type;
}
/* type.c */
extern const char *const type_names[TYPES];
uint16_t f16_bits(double value); /* the nearest one, ties to even */
uint16_t bf16_bits(double value);
double element_value(Type type, const void *elements, long offset);

typedef enum {
    SPACE_TENSOR,   /* in the workspace, or given by the caller */
    SPACE_SCRATCH,  /* in the scratch memory of the thread that runs the iteration of the parallel loops */
    SPACE_REGISTER, /* local to the innermost iteration of the parallel loops; wants to be registers */
    SPACE_VIRTUAL   /* never stored: `value` says what an element is; outside `shape` it is 0 (that is how padding is said) */
} Space;

/* Where element (i0, i1, …) lies: Σ over terms of ((i[dimension] / divisor) % modulus) · stride; modulus 0: no modulo.
 * Plain row-major is one term a dimension. nChw16c blocks dimension 1 by {1, 16, 0, H·W·16}, {1, 1, 16, 1}. */
typedef struct Layout {
    int count;
    struct {
        int dimension;
        long divisor, modulus, stride;
    } term[MAX_LAYOUT_TERMS];
    long size; /* in elements, padding lanes included */
} Layout;

typedef struct Expression Expression;

typedef struct Buffer {
    const char *name; /* a C identifier, unique within a kernel */
    Type type;
    Space space;
    int rank;
    long shape[MAX_RANK]; /* every index in [0, shape) may be accessed; padding lanes included */
    Layout layout;
    long offset; /* SCRATCH: in bytes, from the thread's scratch (a multiple of 64). TENSOR: set by plan.c, not used by kernels */
    const Variable *index[MAX_RANK]; /* VIRTUAL: value is in terms of these */
    const Expression *value;
    const Expression *rest; /* VIRTUAL: the value from index `rest_from` of dimension `rest_dimension` on; NULL: `value` everywhere */
    int rest_dimension;
    long rest_from;
    void *owner; /* TENSOR: whatever the graph wants to find again */
} Buffer;

Layout layout_row_major(int rank, const long *shape);
/* Row-major with `dimension` blocked: its lanes of `block` innermost, shape[dimension] rounded up to a multiple of block. */
Layout layout_blocked(int rank, const long *shape, int dimension, long block);
/* Row-major in another order of the dimensions (order[0] outermost), the last `dimension` (or −1) blocked innermost. */
Layout layout_ordered(int rank, const long *shape, const int *order, int dimension, long block);
/* Where the element at these numbers lies, in elements. */
long layout_offset(const Layout *layout, const long *index);
/* The dimension that has its lanes innermost, in blocks; −1: none is blocked. */
int layout_lane(const Layout *layout);
Buffer *new_buffer(const char *name, Type type, Space space, int rank, const long *shape, Layout layout);

/* The offset in elements of buffer[index], simplified as far as the ranges of the variables allow: floor-division and
 * modulo only remain where a term does not split. `affine` is the affine part; the rest is a sum of
 * (inner / divisor % modulus) · stride. */
typedef struct OffsetTerm {
    Affine inner;
    long divisor, modulus, stride;
} OffsetTerm;

typedef struct Offset {
    Affine affine;
    int count;
    OffsetTerm *term;
} Offset;
Offset buffer_offset(const Buffer *buffer, const Affine *index);
Offset offset_substitute(Offset offset, const Variable *variable, Affine by);
bool offset_is_multiple(const Offset *offset, long of);         /* for all values of the variables, by its terms */
void offset_range(const Offset *offset, long *low, long *high); /* over all variables, both inclusive; offsets in between may not occur */

/* ---- expression.c: values ---- */

/* name, number of operands, what it means. Comparisons are inside SELECT_GREATER, so that there are no truth values. */
#define EXPRESSION_OPERATIONS(X)                                                                                                           \
    X(ADD, 2, "a + b")                                                                                                                     \
    X(SUBTRACT, 2, "a - b")                                                                                                                \
    X(MULTIPLY, 2, "a * b")                                                                                                                \
    X(DIVIDE, 2, "a / b")                                                                                                                  \
    X(MAXIMUM, 2, "a > b ? a : b")                                                                                                         \
    X(MINIMUM, 2, "a < b ? a : b")                                                                                                         \
    X(MULTIPLY_ADD, 3, "a * b + c, fused where the target can")                                                                            \
    X(SQUARE_ROOT, 1, "correctly rounded")                                                                                                 \
    X(ABSOLUTE, 1, "|a|")                                                                                                                  \
    X(NEGATE, 1, "-a")                                                                                                                     \
    X(SELECT_GREATER, 4, "a > b ? c : d; d where a or b is no number")                                                                     \
    X(ROUND, 1, "to the nearest integer, ties to even; |a| < 2^22")                                                                        \
    X(POWER_OF_TWO, 1, "2^a for an integer a in [-126, 127]")                                                                              \
    X(EXPONENT, 1, "floor(log2 a) of a positive normal float, as a float")                                                                 \
    X(MANTISSA, 1, "a / 2^EXPONENT(a), in [1, 2), of a positive normal float")                                                             \
    X(WIDEN, 1, "float to double")                                                                                                         \
    X(NARROW, 1, "double to float")                                                                                                        \
    X(PAIR, 2, "a and b rounded to bfloat16 (nearest, ties to even; denormals are zero), in the low and the high half")                    \
    X(DOT, 2, "of pairs: DOT_ADD(a, b, 0)")                                                                                                \
    X(DOT_ADD, 3, "of pairs a, b and a float c: low(a) * low(b) + (high(a) * high(b) + c), see bfloat16.h")

typedef enum {
    EXPRESSION_CONSTANT, /* constant, of `type` */
    EXPRESSION_LOAD,     /* buffer[index…] */
    EXPRESSION_SUM,      /* sum number `sum` of the Compute; only in its stores, gone after scheduling */
#define X(name, operands, meaning) EXPRESSION_##name,
    EXPRESSION_OPERATIONS(X)
#undef X
        EXPRESSION_KINDS
} ExpressionKind;

struct Expression {
    ExpressionKind kind;
    Type type;
    double constant;
    int sum;
    const Buffer *buffer;
    Affine *index; /* of a LOAD: its buffer's rank of them */
    const Expression *operand[4];
};

int expression_operands(ExpressionKind kind); /* 0 for CONSTANT, LOAD and SUM */
const char *expression_name(ExpressionKind kind);
const Expression *constant(double value); /* f32 */
const Expression *constant_f64(double value);
const Expression *zero_of(Type type);
const Expression *load(const Buffer *buffer, const Affine *index); /* rank indices */
const Expression *sum_value(int sum, Type type);
/* What type operand number i of an operation has whose result is of `type`, and what type the result has where the first operand is
 * `first`. */
Type operand_type(ExpressionKind kind, int i, Type type);
Type result_type(ExpressionKind kind, Type first);
/* Operands are checked against operand_type(); what is trivially equal is simplified (x + 0, x · 1, constants). */
const Expression *operation(ExpressionKind kind, const Expression *a, const Expression *b, const Expression *c, const Expression *d);
#define op1(kind, a) operation(EXPRESSION_##kind, a, NULL, NULL, NULL)
#define op2(kind, a, b) operation(EXPRESSION_##kind, a, b, NULL, NULL)
#define op3(kind, a, b, c) operation(EXPRESSION_##kind, a, b, c, NULL)
#define op4(kind, a, b, c, d) operation(EXPRESSION_##kind, a, b, c, d)
/* The expression with `variable` replaced in every index. */
const Expression *expression_substitute(const Expression *e, const Variable *variable, Affine by);
/* The expression with every node rewritten bottom-up: rewrite returns a replacement, or its argument. */
typedef const Expression *(*Rewrite)(const Expression *e, void *context);
const Expression *expression_rewrite(const Expression *e, Rewrite rewrite, void *context);

/* ---- pairs.c: pairs of bfloat16 ---- */

/* A virtual buffer of `count` pairs of a virtual buffer's elements a · i and a · i + b along a dimension; those from `whole` on lack the
 * second. */
const Buffer *pairs_of(const Buffer *input, int dimension, long count, long whole, long a, long b);
/* a · b, or the dot product of two pairs. */
const Expression *product_of(const Expression *a, const Expression *b);

/* function.c: exp, tanh, sigmoid, log and cos as straight-line expressions of the operations above, float32, within 2 ulp
 * of the true value on the stated domain: exp, tanh, sigmoid: every float (NaN gives NaN); log: every float ≥ 0 (0 gives −inf; denormals
 * included), NaN below 0; cos: [0, 2π]. */
const Expression *function_exp(const Expression *x);
const Expression *function_tanh(const Expression *x);
const Expression *function_sigmoid(const Expression *x);
const Expression *function_log(const Expression *x);
const Expression *function_cos(const Expression *x);

/* ---- what is computed ---- */

/* For every value of the variables that are not `reduced`: each sum is Σ over the reduced ones of its expression, then
 * all stores happen at once (their values are computed before any is written). Index order of a sum: variables in order, last fastest. */
typedef struct Store {
    const Buffer *buffer;
    Affine index[MAX_RANK];
    const Expression *value;
    bool accumulate;  /* buffer += value, instead of = */
    bool nontemporal; /* a hint: to memory, not to the caches; nontemporal.c gives it to stores of whole cache lines */
} Store;

typedef struct Compute {
    int variable_count;
    Variable *variable[MAX_VARIABLES];
    bool reduced[MAX_VARIABLES];
    int sum_count;
    const Expression *sum[MAX_SUMS];
    int store_count;
    Store store[MAX_STORES];
} Compute;

/* ---- how it is run ---- */

typedef enum { LOOP_SERIAL, LOOP_PARALLEL, LOOP_UNROLL, LOOP_VECTOR } LoopKind;

/* One loop level: steps over what is left of the variable's range in tiles of `tile`; what does not divide is peeled: it follows
 * as a copy of everything below, with constant, smaller ranges. */
typedef struct Level {
    const char *variable; /* by name, so that Computes with variables of the same name share it */
    long tile;
    LoopKind kind;
} Level;

/* Materialises a box of a virtual buffer in scratch: everything that is read of it below `level` loops. */
typedef struct Stage {
    const Buffer *buffer; /* VIRTUAL; NULL: none */
    int level;            /* number of loop levels around it */
    int order[MAX_RANK];  /* order of the dimensions in scratch, outermost first */
    int blocked;          /* dimension whose lanes are innermost in scratch, and are copied as vectors; or −1 */
    int split; /* dimension that the copying loops walk in whole blocks, lanes innermost: `blocked`, or that of the source; or −1 */
    long block;
    int phased; /* dimension that is split by `phases` (so that every phases-th element is adjacent), or −1 */
    long phases;
} Stage;

/* While an iteration of the `outer` outermost levels multiplies, memory is asked for that will be read: what the next iteration of them
 * stages, and what computes after this one read in this iteration; a few cache lines each time inside of `inner` levels. Of iterations that
 * are larger or smaller than this one, what this one would read is asked for: it is a hint. */
typedef struct Ahead {
    int outer, inner; /* inner 0: nothing is asked for */
    bool own;         /* what the compute itself reads as it lies in memory, for the next iteration, too */
} Ahead;

typedef struct Schedule {
    int lanes; /* a vector loop with fewer iterations left than these is a serial one; 0: none is */
    int levels;
    Level level[MAX_LEVELS];
    int shared;     /* of the levels, how many outermost ones are run in common with the compute before this one, equal in both but for
                     * the tiles of parallel ones: an iteration runs as many values of each compute's variable as its own tile says */
    int accumulate; /* sums are held in registers below this many levels; −1: summed in memory */
    int stages;
    Stage stage[2];
    Ahead ahead;
} Schedule;

typedef struct Statement Statement;

typedef struct Kernel {
    const char *name;     /* encoder1_conv_forward */
    const char *serves;   /* the kernel whose choices made it necessary; NULL: none */
    const char *comment;  /* shapes and the formula, a line each */
    double flops, bytes;  /* arithmetic as written (a multiply-add is 2), and compulsory traffic */
    bool read_late;       /* what it writes, into the workspace, is read when caches have forgotten it */
    const Variable *time; /* a scan's body: the step, an argument of the generated function; else NULL */
    int compute_count;
    Compute *compute;
    Schedule *schedule;        /* one for each compute */
    Statement *tree;           /* made by schedule.c; NULL before */
    long scratch_size;         /* bytes a thread; before scheduling: those of SCRATCH buffers that the computes name, from 0 on */
    const char *schedule_note; /* the schedule in words, for the comment over the function */
} Kernel;

/* ---- the loop tree ---- */

typedef enum { STATEMENT_LOOP, STATEMENT_ASSIGN, STATEMENT_GUARD, STATEMENT_PREFETCH } StatementKind;

typedef struct Condition { /* 0 ≤ value < limit */
    Affine value;
    long limit;
} Condition;

struct Statement {
    StatementKind kind;
    Statement *next; /* what follows in the same block */
    /* LOOP: for variable in [0, extent). PARALLEL loops are outermost and directly nested; VECTOR loops are innermost, run over
     * exactly the lanes of a vector, and hold only ASSIGNs, none of which reads through a lane what another writes. UNROLL loops
     * are gone after unroll_loops. */
    const Variable *variable;
    LoopKind loop;
    Statement *body;  /* LOOP and GUARD */
    Statement *other; /* GUARD: runs when not all conditions hold */
    int condition_count;
    Condition condition[4];
    /* ASSIGN: all at once, like a Compute's stores; no SUM and no VIRTUAL left */
    int store_count;
    Store *store;
    /* PREFETCH: a hint that the cache line of this element of a TENSOR will be read; nothing that is computed depends on it */
    const Buffer *buffer;
    Offset offset;
};

/* schedule.c: builds kernel->tree from its computes and schedules, UNROLL loops included. On a schedule that cannot be applied
 * (an unknown variable, a level missing, a vector loop not innermost, …) returns false and *why; nothing else changes. */
bool schedule_kernel(Kernel *kernel, const char **why);
/* The schedule that only names the loops, in order, all serial, sums in memory where possible: the naive nest. */
Schedule naive_schedule(const Compute *compute);
/* Replaces every UNROLL loop by copies of its body with the variable substituted. */
Statement *unroll_loops(Statement *tree);

/* verify.c: returns NULL, or what is wrong, in words: an access out of bounds (guards are used), two iterations of a parallel loop
 * that write, or read and write, the same element, a vector loop whose accesses are neither unit-stride nor uniform. `lanes`: the
 * target's vector width in floats. */
const char *verify_kernel(const Kernel *kernel, int lanes);

/* nontemporal.c: a tree's stores to large tensors of floats that it does not read become nontemporal, where they are whole vectors, aligned
 * to their size. */
void mark_nontemporal(Statement *tree, int lanes);

/* interpret.c: runs kernel->tree (time = `time`). `memory` gives the elements of a TENSOR buffer (float or double by its type).
 * Scratch and registers start as NaN. With `reverse`, iterations of the parallel loops are run in reverse order, to show that it does not
 * matter. */
typedef void *(*BufferMemory)(const Buffer *buffer, void *context);
void interpret_kernel(const Kernel *kernel, long time, bool reverse, BufferMemory memory, void *context);

/* print_loop.c: a kernel as text, before (computes) or after scheduling (tree): what --dump shows. */
void print_kernel(FILE *out, const Kernel *kernel);
void print_expression(FILE *out, const Expression *e);

#endif
