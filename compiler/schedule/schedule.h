/* schedule.h: from computes and schedules to a loop tree. */
#ifndef ZOETROPE_SCHEDULE_H
#define ZOETROPE_SCHEDULE_H

#include "loop/kernel.h"

/* Builds kernel->tree from its computes and schedules, UNROLL loops included. On a schedule that cannot be applied
 * (an unknown variable, a level missing, a vector loop not innermost, …) returns false and *why; nothing else changes. */
bool schedule_kernel(Kernel *kernel, const char **why);
/* The naive schedule: the loops in order, all serial, with sums in memory where possible. */
Schedule naive_schedule(const Compute *compute);

#endif
