#include "trees.h"
#include "../compiler/verify/verify.h"

#include <check.h>
#include <string.h>

Statement *loop(const Variable *variable, LoopKind kind, Statement *body) {
    Statement *statement = NEW(Statement);
    *statement =
        (Statement){.kind = STATEMENT_LOOP, .variable = variable, .loop = kind, .body = body, .store = NEW_ARRAY(Store, MAX_STORES)};
    return statement;
}

Statement *guard(Affine value, long limit, Statement *body, Statement *other) {
    Statement *statement = NEW(Statement);
    *statement = (Statement){.kind = STATEMENT_GUARD, .body = body, .other = other, .condition_count = 1};
    statement->condition[0] = (Condition){value, limit};
    return statement;
}

Statement *followed_by(Statement *first, Statement *next) {
    Statement *last = first;
    while (last->next) last = last->next;
    last->next = next;
    return first;
}

/* buffer[i, j] = value; j is left out for buffers of rank 1 */
Statement *assign(const Buffer *buffer, Affine i, Affine j, const Expression *value) {
    Statement *statement = NEW(Statement);
    *statement = (Statement){.kind = STATEMENT_ASSIGN, .store_count = 1, .store = NEW_ARRAY(Store, MAX_STORES)};
    statement->store[0] = (Store){.buffer = buffer, .index = {i, j}, .value = value};
    return statement;
}

Statement *accumulate(const Buffer *buffer, Affine i, Affine j, const Expression *value) {
    Statement *statement = assign(buffer, i, j, value);
    statement->store[0].accumulate = true;
    return statement;
}

const Expression *load_at(const Buffer *buffer, Affine i, Affine j) {
    Affine index[MAX_RANK] = {i, j};
    return load(buffer, index);
}

Buffer *buffer_of(const char *name, Space space, long rows, long columns) {
    long shape[2] = {rows, columns};
    return new_buffer(name, TYPE_F32, space, 2, shape, layout_row_major(2, shape));
}

Affine zero(void) {
    return affine_constant(0);
}
Affine of(const Variable *variable, long coefficient, long constant) {
    return affine_shift(affine_scale(affine_variable(variable), coefficient), constant);
}
Affine sum_of(Affine a, Affine b) {
    return affine_add(a, b);
}

Kernel kernel_of(Statement *tree) {
    return (Kernel){.name = "test_kernel", .tree = tree};
}

void *find_memory(const Buffer *buffer, void *context) {
    for (const Binding *binding = context; binding->buffer; binding++)
        if (binding->buffer == buffer) return binding->elements;
    return NULL;
}

void is_right(const Kernel *kernel) {
    const char *wrong = verify_kernel(kernel, LANES);
    ck_assert_msg(!wrong, "%s", wrong);
}

void is_wrong(const Kernel *kernel, const char *reason) {
    const char *wrong = verify_kernel(kernel, LANES);
    ck_assert_msg(wrong, "not refused; expected: %s", reason);
    ck_assert_msg(strstr(wrong, reason), "refused as '%s', not as '%s'", wrong, reason);
    ck_assert_ptr_nonnull(strstr(wrong, kernel->name));
}

void passes(Statement *tree) {
    Kernel kernel = kernel_of(tree);
    is_right(&kernel);
}

void is_refused(Statement *tree, const char *reason) {
    Kernel kernel = kernel_of(tree);
    is_wrong(&kernel, reason);
}
