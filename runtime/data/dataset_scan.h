/* dataset_scan.h: finds possible videos below the paths that a user gives; only the beginning of each file is read. */
#ifndef ZOETROPE_DATASET_SCAN_H
#define ZOETROPE_DATASET_SCAN_H

#include "common/file_identity.h"
#include "data/picture.h"
#include "data/video.h"

typedef struct FoundFile {
    char *name; /* of a still, in its folder; NULL: the candidate's path leads to the file */
    FileIdentity identity;
    bool linked; /* its path goes through a symbolic link */
} FoundFile;

typedef struct Candidate {
    VideoKind kind;  /* VIDEO_FILE, VIDEO_STILLS or VIDEO_IDX */
    char *path;      /* of the file; for stills, their folder, or the only still */
    char *folder;    /* of stills */
    FoundFile *file; /* [files]; stills in natural order of names */
    int64_t files, room;
    bool given;     /* named by the user, rather than found in a folder */
    bool beside;    /* stills of a folder that also holds videos, in it or below */
    bool duplicate; /* others have all of its files */
    int64_t below;  /* the given folder in which it was found; −1: it was named itself */
} Candidate;

/* A folder that the user named. */
typedef struct GivenFolder {
    char *path;
    bool fruitful;          /* it contains a video, or something with its own warning */
    int64_t hidden, others; /* names that were skipped in it */
} GivenFolder;

typedef struct Scan {
    bool images;           /* see DatasetOptions */
    Candidate *candidates; /* for each path given in turn, bytewise by path */
    int64_t count, room;
    FileSet folders;  /* those that were walked */
    int64_t revisits; /* of those */
    GivenFolder *given_folders;
    int64_t given_count;
    char **pending; /* folders that symbolic links lead to: walked after the others, so that files keep their own names */
    int64_t pending_count;
    int64_t hidden;     /* names that are not data: hidden, or left by tools */
    int64_t proxies;    /* small copies beside their originals */
    int64_t duplicates; /* further paths to the same data */
    int64_t labels;     /* idx files of labels */
    int64_t others;     /* pipes, devices and dangling links that do not look like data */
    int64_t unreadable_folders;
    /* Called for what is left out and worth a line. */
    void (*warn)(void *context, const char *text, const char *consequence);
    void (*leave_out)(void *context, const char *path); /* a folder that cannot be read */
    void *context;
    Error text;                 /* of a warning */
    uint8_t head[PICTURE_HEAD]; /* the first bytes of the file that is looked at, read once */
    size_t head_length;
} Scan;

/* False with an error when a path does not exist or is neither file nor folder. Folders that cannot be read are warned about. */
bool scan_paths(Scan *scan, const char *const *paths, int count, Error *error);
void scan_free(Scan *scan);

/* The error about an idx file where clips have several frames. Returns false. */
bool fail_idx(const char *path, Error *error);

/* ---- scan_names.c ---- */

/* A name that begins with a dot, or that systems and tools leave beside data. It is not data unless the user names it. */
bool name_is_no_data(const char *name);

/* A small copy of a video that a camera makes (.LRV, .LRF, .THM), with its original among these names. */
bool name_is_proxy(const char *name, char *const *names, int64_t count);

/* Puts stills in natural order. Of two that differ only in format, it keeps the one with the more frequent format. Returns how many were
 * dropped, and names one such pair. */
int64_t stills_settle(Candidate *stills, char *text, size_t size);

/* ---- scan_once.c ---- */

/* Of stills of one folder, in natural order, drops second names of a file: all of them where they are single images. Frames of a recording
 * may be links to each other if both are numbers of one sequence (3.png, 7.png), but not latest.png. Returns how many were dropped. */
int64_t stills_drop_links(Candidate *stills, bool images);

/* Marks candidates whose files others have too, and drops such files from sets of single images. Counts them. */
void scan_mark_duplicates(Scan *scan);

#endif
