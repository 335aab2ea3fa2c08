/* verify.h: the proofs that a scheduled kernel has to pass. */
#ifndef ZOETROPE_VERIFY_H
#define ZOETROPE_VERIFY_H

#include "loop/kernel.h"

/* Returns NULL, or the error in words: an access out of bounds (guards are taken into account); two iterations of a parallel loop that
 * write, or read and write, the same element; a vector loop whose accesses are neither unit-stride nor uniform. `lanes`: the target's
 * vector width in floats. */
const char *verify_kernel(const Kernel *kernel, int lanes);

#endif
