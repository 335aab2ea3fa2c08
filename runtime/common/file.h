/* file.h: files that are complete or absent. */
#ifndef ZOETROPE_FILE_H
#define ZOETROPE_FILE_H

#include "common/error.h"

#include <stddef.h>

/* Makes the bytes of parts when they are written, so that a file need not be in memory as a whole. */
typedef struct FileSource {
    const void *(*make)(void *context, int which); /* they are there until the next call; NULL: no memory */
    void *context;
    int which;
} FileSource;

typedef struct FilePart { /* a part of what is written */
    const void *bytes;
    size_t length;
    const FileSource *source; /* NULL: bytes are there; else the part is `offset` behind the start of what is made */
    size_t offset;
} FilePart;

typedef enum {
    FILE_RENAMED, /* written under another name and renamed: a reader never sees half of it */
    FILE_DURABLE  /* also synced with its folder: the file survives a loss of power */
} FileCare;

/* Writes the parts one after another to `path`. On failure, an existing file is unchanged, and no partial file is left. */
bool file_write(const char *path, const FilePart *parts, size_t count, FileCare care, Error *error);

/* Reads the first bytes of a regular file, at most `size`; *read: how many. */
bool file_peek(const char *path, unsigned char *bytes, size_t size, size_t *read, Error *error);
/* Reads a whole regular file into memory that the caller frees (not NULL on success, even for an empty file). */
bool file_read(const char *path, unsigned char **bytes, size_t *length, Error *error);

typedef enum FileStatus { FILE_IS_READ, FILE_UNREADABLE, FILE_NOT_REGULAR, FILE_NO_MEMORY } FileStatus;
/* The same for callers that name the file differently: the reason has neither the path nor a remedy. */
FileStatus file_load(const char *path, unsigned char **bytes, size_t *length, Error *reason);

/* Opens a regular file as a stream that the caller closes; NULL: an error. A pipe, a folder or a device is an error. */
FILE *file_open(const char *path, Error *error);

bool file_exists(const char *path);
/* Does the folder have a regular file of that name that is not empty? */
bool file_has_content(const char *folder, const char *name);

/* The name of a regular file in the folder that is not empty and matches one of the patterns (of fnmatch; the list ends with NULL). The
 * caller frees it. NULL: none. */
char *find_file(const char *folder, const char *const *patterns);
/* Refuses a folder that has such files: earlier results, which would be mixed with the new ones. */
bool check_no_results(const char *folder, const char *const *patterns, Error *error);

/* Can files be made in the folder? It is better to know before long work than after it. */
bool check_writable(const char *folder, Error *error);
/* The same for the folder of a file. */
bool check_place(const char *path, Error *error);
/* Do both paths lead to the same file? */
bool same_file(const char *a, const char *b);

/* Makes a writable folder, with the folders above it; it may exist. *found: the length of the part of the path that existed before. On
 * failure, no new folder is left. */
bool make_folders(const char *path, size_t *found, Error *error);
/* Removes the folder and those above it if they are empty and their paths are longer than `keep`: undoes make_folders. */
void remove_empty_folders(const char *path, size_t keep);

/* "folder/name", which the caller frees. If there is no memory, the program ends, as in every function of this file. */
char *path_join(const char *folder, const char *pattern, ...) __attribute__((format(printf, 2, 3)));

/* Makes sure that standard input, output and error are open. Otherwise, a file could take the place of a closed one and receive what is
 * printed. */
void keep_standard_streams(void);

/* malloc and realloc that end the program with a message instead of returning NULL; zeroed. Only for small things: memory that depends on
 * the size of a model or a file is allocated where the failure can be explained. */
void *allocate(size_t size);
void *reallocate(void *old, size_t size);
char *copy_text(const char *text);

/* The text as it is shown (see text.h), as JSON in quotes. Different texts give different results. The caller frees the result.
 */
char *json_quoted(const char *text);
/* The same for text that is read back: UTF-8 becomes JSON for the same text. Other bytes cannot, and are shown as above. */
char *json_exact(const char *text);

#endif
