/* file.h: files that are whole or not there. */
#ifndef ZOETROPE_FILE_H
#define ZOETROPE_FILE_H

#include "common/error.h"

#include <stddef.h>

typedef struct FilePart { /* a stretch of what is written */
    const void *bytes;
    size_t length;
} FilePart;

typedef enum {
    FILE_RENAMED, /* written beside its name and renamed: a reader never sees half of it */
    FILE_DURABLE  /* that, and synced with its folder: what bears the name survives a loss of power too */
} FileCare;

/* Writes the parts one after another into `path`. On failure whatever was there before is untouched and nothing is left beside it. */
bool file_write(const char *path, const FilePart *parts, size_t count, FileCare care, Error *error);

/* The first bytes of a regular file, at most `size` of them; *read: how many. */
bool file_peek(const char *path, unsigned char *bytes, size_t size, size_t *read, Error *error);
/* Reads a whole regular file into memory that the caller frees (never NULL on success, also for an empty file). */
bool file_read(const char *path, unsigned char **bytes, size_t *length, Error *error);

typedef enum FileStatus { FILE_IS_READ, FILE_UNREADABLE, FILE_NOT_REGULAR, FILE_NO_MEMORY } FileStatus;
/* The same for a caller who names the file in his own way: the reason says why not, without the path and a remedy. */
FileStatus file_load(const char *path, unsigned char **bytes, size_t *length, Error *reason);

/* A regular file as a stream that the caller closes; NULL: an error. A pipe, a folder or a device is one. */
FILE *file_open(const char *path, Error *error);

bool file_exists(const char *path);
/* A regular file of that name in the folder, and not an empty one. */
bool file_has_content(const char *folder, const char *name);

/* The name of a regular file in the folder, not an empty one, that one of the patterns (fnmatch's; NULL ends them) stands for; the caller
 * frees it. NULL: there is none. */
char *find_file(const char *folder, const char *const *patterns);
/* Refuses a folder that has such files: results of before, which would be mixed with what is about to be written. */
bool check_no_results(const char *folder, const char *const *patterns, Error *error);

/* Can files be made in the folder? Better known before long work than after it. */
bool check_writable(const char *folder, Error *error);
/* The same for the folder of a file. */
bool check_place(const char *path, Error *error);
/* Do the two paths lead to one file? */
bool same_file(const char *a, const char *b);

/* Makes a folder that can be written, with the folders above it; one that is already there is fine. *found: so many bytes of the path were
 * there before. On failure nothing that was made is left. */
bool make_folders(const char *path, size_t *found, Error *error);
/* Removes the folder and those above it, as far as they are empty and longer than `keep` bytes of the path: undoes make_folders. */
void remove_empty_folders(const char *path, size_t keep);

/* "folder/name" in memory that the caller frees. Running out of memory ends the program, as in every function of this file. */
char *path_join(const char *folder, const char *pattern, ...) __attribute__((format(printf, 2, 3)));

/* Sees to it that standard input, output and error are open, so that no file takes the place of one that the caller has closed, and gets
 * what is printed. */
void keep_standard_streams(void);

/* malloc and realloc that end the program with a message rather than return NULL; zeroed. For small things: what depends on the
 * size of a model or a file is allocated where the failure can be explained. */
void *allocate(size_t size);
void *reallocate(void *old, size_t size);
char *copy_text(const char *text);

/* The text as it may be shown (see text.h), as JSON in quotes: two texts that differ give two that differ. Memory is the caller's to free.
 */
char *json_quoted(const char *text);
/* The same for what is read back: UTF-8 becomes JSON that stands for the very same text. What is no UTF-8 cannot, and is as above. */
char *json_exact(const char *text);

#endif
