/* file_identity.h: identifies a file by device and inode, whatever path leads to it. */
#ifndef ZOETROPE_FILE_IDENTITY_H
#define ZOETROPE_FILE_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

typedef struct FileIdentity {
    uint64_t device, inode; /* both 0: unknown, and equal to no other */
} FileIdentity;

FileIdentity file_identity(const struct stat *status);

/* Identities, each with a number. Starts zeroed. */
typedef struct FileSet {
    struct FileSlot *slots; /* open addressing */
    size_t room, count;
} FileSet;

/* The number of an identity; NULL: not in the set. */
int64_t *file_set_find(const FileSet *set, FileIdentity identity);
/* Adds a known identity that is not in the set yet. */
void file_set_add(FileSet *set, FileIdentity identity, int64_t number);
void file_set_free(FileSet *set);

#endif
