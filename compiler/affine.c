#include "loop.h"

Variable *new_variable(const char *name, long extent) {
    Variable *variable = NEW(Variable);
    *variable = (Variable){.name = name, .extent = extent};
    return variable;
}

Affine affine_constant(long constant) {
    return (Affine){.constant = constant};
}

Affine affine_variable(const Variable *variable) {
    Affine a = {.count = 1};
    a.term[0].variable = variable;
    a.term[0].coefficient = 1;
    return a;
}

static void add_term(Affine *a, const Variable *variable, long coefficient) {
    for (int i = 0; i < a->count; i++) {
        if (a->term[i].variable != variable) continue;
        a->term[i].coefficient += coefficient;
        if (a->term[i].coefficient == 0) a->term[i] = a->term[--a->count];
        return;
    }
    if (coefficient == 0) return;
    if (a->count == MAX_TERMS) die("an index depends on more than %d variables", MAX_TERMS);
    a->term[a->count].variable = variable;
    a->term[a->count++].coefficient = coefficient;
}

Affine affine_add(Affine a, Affine b) {
    a.constant += b.constant;
    for (int i = 0; i < b.count; i++) add_term(&a, b.term[i].variable, b.term[i].coefficient);
    return a;
}

Affine affine_scale(Affine a, long factor) {
    if (factor == 0) return affine_constant(0);
    a.constant *= factor;
    for (int i = 0; i < a.count; i++) a.term[i].coefficient *= factor;
    return a;
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
    add_term(&a, variable, -coefficient);
    return affine_add(a, affine_scale(by, coefficient));
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
