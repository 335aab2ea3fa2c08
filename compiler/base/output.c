#include "base/output.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

Text *add_output(Output *output, const char *name) {
    if (output->count == MAX_OUTPUTS) die("more than %d files", MAX_OUTPUTS);
    output->file[output->count].name = name;
    output->file[output->count].text = text_begin();
    return &output->file[output->count++].text;
}

/* Makes the folder and its missing parents. *first: the length of the path of the first folder that was made; 0 if none was. */
static bool make_folders(char *path, size_t *first) {
    *first = 0;
    for (char *end = path + 1; end[-1]; end++) {
        const char was = *end;
        if (was && was != '/') continue;
        *end = 0;
        const bool made = mkdir(path, 0777) == 0, there = made || errno == EEXIST;
        if (made && *first == 0) *first = (size_t)(end - path);
        *end = was;
        if (!there) return false;
    }
    return true;
}

/* Removes the empty folders that make_folders() made, the inner ones first. */
static void remove_folders(char *path, size_t first) {
    for (size_t length = strlen(path); first && length >= first; length--) {
        if (path[length] && path[length] != '/') continue;
        path[length] = 0;
        rmdir(path);
    }
}

static const char *beside(const char *path) {
    return format("%s.part", path);
}

static bool write_file(const char *path, const Text *text) {
    FILE *file = fopen(path, "wb");
    if (!file) return false;
    const bool written = fwrite(text->bytes, 1, text->length, file) == text->length;
    return fclose(file) == 0 && written;
}

typedef struct Writing {
    const Output *output;
    char *directory;
    const char *paths[MAX_OUTPUTS];
    size_t first; /* see make_folders */
    int written;  /* files beside their places */
} Writing;

/* Removes everything that was begun. Returns false. */
static bool give_up(Writing *writing, const char *what, const char *path, int problem) {
    fprintf(stderr, "zoetrope: cannot %s %s: %s\n", what, printable(path), strerror(problem));
    for (int i = 0; i < writing->written; i++) unlink(beside(writing->paths[i]));
    remove_folders(writing->directory, writing->first);
    return false;
}

/* Writes every file beside its place first. So a full disk or a missing permission shows before any file of an earlier run is replaced. */
static bool write_beside(Writing *writing, const Output *output) {
    struct stat there;
    *writing = (Writing){.output = output, .directory = format("%s", output->directory)};
    if (!make_folders(writing->directory, &writing->first)) return give_up(writing, "make the folder", writing->directory, errno);
    for (int i = 0; i < output->count; i++) {
        const char *path = writing->paths[i] = format("%s/%s", writing->directory, output->file[i].name);
        writing->written++;
        if (!write_file(beside(path), &output->file[i].text)) return give_up(writing, "write", path, errno);
        if (stat(path, &there) == 0 && S_ISDIR(there.st_mode)) return give_up(writing, "write", path, EISDIR);
    }
    return true;
}

static const char *kept_as(const char *path) {
    return format("%s.before", path);
}

/* Keeps the file of an earlier run until all new files are in place. A hard link leaves it where it is meanwhile, but some file systems
 * have no hard links. */
static bool keep(const char *path) {
    if (unlink(kept_as(path)) != 0 && errno != ENOENT) return false;
    return link(path, kept_as(path)) == 0 || errno == ENOENT || rename(path, kept_as(path)) == 0;
}

/* Puts the earlier file back, or removes the new one if there was no earlier file. */
static void put_back(const char *path) {
    if (rename(kept_as(path), path) == 0) unlink(kept_as(path)); /* both names may still be links to one file */
    else if (errno == ENOENT) unlink(path);
}

bool write_output(const Output *output) {
    Writing writing;
    if (!write_beside(&writing, output)) return false;
    for (int i = 0; i < output->count; i++) {
        const char *path = writing.paths[i];
        const bool kept = keep(path);
        if (kept && rename(beside(path), path) == 0) continue;
        const int problem = errno;
        for (int j = kept ? i : i - 1; j >= 0; j--) put_back(writing.paths[j]);
        return give_up(&writing, "write", path, problem);
    }
    for (int i = 0; i < output->count; i++) unlink(kept_as(writing.paths[i]));
    return true;
}

bool can_write_output(const Output *output) {
    Writing writing;
    if (!write_beside(&writing, output)) return false;
    for (int i = 0; i < output->count; i++) unlink(beside(writing.paths[i]));
    remove_folders(writing.directory, writing.first);
    return true;
}
