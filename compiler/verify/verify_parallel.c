/* verify_parallel.c: proves that the iterations of parallel loops touch different elements, dimension by dimension.
 *
 * Let every access of a buffer have, in one dimension, the index c·p + rest with the same c ≠ 0. Iterations with different p touch
 * different elements in three cases. All rests lie in an interval narrower than |c|. Or they do so modulo some m of at least |c| times the
 * number of values of p: p is then one digit of a number, and the rest has the digits above and below. Or all rests are equal modulo m,
 * the common divisor of the coefficients of the rests, while c·p is different modulo m for every p.
 *
 * Other parallel variables are part of the rest. Once one of them has been dealt with, two iterations that are still in question have the
 * same value of it, and only the difference of its coefficients counts. A layout is a bijection of the index box (verify_layout), so
 * different indices are different addresses. */
#include "verify/verifier.h"

#include <limits.h>
#include <stdlib.h>

typedef struct Group { /* all accesses of one buffer */
    const Buffer *buffer;
    const Access **access;
    int count;
} Group;

typedef struct Apart { /* variables of which two iterations in question are known to have the same value */
    const Variable *variable[MAX_VARIABLES + 1];
    int count;
} Apart;

static bool is_apart(const Apart *apart, const Variable *variable) {
    for (int i = 0; i < apart->count; i++)
        if (apart->variable[i] == variable) return true;
    return false;
}

static long common_divisor(long a, long b) {
    a = labs(a);
    b = labs(b);
    while (b) {
        long rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static bool same_coefficient(const Group *group, int dimension, const Variable *variable) {
    long coefficient = affine_coefficient(&group->access[0]->index[dimension], variable);
    for (int i = 1; i < group->count; i++)
        if (affine_coefficient(&group->access[i]->index[dimension], variable) != coefficient) return false;
    return true;
}

/* The index without c·p and without the terms in `shared`, which are equal in both iterations. */
static Affine rest_of(const Access *access, int dimension, const Affine *shared) {
    Affine rest = access->index[dimension];
    for (int i = 0; i < shared->count; i++) rest = affine_substitute(rest, shared->term[i].variable, affine_constant(0));
    return rest;
}

static long nearest_residue(long value, long modulus) {
    const long residue = (value % modulus + modulus) % modulus;
    return residue > modulus / 2 ? residue - modulus : residue;
}

/* Do all rests, but for multiples of `modulus`, lie in an interval narrower than |coefficient|? */
static bool is_narrow_modulo(const Group *group, const Affine *rest, long modulus, long coefficient) {
    long low = LONG_MAX, high = LONG_MIN;
    for (int i = 0; i < group->count; i++) {
        Affine below = affine_constant(nearest_residue(rest[i].constant - rest[0].constant, modulus));
        for (int t = 0; t < rest[i].count; t++) {
            if (rest[i].term[t].coefficient % modulus == 0) continue;
            below = affine_add(below, affine_scale(affine_variable(rest[i].term[t].variable), rest[i].term[t].coefficient));
        }
        const Interval interval = affine_interval(&below, group->access[i]->facts);
        if (interval.low > interval.high) continue; /* never runs */
        low = minimum(low, interval.low);
        high = maximum(high, interval.high);
    }
    return low > high || high - low < labs(coefficient);
}

/* Candidates for m are taken from the rests: their coefficients, and the distances between them. */
static bool digits_separate(const Group *group, const Affine *rest, long coefficient, long extent) {
    const long least = labs(coefficient) * extent;
    for (int i = 0; i < group->count; i++) {
        const long distance = labs(rest[i].constant - rest[0].constant);
        if (distance >= least && is_narrow_modulo(group, rest, distance, coefficient)) return true;
        for (int t = 0; t < rest[i].count; t++) {
            const long modulus = labs(rest[i].term[t].coefficient);
            if (modulus >= least && is_narrow_modulo(group, rest, modulus, coefficient)) return true;
        }
    }
    return false;
}

static bool dimension_separates(const Group *group, int dimension, const Variable *variable, const Apart *apart) {
    if (!same_coefficient(group, dimension, variable)) return false;
    long coefficient = affine_coefficient(&group->access[0]->index[dimension], variable);
    if (!coefficient) return false;
    Affine shared = affine_variable(variable);
    for (int i = 0; i < apart->count; i++)
        if (same_coefficient(group, dimension, apart->variable[i])) shared = affine_add(shared, affine_variable(apart->variable[i]));
    Affine *rest = NEW_ARRAY(Affine, group->count);
    long low = LONG_MAX, high = LONG_MIN, divisor = 0;
    for (int i = 0; i < group->count; i++) {
        rest[i] = rest_of(group->access[i], dimension, &shared);
        Interval interval = affine_interval(&rest[i], group->access[i]->facts);
        if (interval.low > interval.high) continue; /* never runs */
        low = minimum(low, interval.low);
        high = maximum(high, interval.high);
        for (int j = 0; j < rest[i].count; j++) divisor = common_divisor(divisor, rest[i].term[j].coefficient);
        divisor = common_divisor(divisor, rest[i].constant - rest[0].constant);
    }
    if (low > high || high - low < labs(coefficient)) return true;
    if (divisor && divisor / common_divisor(divisor, coefficient) >= variable->extent) return true;
    return digits_separate(group, rest, coefficient, variable->extent);
}

/* Tries to tell all iterations apart; returns a variable that it fails for, or NULL. */
static const Variable *find_conflict(const Verifier *verifier, const Group *group) {
    Apart apart = {0};
    if (verifier->kernel->time) apart.variable[apart.count++] = verifier->kernel->time;
    for (bool progress = true; progress;) {
        progress = false;
        for (int i = 0; i < verifier->parallel_count; i++) {
            const Variable *variable = verifier->parallel[i]->variable;
            if (is_apart(&apart, variable)) continue;
            bool separated = variable->extent == 1;
            for (int d = 0; d < group->buffer->rank && !separated; d++) separated = dimension_separates(group, d, variable, &apart);
            if (!separated) continue;
            apart.variable[apart.count++] = variable;
            progress = true;
        }
    }
    for (int i = 0; i < verifier->parallel_count; i++)
        if (!is_apart(&apart, verifier->parallel[i]->variable)) return verifier->parallel[i]->variable;
    return NULL;
}

static void verify_group(Verifier *verifier, const Group *group) {
    const Variable *conflict = find_conflict(verifier, group);
    if (!conflict) return;
    Group stores = {.buffer = group->buffer, .access = NEW_ARRAY(const Access *, group->count)};
    const Statement *reader = NULL;
    for (int i = 0; i < group->count; i++) {
        if (group->access[i]->store) stores.access[stores.count++] = group->access[i];
        else reader = group->access[i]->statement;
    }
    const Variable *written = find_conflict(verifier, &stores);
    if (written)
        refuse_tree(verifier, stores.access[0]->statement, "two iterations of the parallel loop over %s may write the same element of %s",
                    written->name, group->buffer->name);
    else
        refuse_tree(verifier, reader, "an iteration of the parallel loop over %s may read an element of %s that another iteration writes",
                    conflict->name, group->buffer->name);
}

void verify_parallel(Verifier *verifier) {
    if (!verifier->parallel_count) return;
    PointerMap position = {0};
    int groups = 0;
    for (int i = 0; i < verifier->count; i++) {
        const Access *access = &verifier->access[i];
        if (!access->store || access->buffer->space != SPACE_TENSOR) continue;
        bool added;
        long *place = pointer_map_add(&position, access->buffer, &added);
        if (added) *place = groups++;
    }
    Group *group = NEW_ARRAY(Group, groups);
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < groups && pass == 1; i++) {
            group[i].access = NEW_ARRAY(const Access *, group[i].count);
            group[i].count = 0;
        }
        for (int i = 0; i < verifier->count; i++) {
            const Access *access = &verifier->access[i];
            long *place = pointer_map_find(&position, access->buffer);
            if (!place) continue;
            group[*place].buffer = access->buffer;
            if (pass == 1) group[*place].access[group[*place].count] = access;
            group[*place].count++;
        }
    }
    for (int i = 0; i < groups && !verifier->error; i++) verify_group(verifier, &group[i]);
}
