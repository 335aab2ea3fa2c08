/* cpu.h: which targets this machine runs. Asked of the CPU and not of generated code, so that a trainer that denies a target does not go
 * untested. */
#ifndef ZOETROPE_CPU_H
#define ZOETROPE_CPU_H

#include "../compiler/target.h"

bool cpu_has(const Target *target);
int count_targets(void);

#endif
