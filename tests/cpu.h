/* cpu.h: which targets this machine runs. Asked of the CPU and not of generated code, so that a trainer that denies a target does not go
 * untested. */
#ifndef ZOETROPE_TESTS_CPU_H
#define ZOETROPE_TESTS_CPU_H

#include "../compiler/target/target.h"

bool cpu_has(const Target *target);
int count_targets(void); /* of precision f32 */
enum { BF16_TARGETS = 2 };
const Target *any_target(int number); /* those, then those of precision bf16 */

#endif
