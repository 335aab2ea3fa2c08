/* nontemporal.c: chooses the stores that bypass the caches. An ordinary store to a line that is not in a cache reads that line first, and
 * later pushes another line out. Neither helps if the stored data is read much later.
 *
 * Such a store writes a whole cache line at an aligned address: for part of a line, memory would have to read, change and write the line
 * itself. Tensors in the workspace are aligned to cache lines; the caller's buffers may not be. */
#include "schedule/nontemporal.h"
#include "base/pointer_map.h"

enum { NONTEMPORAL_BYTES = 4 << 20 }; /* a smaller tensor may still be in a cache when it is read */

typedef struct Marking {
    int lanes;
    PointerMap visited; /* expressions seen */
    PointerMap read;    /* buffers that are read, or added to */
} Marking;

static void note_reads(Marking *marking, const Expression *e) {
    bool added;
    pointer_map_add(&marking->visited, e, &added);
    if (!added) return;
    if (e->kind == EXPRESSION_LOAD) pointer_map_add(&marking->read, e->buffer, NULL);
    for (int i = 0; i < expression_operands(e->kind); i++) note_reads(marking, e->operand[i]);
}

static void find_reads(Marking *marking, const Statement *statement) {
    for (; statement; statement = statement->next) {
        find_reads(marking, statement->body);
        find_reads(marking, statement->other);
        for (int i = 0; i < statement->store_count; i++) {
            const Store *store = &statement->store[i];
            note_reads(marking, store->value);
            if (store->accumulate) pointer_map_add(&marking->read, store->buffer, NULL);
        }
    }
}

static bool is_aligned(const Store *store, const Variable *lane, int lanes) {
    const Offset offset = buffer_offset(store->buffer, store->index);
    const Offset first = offset_substitute(offset, lane, affine_constant(0));
    return affine_coefficient(&offset.affine, lane) == 1 && offset_is_multiple(&first, lanes);
}

static void mark_block(Marking *marking, const Statement *statement, const Variable *lane) {
    for (; statement; statement = statement->next) {
        const bool vector = statement->kind == STATEMENT_LOOP && statement->loop == LOOP_VECTOR;
        mark_block(marking, statement->body, vector && statement->variable->extent == marking->lanes ? statement->variable : NULL);
        mark_block(marking, statement->other, NULL);
        for (int i = 0; lane && i < statement->store_count; i++) {
            Store *store = &statement->store[i];
            const Buffer *buffer = store->buffer;
            store->nontemporal = buffer->space == SPACE_TENSOR && buffer->type == TYPE_F32 &&
                                 buffer->layout.size * type_size(buffer->type) >= NONTEMPORAL_BYTES &&
                                 !pointer_map_find(&marking->read, buffer) && is_aligned(store, lane, marking->lanes);
        }
    }
}

void mark_nontemporal(Statement *tree, int lanes) {
    Marking marking = {.lanes = lanes};
    find_reads(&marking, tree);
    mark_block(&marking, tree, NULL);
}
