/* scan_once.c: a file counts once, by whatever paths it is found. */
#include "common/file.h"
#include "data/dataset_scan.h"
#include "data/stills.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- in one folder ---- */

/* Is its name a number in a sequence with the one before or after it? */
static bool is_in_sequence(const Candidate *stills, int64_t i) {
    const FoundFile *file = stills->file;
    return (i > 0 && stills_distance(file[i - 1].name, file[i].name) > 0) ||
           (i + 1 < stills->files && stills_distance(file[i].name, file[i + 1].name) > 0);
}

/* Of two names of one file, a path without a link is the better one, then a number in a sequence, then the first. */
static bool is_better(const Candidate *stills, int64_t later, int64_t earlier) {
    const FoundFile *file = stills->file;
    if (file[later].linked != file[earlier].linked) return file[earlier].linked;
    return is_in_sequence(stills, later) && !is_in_sequence(stills, earlier);
}

/* Frees the files that are gone, and closes up the others. Returns how many were gone. */
static int64_t drop(Candidate *stills, const bool *gone) {
    int64_t kept = 0;
    const int64_t files = stills->files;
    for (int64_t i = 0; i < files; i++) {
        if (gone[i]) free(stills->file[i].name);
        else stills->file[kept++] = stills->file[i];
    }
    stills->files = kept;
    return files - kept;
}

int64_t stills_drop_links(Candidate *stills, bool images) {
    bool *gone = allocate((size_t)stills->files + 1);
    FileSet seen = {.count = 0};
    for (int64_t i = 0; i < stills->files; i++) {
        int64_t *before = file_set_find(&seen, stills->file[i].identity);
        if (before == NULL) {
            file_set_add(&seen, stills->file[i].identity, i);
            continue;
        }
        if (!images && stills_distance(stills->file[*before].name, stills->file[i].name) > 0) continue;
        const bool better = is_better(stills, i, *before);
        gone[better ? *before : i] = true;
        if (better) *before = i;
    }
    file_set_free(&seen);
    const int64_t dropped = drop(stills, gone);
    free(gone);
    return dropped;
}

/* ---- between candidates ---- */

static void mark(Scan *scan, Candidate *candidate) {
    candidate->duplicate = true;
    scan->duplicates++;
}

/* Of several paths to one file, the first that does not go through a link counts. */
static void mark_files(Scan *scan, FileSet *files, bool linked) {
    for (int64_t i = 0; i < scan->count; i++) {
        Candidate *candidate = &scan->candidates[i];
        if (candidate->kind == VIDEO_STILLS || candidate->file[0].linked != linked) continue;
        int64_t *before = file_set_find(files, candidate->file[0].identity);
        if (before != NULL) {
            mark(scan, candidate);
            scan->candidates[*before].given |= candidate->given;
        } else file_set_add(files, candidate->file[0].identity, i);
    }
}

/* An idx file that is there unpacked too. In a folder that is walked, the packed one was left out by its name. */
static void mark_packed_copies(Scan *scan, const FileSet *files) {
    for (int64_t i = 0; i < scan->count; i++) {
        Candidate *candidate = &scan->candidates[i];
        struct stat status;
        if (candidate->kind != VIDEO_IDX || candidate->duplicate || strcasecmp(path_extension(candidate->path), "gz") != 0) continue;
        char *unpacked = path_join("", "%.*s", (int)(strlen(candidate->path) - strlen(".gz")), candidate->path);
        const int64_t *before = stat(unpacked, &status) == 0 ? file_set_find(files, file_identity(&status)) : NULL;
        if (before != NULL && *before != i && scan->candidates[*before].kind == VIDEO_IDX) mark(scan, candidate);
        free(unpacked);
    }
}

static bool has_link(const Candidate *stills) {
    for (int64_t i = 0; i < stills->files; i++)
        if (stills->file[i].linked) return true;
    return false;
}

static int compare_sizes(const void *left, const void *right) { /* most files first; of equals, the first */
    const Candidate *a = *(Candidate *const *)left, *b = *(Candidate *const *)right;
    if (a->files != b->files) return a->files > b->files ? -1 : 1;
    if (has_link(a) != has_link(b)) return has_link(a) ? 1 : -1;
    return a < b ? -1 : a > b;
}

static bool are_all_known(const FileSet *files, const Candidate *stills) {
    for (int64_t i = 0; i < stills->files; i++)
        if (file_set_find(files, stills->file[i].identity) == NULL) return false;
    return stills->files > 0;
}

/* Stills whose files are all in other videos are duplicates, such as when a folder and pictures in it are named. */
static void mark_stills(Scan *scan, FileSet *files) {
    Candidate **order = allocate((size_t)(scan->count + 1) * sizeof *order);
    size_t count = 0;
    for (int64_t i = 0; i < scan->count; i++)
        if (scan->candidates[i].kind == VIDEO_STILLS) order[count++] = &scan->candidates[i];
    qsort(order, count, sizeof *order, compare_sizes);
    for (size_t i = 0; i < count; i++) {
        Candidate *stills = order[i];
        const bool known = are_all_known(files, stills);
        if (known) mark(scan, stills);
        for (int64_t k = 0; k < stills->files; k++) {
            const int64_t *before = file_set_find(files, stills->file[k].identity);
            if (before != NULL) scan->candidates[*before].given |= known && stills->given;
            else file_set_add(files, stills->file[k].identity, stills - scan->candidates);
        }
    }
    free(order);
}

/* Each image by itself: first those whose path goes through no link. */
static void drop_images(Scan *scan, FileSet *files, bool linked) {
    for (int64_t i = 0; i < scan->count; i++) {
        Candidate *stills = &scan->candidates[i];
        if (stills->kind != VIDEO_STILLS) continue;
        bool *gone = allocate((size_t)stills->files + 1);
        for (int64_t k = 0; k < stills->files; k++) {
            if (stills->file[k].linked != linked) continue;
            gone[k] = file_set_find(files, stills->file[k].identity) != NULL;
            if (!gone[k]) file_set_add(files, stills->file[k].identity, i);
        }
        scan->duplicates += drop(stills, gone);
        stills->duplicate = stills->files == 0;
        free(gone);
    }
}

void scan_mark_duplicates(Scan *scan) {
    FileSet files = {.count = 0};
    mark_files(scan, &files, false);
    mark_files(scan, &files, true);
    mark_packed_copies(scan, &files);
    if (scan->images) {
        drop_images(scan, &files, false);
        drop_images(scan, &files, true);
    } else mark_stills(scan, &files);
    file_set_free(&files);
}
