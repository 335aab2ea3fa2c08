/* interpreter.h: private to interpret*.c: a machine that runs kernels, and expressions compiled to straight-line code for it. */
#ifndef ZOETROPE_INTERPRETER_H
#define ZOETROPE_INTERPRETER_H

#include "base/pointer_map.h"
#include "interpret/interpret.h"
#include "loop/loop_tree.h"

#include <limits.h>

typedef struct Index { /* an affine index, its variables by slot */
    long constant;
    int count;
    int *slot;
    long *coefficient;
} Index;

typedef struct Shadow {         /* what has happened to one element */
    long writer;                /* iteration of the parallel loops that wrote it last */
    long reader, reader_before; /* iterations that read it: the last, and the last other one */
    long vector;                /* vector loop (by count) that wrote it last, … */
    long lane;                  /* … and the lane that did */
} Shadow;

typedef struct Memory { /* the elements of a buffer */
    const Buffer *buffer;
    void *elements;
    Shadow *shadow;
    int code, rest, slot[MAX_RANK]; /* VIRTUAL: its value and its `rest`, and the variables that they are in terms of */
    bool busy;                      /* VIRTUAL: being evaluated */
} Memory;

typedef struct Instruction { /* one node of an expression; operands are numbers of earlier instructions */
    ExpressionKind kind;
    Type type;
    int operand[4];
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
    double *value; /* a float's value is held in a double */
    int result_count;
    int result[MAX_STORES];
    StoreTarget target[MAX_STORES];
} Code;

typedef struct Slot { /* a variable and its value; UNBOUND outside its loops */
    const Variable *variable;
    long value;
} Slot;

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
    char *scratch; /* one block, as a thread has it; NULL for kernels without a tree: every buffer has its own */
    double sum[MAX_SUMS];
    long iteration; /* of parallel loops, counted through the whole run */
    long nest;      /* the iteration before the first of the parallel nest being run */
    bool parallel;
    long vector; /* vector loops run so far */
    long lane;   /* −1 outside vector loops */
} Machine;

#define UNBOUND LONG_MIN

/* interpret_code.c */
int machine_slot(Machine *machine, const Variable *variable);
int machine_code(Machine *machine, const void *key, const Store *stores, int store_count, const Expression *value);
void machine_evaluate(Machine *machine, int code);
/* The offset of an element, every index checked against the shape. */
long machine_offset(const Machine *machine, int memory, const Index *index);
double machine_read(Machine *machine, int memory, long offset);
void machine_write(Machine *machine, int memory, long offset, double value);
double evaluate_operation(const Instruction *instruction, const double *values);
/* Scratch and registers become NaN: a new iteration of the parallel loops begins. */
void machine_forget_locals(Machine *machine);

/* interpret_compute.c */
void run_computes(Machine *machine);

#endif
