/* affine.h: integers that are affine in loop variables; small, passed by value. */
#ifndef ZOETROPE_AFFINE_H
#define ZOETROPE_AFFINE_H

#include "base/support.h"

enum { MAX_VARIABLES = 20 }; /* of a Compute */

typedef struct Variable { /* takes the values 0 … extent − 1; identity is its address */
    const char *name;
    long extent;
} Variable;

typedef struct AffineTerm {
    const Variable *variable;
    long coefficient;
} AffineTerm;

typedef struct Affine { /* constant + Σ coefficient · variable; no variable twice, no coefficient 0 */
    long constant;
    int count;
    const AffineTerm *term; /* shared between values, never changed; only affine.c makes them */
} Affine;

Variable *new_variable(const char *name, long extent);
Affine affine_constant(long constant);
Affine affine_variable(const Variable *variable);
Affine affine_add(Affine a, Affine b);
Affine affine_scale(Affine a, long factor);
Affine affine_shift(Affine a, long constant);
Affine affine_substitute(Affine a, const Variable *variable, Affine by);
bool affine_equal(const Affine *a, const Affine *b);
long affine_coefficient(const Affine *a, const Variable *variable);
void affine_range(const Affine *a, long *low, long *high); /* over all its variables, both inclusive */

#endif
