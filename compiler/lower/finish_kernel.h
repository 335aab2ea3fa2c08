/* finish_kernel.h: the gate that a kernel passes on its way into a program. */
#ifndef ZOETROPE_FINISH_KERNEL_H
#define ZOETROPE_FINISH_KERNEL_H

#include "lower/lowering.h"

/* Schedules, unrolls and verifies, and appends a call to l->program. The note is the schedule in words. One that cannot be run as it was
 * chosen is refused: see Answer. */
void finish_kernel(Lowering *l, Kernel *kernel, Scan *scan);

#endif
