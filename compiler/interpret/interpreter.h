/* interpreter.h: private to interpret*.c: a machine that runs kernels, and expressions compiled to straight-line code for it. Each
 * instruction is run for all lanes of a vector loop before the next one. */
#ifndef ZOETROPE_INTERPRETER_H
#define ZOETROPE_INTERPRETER_H

#include "base/pointer_map.h"
#include "interpret/interpret.h"
#include "loop/loop_tree.h"

#include <limits.h>

typedef struct IndexTerm {
    int slot;
    long coefficient;
} IndexTerm;

typedef struct Index { /* an affine index, its variables by slot */
    long constant;
    int count;
    IndexTerm *term;
} Index;

typedef struct Shadow {        /* what has happened to one element */
    int writer;                /* iteration of the parallel loops that wrote it last */
    int reader, reader_before; /* iterations that read it: the last, and the last other one */
    int vector;                /* vector loop (by count) that wrote it last, … */
    int lane;                  /* … and the lane that did */
} Shadow;

typedef struct Memory { /* the elements of a buffer */
    const Buffer *buffer;
    void *elements;
    long *part[MAX_RANK]; /* by dimension: what each value of its index adds to an element's offset */
    Shadow *shadow;
    int code, rest, slot[MAX_RANK]; /* VIRTUAL: its value and its `rest`, and the variables that they are in terms of */
    bool busy;                      /* VIRTUAL: being evaluated */
} Memory;

typedef struct Instruction { /* one node of an expression; operands are numbers of earlier instructions */
    ExpressionKind kind;
    Type type;
    int operand_count, operand[4];
    double constant;
    int sum;
    int memory;
    Index *index;
} Instruction;

typedef struct StoreTarget { /* where the value of a store goes */
    int memory;
    Index *index;
    bool accumulate;
} StoreTarget;

typedef struct Code { /* some expressions, each node once; the stores of an assignment with where they go */
    int count;
    Instruction *instruction;
    long lanes;    /* that `value` has room for */
    double *value; /* of each instruction, for each lane; a float's value is held in a double */
    int result_count;
    int result[MAX_STORES];
    StoreTarget target[MAX_STORES];
} Code;

typedef struct Slot { /* a variable and its value; UNBOUND outside its loops */
    const Variable *variable;
    long value;
} Slot;

enum { MOST_LANES = 1024 };

typedef struct Machine {
    const Kernel *kernel;
    BufferMemory memory_of;
    void *context;
    bool reverse;
    PointerMap slot_of; /* variable → slot */
    int slot_count, slot_capacity;
    Slot *slot;
    PointerMap memory_index; /* buffer → index into memory */
    int memory_count, memory_capacity;
    Memory *memory;
    PointerMap code_of; /* statement or expression → index into code */
    int code_count, code_capacity;
    Code *code;
    PointerMap guard_of; /* statement → the Index of its conditions */
    char *scratch;       /* one block, as a thread has it; NULL for kernels without a tree: every buffer has its own */
    double sum[MAX_SUMS];
    int iteration; /* of parallel loops, counted through the whole run */
    int nest;      /* the iteration before the first of the parallel nest being run */
    bool parallel;
    int vector;                /* vector loops run so far */
    long lanes;                /* that an instruction is run for: 1 outside vector loops */
    int lane_slot;             /* of the variable that is the lane's number; −1: lanes is 1 */
    int lane;                  /* the only lane, if lane_slot is −1; −1 outside vector loops */
    long offset[MOST_LANES];   /* of what a load reads, by lane */
    long place[MOST_LANES];    /* of an assignment's stores, by store and lane */
    double stored[MOST_LANES]; /* their values */
} Machine;

#define UNBOUND LONG_MIN

/* interpret_code.c */
int machine_slot(Machine *machine, const Variable *variable);
int machine_code(Machine *machine, const void *key, const Store *stores, int store_count, const Expression *value);
Index *machine_index(Machine *machine, const Affine *affine, int count);
void machine_evaluate(Machine *machine, int code);
/* Evaluates, then stores the results, all values before the first of them. */
void machine_assign(Machine *machine, int code);

/* interpret_memory.c */
int machine_memory(Machine *machine, const Buffer *buffer);
/* The value of an index in the first lane, and how much it grows from lane to lane. */
long index_value(const Machine *machine, const Index *index, long *step);
/* The offsets of the lanes' elements, every index checked against the shape. */
void machine_offsets(const Machine *machine, int memory, const Index *index, long *offset);
void machine_read(Machine *machine, int memory, const long *offset, double *value);
void machine_write(Machine *machine, int memory, const long *offset, const double *value);
/* Scratch and registers become NaN: a new iteration of the parallel loops begins. */
void machine_forget_locals(Machine *machine);

/* interpret_compute.c */
void run_computes(Machine *machine);

#endif
