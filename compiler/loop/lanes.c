/* lanes.c: can the lanes of a vector lie along a variable? */
#include "loop/lanes.h"

#include <string.h>

typedef struct Fitting {
    const Variable *variable;
    int lanes;
    bool fits;
} Fitting;

static const Expression *fit_load(const Expression *e, void *context);

static void fit_index(Fitting *fitting, const Buffer *buffer, const Affine *index, const Expression *value) {
    for (int d = 0; d < buffer->rank; d++) {
        long coefficient = affine_coefficient(&index[d], fitting->variable);
        if (coefficient == 0) continue;
        if (buffer->space == SPACE_VIRTUAL) { /* along its own variable, as staged: unit steps there */
            Fitting inner = {buffer->index[d], fitting->lanes, true};
            expression_rewrite(value, fit_load, &inner);
            fitting->fits = fitting->fits && inner.fits && coefficient == 1;
            continue;
        }
        bool adjacent = false;
        long whole = buffer->shape[d];
        for (int t = 0; t < buffer->layout.count; t++) {
            if (buffer->layout.term[t].dimension != d || buffer->layout.term[t].stride != 1 || buffer->layout.term[t].divisor != 1)
                continue;
            long modulus = buffer->layout.term[t].modulus;
            adjacent = modulus == 0 || modulus == fitting->lanes;
            if (modulus == fitting->lanes && (index[d].constant % fitting->lanes != 0 || whole % fitting->lanes != 0)) adjacent = false;
        }
        fitting->fits = fitting->fits && adjacent && coefficient == 1 && buffer->type != TYPE_F64;
    }
}

static const Expression *fit_load(const Expression *e, void *context) {
    if (e->kind == EXPRESSION_LOAD) fit_index(context, e->buffer, e->index, e->buffer->value);
    return e;
}

bool lanes_fit(const Compute *compute, const char *variable, int lanes) {
    Fitting fitting = {.lanes = lanes, .fits = true};
    for (int i = 0; i < compute->variable_count; i++)
        if (strcmp(compute->variable[i]->name, variable) == 0) fitting.variable = compute->variable[i];
    if (!fitting.variable || fitting.variable->extent < lanes) return false;
    for (int s = 0; s < compute->sum_count; s++) {
        if (compute->sum[s]->type == TYPE_F64) return false;
        expression_rewrite(compute->sum[s], fit_load, &fitting);
    }
    for (int s = 0; s < compute->store_count; s++) {
        const Store *store = &compute->store[s];
        bool depends = false;
        for (int d = 0; d < store->buffer->rank; d++) depends = depends || affine_coefficient(&store->index[d], fitting.variable) != 0;
        if (!depends) return false;
        fit_index(&fitting, store->buffer, store->index, NULL);
        expression_rewrite(store->value, fit_load, &fitting);
    }
    return fitting.fits;
}
