/* emitter.h: what the modules that print C share. A kernel becomes one plain function with the parallel regions, and for each of
 * its parallel loop nests a body function that runs one iteration and carries the target's attribute.
 *
 *   emit_names.c      names of buffers, variables and temporaries; affine indices as C
 *   emit_registers.c  which REGISTER buffers become local variables, and where these are declared
 *   emit_addresses.c  pointers for what accesses to one buffer have in common
 *   emit_values.c     straight-line runs of assignments: common subexpressions, vectors, the target's operations
 *   emit_kernel.c     loops, guards and functions
 *   emit_call.c       calls of BLAS
 *   emit_arithmetic.c does it compute as it is written?
 *   emit_target.c     a target's file;  emit_model.c  the model's tables
 */
#ifndef ZOETROPE_EMITTER_H
#define ZOETROPE_EMITTER_H

#include "base/pointer_map.h"
#include "emit/c_tree.h"
#include "lower/kernel_buffers.h"
#include "lower/program.h"
#include "target/target_printing.h"

enum { PRINTED_BUCKETS = 1024, MAX_DEPTH = 48, MAX_HELPERS = 64 };

/* The helpers that a file uses, each after those that it needs. */
typedef struct HelperSet {
    int count;
    const Helper *helper[MAX_HELPERS];
    bool plain_only[MAX_HELPERS]; /* only called where the prelude does not define VECTOR_EXTENSION */
} HelperSet;

/* One local variable: an element of a REGISTER buffer, or a vector of them. */
typedef struct Element {
    const Buffer *buffer;
    long offset; /* of its (first) element in the buffer */
    bool vector;
    const char *name;
    int reads;
    long version; /* counts assignments, so that a value read before one is not reused after it */
    const Statement
        *home; /* the statement it is declared before, or at: the first one with a use of it in the smallest block of all uses */
    bool declared;
} Element;

typedef struct UsedBuffer {
    const Buffer *buffer;
    const char *name;
    bool written;
    bool array;            /* REGISTER: stays an array in memory */
    const Statement *home; /* of such an array, as of an element */
    bool declared;
} UsedBuffer;

/* A function in the making. */
typedef struct Emitter {
    const Kernel *kernel;
    const char *function; /* its name */
    const Target *target;
    const TargetPrinting *printing;
    HelperSet *helpers;
    bool nontemporal; /* it has stores past the caches */
    bool anonymous;   /* buffers are called b0, b1, …: the text is for comparing kernels */
    NameSet fixed;    /* names that nothing local may take: keywords, parameters, helpers */
    NameSet used;     /* names of loop variables, elements and temporaries */
    int depth;        /* loops around the current place, outermost first; with the names they have in C */
    const Variable *variable[MAX_DEPTH];
    const char *variable_name[MAX_DEPTH];
    long first[MAX_DEPTH], end[MAX_DEPTH]; /* the values that each can have here, inside of guards */
    int buffer_count;
    UsedBuffer buffer[MAX_BUFFERS];
    int element_count, element_capacity;
    Element *element;
} Emitter;

/* Where an access lies: `offset` without the lane; lane 1: a vector of consecutive elements, 0: one element. */
typedef struct AddressGroup AddressGroup;
typedef struct Access {
    const Buffer *buffer;
    Offset offset;
    long lane;
    AddressGroup *group; /* of note_address */
} Access;

/* emit_names.c */
void reserve_names(Emitter *emitter);
const char *unique_name(Emitter *emitter, const char *wanted);  /* as wanted, if it is free; else numbered */
const char *numbered_name(Emitter *emitter, const char *stem);  /* stem_0, stem_1, … */
void push_variable(Emitter *emitter, const Variable *variable); /* enters a loop; its name is variable_name[depth − 1] */
void pop_variable(Emitter *emitter);
long only_value(const Emitter *emitter, const Variable *variable);     /* that it can have here; −1: it can have several */
Affine with_only_values(const Emitter *emitter, const Affine *affine); /* in the place of the variables that have one */
const char *affine_text(const Emitter *emitter, const Affine *whole);
const char *offset_text(const Emitter *emitter, const Offset *offset);
Access find_access(const Emitter *emitter, const Buffer *buffer, const Affine *index, const Variable *lane);

/* emit_registers.c */
UsedBuffer *used_buffer(Emitter *emitter, const Buffer *buffer);
Element *find_element(Emitter *emitter, const Access *access);         /* NULL: in memory */
const char *buffer_name(Emitter *emitter, const Buffer *buffer);       /* for a parameter; unique, and not that of the function */
const char *buffer_stem(const Emitter *emitter, const Buffer *buffer); /* what names derived from a buffer start with */
/* Finds the buffers and the elements of `tree`, where they are declared, and names them. */
void find_registers(Emitter *emitter, const Statement *tree);

/* emit_addresses.c: all accesses of a run to memory are noted first; then each can be had as C. */
void note_address(Emitter *emitter, AddressGroup **groups, Access *access);
int address_width(const Emitter *emitter, const Access *access); /* in characters, about */
const CExpression *c_element(Emitter *emitter, CBlock *out, const Access *access);

/* emit_values.c: the assignments from `first` up to, not including, `end` (vector loops included), all in one C block. */
void emit_run(Emitter *emitter, CBlock *out, const Statement *first, const Statement *end);
void declare_element(Emitter *emitter, CBlock *out, Element *element);
const char *element_type(Type type); /* in C */
const char *type_name(const Emitter *emitter, Type type, bool vector);

/* emit_call.c: a CALL, as a call of BLAS. */
void emit_product_call(Emitter *emitter, CBlock *out, const Statement *call);

/* emit_helpers.c */
void use_helper(HelperSet *set, const Target *target, const char *name);     /* does nothing where `name` is an intrinsic */
const Extra *extra_of(const HelperSet *set, const TargetPrinting *printing); /* what the helpers need besides; NULL: nothing */
const CExpression *c_operation(Form form, int count, const CExpression *const *operands);
void print_helpers(Text *out, const HelperSet *set, const TargetPrinting *printing);

/* emit_kernel.c: appends the functions of a kernel to a file, the plain one static and called `name`. Its parameters are the tensors
 * in the order of kernel_buffers(); then, where kernel_uses_time(), ptrdiff_t time; then, where kernel_uses_scratch(), char *scratch
 * (scratch_stride bytes a thread); and, always, int threads. */
void emit_kernel(CBlock *file, const Kernel *kernel, const char *name, const Target *target, long scratch_stride, HelperSet *helpers);
/* The kernel's functions as text, without the names of its buffers: kernels with equal texts are one. */
const char *kernel_essence(const Kernel *kernel, const Target *target, long scratch_stride);

/* emit_target.c: the start of a target's file: the comment about its origin, checks, includes, helpers. `about` is a comment's lines. */
void emit_prologue(Text *out, const Target *target, const char *about, const char *includes, const HelperSet *helpers);
void emit_epilogue(Text *out, const Target *target);

typedef struct Printed { /* a kernel's functions in the file */
    const Kernel *kernel;
    const char *name;
    struct Printed *next; /* in its bucket */
} Printed;

/* A target's file in the making: its kernels, each once, and the programs that call them. */
typedef struct File {
    const Spec *spec;
    const TargetCode *code;
    HelperSet helpers;
    Text kernels;
    CBlock *programs;
    Printed *printed[PRINTED_BUCKETS]; /* by the kernel's name */
    NameSet names;
} File;

/* What the places of tensors are called in the function being printed. */
typedef struct Places {
    const char *workspace, *weights, *block, *values, *time;
    const char *scratch, *threads;
    bool step;                  /* has a pointer `step` to a struct of what the caller gives … */
    const Signature *signature; /* … in arrays, in this order; NULL: in fields of the arguments' names */
    bool reports;               /* reports the end of each call */
} Places;

/* emit_call.c: of a file with calls of BLAS, the function that prepares and names it (ModelTarget.library). */
void emit_library(File *file);

/* emit_arithmetic.c: the function `head` of the kernel in file->code->arithmetic, which has been added. */
void emit_arithmetic(File *file, const char *head);

void add_kernel(File *file, const Program *program, const Kernel *kernel);
void emit_calls(File *file, CBlock *out, const Program *program, Places places);
bool program_reads(const Program *program, Place place);

#endif
