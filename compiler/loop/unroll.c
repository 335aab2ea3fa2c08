/* unroll.c: replaces UNROLL loops by copies, so that a register tile is straight-line code with constant indices. */
#include "loop/unroll.h"

#include <string.h>

static Statement *copy_list(const Statement *list, const Variable *variable, long value, Statement ***end);

static Statement *copy_one(const Statement *statement, const Variable *variable, long value) {
    Statement *copy = NEW(Statement);
    *copy = *statement;
    copy->next = NULL;
    Affine by = affine_constant(value);
    for (int i = 0; i < copy->condition_count; i++) copy->condition[i].value = affine_substitute(copy->condition[i].value, variable, by);
    if (copy->store_count) {
        copy->store = NEW_ARRAY(Store, copy->store_count);
        memcpy(copy->store, statement->store, sizeof(Store) * (size_t)copy->store_count);
    }
    for (int i = 0; i < copy->store_count; i++) {
        Store *store = &copy->store[i];
        for (int d = 0; d < store->buffer->rank; d++) store->index[d] = affine_substitute(store->index[d], variable, by);
        store->value = expression_substitute(store->value, variable, by);
    }
    if (copy->kind == STATEMENT_PREFETCH) copy->offset = offset_substitute(copy->offset, variable, by);
    copy->body = copy_list(statement->body, variable, value, NULL);
    copy->other = copy_list(statement->other, variable, value, NULL);
    return copy;
}

static Statement *copy_list(const Statement *list, const Variable *variable, long value, Statement ***end) {
    Statement *first = NULL, **last = &first;
    for (; list; list = list->next) {
        *last = copy_one(list, variable, value);
        last = &(*last)->next;
    }
    if (end && first) *end = last;
    return first;
}

Statement *unroll_loops(Statement *tree) {
    Statement *first = NULL, **end = &first;
    for (const Statement *statement = tree; statement; statement = statement->next) {
        Statement *copy = NEW(Statement);
        *copy = *statement;
        copy->next = NULL;
        copy->body = unroll_loops(statement->body);
        copy->other = unroll_loops(statement->other);
        if (statement->kind != STATEMENT_LOOP || statement->loop != LOOP_UNROLL) {
            *end = copy;
            end = &copy->next;
            continue;
        }
        for (long i = 0; i < statement->variable->extent; i++) {
            Statement **after = end;
            Statement *list = copy_list(copy->body, statement->variable, i, &after);
            if (!list) continue;
            *end = list;
            end = after;
        }
    }
    return first;
}
