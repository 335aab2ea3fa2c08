/* target_printing.h: how C is printed for a target. Everything that depends on an instruction set is in these tables; they are
 * filled in by target.c, target_x86.c and target_narrow.c, and used by emit*.c. */
#ifndef ZOETROPE_TARGET_PRINTING_H
#define ZOETROPE_TARGET_PRINTING_H

#include "target/target.h"

/* An operation's C: "+" an infix or prefix operator, "(double)" a cast, "name" a call with the operands as they come,
 * "name(3,1,2)" a call with the operands in another order. NULL: MULTIPLY_ADD as the other two; else not available. */
typedef const char *Form;

/* A function that is part of a generated file if it is used. Its text starts with the type; `static inline` and the target's attribute are
 * put before it. */
typedef struct Helper {
    const char *name;
    const char *needs; /* other helpers that this one calls, or NULL; those after a '!' only where VECTOR_EXTENSION is not defined */
    const char *text;
} Helper;

/* A feature of the processor that a helper needs and that the target does not imply. */
typedef struct Extra {
    const char *helper, *attribute; /* "f16c", as attributes name it */
    const char *setup[2], *check;   /* C: two statements, and then a condition that says that it is there */
} Extra;

typedef struct VectorForms { /* of one type of elements */
    const char *type;
    Form load, store, broadcast;
    const char *zero; /* an expression */
} VectorForms;

typedef struct TargetPrinting {
    const char *condition;        /* of the preprocessor: where this target's code can be compiled; NULL: everywhere */
    const char *include;          /* <immintrin.h>, or NULL */
    const char *attribute;        /* features to enable for a function, as __attribute__((target(…))) names them; NULL: none */
    const char *const *processor; /* the features to ask __builtin_cpu_supports for, then NULL; NULL: none */
    const char *prelude;          /* C that every file of the target starts with, or NULL */
    VectorForms floats, pairs;    /* pairs: only where Target.pairs */
    /* Only with Target.nontemporal: the store of a vector of floats that bypasses the caches, to an address that is a multiple of its
     * size; and the fence that must follow before another thread reads it. */
    Form nontemporal;
    const char *fence;
    Form on_vector[EXPRESSION_KINDS], on_float[EXPRESSION_KINDS], on_double[EXPRESSION_KINDS];
    const Helper *helpers; /* the target's own, then one without a name */
    const Helper *narrow;  /* those that load vectors of narrow elements */
    const Extra *extra;    /* of one of its helpers, or NULL */
} TargetPrinting;

/* What all targets share of a table of scalar operations; square root and multiply-add are added to it. */
#define SCALAR_FORMS(type)                                                                                                                 \
    [EXPRESSION_ADD] = "+", [EXPRESSION_SUBTRACT] = "-", [EXPRESSION_MULTIPLY] = "*", [EXPRESSION_DIVIDE] = "/",                           \
    [EXPRESSION_NEGATE] = "-", [EXPRESSION_MAXIMUM] = type "_maximum", [EXPRESSION_MINIMUM] = type "_minimum",                             \
    [EXPRESSION_SELECT_GREATER] = type "_select_greater", [EXPRESSION_ABSOLUTE] = type "_absolute",                                        \
    [EXPRESSION_POWER_OF_TWO] = type "_power_of_two", [EXPRESSION_EXPONENT] = type "_exponent", [EXPRESSION_MANTISSA] = type "_mantissa",  \
    [EXPRESSION_ROUND] = type "_round"
#define FLOAT_FORMS SCALAR_FORMS("float"), [EXPRESSION_NARROW] = "(float)"
#define DOUBLE_FORMS SCALAR_FORMS("double"), [EXPRESSION_WIDEN] = "(double)"

/* Helpers in plain C for every target. */
extern const Helper common_helpers[], common_narrow[];

/* target_narrow.c: how elements smaller than a float are read as floats: a vector from the address of the first, and one alone. NULL for
 * the others. */
typedef struct NarrowForms {
    Form vector, scalar;
} NarrowForms;
extern const NarrowForms narrow_forms[TYPES];
extern const Helper avx512_narrow[], avx2_narrow[], neon_narrow[], wasm128_narrow[], generic_narrow[];
extern const Extra avx2_extra;

/* target_x86.c */
extern const TargetPrinting avx512_printing, avx512_bf16_printing, avx2_printing;

#endif
