/* dataset_scan.c: walks folders, and tells stills from videos. */
#include "data/dataset_scan.h"

#include "common/file.h"
#include "data/idx.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static Candidate *add(Scan *scan, VideoKind kind, const char *path, bool given) {
    if (scan->count == scan->room) {
        scan->room = scan->room ? 2 * scan->room : 64;
        scan->candidates = reallocate(scan->candidates, (size_t)scan->room * sizeof *scan->candidates);
    }
    Candidate *candidate = &scan->candidates[scan->count++];
    *candidate = (Candidate){.kind = kind, .path = copy_text(path), .given = given, .below = -1};
    return candidate;
}

/* `name` NULL: the candidate is the file itself. */
static void add_file(Candidate *candidate, const char *name, bool linked, const struct stat *status) {
    if (candidate->files == candidate->room) {
        candidate->room = candidate->room ? 2 * candidate->room : candidate->kind == VIDEO_STILLS ? 64 : 1;
        candidate->file = reallocate(candidate->file, (size_t)candidate->room * sizeof *candidate->file);
    }
    candidate->file[candidate->files++] = (FoundFile){.name = name != NULL ? copy_text(name) : NULL,
                                                      .identity = status != NULL ? file_identity(status) : (FileIdentity){0, 0},
                                                      .linked = linked};
}

/* ---- folders ---- */

static int compare_names(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* The names in a folder that may be data, in bytewise order. −1: it cannot be read. */
static int64_t list(Scan *scan, const char *path, char ***names) {
    DIR *directory = opendir(path);
    int64_t count = 0, room = 0;
    *names = NULL;
    if (!directory) return -1;
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        if (name_is_no_data(entry->d_name)) {
            scan->hidden++;
            continue;
        }
        if (count == room) {
            room = room ? 2 * room : 64;
            *names = reallocate(*names, (size_t)room * sizeof **names);
        }
        (*names)[count++] = copy_text(entry->d_name);
    }
    closedir(directory);
    if (count > 0) qsort(*names, (size_t)count, sizeof **names, compare_names);
    return count;
}

/* A regular file that is neither a still nor labels. */
static void add_single(Scan *scan, VideoKind kind, const char *path, bool given, bool linked, const struct stat *status) {
    add_file(add(scan, kind, path, given), NULL, linked, status);
}

/* Reads the first bytes, which picture_kind can have then. */
static IdxKind read_idx_kind(Scan *scan, const char *path) {
    scan->head_length = picture_head(path, scan->head);
    return idx_kind(path, scan->head, scan->head_length);
}

static void walk(Scan *scan, const char *path, const struct stat *status, bool linked);

/* One entry of a folder; a still is added to `stills`. */
static void look_at(Scan *scan, const char *path, const char *name, bool linked, Candidate *stills) {
    struct stat own, inside;
    if (lstat(path, &own) != 0) return; /* gone meanwhile */
    const bool found = stat(path, &inside) == 0, link = S_ISLNK(own.st_mode);
    if (found && S_ISDIR(inside.st_mode)) {
        if (!link) {
            walk(scan, path, &inside, linked);
            return;
        }
        scan->pending = reallocate(scan->pending, ((size_t)scan->pending_count + 1) * sizeof *scan->pending);
        scan->pending[scan->pending_count++] = copy_text(path);
        return;
    }
    const bool regular = found && S_ISREG(inside.st_mode);
    const IdxKind idx = regular ? read_idx_kind(scan, path) : IDX_NONE;
    if (idx != IDX_NONE) {
        if (idx == IDX_LABELS) scan->labels++;
        else add_single(scan, VIDEO_IDX, path, false, linked || link, &inside);
        return;
    }
    /* A dangling link, or a pipe: only its name tells what it is. */
    const PictureKind kind = regular                        ? picture_kind(path, scan->head, scan->head_length)
                             : picture_name_rank(name) >= 0 ? PICTURE_STILL
                                                            : PICTURE_NONE;
    if (kind == PICTURE_STILL) {
        add_file(stills, name, linked || link, found ? &inside : NULL);
        return;
    }
    if (regular || (!found && video_has_usual_name(name)))
        add_single(scan, VIDEO_FILE, path, false, linked || link, found ? &inside : NULL);
    else scan->others++;
}

static void settle_stills(Scan *scan, Candidate *stills) {
    char pair[600];
    const int64_t gone = stills_settle(stills, pair, sizeof pair);
    scan->duplicates += stills_drop_links(stills, scan->images);
    if (gone == 0) return;
    fail(&scan->text, "%s: %" PRId64 " %s in two formats (%s)", stills->path, gone, plural(gone, "frame is", "frames are"), pair);
    scan->warn(scan->context, scan->text.text, "each counts once");
}

static void note_proxy(Scan *scan, const char *path) {
    if (scan->proxies++ > 0) return;
    fail(&scan->text, "%s: a small copy or thumbnail of the video beside it", path);
    scan->warn(scan->context, scan->text.text, "left out, like all others of its kind; name it on the command line to use it");
}

/* By its name or its first bytes, without decoding. */
static bool looks_like_video(const Candidate *candidate) {
    uint8_t head[256];
    size_t length = 0;
    if (candidate->kind != VIDEO_FILE || video_has_usual_name(candidate->path)) return true;
    return file_peek(candidate->path, head, sizeof head, &length, NULL) && video_file_begins(head, length);
}

/* The stills of a folder are one video. `first`: the candidates from there on are the other files in the folder and below. */
static void add_stills(Scan *scan, Candidate *stills, int64_t first) {
    settle_stills(scan, stills);
    if (stills->files == 1) {
        char *file = path_join(stills->folder, "%s", stills->file[0].name);
        free(stills->path);
        stills->path = file;
    }
    for (int64_t i = first; !stills->beside && i < scan->count; i++) stills->beside = looks_like_video(&scan->candidates[i]);
    Candidate *place = add(scan, VIDEO_STILLS, "", false);
    free(place->path);
    *place = *stills;
}

static void walk(Scan *scan, const char *path, const struct stat *status, bool linked) {
    if (file_set_find(&scan->folders, file_identity(status))) { /* by another path, or by a circular link */
        scan->revisits++;
        return;
    }
    file_set_add(&scan->folders, file_identity(status), 0);
    char **names;
    const int64_t count = list(scan, path, &names);
    if (count < 0) {
        scan->unreadable_folders++;
        fail(&scan->text, "%s: cannot read the folder: %s", path, strerror(errno));
        scan->warn(scan->context, scan->text.text, "left out");
        scan->leave_out(scan->context, path);
        return;
    }
    const int64_t first = scan->count;
    Candidate stills = {.kind = VIDEO_STILLS, .path = copy_text(path), .folder = copy_text(path)};
    for (int64_t i = 0; i < count; i++) {
        char *child = path_join(path, "%s", names[i]);
        if (name_is_proxy(names[i], names, count)) note_proxy(scan, child);
        else if (idx_is_packed_copy(names[i], names, count)) scan->duplicates++;
        else look_at(scan, child, names[i], linked, &stills);
        free(child);
    }
    for (int64_t i = 0; i < count; i++) free(names[i]);
    free(names);
    if (stills.files > 0) {
        add_stills(scan, &stills, first);
    } else {
        free(stills.path);
        free(stills.folder);
    }
}

/* Folders that links lead to, and those that links in them lead to. */
static void walk_pending(Scan *scan) {
    for (int64_t i = 0; i < scan->pending_count; i++) {
        struct stat status;
        if (stat(scan->pending[i], &status) == 0) walk(scan, scan->pending[i], &status, true);
    }
    for (int64_t i = 0; i < scan->pending_count; i++) free(scan->pending[i]);
    scan->pending_count = 0;
}

/* ---- the paths given ---- */

bool fail_idx(const char *path, Error *error) {
    return fail(error, "%s: an idx file, whose images are no frames of a recording; it is data only where the T of the spec is 1", path);
}

static bool is_link(const char *path) {
    struct stat own;
    return lstat(path, &own) == 0 && S_ISLNK(own.st_mode);
}

/* Stills of one folder that are named one by one, as a shell does for *.jpg, are also the frames of one video. */
static void add_given_still(Scan *scan, const char *path, const struct stat *status) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    char *folder = copy_text(slash ? path : ".");
    if (slash) folder[slash == path ? 1 : slash - path] = 0;
    Candidate *stills = NULL;
    for (int64_t i = 0; !stills && i < scan->count; i++) {
        Candidate *candidate = &scan->candidates[i];
        if (candidate->kind == VIDEO_STILLS && candidate->given && !strcmp(candidate->folder, folder)) stills = candidate;
    }
    if (!stills) {
        stills = add(scan, VIDEO_STILLS, path, true);
        stills->folder = copy_text(folder);
    }
    add_file(stills, name, is_link(path), status);
    if (stills->files == 2) {
        free(stills->path);
        stills->path = copy_text(folder);
    }
    free(folder);
}

static int compare_paths(const void *left, const void *right) {
    return strcmp(((const Candidate *)left)->path, ((const Candidate *)right)->path);
}

static void scan_folder(Scan *scan, const char *given, const struct stat *status) {
    char *path = copy_text(given);
    for (size_t length = strlen(path); length > 1 && path[length - 1] == '/'; length--) path[length - 1] = 0;
    const int64_t first = scan->count, hidden = scan->hidden, others = scan->others, known = scan->revisits + scan->unreadable_folders;
    walk(scan, path, status, false);
    walk_pending(scan);
    for (int64_t i = first; i < scan->count; i++) scan->candidates[i].below = scan->given_count;
    scan->given_folders = reallocate(scan->given_folders, (size_t)(scan->given_count + 1) * sizeof *scan->given_folders);
    scan->given_folders[scan->given_count++] = (GivenFolder){.path = path,
                                                             .fruitful = scan->revisits + scan->unreadable_folders > known,
                                                             .hidden = scan->hidden - hidden,
                                                             .others = scan->others - others};
    if (scan->count > first) qsort(scan->candidates + first, (size_t)(scan->count - first), sizeof(Candidate), compare_paths);
}

static bool scan_file(Scan *scan, const char *given, const struct stat *status, Error *error) {
    const IdxKind idx = read_idx_kind(scan, given);
    if (idx == IDX_IMAGES && !scan->images) return fail_idx(given, error);
    if (idx == IDX_LABELS) scan->labels++;
    else if (idx == IDX_IMAGES) add_single(scan, VIDEO_IDX, given, true, is_link(given), status);
    else if (picture_kind(given, scan->head, scan->head_length) == PICTURE_STILL) add_given_still(scan, given, status);
    else add_single(scan, VIDEO_FILE, given, true, is_link(given), status);
    return true;
}

static bool scan_path(Scan *scan, const char *given, Error *error) {
    struct stat status;
    if (!*given) return fail(error, "an empty name was given for a video or a folder of videos");
    if (stat(given, &status)) return fail(error, "%s: cannot read videos from it: %s", given, strerror(errno));
    if (S_ISREG(status.st_mode)) return scan_file(scan, given, &status, error);
    if (!S_ISDIR(status.st_mode)) return fail(error, "%s: neither a file nor a folder; give a video or a folder of videos", given);
    scan_folder(scan, given, &status);
    return true;
}

bool scan_paths(Scan *scan, const char *const *paths, int count, Error *error) {
    for (int i = 0; i < count; i++)
        if (!scan_path(scan, paths[i], error)) return false;
    for (int64_t i = 0; i < scan->count; i++)
        if (scan->candidates[i].kind == VIDEO_STILLS && scan->candidates[i].given) settle_stills(scan, &scan->candidates[i]);
    scan_mark_duplicates(scan);
    return true;
}

void scan_free(Scan *scan) {
    for (int64_t i = 0; i < scan->count; i++) {
        Candidate *candidate = &scan->candidates[i];
        for (int64_t k = 0; candidate->file != NULL && k < candidate->files; k++) free(candidate->file[k].name);
        free(candidate->file);
        free(candidate->folder);
        free(candidate->path);
    }
    for (int64_t i = 0; i < scan->pending_count; i++) free(scan->pending[i]);
    for (int64_t i = 0; i < scan->given_count; i++) free(scan->given_folders[i].path);
    free(scan->given_folders);
    free(scan->candidates);
    free(scan->pending);
    file_set_free(&scan->folders);
    *scan = (Scan){.count = 0};
}
