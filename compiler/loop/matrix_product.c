/* matrix_product.c: which matrices do the loops inside of a CALL multiply? Each loop variable is in two of the three operands. It counts
 * rows if these are the result and the first factor, columns if they are the result and the second, terms if they are both factors. Several
 * variables that count the same have to step evenly through both of their operands, as one variable would. */
#include "loop/matrix_product.h"

#include <limits.h>

enum { RESULT, FIRST, SECOND, OPERANDS };
enum { ROWS, COLUMNS, TERMS, SIDES };
static const int operands_of[SIDES][2] = {[ROWS] = {RESULT, FIRST}, [COLUMNS] = {RESULT, SECOND}, [TERMS] = {FIRST, SECOND}};

typedef struct Nest { /* loops, each the whole body of the other */
    int depth;
    const Variable *variable[MAX_VARIABLES]; /* of more than one iteration */
    const Store *store;
} Nest;

typedef struct Operand {
    const Buffer *buffer;
    Offset base;                /* where all of the nest's variables are 0 */
    long stride[MAX_VARIABLES]; /* by variable of the nest */
} Operand;

typedef struct Axis { /* all variables that count rows, columns or terms */
    long extent, stride[2];
} Axis;

static bool read_nest(const Statement *statement, Nest *nest) {
    *nest = (Nest){0};
    for (; statement && statement->kind == STATEMENT_LOOP; statement = statement->body) {
        if (statement->loop != LOOP_SERIAL || (statement->body && statement->body->next) || nest->depth == MAX_VARIABLES) return false;
        if (statement->variable->extent > 1) nest->variable[nest->depth++] = statement->variable;
    }
    if (!statement || statement->kind != STATEMENT_ASSIGN || statement->store_count != 1 || statement->next) return false;
    nest->store = &statement->store[0];
    return true;
}

/* Digits of one number that lie side by side are the number: (i % 16) + (i / 16) · 16 is i. */
static void join_digits(Offset *offset) {
    OffsetTerm *term = NEW_ARRAY(OffsetTerm, offset->count);
    for (int i = 0; i < offset->count; i++) term[i] = offset->term[i];
    for (int i = 0; i < offset->count; i++)
        for (int j = 0; j < offset->count; j++) {
            if (i == j || !term[i].modulus || !term[i].stride || !affine_equal(&term[i].inner, &term[j].inner)) continue;
            if (term[j].divisor != term[i].divisor * term[i].modulus || term[j].stride != term[i].stride * term[i].modulus) continue;
            term[i].modulus = term[j].modulus ? term[i].modulus * term[j].modulus : 0;
            term[j].stride = 0;
            j = -1;
        }
    int kept = 0;
    for (int i = 0; i < offset->count; i++) {
        if (term[i].stride && term[i].divisor == 1 && !term[i].modulus)
            offset->affine = affine_add(offset->affine, affine_scale(term[i].inner, term[i].stride));
        else if (term[i].stride) term[kept++] = term[i];
    }
    offset->term = term;
    offset->count = kept;
}

/* False if the elements do not lie evenly. */
static bool read_operand(const Nest *nest, const Buffer *buffer, const Affine *index, Operand *operand) {
    *operand = (Operand){.buffer = buffer, .base = buffer_offset(buffer, index)};
    if (buffer->type != TYPE_F32) return false;
    join_digits(&operand->base);
    for (int v = 0; v < nest->depth; v++) {
        const Variable *variable = nest->variable[v];
        operand->stride[v] = affine_coefficient(&operand->base.affine, variable);
        for (int t = 0; t < operand->base.count; t++)
            if (affine_coefficient(&operand->base.term[t].inner, variable) != 0) return false;
        operand->base.affine = affine_substitute(operand->base.affine, variable, affine_constant(0));
    }
    return true;
}

/* Of the variables that are in just these two operands: the innermost first. False if they do not step evenly through both. */
static bool read_axis(const Nest *nest, const Operand *operand, int side, Axis *axis) {
    const long *first = operand[operands_of[side][0]].stride, *second = operand[operands_of[side][1]].stride;
    const long *absent = operand[side == ROWS ? SECOND : side == COLUMNS ? FIRST : RESULT].stride;
    *axis = (Axis){.extent = 1, .stride = {1, 1}};
    bool done[MAX_VARIABLES] = {false}, any = false;
    for (;;) {
        int next = -1;
        for (int v = 0; v < nest->depth; v++)
            if (!done[v] && !absent[v] && first[v] > 0 && second[v] > 0 && (next < 0 || first[v] < first[next])) next = v;
        if (next < 0) return true;
        done[next] = true;
        if (!any) axis->stride[0] = first[next], axis->stride[1] = second[next];
        else if (first[next] != axis->extent * axis->stride[0] || second[next] != axis->extent * axis->stride[1]) return false;
        any = true;
        axis->extent *= nest->variable[next]->extent;
    }
}

/* Does the nest set the same elements to zero as the other one adds to? */
static bool clears_result(const Nest *zeros, const Nest *nest, const Operand *result) {
    Operand cleared;
    const Expression *value = zeros->store->value;
    if (zeros->store->accumulate || value->kind != EXPRESSION_CONSTANT || value->constant != 0) return false;
    if (zeros->store->buffer != result->buffer || !read_operand(zeros, result->buffer, zeros->store->index, &cleared)) return false;
    if (!affine_equal(&cleared.base.affine, &result->base.affine) || cleared.base.count != result->base.count) return false;
    for (int t = 0; t < cleared.base.count; t++)
        if (!affine_equal(&cleared.base.term[t].inner, &result->base.term[t].inner)) return false;
    bool found[MAX_VARIABLES] = {false};
    for (int v = 0; v < nest->depth; v++) {
        int other = 0;
        if (!result->stride[v]) continue;
        while (other < zeros->depth &&
               (found[other] || cleared.stride[other] != result->stride[v] || zeros->variable[other]->extent != nest->variable[v]->extent))
            other++;
        if (other == zeros->depth) return false;
        found[other] = true;
    }
    for (int v = 0; v < zeros->depth; v++)
        if (!found[v]) return false;
    return true;
}

static Matrix matrix_of(const Operand *operand, long row, long column) {
    return (Matrix){operand->buffer, operand->base, row, column};
}

/* One stride is 1, the other large enough for what lies side by side. A stride of one element alone says nothing. */
static bool has_unit_stride(Matrix *matrix, long rows, long columns) {
    if (columns == 1) matrix->column = 1;
    else if (rows == 1 && matrix->column == 1) matrix->row = columns;
    return (matrix->column == 1 && matrix->row >= columns) || (matrix->row == 1 && matrix->column >= rows);
}

static const char *check_sizes(const MatrixProduct *p) {
    const long sizes[] = {p->rows, p->columns, p->terms, p->a.row, p->a.column, p->b.row, p->b.column, p->c.row};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i] > INT_MAX) return "a size or stride is too large for BLAS";
    return NULL;
}

static const char *arrange(const Operand *operand, const Axis *axis, MatrixProduct *p) {
    p->rows = axis[ROWS].extent;
    p->columns = axis[COLUMNS].extent;
    p->terms = axis[TERMS].extent;
    p->c = matrix_of(&operand[RESULT], axis[ROWS].stride[0], axis[COLUMNS].stride[0]);
    p->a = matrix_of(&operand[FIRST], axis[ROWS].stride[1], axis[TERMS].stride[0]);
    p->b = matrix_of(&operand[SECOND], axis[TERMS].stride[1], axis[COLUMNS].stride[1]);
    if (!has_unit_stride(&p->c, p->rows, p->columns)) return "its result is no matrix with unit stride";
    if (!has_unit_stride(&p->a, p->rows, p->terms) || !has_unit_stride(&p->b, p->terms, p->columns))
        return "a factor is no matrix with unit stride";
    return p->c.column == 1 ? check_sizes(p) : "the columns of its result are not adjacent";
}

const char *find_matrix_product(const Statement *call, MatrixProduct *product) {
    Nest zeros, nest;
    Operand operand[OPERANDS];
    Axis axis[SIDES];
    const Statement *first = call->body, *last = first ? first->next : NULL;
    *product = (MatrixProduct){.adds = !last};
    if (!first || (last && last->next) || (last && !read_nest(first, &zeros)) || !read_nest(last ? last : first, &nest))
        return "it is not one nest of loops, or two";
    const Expression *value = nest.store->value;
    if (!nest.store->accumulate || value->kind != EXPRESSION_MULTIPLY || value->operand[0]->kind != EXPRESSION_LOAD ||
        value->operand[1]->kind != EXPRESSION_LOAD)
        return "it does not add up products of two elements";
    const Expression *const *factor = value->operand;
    if (!read_operand(&nest, nest.store->buffer, nest.store->index, &operand[RESULT]) ||
        !read_operand(&nest, factor[0]->buffer, factor[0]->index, &operand[FIRST]) ||
        !read_operand(&nest, factor[1]->buffer, factor[1]->index, &operand[SECOND]))
        return "its elements do not lie evenly, as floats";
    if (last && !clears_result(&zeros, &nest, &operand[RESULT])) return "it does not clear what it adds to";
    long all = 1, counted = 1;
    for (int v = 0; v < nest.depth; v++) all *= nest.variable[v]->extent;
    for (int side = 0; side < SIDES; side++) {
        if (!read_axis(&nest, operand, side, &axis[side])) return "its rows, columns or terms do not lie evenly in two operands";
        counted *= axis[side].extent;
    }
    if (all != counted) return "a loop steps through one operand only, or through all three";
    return arrange(operand, axis, product);
}
