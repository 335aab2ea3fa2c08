#include "output.h"

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

/* Makes the folder and those above it that are missing. *first: the length of the path of the first one that was made; 0: none was. */
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

/* Those of make_folders that are empty, the inner ones first. */
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

bool write_output(const Output *output) {
    char *directory = format("%s", output->directory);
    const char *paths[MAX_OUTPUTS];
    for (int i = 0; i < output->count; i++) paths[i] = format("%s/%s", directory, output->file[i].name);
    size_t first;
    const char *failed = make_folders(directory, &first) ? NULL : directory;
    const char *what = "make the folder";
    int written = 0;
    /* All are written beside their places first: what a disk has no room for shows before a file of an earlier run is gone. */
    for (; !failed && written < output->count; written++) {
        what = "write";
        if (!write_file(beside(paths[written]), &output->file[written].text)) failed = paths[written];
    }
    for (int i = 0; !failed && i < output->count; i++)
        if (rename(beside(paths[i]), paths[i]) != 0) failed = paths[i];
    if (!failed) return true;
    fprintf(stderr, "zoetrope: cannot %s %s: %s\n", what, failed, strerror(errno));
    for (int i = 0; i < written; i++) unlink(beside(paths[i]));
    remove_folders(directory, first);
    return false;
}
