/* tune_file.h: writes the tuning file. */
#ifndef ZOETROPE_TUNE_FILE_H
#define ZOETROPE_TUNE_FILE_H

#include "tune/tune_candidates.h"

typedef struct TunedProgram {
    double before, after; /* seconds of a step by the cost model's choices, and by the best of each kernel */
    bool better;          /* `after` is less in nearly all turns */
} TunedProgram;

typedef struct TunedTarget { /* the results of one target */
    const Tuner *tuner;
    int threads;
    TunedProgram *program; /* by number among the tuned ones */
} TunedTarget;
/* Checks early whether the file can be written. False after reporting that it cannot. */
bool can_write_tuning(const char *path);
/* False after reporting. Makes the file's folders. A failure leaves an existing file as it was. */
bool write_tuning(const char *path, const Spec *spec, const char *compiler, const TunedTarget *list, int count);

#endif
