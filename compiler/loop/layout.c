/* layout.c: layouts: where the elements of a buffer lie, with offsets as affine as the ranges of the variables allow. */
#include "base/support.h"
#include "loop/buffer.h"

#include <string.h>

Layout layout_ordered(int rank, const long *shape, const int *order, int dimension, long block) {
    Layout layout = {.size = 1};
    if (rank > MAX_RANK) die("a layout of rank %d", rank);
    if (dimension >= 0) {
        layout.term[layout.count++] = (__typeof__(layout.term[0])){dimension, 1, block, 1};
        layout.size = block;
    }
    for (int i = rank - 1; i >= 0; i--) {
        int d = order[i];
        bool blocked = d == dimension;
        long divisor = blocked ? block : 1;
        layout.term[layout.count++] = (__typeof__(layout.term[0])){d, divisor, 0, layout.size};
        layout.size *= round_up(shape[d], divisor) / divisor;
    }
    return layout;
}

Layout layout_blocked(int rank, const long *shape, int dimension, long block) {
    int order[MAX_RANK];
    for (int i = 0; i < minimum(rank, MAX_RANK); i++) order[i] = i;
    return layout_ordered(rank, shape, order, dimension, block);
}

Layout layout_row_major(int rank, const long *shape) {
    return layout_blocked(rank, shape, -1, 1);
}

long layout_offset(const Layout *layout, const long *index) {
    long offset = 0;
    for (int i = 0; i < layout->count; i++) {
        long part = index[layout->term[i].dimension] / layout->term[i].divisor;
        if (layout->term[i].modulus) part %= layout->term[i].modulus;
        offset += part * layout->term[i].stride;
    }
    return offset;
}

int layout_lane(const Layout *layout) {
    for (int i = 0; i < layout->count; i++)
        if (layout->term[i].stride == 1 && layout->term[i].modulus) return layout->term[i].dimension;
    return -1;
}

Buffer *new_buffer(const char *name, Type type, Space space, int rank, const long *shape, Layout layout) {
    if (rank > MAX_RANK) die("buffer %s has rank %d", name, rank);
    Buffer *buffer = NEW(Buffer);
    *buffer = (Buffer){.name = name, .type = type, .space = space, .rank = rank, .layout = layout};
    if (rank > 0) memcpy(buffer->shape, shape, sizeof(long) * (size_t)rank); /* shape of a scalar may be NULL */
    return buffer;
}

/* a = divisor · quotient + rest with 0 ≤ rest < divisor for all values of the variables, if such affine parts exist. */
static bool divide_exactly(const Affine *a, long divisor, Affine *quotient, Affine *rest) {
    *quotient = affine_constant(0);
    *rest = *a;
    for (int i = 0; i < a->count; i++) {
        long coefficient = a->term[i].coefficient;
        long multiple = coefficient / divisor;
        if (multiple == 0 || coefficient % divisor != 0) continue;
        Affine part = affine_variable(a->term[i].variable);
        *quotient = affine_add(*quotient, affine_scale(part, multiple));
        *rest = affine_add(*rest, affine_scale(part, -coefficient));
    }
    long low, high;
    affine_range(rest, &low, &high);
    long shift = floor_divide(low, divisor);
    quotient->constant += shift;
    rest->constant -= shift * divisor;
    return high - shift * divisor < divisor;
}

Offset buffer_offset(const Buffer *buffer, const Affine *index) {
    Offset offset = {0};
    const Layout *layout = &buffer->layout;
    for (int i = 0; i < layout->count; i++) {
        Affine inner = index[layout->term[i].dimension];
        long divisor = layout->term[i].divisor, modulus = layout->term[i].modulus, stride = layout->term[i].stride;
        Affine quotient, rest;
        if (divisor > 1 && divide_exactly(&inner, divisor, &quotient, &rest)) {
            inner = quotient;
            divisor = 1;
        }
        if (divisor == 1 && modulus > 0 && divide_exactly(&inner, modulus, &quotient, &rest)) {
            inner = rest;
            modulus = 0;
        }
        if (divisor == 1 && modulus == 0) {
            offset.affine = affine_add(offset.affine, affine_scale(inner, stride));
            continue;
        }
        if (!offset.term) offset.term = NEW_ARRAY(OffsetTerm, layout->count);
        offset.term[offset.count++] = (OffsetTerm){inner, divisor, modulus, stride};
    }
    return offset;
}

Offset offset_substitute(Offset offset, const Variable *variable, Affine by) {
    offset.affine = affine_substitute(offset.affine, variable, by);
    OffsetTerm *term = NEW_ARRAY(OffsetTerm, offset.count);
    for (int i = 0; i < offset.count; i++) {
        term[i] = offset.term[i];
        term[i].inner = affine_substitute(term[i].inner, variable, by);
    }
    offset.term = term;
    return offset;
}

bool offset_is_multiple(const Offset *offset, long of) {
    if (offset->affine.constant % of != 0) return false;
    for (int i = 0; i < offset->affine.count; i++)
        if (offset->affine.term[i].coefficient % of != 0) return false;
    for (int i = 0; i < offset->count; i++)
        if (offset->term[i].stride % of != 0) return false;
    return true;
}

void offset_range(const Offset *offset, long *low, long *high) {
    affine_range(&offset->affine, low, high);
    for (int i = 0; i < offset->count; i++) {
        const OffsetTerm *term = &offset->term[i];
        long least, most;
        affine_range(&term->inner, &least, &most);
        least = floor_divide(least, term->divisor);
        most = floor_divide(most, term->divisor);
        if (term->modulus && (least < 0 || most >= term->modulus)) {
            least = 0;
            most = term->modulus - 1;
        }
        *low += minimum(least * term->stride, most * term->stride);
        *high += maximum(least * term->stride, most * term->stride);
    }
}
