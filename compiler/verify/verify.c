/* verify.c: proves what the C compiler and the threads take for granted.
 *
 * This file walks the tree. It checks which loops may stand where, what each expression may contain, and that scratch and registers are
 * written before they are read. It lists the accesses, and verify_*.c prove the rest: bounds from the ranges of the loop variables and
 * from guards; that parallel iterations are kept apart by a dimension of the index; that lanes are kept apart by their offsets in memory.
 */
#include "verify/verify.h"

#include "verify/verifier.h"

#include "loop/matrix_product.h"
#include "loop/print_loop.h"

#include <string.h>

typedef struct Scope { /* what encloses a statement */
    const Fact *facts;
    bool parallel_allowed; /* only parallel loops so far, each the whole body of the other */
    bool vector;           /* inside a vector loop */
} Scope;

void refuse_tree(Verifier *verifier, const Statement *statement, const char *pattern, ...) {
    if (verifier->error) return;
    va_list arguments;
    va_start(arguments, pattern);
    const char *what = format_list(pattern, arguments);
    va_end(arguments);
    if (statement) verifier->error = format("kernel %s: in `%s`: %s", verifier->kernel->name, statement_summary(statement), what);
    else verifier->error = format("kernel %s: %s", verifier->kernel->name, what);
}

/* ---- accesses ---- */

static Access *new_access(Verifier *verifier) {
    MAKE_ROOM(verifier->access, verifier->count, verifier->capacity);
    return &verifier->access[verifier->count++];
}

/* A variable that no enclosing loop steps through; NULL if there is none. */
static const Variable *unbound_variable(Verifier *verifier, const Affine *affine) {
    for (int i = 0; i < affine->count; i++) {
        const long *bound = pointer_map_find(&verifier->bound, affine->term[i].variable);
        if (!bound || !*bound) return affine->term[i].variable;
    }
    return NULL;
}

static void add_access(Verifier *verifier, Access access) {
    const Buffer *buffer = access.buffer;
    for (int i = 0; i < buffer->rank; i++) {
        const Variable *unbound = unbound_variable(verifier, &access.index[i]);
        if (unbound)
            refuse_tree(verifier, access.statement, "index %d of %s has the variable %s, which no enclosing loop steps through", i,
                        buffer->name, unbound->name);
    }
    if (access.load && is_local(buffer)) verify_local_read(verifier, &access);
    if (verifier->replay) return;
    if (!pointer_map_find(&verifier->checked, buffer)) {
        pointer_map_add(&verifier->checked, buffer, NULL);
        verify_layout(verifier, buffer);
        if (buffer->space == SPACE_SCRATCH && access.statement) verify_scratch_place(verifier, buffer);
    }
    if (verifier->error) return;
    verify_bounds(verifier, &access);
    *new_access(verifier) = access;
}

static void list_loads(Verifier *verifier, const Statement *statement, const Expression *e, Scope scope) {
    bool added;
    pointer_map_add(&verifier->visited, e, &added);
    if (!added || verifier->error) return;
    if (e->kind == EXPRESSION_SUM) refuse_tree(verifier, statement, "the tree still has a SUM");
    if (scope.vector && e->type == TYPE_F64) refuse_tree(verifier, statement, "the vector loop holds a double: lanes are floats, or pairs");
    if (e->kind == EXPRESSION_LOAD) {
        if (e->buffer->space == SPACE_VIRTUAL) refuse_tree(verifier, statement, "VIRTUAL buffer %s is left in the tree", e->buffer->name);
        else if (e->type != value_type(e->buffer->type))
            refuse_tree(verifier, statement, "%s is read as a type that is not its own", e->buffer->name);
        else add_access(verifier, (Access){statement, e->buffer, e->index, false, true, scope.facts, false});
    }
    for (int i = 0; i < expression_operands(e->kind); i++) {
        const Expression *operand = e->operand[i];
        if (operand->type != operand_type(e->kind, i, e->type))
            refuse_tree(verifier, statement, "an operand of %s has the wrong type", expression_name(e->kind));
        list_loads(verifier, statement, operand, scope);
    }
}

static void verify_assign(Verifier *verifier, const Statement *statement, Scope scope) {
    pointer_map_clear(&verifier->visited);
    for (int i = 0; i < statement->store_count; i++) list_loads(verifier, statement, statement->store[i].value, scope);
    for (int i = 0; i < statement->store_count && !verifier->error; i++) {
        const Store *store = &statement->store[i];
        if (store->buffer->space == SPACE_VIRTUAL) refuse_tree(verifier, statement, "VIRTUAL buffer %s is stored to", store->buffer->name);
        else if (store->value->type != store->buffer->type)
            refuse_tree(verifier, statement, "%s gets a value of a type that is not its own", store->buffer->name);
        else if (store->nontemporal &&
                 (!scope.vector || store->accumulate || store->buffer->space != SPACE_TENSOR || store->buffer->type != TYPE_F32))
            refuse_tree(verifier, statement, "a nontemporal store is not a vector of floats to a tensor");
        else
            add_access(verifier,
                       (Access){statement, store->buffer, store->index, true, store->accumulate, scope.facts, store->nontemporal});
    }
    for (int i = 0; i < statement->store_count; i++)
        if (is_local(statement->store[i].buffer)) note_local_write(verifier, statement->store[i].buffer, statement->store[i].index);
}

/* A prefetch reads no value, so another thread may write the element. Only the address has to be inside of the tensor. */
static void verify_prefetch(Verifier *verifier, const Statement *statement, Scope scope) {
    const Buffer *buffer = statement->buffer;
    if (buffer->space != SPACE_TENSOR) refuse_tree(verifier, statement, "%s is not in memory", buffer->name);
    if (scope.vector) refuse_tree(verifier, statement, "the vector loop has other statements than assignments");
    const Variable *unbound = unbound_variable(verifier, &statement->offset.affine);
    long low, high;
    for (int i = 0; i < statement->offset.count; i++) {
        if (!unbound) unbound = unbound_variable(verifier, &statement->offset.term[i].inner);
        affine_range(&statement->offset.term[i].inner, &low, &high);
        if (low < 0) refuse_tree(verifier, statement, "prefetch of %s: %ld is divided, as C rounds it to zero", buffer->name, low);
    }
    if (unbound) refuse_tree(verifier, statement, "the variable %s, which no enclosing loop steps through", unbound->name);
    offset_range(&statement->offset, &low, &high);
    if (low < 0 || high >= buffer->layout.size)
        refuse_tree(verifier, statement, "prefetch of %s out of bounds: element %ld … %ld, legal is 0 … %ld", buffer->name, low, high,
                    buffer->layout.size - 1);
}

/* ---- the walk ---- */

static void verify_block(Verifier *verifier, const Statement *statement, Scope scope);

/* Its loops access what the call accesses, element for element, so all that is proven of them is proven of it. */
static void verify_call(Verifier *verifier, const Statement *call, Scope scope) {
    MatrixProduct product;
    const char *why = find_matrix_product(call, &product);
    if (scope.vector) refuse_tree(verifier, call, "the vector loop has other statements than assignments");
    if (why) refuse_tree(verifier, call, "%s", why);
    else if (product.a.buffer->space == SPACE_REGISTER || product.b.buffer->space == SPACE_REGISTER ||
             product.c.buffer->space == SPACE_REGISTER)
        refuse_tree(verifier, call, "the call's matrices are not all in memory");
    else if (product.c.buffer == product.a.buffer || product.c.buffer == product.b.buffer)
        refuse_tree(verifier, call, "the call reads %s while it writes it", product.c.buffer->name);
    scope.parallel_allowed = false;
    if (!verifier->error) verify_block(verifier, call->body, scope);
}

static void verify_loop(Verifier *verifier, const Statement *loop, Scope scope) {
    const Variable *variable = loop->variable;
    long *bound = pointer_map_add(&verifier->bound, variable, NULL);
    if (*bound) refuse_tree(verifier, loop, "another loop over the same variable encloses this one");
    if (variable->extent < 1) refuse_tree(verifier, loop, "the loop has no iterations");
    if (!loop->body) refuse_tree(verifier, loop, "the loop has no body");
    if (scope.vector) refuse_tree(verifier, loop, "the vector loop around this one is not innermost");
    if (loop->loop == LOOP_PARALLEL) {
        if (!scope.parallel_allowed)
            refuse_tree(verifier, loop, "the parallel loop is neither outermost nor the only statement of a parallel loop");
        if (verifier->parallel_count == MAX_VARIABLES) refuse_tree(verifier, loop, "too many parallel loops");
        else verifier->parallel[verifier->parallel_count++] = loop;
    }
    scope.parallel_allowed = loop->loop == LOOP_PARALLEL && loop->body && !loop->body->next;
    scope.vector = loop->loop == LOOP_VECTOR;
    if (scope.vector && variable->extent != verifier->lanes)
        refuse_tree(verifier, loop, "a vector loop of %ld iterations; a vector has %d lanes", variable->extent, verifier->lanes);
    if (verifier->error) return;
    *bound = 1;
    int first = verifier->count, locals = verifier->local_count;
    const Region **before = written_regions(verifier);
    verify_block(verifier, loop->body, scope);
    if (scope.vector && !verifier->error && !verifier->replay) verify_vector(verifier, loop, first);
    if (leave_loop(verifier, variable, before, locals) && variable->extent > 1 && !verifier->error) {
        bool replay = verifier->replay;
        verifier->replay = true;
        before = written_regions(verifier);
        locals = verifier->local_count;
        verify_block(verifier, loop->body, scope);
        leave_loop(verifier, variable, before, locals);
        verifier->replay = replay;
    }
    *pointer_map_find(&verifier->bound, variable) = 0;
}

static void verify_guard(Verifier *verifier, const Statement *guard, Scope scope) {
    if (scope.vector) refuse_tree(verifier, guard, "the vector loop has other statements than assignments");
    for (int i = 0; i < guard->condition_count; i++) {
        if (unbound_variable(verifier, &guard->condition[i].value))
            refuse_tree(verifier, guard, "the guard has a variable that no enclosing loop steps through");
    }
    if (verifier->error) return;
    bool body_runs, other_runs;
    Scope body = {facts_of_guard(guard, true, scope.facts, &body_runs), false, false};
    Scope other = {facts_of_guard(guard, false, scope.facts, &other_runs), false, false};
    int count_before = verifier->local_count;
    const Region **before = written_regions(verifier);
    if (body_runs) verify_block(verifier, guard->body, body);
    if (!other_runs) return;
    int count_after = verifier->local_count;
    const Region **after = written_regions(verifier);
    set_written_regions(verifier, before, count_before);
    verify_block(verifier, guard->other, other);
    if (body_runs) keep_common_regions(verifier, after, count_after);
}

static void verify_block(Verifier *verifier, const Statement *statement, Scope scope) {
    for (; statement && !verifier->error; statement = statement->next) {
        switch (statement->kind) {
        case STATEMENT_LOOP:
            verify_loop(verifier, statement, scope);
            break;
        case STATEMENT_GUARD:
            verify_guard(verifier, statement, scope);
            break;
        case STATEMENT_ASSIGN:
            verify_assign(verifier, statement, scope);
            break;
        case STATEMENT_PREFETCH:
            verify_prefetch(verifier, statement, scope);
            break;
        case STATEMENT_CALL:
            verify_call(verifier, statement, scope);
            break;
        }
    }
}

static void verify_tree(Verifier *verifier) {
    for (const Statement *statement = verifier->kernel->tree; statement && !verifier->error; statement = statement->next) {
        Statement alone = *statement;
        alone.next = NULL;
        bool parallel = statement->kind == STATEMENT_LOOP && statement->loop == LOOP_PARALLEL;
        if (parallel) set_written_regions(verifier, NULL, 0); /* another thread: its scratch and registers are its own */
        verifier->count = verifier->parallel_count = 0;
        verify_block(verifier, &alone, (Scope){NULL, parallel, false});
        if (verifier->error) return;
        verify_parallel(verifier);
        if (parallel) set_written_regions(verifier, NULL, 0);
    }
}

/* ---- computes, before they are scheduled ---- */

static void bind(Verifier *verifier, const Variable *variable, long bound) {
    *pointer_map_add(&verifier->bound, variable, NULL) = bound;
}

static void verify_value(Verifier *verifier, const Compute *compute, const Expression *e, bool sums);

/* `value` or `rest`, over the indices that it is of. */
static const Expression *part_of_virtual(Verifier *verifier, const Buffer *buffer, bool rest) {
    if (!buffer->rest) return buffer->value;
    const int d = buffer->rest_dimension;
    const long from = rest ? buffer->rest_from : 0, to = rest ? buffer->shape[d] : buffer->rest_from;
    const Variable *part = new_variable(buffer->index[d]->name, to - from);
    bind(verifier, part, 1);
    return expression_substitute(rest ? buffer->rest : buffer->value, buffer->index[d], affine_shift(affine_variable(part), from));
}

static void verify_virtual(Verifier *verifier, const Buffer *buffer) {
    bool added;
    pointer_map_add(&verifier->checked, buffer, &added);
    if (!added) return;
    for (int i = 0; i < buffer->rank; i++) {
        if (!buffer->index[i] || buffer->index[i]->extent != buffer->shape[i]) {
            refuse_tree(verifier, NULL, "VIRTUAL buffer %s: index variable %d does not run over the shape", buffer->name, i);
            return;
        }
        bind(verifier, buffer->index[i], 1);
    }
    verify_value(verifier, NULL, part_of_virtual(verifier, buffer, false), false);
    if (buffer->rest) verify_value(verifier, NULL, part_of_virtual(verifier, buffer, true), false);
    for (int i = 0; i < buffer->rank; i++) bind(verifier, buffer->index[i], 0);
}

static void verify_value(Verifier *verifier, const Compute *compute, const Expression *e, bool sums) {
    bool added;
    pointer_map_add(&verifier->visited, e, &added);
    if (!added || verifier->error) return;
    if (e->kind == EXPRESSION_SUM && (!sums || e->sum < 0 || e->sum >= compute->sum_count || compute->sum[e->sum]->type != e->type))
        refuse_tree(verifier, NULL, "there is no such SUM in this compute");
    if (e->kind == EXPRESSION_LOAD) {
        if (e->buffer->space == SPACE_VIRTUAL) verify_virtual(verifier, e->buffer);
        else {
            if (is_local(e->buffer))
                note_local_write(verifier, e->buffer, e->index); /* scratch between computes: the order is the schedule's */
            add_access(verifier, (Access){NULL, e->buffer, e->index, false, true, NULL, false});
        }
    }
    for (int i = 0; i < expression_operands(e->kind); i++) verify_value(verifier, compute, e->operand[i], sums);
}

static void verify_compute(Verifier *verifier, const Compute *compute) {
    pointer_map_clear(&verifier->visited);
    for (int i = 0; i < compute->variable_count; i++) bind(verifier, compute->variable[i], 1);
    for (int i = 0; i < compute->sum_count; i++) verify_value(verifier, compute, compute->sum[i], false);
    for (int i = 0; i < compute->variable_count; i++)
        if (compute->reduced[i]) bind(verifier, compute->variable[i], 0);
    for (int i = 0; i < compute->store_count && !verifier->error; i++) {
        const Store *store = &compute->store[i];
        verify_value(verifier, compute, store->value, true);
        if (store->buffer->space == SPACE_VIRTUAL) refuse_tree(verifier, NULL, "VIRTUAL buffer %s is stored to", store->buffer->name);
        else add_access(verifier, (Access){NULL, store->buffer, store->index, true, false, NULL, false});
    }
    for (int i = 0; i < compute->variable_count; i++) bind(verifier, compute->variable[i], 0);
}

const char *verify_kernel(const Kernel *kernel, int lanes) {
    Verifier verifier = {.kernel = kernel, .lanes = lanes};
    if (kernel->time) bind(&verifier, kernel->time, 1);
    if (kernel->tree) verify_tree(&verifier);
    for (int i = 0; i < kernel->compute_count && !kernel->tree && !verifier.error; i++) verify_compute(&verifier, &kernel->compute[i]);
    return verifier.error;
}
