#include "loop/affine.h"
#include "base/support.h"

#include <string.h>

Variable *new_variable(const char *name, long extent) {
    Variable *variable = NEW(Variable);
    *variable = (Variable){.name = name, .extent = extent};
    return variable;
}

Affine affine_constant(long constant) {
    return (Affine){.constant = constant};
}

Affine affine_variable(const Variable *variable) {
    AffineTerm *term = NEW(AffineTerm);
    *term = (AffineTerm){variable, 1};
    return (Affine){.count = 1, .term = term};
}

/* a + factor · b, of a without the term in `without` (NULL: with all). */
static Affine combine(Affine a, const Variable *without, Affine b, long factor) {
    Affine sum = {.constant = a.constant + factor * b.constant, .count = a.count};
    AffineTerm *term = NEW_ARRAY(AffineTerm, a.count + b.count);
    if (a.count) memcpy(term, a.term, sizeof *term * (size_t)a.count);
    for (int i = 0; i < sum.count; i++)
        if (term[i].variable == without) term[i] = term[--sum.count];
    for (int i = 0; i < b.count; i++) {
        int at = 0;
        while (at < sum.count && term[at].variable != b.term[i].variable) at++;
        if (at == sum.count) term[sum.count++] = (AffineTerm){b.term[i].variable, 0};
        term[at].coefficient += factor * b.term[i].coefficient;
        if (term[at].coefficient == 0) term[at] = term[--sum.count];
    }
    sum.term = term;
    return sum;
}

Affine affine_add(Affine a, Affine b) {
    if (b.count == 0) return affine_shift(a, b.constant);
    if (a.count == 0) return affine_shift(b, a.constant);
    return combine(a, NULL, b, 1);
}

Affine affine_scale(Affine a, long factor) {
    if (factor == 0 || a.count == 0) return affine_constant(factor * a.constant);
    if (factor == 1) return a;
    return combine(affine_constant(0), NULL, a, factor);
}

Affine affine_shift(Affine a, long constant) {
    a.constant += constant;
    return a;
}

long affine_coefficient(const Affine *a, const Variable *variable) {
    for (int i = 0; i < a->count; i++)
        if (a->term[i].variable == variable) return a->term[i].coefficient;
    return 0;
}

Affine affine_substitute(Affine a, const Variable *variable, Affine by) {
    long coefficient = affine_coefficient(&a, variable);
    if (coefficient == 0) return a;
    return combine(a, variable, by, coefficient);
}

bool affine_equal(const Affine *a, const Affine *b) {
    if (a->constant != b->constant || a->count != b->count) return false;
    for (int i = 0; i < a->count; i++)
        if (affine_coefficient(b, a->term[i].variable) != a->term[i].coefficient) return false;
    return true;
}

void affine_range(const Affine *a, long *low, long *high) {
    *low = *high = a->constant;
    for (int i = 0; i < a->count; i++) {
        long most = a->term[i].coefficient * (a->term[i].variable->extent - 1);
        *(most < 0 ? low : high) += most;
    }
}
