/* verify_local.c: scratch and registers are undefined at first. Every element that is read of them must have been written before, in the
 * same iteration of the parallel loops.
 *
 * The elements that have been written are a list of boxes. A store adds its index. A loop widens the boxes that its body added over its
 * variable, if that leaves no holes. Of a guard's two branches, only elements that both have written count. A read must lie inside one
 * box; neighbouring boxes are joined. Scratch buffers may share bytes: a write to one then spoils the others. */
#include "verify/verifier.h"

#include "loop/print_loop.h"

#include <string.h>

bool is_local(const Buffer *buffer) {
    return buffer->space == SPACE_REGISTER || buffer->space == SPACE_SCRATCH;
}

static long end_of(const Buffer *buffer) {
    return buffer->offset + buffer->layout.size * type_size(buffer->type);
}

static Local *find_local(Verifier *verifier, const Buffer *buffer) {
    bool added;
    long *number = pointer_map_add(&verifier->local_of, buffer, &added);
    if (!added) return &verifier->local[*number];
    MAKE_ROOM(verifier->local, verifier->local_count, verifier->local_capacity);
    *number = verifier->local_count++;
    verifier->local[*number].buffer = buffer;
    return &verifier->local[*number];
}

/* ---- boxes ---- */

enum { MOST_BOXES = 64 }; /* forgetting a box is safe */

/* a − b where that is a constant. */
static bool constant_difference(const Affine *a, const Affine *b, long *difference) {
    *difference = a->constant - b->constant;
    if (a->count != b->count) return false;
    for (int i = 0; i < a->count; i++)
        if (affine_coefficient(b, a->term[i].variable) != a->term[i].coefficient) return false;
    return true;
}

/* Joins two boxes: into one if they differ in one dimension only and leave no hole, or into the larger one if it contains the other. */
static bool join_boxes(const Region *a, const Region *b, int rank, Region *joined) {
    int differs = -1;
    bool a_holds_b = true, b_holds_a = true;
    for (int d = 0; d < rank; d++) {
        long apart;
        if (!constant_difference(&b->low[d], &a->low[d], &apart)) return false;
        if (apart > a->extent[d] || -apart > b->extent[d]) return false;
        a_holds_b = a_holds_b && apart >= 0 && apart + b->extent[d] <= a->extent[d];
        b_holds_a = b_holds_a && apart <= 0 && a->extent[d] - apart <= b->extent[d];
        if (apart != 0 || a->extent[d] != b->extent[d]) differs = differs < 0 ? d : rank;
    }
    *joined = b_holds_a ? *b : *a;
    if (a_holds_b || b_holds_a) return true;
    if (differs == rank) return false;
    long apart;
    constant_difference(&b->low[differs], &a->low[differs], &apart);
    if (apart < 0) joined->low[differs] = b->low[differs];
    joined->extent[differs] = maximum(a->extent[differs], apart + b->extent[differs]) - minimum(0, apart);
    return true;
}

static const Region *add_box(const Region *list, const Region *box, int rank) {
    Region joined, *copy;
    int count = 0;
    for (const Region *other = list; other; other = other->next) {
        if (++count > MOST_BOXES) return list;
        if (!join_boxes(other, box, rank, &joined)) continue;
        if (other == list) return add_box(other->next, &joined, rank);
        const Region *rest = NULL; /* the list without `other` */
        for (const Region *kept = list; kept; kept = kept->next) {
            if (kept == other) continue;
            copy = NEW(Region);
            *copy = *kept;
            copy->next = rest;
            rest = copy;
        }
        return add_box(rest, &joined, rank);
    }
    copy = NEW(Region);
    *copy = *box;
    copy->next = list;
    return copy;
}

/* The box over all values of the variable; false where it would have holes. */
static bool widen_box(Region *box, const Variable *variable, int rank) {
    int dimensions = 0;
    for (int d = 0; d < rank; d++) {
        long coefficient = affine_coefficient(&box->low[d], variable), size = coefficient < 0 ? -coefficient : coefficient;
        if (!coefficient) continue;
        if (++dimensions > 1 || (size > box->extent[d] && variable->extent > 1)) return false;
        box->low[d] = affine_substitute(box->low[d], variable, affine_constant(coefficient < 0 ? variable->extent - 1 : 0));
        box->extent[d] += size * (variable->extent - 1);
    }
    return true;
}

static bool common_box(const Region *a, const Region *b, int rank, Region *common) {
    *common = *a;
    for (int d = 0; d < rank; d++) {
        long apart;
        if (!constant_difference(&b->low[d], &a->low[d], &apart)) return false;
        if (apart > 0) common->low[d] = b->low[d];
        common->extent[d] = minimum(a->extent[d], apart + b->extent[d]) - maximum(0, apart);
        if (common->extent[d] <= 0) return false;
    }
    return true;
}

static bool box_holds(const Region *box, const Access *access) {
    for (int d = 0; d < access->buffer->rank; d++) {
        Affine from_low = affine_add(access->index[d], affine_scale(box->low[d], -1));
        Interval interval;
        affine_range(&from_low, &interval.low, &interval.high);
        if (interval.low < 0 || interval.high >= box->extent[d]) interval = affine_interval(&from_low, access->facts);
        if (interval.low > interval.high) return true; /* never runs */
        if (interval.low < 0 || interval.high >= box->extent[d]) return false;
    }
    return true;
}

/* ---- reads and writes ---- */

void verify_local_read(Verifier *verifier, const Access *access) {
    const Buffer *buffer = access->buffer;
    const Local *local = find_local(verifier, buffer);
    for (const Region *box = local->region; box; box = box->next)
        if (box_holds(box, access)) return;
    const char *kind = buffer->space == SPACE_REGISTER ? "register" : "scratch";
    if (local->stored && (local->region || !local->overwritten)) {
        Text text = {0};
        text_access(&text, buffer, access->index);
        refuse_tree(verifier, access->statement, "%s %s is read where it may not have been written: %s", kind, buffer->name, text.bytes);
    } else if (local->overwritten) {
        refuse_tree(verifier, access->statement, "scratch %s is read after scratch %s, which shares its memory, was written", buffer->name,
                    local->overwritten->name);
    } else {
        refuse_tree(verifier, access->statement, "%s %s is read before it is written", kind, buffer->name);
    }
}

void note_local_write(Verifier *verifier, const Buffer *buffer, const Affine *index) {
    Local *local = find_local(verifier, buffer);
    Region box = {0};
    for (int d = 0; d < buffer->rank; d++) {
        box.low[d] = index[d];
        box.extent[d] = 1;
    }
    local->region = add_box(local->region, &box, buffer->rank);
    local->stored = true;
    local->overwritten = NULL;
    for (int i = 0; i < verifier->local_count && buffer->space == SPACE_SCRATCH; i++) {
        Local *other = &verifier->local[i];
        if (other->buffer == buffer || other->buffer->space != SPACE_SCRATCH) continue;
        if (other->buffer->offset >= end_of(buffer) || buffer->offset >= end_of(other->buffer)) continue;
        other->region = NULL;
        other->overwritten = buffer;
    }
}

/* ---- paths ---- */

const Region **written_regions(const Verifier *verifier) {
    const Region **regions = NEW_ARRAY(const Region *, verifier->local_count + 1);
    for (int i = 0; i < verifier->local_count; i++) regions[i] = verifier->local[i].region;
    return regions;
}

void set_written_regions(Verifier *verifier, const Region **regions, int count) {
    for (int i = 0; i < verifier->local_count; i++) {
        verifier->local[i].region = i < count ? regions[i] : NULL;
        if (i >= count) verifier->local[i].stored = false;
    }
}

void keep_common_regions(Verifier *verifier, const Region **regions, int count) {
    for (int i = 0; i < verifier->local_count; i++) {
        Local *local = &verifier->local[i];
        if (i < count && regions[i] == local->region) continue;
        const Region *result = NULL;
        Region common;
        for (const Region *a = i < count ? regions[i] : NULL; a; a = a->next)
            for (const Region *b = local->region; b; b = b->next)
                if (common_box(a, b, local->buffer->rank, &common)) result = add_box(result, &common, local->buffer->rank);
        local->region = result;
    }
}

bool leave_loop(Verifier *verifier, const Variable *variable, const Region **before, int count) {
    bool spoilt = false;
    for (int i = 0; i < verifier->local_count; i++) {
        Local *local = &verifier->local[i];
        if (i < count && before[i] == local->region) continue;
        spoilt = spoilt || (i < count && before[i] && !local->region);
        const Region *result = NULL;
        for (const Region *box = local->region; box; box = box->next) {
            Region wide = *box;
            if (widen_box(&wide, variable, local->buffer->rank)) result = add_box(result, &wide, local->buffer->rank);
        }
        local->region = result;
    }
    return spoilt;
}

void verify_scratch_place(Verifier *verifier, const Buffer *buffer) {
    if (buffer->offset < 0 || buffer->offset % 64 || end_of(buffer) > verifier->kernel->scratch_size)
        refuse_tree(verifier, NULL, "scratch %s has bytes %ld … %ld, of %ld", buffer->name, buffer->offset, end_of(buffer) - 1,
                    verifier->kernel->scratch_size);
}
