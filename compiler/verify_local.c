/* verify_local.c: scratch and registers hold nothing at first: what is read of them has been written before, in the same iteration
 * of the parallel loops. By whole buffers; elements are what the interpreter's NaN are for. Scratch buffers may have bytes in
 * common: to write one then spoils the others. */
#include "verify.h"

#include <string.h>

bool is_local(const Buffer *buffer) {
    return buffer->space == SPACE_REGISTER || buffer->space == SPACE_SCRATCH;
}

static long end_of(const Buffer *buffer) {
    return buffer->offset + buffer->layout.size * (buffer->type == TYPE_F64 ? 8 : 4);
}

static Local *find_local(Verifier *verifier, const Buffer *buffer) {
    bool added;
    long *number = pointer_map_add(&verifier->local_of, buffer, &added);
    if (!added) return &verifier->local[*number];
    if (verifier->local_count == verifier->local_capacity) {
        verifier->local_capacity = verifier->local_capacity ? 2 * verifier->local_capacity : 64;
        Local *grown = NEW_ARRAY(Local, verifier->local_capacity);
        if (verifier->local_count) memcpy(grown, verifier->local, sizeof(Local) * (size_t)verifier->local_count);
        verifier->local = grown;
    }
    *number = verifier->local_count++;
    verifier->local[*number].buffer = buffer;
    return &verifier->local[*number];
}

void verify_local_read(Verifier *verifier, const Statement *statement, const Buffer *buffer) {
    const Local *local = find_local(verifier, buffer);
    if (local->written) return;
    if (local->overwritten)
        refuse_tree(verifier, statement, "scratch %s is read after scratch %s, which shares its memory, was written", buffer->name,
                    local->overwritten->name);
    else
        refuse_tree(verifier, statement, "%s %s is read before it is written", buffer->space == SPACE_REGISTER ? "register" : "scratch",
                    buffer->name);
}

void note_local_write(Verifier *verifier, const Buffer *buffer) {
    Local *local = find_local(verifier, buffer);
    local->written = true;
    local->overwritten = NULL;
    for (int i = 0; i < verifier->local_count && buffer->space == SPACE_SCRATCH; i++) {
        Local *other = &verifier->local[i];
        if (other->buffer == buffer || other->buffer->space != SPACE_SCRATCH) continue;
        if (other->buffer->offset >= end_of(buffer) || buffer->offset >= end_of(other->buffer)) continue;
        other->written = false;
        other->overwritten = buffer;
    }
}

bool *written_locals(const Verifier *verifier) {
    bool *written = NEW_ARRAY(bool, verifier->local_count + 1);
    for (int i = 0; i < verifier->local_count; i++) written[i] = verifier->local[i].written;
    return written;
}

void set_written_locals(Verifier *verifier, const bool *written, int count) {
    for (int i = 0; i < verifier->local_count; i++) verifier->local[i].written = i < count && written[i];
}

void keep_common_locals(Verifier *verifier, const bool *written, int count) {
    for (int i = 0; i < verifier->local_count; i++) verifier->local[i].written &= i < count && written[i];
}

void verify_scratch_place(Verifier *verifier, const Buffer *buffer) {
    if (buffer->offset < 0 || buffer->offset % 64 || end_of(buffer) > verifier->kernel->scratch_size)
        refuse_tree(verifier, NULL, "scratch %s has bytes %ld … %ld, of %ld", buffer->name, buffer->offset, end_of(buffer) - 1,
                    verifier->kernel->scratch_size);
}
