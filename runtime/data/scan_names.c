/* scan_names.c: which names in a folder are data. */
#include "common/file.h"
#include "data/dataset_scan.h"
#include "data/picture.h"
#include "data/stills.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool name_is_no_data(const char *name) {
    static const char *const leftovers[] = {"__MACOSX",     "@eaDir",    "@Recycle",
                                            "#recycle",     "#snapshot", "@Recently-Snapshot",
                                            "$RECYCLE.BIN", "RECYCLER",  "System Volume Information",
                                            "lost+found",   "Thumbs.db", "ehthumbs.db",
                                            "desktop.ini"};
    if (name[0] == '.') return true;
    for (size_t i = 0; i < sizeof leftovers / sizeof *leftovers; i++)
        if (!strcasecmp(name, leftovers[i])) return true;
    return false;
}

/* Sony's C0001S03.MP4 is a copy of C0001.MP4. */
static bool is_sony_proxy(const char *name, char *const *names, int64_t count) {
    const size_t stem = stills_stem(name);
    if (stem != 8 || strncasecmp(name, "C", 1) || strncasecmp(name + 5, "S03", 3) || strspn(name + 1, "0123456789") != 4) return false;
    for (int64_t i = 0; i < count; i++)
        if (stills_stem(names[i]) == 5 && !strncasecmp(names[i], name, 5) && video_has_usual_name(names[i])) return true;
    return false;
}

bool name_is_proxy(const char *name, char *const *names, int64_t count) {
    const char *extension = path_extension(name);
    const size_t stem = stills_stem(name);
    if (video_has_usual_name(name) && is_sony_proxy(name, names, count)) return true;
    if (strcasecmp(extension, "lrv") && strcasecmp(extension, "lrf") && strcasecmp(extension, "thm")) return false;
    for (int64_t i = 0; i < count; i++) {
        const char *other = path_extension(names[i]);
        if (stills_stem(names[i]) != stem || !video_has_usual_name(names[i]) || !strcasecmp(other, "lrv") || !strcasecmp(other, "lrf"))
            continue;
        if (!strncasecmp(name, names[i], stem)) return true;
        /* GoPro's GL010001.LRV is a copy of GX010001.MP4 or GH010001.MP4 */
        if (stem > 2 && !strncasecmp(name, "GL", 2) && (!strncasecmp(names[i], "GX", 2) || !strncasecmp(names[i], "GH", 2)) &&
            !strncasecmp(name + 2, names[i] + 2, stem - 2))
            return true;
    }
    return false;
}

/* ---- stills ---- */

static int compare_files(const void *left, const void *right) {
    return compare_natural(&((const FoundFile *)left)->name, &((const FoundFile *)right)->name);
}

static bool same_stem(const char *a, const char *b) {
    const size_t stem = stills_stem(a);
    return stem == stills_stem(b) && memcmp(a, b, stem) == 0;
}

/* Is the first of two names with the same stem the better one? `counts`: how many stills have each format. */
static bool is_better(const char *a, const char *b, const int64_t *counts) {
    const int one = picture_name_rank(a), two = picture_name_rank(b);
    const int64_t many = one >= 0 ? counts[one] : 0, others = two >= 0 ? counts[two] : 0;
    if (many != others) return many > others;
    return one >= 0 && (two < 0 || one <= two);
}

int64_t stills_settle(Candidate *stills, char *text, size_t size) {
    int64_t *counts = allocate((size_t)picture_ranks * sizeof *counts), kept = 0, gone = 0;
    FoundFile *file = stills->file;
    for (int64_t i = 0; i < stills->files; i++) {
        const int rank = picture_name_rank(file[i].name);
        if (rank >= 0) counts[rank]++;
    }
    qsort(file, (size_t)stills->files, sizeof *file, compare_files);
    for (int64_t i = 0; i < stills->files; i++) {
        if (kept > 0 && !strcmp(file[kept - 1].name, file[i].name)) { /* named twice */
            free(file[i].name);
        } else if (kept > 0 && same_stem(file[kept - 1].name, file[i].name)) {
            if (gone++ == 0) snprintf(text, size, "%s and %s", file[kept - 1].name, file[i].name);
            const bool better = is_better(file[i].name, file[kept - 1].name, counts);
            free(file[better ? kept - 1 : i].name);
            if (better) file[kept - 1] = file[i];
        } else file[kept++] = file[i];
    }
    stills->files = kept;
    free(counts);
    return gone;
}
