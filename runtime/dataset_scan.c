/* dataset_scan.c: walks folders. */
#include "dataset_scan.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "text.h"

/* The folders that the walk is in, innermost first: a symbolic link back to one of them is not followed. */
typedef struct Ancestor {
    dev_t device;
    ino_t inode;
    const struct Ancestor *above;
} Ancestor;

static void add(Scan *scan, VideoKind kind, const char *path, bool given) {
    if (scan->count == scan->room) {
        scan->room = scan->room ? 2 * scan->room : 64;
        scan->candidates = reallocate(scan->candidates, (size_t)scan->room * sizeof *scan->candidates);
    }
    scan->candidates[scan->count++] = (Candidate){kind, copy_text(path), given};
}

static void walk(Scan *scan, const char *path, const struct stat *status, const Ancestor *above) {
    for (const Ancestor *ancestor = above; ancestor; ancestor = ancestor->above)
        if (ancestor->device == status->st_dev && ancestor->inode == status->st_ino) return;
    DIR *directory = opendir(path);
    if (!directory) {
        scan->unreadable_folders++;
        print_escaped(scan->warnings, "warning: %s: cannot read the folder: %s; left out", path, strerror(errno));
        return;
    }
    Ancestor here = {status->st_dev, status->st_ino, above};
    bool frames = false;
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        size_t size = strlen(path) + strlen(entry->d_name) + 2;
        char *child = allocate(size);
        snprintf(child, size, "%s%s%s", path, path[strlen(path) - 1] == '/' ? "" : "/", entry->d_name);
        struct stat inside;
        if (stat(child, &inside)) { /* gone meanwhile, or a link to nowhere */
        } else if (S_ISDIR(inside.st_mode)) walk(scan, child, &inside, &here);
        else if (S_ISREG(inside.st_mode) && video_is_png_name(child)) frames = true;
        else if (S_ISREG(inside.st_mode)) add(scan, VIDEO_FILE, child, false);
        free(child);
    }
    closedir(directory);
    if (frames) add(scan, VIDEO_FOLDER, path, false);
}

static int compare_paths(const void *left, const void *right) {
    return strcmp(((const Candidate *)left)->path, ((const Candidate *)right)->path);
}

bool scan_paths(Scan *scan, const char *const *paths, int count, Error *error) {
    for (int i = 0; i < count; i++) {
        struct stat status;
        if (!*paths[i]) return fail(error, "an empty name was given for a video or a folder of videos");
        if (stat(paths[i], &status)) return fail(error, "%s: cannot read videos from it: %s", paths[i], strerror(errno));
        if (S_ISREG(status.st_mode)) {
            add(scan, VIDEO_FILE, paths[i], true);
            continue;
        }
        if (!S_ISDIR(status.st_mode)) return fail(error, "%s: neither a file nor a folder; give a video or a folder of videos", paths[i]);
        char *path = copy_text(paths[i]);
        for (size_t length = strlen(path); length > 1 && path[length - 1] == '/'; length--) path[length - 1] = 0;
        int64_t first = scan->count;
        walk(scan, path, &status, NULL);
        free(path);
        if (scan->count > first) qsort(scan->candidates + first, (size_t)(scan->count - first), sizeof(Candidate), compare_paths);
    }
    return true;
}

void scan_free(Scan *scan) {
    for (int64_t i = 0; i < scan->count; i++) free(scan->candidates[i].path);
    free(scan->candidates);
    scan->candidates = NULL;
    scan->count = scan->room = 0;
}
