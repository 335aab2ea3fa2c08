/* tune_file.h: the tuning file that comes of measuring. */
#ifndef ZOETROPE_TUNE_FILE_H
#define ZOETROPE_TUNE_FILE_H

#include "tune/tune_candidates.h"

typedef struct TunedTarget { /* what is said of one */
    const Tuner *tuner;
    int threads;
    double before, after; /* seconds of a step by the cost model's choices, and by the best of each kernel */
    bool better;          /* so it was in nearly all turns */
} TunedTarget;
/* Before there is anything to write: false after reporting that it could not be. */
bool can_write_tuning(const char *path);
/* False after reporting. The file's folders are made; it is there as a whole or as it was. */
bool write_tuning(const char *path, const Spec *spec, const char *compiler, const TunedTarget *list, int count);

#endif
