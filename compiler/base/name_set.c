#include "base/name_set.h"

#include <string.h>

static size_t name_slot(const NameSet *set, const char *name) {
    size_t mask = (size_t)set->capacity - 1, i = (size_t)hash_bytes(HASH_START, name, strlen(name)) & mask;
    while (set->slot[i] && strcmp(set->slot[i], name) != 0) i = (i + 1) & mask;
    return i;
}

bool name_set_has(const NameSet *set, const char *name) {
    return set->capacity && set->slot[name_slot(set, name)];
}

void name_set_add(NameSet *set, const char *name) {
    if (set->count * 2 >= set->capacity) {
        NameSet larger = {.capacity = set->capacity ? set->capacity * 4 : 256};
        larger.slot = NEW_ARRAY(const char *, larger.capacity);
        for (int i = 0; i < set->capacity; i++)
            if (set->slot[i]) name_set_add(&larger, set->slot[i]);
        *set = larger;
    }
    size_t slot = name_slot(set, name);
    if (set->slot[slot]) return;
    set->slot[slot] = name;
    set->count++;
}
