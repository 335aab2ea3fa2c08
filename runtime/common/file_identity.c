/* file_identity.c: sets of files. */
#include "common/file_identity.h"

#include "common/file.h"

#include <stdlib.h>

typedef struct FileSlot {
    FileIdentity identity; /* unknown: the slot is free */
    int64_t number;
} FileSlot;

static bool is_known(FileIdentity identity) {
    return identity.device != 0 || identity.inode != 0;
}

FileIdentity file_identity(const struct stat *status) {
    return (FileIdentity){(uint64_t)status->st_dev, (uint64_t)status->st_ino};
}

/* The slot of an identity, or the free one where it would go. */
static FileSlot *find_slot(const FileSet *set, FileIdentity identity) {
    uint64_t hash = (identity.inode ^ identity.device << 32) * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = (size_t)(hash >> 20);; i++) {
        FileSlot *slot = &set->slots[i & (set->room - 1)];
        if (!is_known(slot->identity) || (slot->identity.device == identity.device && slot->identity.inode == identity.inode)) return slot;
    }
}

int64_t *file_set_find(const FileSet *set, FileIdentity identity) {
    if (set->count == 0 || !is_known(identity)) return NULL;
    FileSlot *slot = find_slot(set, identity);
    return is_known(slot->identity) ? &slot->number : NULL;
}

static void grow(FileSet *set) {
    FileSet before = *set;
    set->room = before.room > 0 ? 2 * before.room : 256;
    set->slots = allocate(set->room * sizeof *set->slots);
    for (size_t i = 0; i < before.room; i++)
        if (is_known(before.slots[i].identity)) *find_slot(set, before.slots[i].identity) = before.slots[i];
    free(before.slots);
}

void file_set_add(FileSet *set, FileIdentity identity, int64_t number) {
    if (!is_known(identity)) return;
    if (2 * (set->count + 1) > set->room) grow(set);
    *find_slot(set, identity) = (FileSlot){identity, number};
    set->count++;
}

void file_set_free(FileSet *set) {
    free(set->slots);
    *set = (FileSet){.count = 0};
}
