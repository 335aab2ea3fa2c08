/* cgroup.c: how much processor time may this process use? Containers and batch systems limit it by cgroups: version 2 with cpu.max, version
 * 1 with cpu.cfs_quota_us and cpu.cfs_period_us. A quota applies to a cgroup and all below it, so the smallest on the way up counts. */
#include "exact.h"

#include "machine/cgroup.h"

#include "common/file.h"

#include <stdlib.h>
#include <string.h>

typedef struct Search {
    const char *root;
    double quota;
    char *file;
} Search;

typedef struct Mount { /* a line of mountinfo: the folder `inside` of a hierarchy is seen at `point` */
    char inside[4096], point[4096];
    bool second; /* version 2 */
} Mount;

/* Reads the first line of a small file; false: there is none. */
static bool read_line(const char *path, char *line, size_t size) {
    FILE *file = fopen(path, "re");
    const bool good = file != NULL && fgets(line, (int)size, file) != NULL;
    if (file != NULL) fclose(file);
    return good;
}

/* Quota over period of a folder, in processors; 0: none. *name: the file that sets it. */
static double quota_of(const char *folder, bool second, const char **name) {
    char line[200], *end;
    double quota = 0, period = 100000; /* Linux's default */
    char *first = path_join(folder, "%s", *name = second ? "cpu.max" : "cpu.cfs_quota_us");
    if (read_line(first, line, sizeof line)) {
        quota = strtod(line, &end); /* "max" and −1 mean none */
        if (second && strtod(end, NULL) > 0) period = strtod(end, NULL);
    }
    free(first);
    char *other = path_join(folder, "cpu.cfs_period_us");
    if (!second && read_line(other, line, sizeof line) && strtod(line, NULL) > 0) period = strtod(line, NULL);
    free(other);
    return quota > 0 ? quota / period : 0;
}

/* From the folder up to the mount point, which is the first `least` bytes of its path. */
static void search_upwards(Search *search, char *folder, size_t least, bool second) {
    for (;;) {
        const char *name;
        const double quota = quota_of(folder, second, &name);
        if (quota > 0 && (search->quota == 0 || quota < search->quota)) {
            free(search->file);
            search->quota = quota;
            search->file = path_join(folder, "%s", name);
        }
        char *slash = strrchr(folder, '/');
        if (slash == NULL || (size_t)(slash - folder) < least) return;
        *slash = 0;
    }
}

/* Is the word in a list with commas? */
static bool is_listed(const char *list, const char *word) {
    const size_t length = strlen(word);
    for (;; list++) {
        const size_t here = strcspn(list, ",\n");
        if (here == length && memcmp(list, word, length) == 0) return true;
        list += here;
        if (*list != ',') return false;
    }
}

/* The path of the process in a hierarchy, from /proc/self/cgroup: "0::/path" or "4:cpu,cpuacct:/path". */
static bool own_path(const char *root, bool second, char *path, size_t size) {
    char *name = path_join("", "%s/proc/self/cgroup", root), *line = NULL;
    FILE *file = fopen(name, "re");
    size_t capacity = 0;
    bool found = false;
    while (file != NULL && !found && getline(&line, &capacity, file) > 0) {
        char *controllers = strchr(line, ':'), *own = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
        if (own == NULL) continue;
        *own++ = 0;
        own[strcspn(own, "\n")] = 0;
        found = second ? controllers[1] == 0 : is_listed(controllers + 1, "cpu");
        if (found) snprintf(path, size, "%s", own);
    }
    if (file != NULL) fclose(file);
    free(line);
    free(name);
    return found;
}

/* Decodes \040 and the like, which mountinfo writes for blanks. A field that was cut off may end within one. */
static void unescape(char *text) {
    char *to = text;
    for (const char *from = text; *from != 0; to++) {
        if (*from == '\\' && strspn(from + 1, "01234567") >= 3) {
            *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + from[3] - '0');
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = 0;
}

/* "36 35 98:0 /inside /point rw,noatime master:1 - cgroup2 source rw"; false if it is not a cgroup with processors. */
static bool parse_mount(const char *line, Mount *mount) {
    char type[100], options[1000] = "";
    const char *rest = strstr(line, " - ");
    if (sscanf(line, "%*s %*s %*s %4095s %4095s", mount->inside, mount->point) != 2 || rest == NULL) return false;
    if (sscanf(rest, " - %99s %*s %999s", type, options) < 1) return false;
    unescape(mount->inside);
    unescape(mount->point);
    mount->second = strcmp(type, "cgroup2") == 0;
    return mount->second || (strcmp(type, "cgroup") == 0 && is_listed(options, "cpu"));
}

static void search_mount(Search *search, const Mount *mount) {
    char own[4096];
    const char *below = own;
    const size_t inside = strcmp(mount->inside, "/") == 0 ? 0 : strlen(mount->inside);
    if (!own_path(search->root, mount->second, own, sizeof own)) return;
    /* If the path is not below the mount (in a container, it may be the host's), only the mount itself is looked at. */
    if (strncmp(own, mount->inside, inside) == 0 && (own[inside] == '/' || own[inside] == 0)) below += inside;
    else below = "";
    if (strncmp(below, "/..", 3) == 0 || strcmp(below, "/") == 0) below = "";
    char *folder = path_join("", "%s%s%s", search->root, mount->point, below);
    search_upwards(search, folder, strlen(search->root) + strlen(mount->point), mount->second);
    free(folder);
}

double cgroup_quota(const char *root, char **file) {
    Search search = {.root = root};
    char *name = path_join("", "%s/proc/self/mountinfo", root), *line = NULL;
    FILE *mounts = fopen(name, "re");
    size_t capacity = 0;
    Mount *mount = allocate(sizeof *mount);
    while (mounts != NULL && getline(&line, &capacity, mounts) > 0) {
        if (parse_mount(line, mount)) search_mount(&search, mount);
    }
    if (mounts != NULL) fclose(mounts);
    free(mount);
    free(line);
    free(name);
    *file = search.file;
    return search.quota;
}
