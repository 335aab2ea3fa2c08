/* dataset_scan.h: what may be videos below the paths that a user gives; nothing is opened yet. */
#ifndef ZOETROPE_DATASET_SCAN_H
#define ZOETROPE_DATASET_SCAN_H

#include "video.h"

typedef struct Candidate {
    VideoKind kind; /* VIDEO_FILE or VIDEO_FOLDER */
    char *path;
    bool given; /* named by the user, rather than found in a folder */
} Candidate;

typedef struct Scan {
    Candidate *candidates; /* for each path given in turn, bytewise by path */
    int64_t count, room;
    int64_t unreadable_folders;
    FILE *warnings;
} Scan;

/* False with an error when a path does not exist or is neither file nor folder. Folders that cannot be read are warned about. */
bool scan_paths(Scan *scan, const char *const *paths, int count, Error *error);
void scan_free(Scan *scan);

#endif
