/* tune_build.h: programs of candidates: compiled in a folder of their own, and run. */
#ifndef ZOETROPE_TUNE_BUILD_H
#define ZOETROPE_TUNE_BUILD_H

#include "base/support.h"

/* A folder for the programs, with what is the same for all of them. NULL after reporting: there is no place, or no C compiler. */
typedef struct Workshop Workshop;
Workshop *open_workshop(void);
void close_workshop(Workshop *workshop); /* the folder and all that is in it is gone, whatever happened */
bool was_interrupted(void);              /* by SIGINT, SIGTERM or SIGHUP, from open_workshop on */

/* Starts to compile program `number` from its file of kernels and its file of tables, when fewer are at work than there are processors.
 * finish_builds waits for those that are. False after reporting. */
bool start_build(Workshop *workshop, int number, const char *kernels, const char *tables);
bool finish_builds(Workshop *workshop);

typedef enum { RUN_DONE, RUN_LACKING /* this CPU has not what the target needs */, RUN_FAILED /* it was reported */ } RunResult;
typedef struct Times {
    int threads, steps, kernels;
    double *step;   /* [steps], seconds */
    double *kernel; /* [kernels, steps] */
} Times;
RunResult run_build(Workshop *workshop, int number, int kernels, double seconds, Times *times);
const char *compiler_version(const Workshop *workshop); /* the C compiler's own words, one line */

#endif
