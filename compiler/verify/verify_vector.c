/* verify_vector.c: the lanes of a vector loop may run at once: every access is uniform or of unit stride along them, and what one
 * lane writes no other lane reads or writes. */
#include "verify/verifier.h"

typedef struct Lanes { /* an access as the lanes see it: at `offset` + stride · lane */
    const Access *access;
    Offset offset; /* at lane 0 */
    long stride;
} Lanes;

static bool place_lanes(Verifier *verifier, const Variable *lane, const Access *access, Lanes *result) {
    const Buffer *buffer = access->buffer;
    *result = (Lanes){.access = access, .offset = buffer_offset(buffer, access->index)};
    for (int i = 0; i < result->offset.count; i++)
        if (affine_coefficient(&result->offset.term[i].inner, lane)) {
            refuse_tree(verifier, access->statement, "vector lanes over %s: the offset in %s is not affine along them", lane->name,
                        buffer->name);
            return false;
        }
    long stride = result->stride = affine_coefficient(&result->offset.affine, lane);
    result->offset.affine = affine_substitute(result->offset.affine, lane, affine_constant(0));
    if (buffer->type == TYPE_F64) {
        refuse_tree(verifier, access->statement, "vector lanes over %s: the elements of %s are doubles", lane->name, buffer->name);
    } else if (access->store && stride != 1) {
        refuse_tree(verifier, access->statement, "vector lanes over %s store to %s with stride %ld, not 1", lane->name, buffer->name,
                    stride);
    } else if (access->nontemporal && !offset_is_multiple(&result->offset, verifier->lanes)) {
        refuse_tree(verifier, access->statement, "a nontemporal vector is not aligned in %s", buffer->name);
    } else if (stride != 0 && stride != 1) {
        refuse_tree(verifier, access->statement, "vector lanes over %s load from %s with stride %ld, neither 0 nor 1", lane->name,
                    buffer->name, stride);
    }
    return !verifier->error;
}

/* Some dimension without lanes has an index that is never equal. */
static bool differs_elsewhere(const Variable *lane, const Access *a, const Access *b) {
    for (int d = 0; d < a->buffer->rank; d++) {
        if (affine_coefficient(&a->index[d], lane) || affine_coefficient(&b->index[d], lane)) continue;
        Affine difference = affine_add(a->index[d], affine_scale(b->index[d], -1));
        Interval interval = affine_interval(&difference, a->facts);
        if (interval.low > 0 || interval.high < 0) return true;
    }
    return false;
}

/* Whether lane i of the store and lane j ≠ i of the other access may meet at one address. */
static bool lanes_meet(const Variable *lane, int lanes, const Lanes *store, const Lanes *other) {
    if (differs_elsewhere(lane, store->access, other->access)) return false;
    bool same_rest = store->offset.count == other->offset.count;
    for (int i = 0; same_rest && i < store->offset.count; i++)
        same_rest = affine_equal(&store->offset.term[i].inner, &other->offset.term[i].inner) &&
                    store->offset.term[i].divisor == other->offset.term[i].divisor &&
                    store->offset.term[i].modulus == other->offset.term[i].modulus &&
                    store->offset.term[i].stride == other->offset.term[i].stride;
    if (!same_rest) return true;
    Affine difference = affine_add(other->offset.affine, affine_scale(store->offset.affine, -1));
    Interval interval = affine_interval(&difference, store->access->facts); /* store's lane i = difference + other.stride · j */
    if (other->stride == 1 && interval.low == 0 && interval.high == 0) return false;
    return !(interval.low >= lanes || interval.high <= (other->stride ? -lanes : -1));
}

void verify_vector(Verifier *verifier, const Statement *loop, int first) {
    const Variable *lane = loop->variable;
    int count = verifier->count - first;
    Lanes *list = NEW_ARRAY(Lanes, count);
    for (int i = 0; i < count; i++)
        if (!place_lanes(verifier, lane, &verifier->access[first + i], &list[i])) return;
    for (int i = 0; i < count; i++) {
        for (int j = 0; list[i].access->store && j < count; j++) {
            if (i == j || list[j].access->buffer != list[i].access->buffer) continue;
            if (!lanes_meet(lane, verifier->lanes, &list[i], &list[j])) continue;
            refuse_tree(verifier, list[j].access->statement, "vector lanes over %s: a lane %s an element of %s that another lane writes",
                        lane->name, list[j].access->store ? "writes" : "reads", list[i].access->buffer->name);
            return;
        }
    }
}
