/* tune_build.h: compiles and runs the programs of candidates, in a folder of their own. */
#ifndef ZOETROPE_TUNE_BUILD_H
#define ZOETROPE_TUNE_BUILD_H

#include "base/support.h"

/* Makes the folder for the programs, with their common files. Returns NULL after reporting that there is no room, or no C compiler. */
typedef struct Workshop Workshop;
Workshop *open_workshop(void);
void close_workshop(Workshop *workshop); /* removes the folder and its contents, whatever happened */
bool was_interrupted(void);              /* by SIGINT, SIGTERM or SIGHUP, from open_workshop on */

/* Starts to compile program `number` from its file of kernels and its file of tables, as soon as fewer compilers run than there are
 * processors. finish_builds() waits for the rest. False after reporting. */
bool start_build(Workshop *workshop, int number, const char *kernels, const char *tables);
bool finish_builds(Workshop *workshop);

typedef enum { RUN_DONE, RUN_LACKING /* this CPU does not have what the target needs */, RUN_FAILED /* it was reported */ } RunResult;
typedef struct Times {
    int threads, steps, kernels;
    double *step;   /* [steps], seconds */
    double *kernel; /* [kernels, steps] */
} Times;
/* Runs the program of this number of the model that was built as `number`. */
RunResult run_build(Workshop *workshop, int number, int program, int kernels, double seconds, Times *times);
bool has_blas(const Workshop *workshop);                /* can programs be linked with OpenBLAS? */
const char *compiler_version(const Workshop *workshop); /* the C compiler's description of itself, one line */

#endif
