/* emit_registers.c: REGISTER buffers as local variables. An element, or a vector of them, whose place in its buffer is known while
 * generating is a variable of its own; a buffer with an access whose place is not known, or whose vectors overlap each other or
 * single elements, stays an array. */
#include "emit/emitter.h"

#include <string.h>

/* Where a walk is: in block[d] (its first statement) at statement[d], for each d below depth. */
typedef struct Path {
    int depth;
    const Statement *block[MAX_DEPTH], *statement[MAX_DEPTH];
} Path;

/* All uses of one element or array so far: the first one's path, cut down to what all have in common. */
typedef struct Use {
    Access access;
    Path home;
    bool constant;
    int reads;
    struct Use *next; /* of the same buffer */
} Use;

typedef struct Walk {
    Emitter *emitter;
    Path path;
    PointerMap seen;       /* expressions of the current assignment */
    Use *use[MAX_BUFFERS]; /* of emitter->buffer[i], REGISTER only */
} Walk;

UsedBuffer *used_buffer(Emitter *emitter, const Buffer *buffer) {
    for (int i = 0; i < emitter->buffer_count; i++)
        if (emitter->buffer[i].buffer == buffer) return &emitter->buffer[i];
    if (emitter->buffer_count == MAX_BUFFERS) die("%s: more than %d buffers", emitter->kernel->name, MAX_BUFFERS);
    UsedBuffer *used = &emitter->buffer[emitter->buffer_count++];
    *used = (UsedBuffer){.buffer = buffer};
    return used;
}

const char *buffer_stem(const Emitter *emitter, const Buffer *buffer) {
    if (!emitter->anonymous) return buffer->name;
    return format("b%d", (int)(used_buffer((Emitter *)emitter, buffer) - emitter->buffer));
}

const char *buffer_name(Emitter *emitter, const Buffer *buffer) {
    const char *stem = buffer_stem(emitter, buffer);
    return unique_name(emitter, strcmp(stem, emitter->function) == 0 ? format("%s_out", stem) : stem);
}

/* The smallest block that holds both: `home` keeps the statement that came first. */
static void join_paths(Path *home, const Path *path) {
    int depth = 0;
    while (depth < home->depth && depth < path->depth && home->block[depth] == path->block[depth]) {
        depth++;
        if (home->statement[depth - 1] != path->statement[depth - 1]) break;
    }
    home->depth = depth;
}

static void note_access(Walk *walk, const Buffer *buffer, const Affine *index, const Variable *lane, bool written) {
    Emitter *emitter = walk->emitter;
    UsedBuffer *used = used_buffer(emitter, buffer);
    used->written = used->written || written;
    if (buffer->space != SPACE_REGISTER) return;
    Access access = find_access(emitter, buffer, index, lane);
    bool constant = access.offset.count == 0;
    for (int i = 0; i < access.offset.affine.count; i++) constant = constant && access.offset.affine.term[i].variable->extent == 1;
    Use **use = &walk->use[used - emitter->buffer];
    for (; *use; use = &(*use)->next)
        if (constant && (*use)->constant && (*use)->access.lane == access.lane &&
            (*use)->access.offset.affine.constant == access.offset.affine.constant)
            break;
    if (!*use) {
        *use = NEW(Use);
        **use = (Use){.access = access, .home = walk->path, .constant = constant};
    }
    join_paths(&(*use)->home, &walk->path);
    (*use)->reads += !written;
}

static void note_loads(Walk *walk, const Expression *e, const Variable *lane) {
    bool added;
    pointer_map_add(&walk->seen, e, &added);
    if (!added) return;
    if (e->kind == EXPRESSION_LOAD) note_access(walk, e->buffer, e->index, lane, false);
    for (int i = 0; i < expression_operands(e->kind); i++) note_loads(walk, e->operand[i], lane);
}

static void note_assignment(Walk *walk, const Statement *statement, const Variable *lane) {
    pointer_map_clear(&walk->seen);
    for (int i = 0; i < statement->store_count; i++) {
        const Store *store = &statement->store[i];
        note_loads(walk, store->value, lane);
        if (store->accumulate) note_access(walk, store->buffer, store->index, lane, false);
    }
    for (int i = 0; i < statement->store_count; i++) note_access(walk, statement->store[i].buffer, statement->store[i].index, lane, true);
}

static void note_block(Walk *walk, const Statement *first) {
    Path *path = &walk->path;
    if (path->depth == MAX_DEPTH) die("%s: blocks more than %d deep", walk->emitter->kernel->name, MAX_DEPTH);
    path->depth++;
    for (const Statement *s = first; s; s = s->next) {
        path->block[path->depth - 1] = first;
        path->statement[path->depth - 1] = s;
        if (s->kind == STATEMENT_PREFETCH) used_buffer(walk->emitter, s->buffer);
        else if (s->kind == STATEMENT_ASSIGN) note_assignment(walk, s, NULL);
        else if (s->kind == STATEMENT_CALL) note_block(walk, s->body);
        else if (s->kind == STATEMENT_GUARD) {
            note_block(walk, s->body);
            note_block(walk, s->other);
        } else if (s->loop == LOOP_VECTOR) {
            for (const Statement *inside = s->body; inside; inside = inside->next) note_assignment(walk, inside, s->variable);
        } else {
            push_variable(walk->emitter, s->variable);
            note_block(walk, s->body);
            pop_variable(walk->emitter);
        }
    }
    path->depth--;
}

static bool overlaps(const Use *a, const Use *b, int lanes) {
    long start_a = a->access.offset.affine.constant, start_b = b->access.offset.affine.constant;
    return start_a < start_b + (b->access.lane ? lanes : 1) && start_b < start_a + (a->access.lane ? lanes : 1);
}

static bool must_be_array(const Use *uses, int lanes) {
    for (const Use *a = uses; a; a = a->next) {
        if (!a->constant) return true;
        for (const Use *b = a->next; b; b = b->next)
            if (b->constant && overlaps(a, b, lanes)) return true;
    }
    return false;
}

/* y_0_1: the indices that the (first) element has; in a vector, the last one counts vectors. */
static const char *element_name(Emitter *emitter, const Buffer *buffer, const Access *access) {
    Text name = {0};
    text_add(&name, "%s", buffer_stem(emitter, buffer));
    long stride = 1;
    for (int d = 0; d < buffer->rank; d++) stride *= buffer->shape[d];
    long rest = access->offset.affine.constant;
    for (int d = 0; d < buffer->rank; d++) {
        stride /= buffer->shape[d];
        long index = rest / stride;
        rest %= stride;
        if (d == buffer->rank - 1 && access->lane) index /= emitter->target->lanes;
        long extent = d == buffer->rank - 1 && access->lane ? buffer->shape[d] / emitter->target->lanes : buffer->shape[d];
        if (extent > 1) text_add(&name, "_%ld", index);
    }
    return unique_name(emitter, name.bytes);
}

static void add_element(Emitter *emitter, const Buffer *buffer, const Use *use) {
    MAKE_ROOM(emitter->element, emitter->element_count, emitter->element_capacity);
    emitter->element[emitter->element_count++] = (Element){
        .buffer = buffer,
        .offset = use->access.offset.affine.constant,
        .vector = use->access.lane != 0,
        .name = element_name(emitter, buffer, &use->access),
        .reads = use->reads,
        .home = use->home.statement[use->home.depth - 1],
    };
}

Element *find_element(Emitter *emitter, const Access *access) {
    if (access->buffer->space != SPACE_REGISTER || used_buffer(emitter, access->buffer)->array) return NULL;
    for (int i = 0; i < emitter->element_count; i++) {
        Element *element = &emitter->element[i];
        if (element->buffer == access->buffer && element->offset == access->offset.affine.constant) return element;
    }
    die("%s: no variable for an element of %s", emitter->kernel->name, access->buffer->name);
}

void find_registers(Emitter *emitter, const Statement *tree) {
    Walk walk = {.emitter = emitter};
    /* Buffers first, so that they keep their names: a dry walk collects them, and a second one, with their names fixed, names loops. */
    note_block(&walk, tree);
    emitter->used = (NameSet){0};
    for (int d = 0; d < emitter->depth; d++) name_set_add(&emitter->used, emitter->variable_name[d]);
    for (int i = 0; i < emitter->buffer_count; i++) {
        UsedBuffer *used = &emitter->buffer[i];
        used->array = used->buffer->space == SPACE_REGISTER && must_be_array(walk.use[i], emitter->target->lanes);
        if (used->buffer->space == SPACE_REGISTER && !used->array) continue;
        used->name = buffer_name(emitter, used->buffer);
        name_set_add(&emitter->fixed, used->name);
    }
    memset(walk.use, 0, sizeof walk.use);
    note_block(&walk, tree);
    for (int i = 0; i < emitter->buffer_count; i++) {
        UsedBuffer *used = &emitter->buffer[i];
        if (used->buffer->space != SPACE_REGISTER) continue;
        Use *uses = walk.use[i];
        if (!used->array) {
            for (const Use *use = uses; use; use = use->next) add_element(emitter, used->buffer, use);
            continue;
        }
        for (const Use *use = uses->next; use; use = use->next) join_paths(&uses->home, &use->home);
        used->home = uses->home.statement[uses->home.depth - 1];
    }
}
