/* emit_addresses.c: common parts of addresses. If several accesses to one buffer in a straight-line run differ by constants only, the
 * common part is computed once, as a pointer to the first of them: `const float *const x_at = &x[1024 * n + 64 * i];`, then x_at[0],
 * x_at[16], … */
#include "emit/emitter.h"

#include <string.h>

enum { LEAST_SHARERS = 3 };

struct AddressGroup {
    const Buffer *buffer;
    const char *variables; /* the index without its constant, as text */
    long first;            /* the least constant */
    int count;
    const char *name; /* of the pointer, once it is declared */
    AddressGroup *next;
};

static bool has_variables(const Emitter *emitter, const Offset *offset) {
    for (int i = 0; i < offset->affine.count; i++)
        if (only_value(emitter, offset->affine.term[i].variable) < 0) return true;
    return offset->count > 0;
}

void note_address(Emitter *emitter, AddressGroup **groups, Access *access) {
    if (!has_variables(emitter, &access->offset)) return;
    Offset variables = access->offset;
    long constant = variables.affine.constant;
    variables.affine.constant = 0;
    const char *text = offset_text(emitter, &variables);
    AddressGroup **group = groups;
    while (*group && ((*group)->buffer != access->buffer || strcmp((*group)->variables, text) != 0)) group = &(*group)->next;
    if (!*group) {
        *group = NEW(AddressGroup);
        **group = (AddressGroup){.buffer = access->buffer, .variables = text, .first = constant};
    }
    (*group)->first = minimum((*group)->first, constant);
    (*group)->count++;
    access->group = *group;
}

static bool is_shared(const Access *access) {
    return access->group && access->group->count >= LEAST_SHARERS;
}

int address_width(const Emitter *emitter, const Access *access) {
    return is_shared(access) ? 4 : (int)strlen(offset_text(emitter, &access->offset));
}

const CExpression *c_element(Emitter *emitter, CBlock *out, const Access *access) {
    const UsedBuffer *used = used_buffer(emitter, access->buffer);
    if (!is_shared(access)) return c_index(c_atom("%s", used->name), c_atom("%s", offset_text(emitter, &access->offset)));
    AddressGroup *group = access->group;
    if (!group->name) {
        Offset first = access->offset;
        first.affine.constant = group->first;
        const CExpression *element = c_index(c_atom("%s", used->name), c_atom("%s", offset_text(emitter, &first)));
        const char *type = type_name(emitter, access->buffer->type, false);
        group->name = unique_name(emitter, format("%s_at", used->name));
        c_declare(out, format("%s%s *const ", used->written ? "" : "const ", type), group->name, c_prefix("&", element));
    }
    return c_index(c_atom("%s", group->name), c_atom("%ld", access->offset.affine.constant - group->first));
}
