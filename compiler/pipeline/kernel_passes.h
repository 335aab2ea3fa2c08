/* kernel_passes.h: the passes that are run for each kernel of a target. */
#ifndef ZOETROPE_KERNEL_PASSES_H
#define ZOETROPE_KERNEL_PASSES_H

#include "lower/program.h"

/* From schedules to loop trees, unrolled. */
void schedule_kernels(TargetCode *code);
/* Proves every access in bounds and parallel loops free of conflicts.
 *
 * Either pass may find that a kernel cannot be run as it was chosen to be. Of the cost model's choices that is a bug, and the pass dies. A
 * choice that was asked for is refused: its Answer says why, and the kernel's calls are taken out of the programs. */
void verify_kernels(TargetCode *code);

#endif
