#include "loop/expression.h"
#include "base/support.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name;
    int operands;
} kinds[EXPRESSION_KINDS] = {[EXPRESSION_CONSTANT] = {"CONSTANT", 0},
                             [EXPRESSION_LOAD] = {"LOAD", 0},
                             [EXPRESSION_SUM] = {"SUM", 0},
#define X(name, operands, meaning) [EXPRESSION_##name] = {#name, operands},
                             EXPRESSION_OPERATIONS(X)
#undef X
};

int expression_operands(ExpressionKind kind) {
    return kinds[kind].operands;
}
const char *expression_name(ExpressionKind kind) {
    return kinds[kind].name;
}

static Expression *new_expression(ExpressionKind kind, Type type) {
    Expression *e = NEW(Expression);
    e->kind = kind;
    e->type = type;
    return e;
}

const Expression *constant(double value) {
    Expression *e = new_expression(EXPRESSION_CONSTANT, TYPE_F32);
    e->constant = (double)(float)value;
    return e;
}

const Expression *constant_f64(double value) {
    Expression *e = new_expression(EXPRESSION_CONSTANT, TYPE_F64);
    e->constant = value;
    return e;
}

const Expression *zero_of(Type type) {
    return new_expression(EXPRESSION_CONSTANT, value_type(type));
}

const Expression *outside_of(const Buffer *buffer) {
    return buffer->type == TYPE_F32 && buffer->outside != 0 ? constant(buffer->outside) : zero_of(buffer->type);
}

Type operand_type(ExpressionKind kind, int i, Type type) {
    switch (kind) {
    case EXPRESSION_WIDEN:
    case EXPRESSION_PAIR:
        return TYPE_F32;
    case EXPRESSION_NARROW:
        return TYPE_F64;
    case EXPRESSION_DOT:
    case EXPRESSION_DOT_ADD:
        return i < 2 ? TYPE_PAIR : TYPE_F32;
    default:
        return type;
    }
}

Type result_type(ExpressionKind kind, Type first) {
    switch (kind) {
    case EXPRESSION_WIDEN:
        return TYPE_F64;
    case EXPRESSION_PAIR:
        return TYPE_PAIR;
    case EXPRESSION_NARROW:
    case EXPRESSION_DOT:
    case EXPRESSION_DOT_ADD:
        return TYPE_F32;
    default:
        return first;
    }
}

const Expression *load(const Buffer *buffer, const Affine *index) {
    Expression *e = new_expression(EXPRESSION_LOAD, value_type(buffer->type));
    e->buffer = buffer;
    e->index = NEW_ARRAY(Affine, buffer->rank);
    if (buffer->rank) memcpy(e->index, index, sizeof(Affine) * (size_t)buffer->rank);
    return e;
}

const Expression *sum_value(int sum, Type type) {
    Expression *e = new_expression(EXPRESSION_SUM, type);
    e->sum = sum;
    return e;
}

static bool is_constant(const Expression *e, double value) {
    return e && e->kind == EXPRESSION_CONSTANT && e->constant == value && !signbit(e->constant);
}

/* Simplifications that hold for every operand, NaN included. x + 0 would turn −0 into 0, which is harmless and wanted here. */
static const Expression *simplified(ExpressionKind kind, const Expression *a, const Expression *b, const Expression *c) {
    switch (kind) {
    case EXPRESSION_ADD:
        return is_constant(a, 0) ? b : is_constant(b, 0) ? a : NULL;
    case EXPRESSION_SUBTRACT:
        return is_constant(b, 0) ? a : NULL;
    case EXPRESSION_MULTIPLY:
        return is_constant(a, 1) ? b : is_constant(b, 1) ? a : NULL;
    case EXPRESSION_DIVIDE:
        return is_constant(b, 1) ? a : NULL;
    case EXPRESSION_MULTIPLY_ADD:
        return is_constant(c, 0) ? op2(MULTIPLY, a, b) : NULL;
    default:
        return NULL;
    }
}

const Expression *operation(ExpressionKind kind, const Expression *a, const Expression *b, const Expression *c, const Expression *d) {
    const Expression *operand[4] = {a, b, c, d};
    const int count = expression_operands(kind);
    const Type type = result_type(kind, a->type);
    for (int i = 0; i < 4; i++) {
        if ((operand[i] != NULL) != (i < count)) die("%s has %d operands", expression_name(kind), count);
        if (i < count && operand[i]->type != operand_type(kind, i, type))
            die("operand %d of %s has the wrong type", i, expression_name(kind));
    }
    if (type == TYPE_PAIR && kind != EXPRESSION_PAIR) die("%s of pairs", expression_name(kind));
    const Expression *simple = simplified(kind, a, b, c);
    if (simple) return simple;
    Expression *e = new_expression(kind, type);
    memcpy(e->operand, operand, sizeof operand);
    return e;
}

/* Expressions are graphs with shared parts: each node is rewritten once, by a table from node to result. */
typedef struct Memo {
    size_t capacity, count; /* capacity: a power of two */
    struct MemoEntry {
        const Expression *from, *to;
    } * entry;
} Memo;

static struct MemoEntry *memo_find(const Memo *memo, const Expression *e) {
    size_t at = (size_t)(((uintptr_t)e >> 4) * 0x9e3779b1u) & (memo->capacity - 1);
    while (memo->entry[at].from && memo->entry[at].from != e) at = (at + 1) & (memo->capacity - 1);
    return &memo->entry[at];
}

static void memo_add(Memo *memo, const Expression *from, const Expression *to) {
    if (memo->count * 2 >= memo->capacity) {
        Memo larger = {memo->capacity * 4, memo->count, NEW_ARRAY(struct MemoEntry, memo->capacity * 4)};
        for (size_t i = 0; i < memo->capacity; i++)
            if (memo->entry[i].from) *memo_find(&larger, memo->entry[i].from) = memo->entry[i];
        *memo = larger;
    }
    *memo_find(memo, from) = (struct MemoEntry){from, to};
    memo->count++;
}

static const Expression *rewrite_node(const Expression *e, Rewrite rewrite, void *context, Memo *memo) {
    int count = expression_operands(e->kind);
    if (count == 0) return rewrite(e, context);
    const struct MemoEntry *known = memo_find(memo, e);
    if (known->from) return known->to;
    const Expression *original = e, *operand[4] = {0};
    bool changed = false;
    for (int i = 0; i < count; i++) {
        operand[i] = rewrite_node(e->operand[i], rewrite, context, memo);
        changed = changed || operand[i] != e->operand[i];
    }
    if (changed) {
        Expression *copy = NEW(Expression);
        *copy = *e;
        memcpy(copy->operand, operand, sizeof operand);
        e = copy;
    }
    const Expression *result = rewrite(e, context);
    memo_add(memo, original, result);
    return result;
}

const Expression *expression_rewrite(const Expression *e, Rewrite rewrite, void *context) {
    struct MemoEntry first[32] = {0};
    Memo memo = {32, 0, first};
    return rewrite_node(e, rewrite, context, &memo);
}

typedef struct Substitution {
    const Variable *variable;
    Affine by;
} Substitution;

static const Expression *substitute_load(const Expression *e, void *context) {
    const Substitution *substitution = context;
    if (e->kind != EXPRESSION_LOAD) return e;
    bool depends = false;
    for (int i = 0; i < e->buffer->rank; i++) depends = depends || affine_coefficient(&e->index[i], substitution->variable) != 0;
    if (!depends) return e;
    Expression *copy = NEW(Expression);
    *copy = *e;
    copy->index = NEW_ARRAY(Affine, e->buffer->rank);
    for (int i = 0; i < e->buffer->rank; i++) copy->index[i] = affine_substitute(e->index[i], substitution->variable, substitution->by);
    return copy;
}

/* a − (a − b) is a where a = b, and no number where they cannot be compared. */
const Expression *larger_of(const Expression *a, const Expression *b) {
    const Expression *same = op2(SUBTRACT, a, op2(SUBTRACT, a, b));
    return op4(SELECT_GREATER, b, a, b, op4(SELECT_GREATER, a, b, a, same));
}

const Expression *expression_substitute(const Expression *e, const Variable *variable, Affine by) {
    Substitution substitution = {variable, by};
    return expression_rewrite(e, substitute_load, &substitution);
}
