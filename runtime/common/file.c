/* file.c: files that are complete or absent: written under another name, synced, renamed. */
#include "common/file.h"
#include "common/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void keep_standard_streams(void) {
    for (int descriptor = 0; descriptor <= STDERR_FILENO; descriptor++) {
        /* Opened in the wrong direction, so that printing to it fails, as it should. The system assigns the lowest free number. */
        if (fcntl(descriptor, F_GETFD) < 0 && open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY) < 0) _exit(1);
    }
}

void *allocate(size_t size) {
    void *memory = calloc(1, size > 0 ? size : 1);
    if (memory == NULL) {
        fprintf(stderr, "error: out of memory (%zu bytes were asked for)\n", size);
        exit(1);
    }
    return memory;
}

void *reallocate(void *old, size_t size) {
    void *memory = realloc(old, size > 0 ? size : 1);
    if (memory == NULL) {
        fprintf(stderr, "error: out of memory (%zu bytes were asked for)\n", size);
        exit(1);
    }
    return memory;
}

char *copy_text(const char *text) {
    size_t size = strlen(text) + 1;
    return memcpy(allocate(size), text, size);
}

char *path_join(const char *folder, const char *pattern, ...) {
    va_list arguments, again;
    va_start(arguments, pattern);
    va_copy(again, arguments);
    size_t folder_length = strlen(folder), name_length = (size_t)vsnprintf(NULL, 0, pattern, arguments);
    va_end(arguments);
    char *path = allocate(folder_length + name_length + 2);
    memcpy(path, folder, folder_length);
    if (folder_length > 0 && path[folder_length - 1] != '/') path[folder_length++] = '/';
    vsnprintf(path + folder_length, name_length + 1, pattern, again);
    va_end(again);
    return path;
}

/* NULL: the text is not UTF-8. */
static char *json_of(const char *text) {
    json_t *string = json_string(text);
    char *result = string != NULL ? json_dumps(string, JSON_ENCODE_ANY) : NULL;
    json_decref(string);
    return result;
}

char *json_quoted(const char *text) {
    char *escaped = escape_text(text), *result = json_of(escaped);
    free(escaped);
    return result != NULL ? result : copy_text("\"\"");
}

char *json_exact(const char *text) {
    char *result = json_of(text);
    return result != NULL ? result : json_quoted(text);
}

bool file_exists(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0;
}

static bool is_named(const char *name, const char *const *patterns) {
    for (; *patterns != NULL; patterns++)
        if (fnmatch(*patterns, name, 0) == 0) return true;
    return false;
}

bool file_has_content(const char *folder, const char *name) {
    char *path = path_join(folder, "%s", name);
    struct stat status;
    const bool content = stat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
    free(path);
    return content;
}

char *find_file(const char *folder, const char *const *patterns) {
    DIR *directory = opendir(folder);
    char *found = NULL;
    if (directory == NULL) return NULL;
    for (struct dirent *entry; found == NULL && (entry = readdir(directory)) != NULL;)
        if (is_named(entry->d_name, patterns) && file_has_content(folder, entry->d_name)) found = copy_text(entry->d_name);
    closedir(directory);
    return found;
}

bool check_no_results(const char *folder, const char *const *patterns, Error *error) {
    char *found = find_file(folder, patterns);
    if (found == NULL) return true;
    fail(error, "%s: holds results already (%s); choose another --out, or delete them", folder, found);
    free(found);
    return false;
}

bool check_writable(const char *folder, Error *error) {
    struct stat status;
    int reason = stat(folder, &status) != 0 ? errno : !S_ISDIR(status.st_mode) ? ENOTDIR : access(folder, W_OK | X_OK) != 0 ? errno : 0;
    return reason == 0 || fail(error, "%s: the folder cannot be written: %s; choose another --out", folder, strerror(reason));
}

/* The caller frees the result. */
static char *folder_of(const char *path) {
    char *folder = copy_text(path), *slash = strrchr(folder, '/');
    if (slash != NULL) {
        slash[slash == folder ? 1 : 0] = 0;
        return folder;
    }
    free(folder);
    return copy_text(".");
}

/* A device or a pipe is written to directly, and never replaced by a file. */
static bool is_special(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

bool check_place(const char *path, Error *error) {
    struct stat status;
    if (is_special(path) && access(path, W_OK) == 0) return true;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) return fail(error, "%s: is a folder; give --out the path of a file", path);
    char *folder = folder_of(path);
    bool good = check_writable(folder, error);
    free(folder);
    return good;
}

bool same_file(const char *a, const char *b) {
    struct stat first, second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

void remove_empty_folders(const char *path, size_t keep) {
    char *partial = copy_text(path);
    for (size_t length = strlen(partial); length > keep; length--) {
        if (partial[length] != '/' && partial[length] != 0) continue;
        partial[length] = 0;
        rmdir(partial);
    }
    free(partial);
}

bool make_folders(const char *path, size_t *found, Error *error) {
    char *partial = copy_text(path);
    bool done = true, made = false;
    *found = 0;
    for (char *end = partial + 1; done && *partial != 0; end++) {
        if (*end != '/' && *end != 0) continue;
        char separator = *end;
        *end = 0;
        struct stat status;
        int reason = mkdir(partial, 0777) == 0 ? 0 : errno;
        if (reason == 0) made = true;
        else if (stat(partial, &status) != 0 || !S_ISDIR(status.st_mode))
            done = fail(error, "%s: the folder cannot be made: %s; choose another", partial, strerror(reason));
        if (!made) *found = (size_t)(end - partial);
        *end = separator;
        if (separator == 0) break;
    }
    free(partial);
    done = done && check_writable(path, error);
    if (!done) remove_empty_folders(path, *found);
    return done;
}

static bool write_all(int file, const void *bytes, size_t length) {
    const char *position = bytes;
    while (length > 0) {
        ssize_t written = write(file, position, length);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        position += written;
        length -= (size_t)written;
    }
    return true;
}

static bool write_parts(int file, const FilePart *parts, size_t count, FileCare care) {
    for (size_t i = 0; i < count; i++) {
        const FileSource *source = parts[i].source;
        const char *bytes = source != NULL ? source->make(source->context, source->which) : parts[i].bytes;
        errno = ENOMEM; /* unless writing says otherwise */
        if (source != NULL && bytes == NULL) return false;
        if (!write_all(file, source != NULL ? bytes + parts[i].offset : bytes, parts[i].length)) return false;
    }
    return care != FILE_DURABLE || fsync(file) == 0;
}

/* Makes the rename itself durable. It is not an error if the file system cannot sync a folder. */
static void sync_folder_of(const char *path) {
    char *folder = folder_of(path);
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
        fsync(descriptor);
        close(descriptor);
    }
    free(folder);
}

bool file_write(const char *path, const FilePart *parts, size_t count, FileCare care, Error *error) {
    size_t size = strlen(path) + sizeof ".partial";
    char *beside = allocate(size);
    const bool special = is_special(path);
    snprintf(beside, size, special ? "%s" : "%s.partial", path);
    if (special) care = FILE_RENAMED;
    int file = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool written = file >= 0 && write_parts(file, parts, count, care);
    int reason = written ? 0 : errno;
    if (file >= 0 && close(file) != 0 && written) {
        written = false;
        reason = errno;
    }
    if (written && !special && rename(beside, path) != 0) {
        written = false;
        reason = errno;
    }
    if (!written && !special && file >= 0) unlink(beside);
    free(beside);
    if (!written) {
        const char *remedy = reason == ENOMEM                                          ? "give the program more memory"
                             : reason == ENOSPC || reason == EDQUOT || reason == EFBIG ? "make room there"
                             : reason == EACCES || reason == EROFS || reason == EPERM  ? "choose a folder that can be written"
                                                                                       : "choose another place";
        return fail(error, "%s: cannot be written: %s; %s", path, strerror(reason), remedy);
    }
    if (care == FILE_DURABLE) sync_folder_of(path);
    return true;
}

/* Opens a regular file, and finds its length. */
static FileStatus open_regular(const char *path, int *file, size_t *size, Error *reason) {
    *file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe would wait for its writer */
    if (*file < 0) {
        fail(reason, "cannot be opened: %s", strerror(errno));
        return FILE_UNREADABLE;
    }
    struct stat status;
    if (fstat(*file, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(*file);
        fail(reason, "is not a file that can be read");
        return FILE_NOT_REGULAR;
    }
    *size = (size_t)status.st_size;
    return FILE_IS_READ;
}

static FileStatus read_all(int file, unsigned char *bytes, size_t size, Error *reason) {
    for (size_t done = 0; done < size;) {
        ssize_t got = read(file, bytes + done, size - done);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            fail(reason, "cannot be read: %s", got < 0 ? strerror(errno) : "it became shorter while it was read");
            return FILE_UNREADABLE;
        }
        done += (size_t)got;
    }
    return FILE_IS_READ;
}

/* The error for callers that name the file by its path. */
static bool fail_read(const char *path, FileStatus status, const Error *reason, Error *error) {
    return fail(error, "%s: %s%s", path, reason->text, status == FILE_NOT_REGULAR ? "; give the path of one" : "");
}

FILE *file_open(const char *path, Error *error) {
    size_t size;
    int descriptor;
    Error reason;
    const FileStatus status = open_regular(path, &descriptor, &size, &reason);
    if (status != FILE_IS_READ) {
        fail_read(path, status, &reason, error);
        return NULL;
    }
    FILE *file = fdopen(descriptor, "rb");
    if (file == NULL) {
        fail(error, "%s: cannot be opened: %s", path, strerror(errno));
        close(descriptor);
    }
    return file;
}

bool file_peek(const char *path, unsigned char *bytes, size_t size, size_t *read, Error *error) {
    int file;
    Error reason;
    FileStatus status = open_regular(path, &file, read, &reason);
    if (status == FILE_IS_READ) {
        if (*read > size) *read = size;
        status = read_all(file, bytes, *read, &reason);
        close(file);
    }
    return status == FILE_IS_READ || fail_read(path, status, &reason, error);
}

FileStatus file_load(const char *path, unsigned char **bytes, size_t *length, Error *reason) {
    size_t size;
    int file;
    *bytes = NULL;
    *length = 0;
    FileStatus status = open_regular(path, &file, &size, reason);
    if (status != FILE_IS_READ) return status;
    unsigned char *memory = malloc(size + 1);
    if (memory != NULL) {
        status = read_all(file, memory, size, reason);
    } else {
        fail(reason, "its %zu bytes do not fit into memory", size);
        status = FILE_NO_MEMORY;
    }
    close(file);
    if (status != FILE_IS_READ) {
        free(memory);
        return status;
    }
    memory[size] = 0;
    *bytes = memory;
    *length = size;
    return status;
}

bool file_read(const char *path, unsigned char **bytes, size_t *length, Error *error) {
    Error reason;
    const FileStatus status = file_load(path, bytes, length, &reason);
    return status == FILE_IS_READ || fail_read(path, status, &reason, error);
}
