/* cpu.h: the targets that this machine can run. It asks the CPU, not generated code, so that a trainer that wrongly rejects a
 * target is noticed. */
#ifndef ZOETROPE_TESTS_CPU_H
#define ZOETROPE_TESTS_CPU_H

#include "../compiler/target/target.h"

bool cpu_has(const Target *target);
int count_targets(void); /* of precision f32 */
enum { BF16_TARGETS = 2 };
const Target *any_target(int number); /* those, then those of precision bf16 */

#endif
