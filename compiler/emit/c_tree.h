/* c_tree.h: a small C syntax tree and its only printer. emit*.c build trees; only c_print() knows about indentation, parentheses and line
 * breaks. All memory is the arena's. */
#ifndef ZOETROPE_C_TREE_H
#define ZOETROPE_C_TREE_H

#include "base/support.h"

/* ---- expressions ---- */

typedef enum { C_ATOM, C_CALL, C_BINARY, C_PREFIX, C_CAST, C_INDEX } CExpressionKind;

typedef struct CExpression {
    CExpressionKind kind;
    const char *text; /* the atom; the function called; the operator; the type */
    int count;
    const struct CExpression **operand;
} CExpression;

/* A name, or a literal. */
const CExpression *c_atom(const char *pattern, ...) __attribute__((format(printf, 1, 2)));
/* Literals that read back as exactly this value; the shortest of their kind. */
const CExpression *c_float(double value);
const CExpression *c_double(double value);
const CExpression *c_call(const char *function, int count, const CExpression *const *arguments);
const CExpression *c_binary(const char *operator, const CExpression * a, const CExpression *b);
const CExpression *c_prefix(const char *operator, const CExpression * a);
const CExpression *c_cast(const char *type, const CExpression *a);
const CExpression *c_index(const CExpression *array, const CExpression *index);
const char *c_numbers(const long *numbers, int count);   /* "1, 2, 3" */
void c_expression_text(Text *out, const CExpression *e); /* on one line */

/* ---- statements ---- */

typedef enum { C_LINE, C_NESTED, C_COMMENT, C_DIRECTIVE, C_BLANK } CStatementKind;

typedef struct CBlock { /* statements in order */
    struct CStatement *first, *last;
} CBlock;

typedef struct CStatement {
    CStatementKind kind;
    const char *text; /* LINE: all of it. NESTED: what stands before the brace. COMMENT: lines. DIRECTIVE: printed in column 0 */
    CBlock *body;     /* NESTED */
    const char *tail; /* NESTED: what stands after the closing brace */
    struct CStatement *next;
} CStatement;

CBlock *c_block(void);
/* `type name = value;`; without a value where NULL. `type` ends in a space or a '*'. */
void c_declare(CBlock *block, const char *type, const char *name, const CExpression *value);
void c_assign(CBlock *block, const CExpression *target, const CExpression *value);
void c_evaluate(CBlock *block, const CExpression *e); /* a call as a statement */
void c_line(CBlock *block, const char *pattern, ...) __attribute__((format(printf, 2, 3)));
void c_comment(CBlock *block, const char *lines);
void c_directive(CBlock *block, const char *pattern, ...) __attribute__((format(printf, 2, 3)));
void c_blank(CBlock *block);
void c_append(CBlock *block, const CBlock *after); /* moves all of `after` to the end of `block` */
/* `head {` … `}tail`: loops, conditionals, functions, initialisers. Returns the inside. */
CBlock *c_nested(CBlock *block, const char *tail, const char *head, ...) __attribute__((format(printf, 3, 4)));
/* A loop of `name` over 0 … extent − 1. */
CBlock *c_for(CBlock *block, const char *name, long extent);

void c_print(Text *out, const CBlock *block, int depth);

#endif
