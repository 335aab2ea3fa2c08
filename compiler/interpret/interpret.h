/* interpret.h: runs a scheduled kernel, with every access checked, for the tests. */
#ifndef ZOETROPE_INTERPRET_H
#define ZOETROPE_INTERPRET_H

#include "loop/kernel.h"

/* Runs kernel->tree (time = `time`). `memory` gives the elements of a TENSOR buffer (float or double by its type).
 * Scratch and registers start as NaN. With `reverse`, iterations of the parallel loops are run in reverse order, to show that it does not
 * matter. */
typedef void *(*BufferMemory)(const Buffer *buffer, void *context);
void interpret_kernel(const Kernel *kernel, long time, bool reverse, BufferMemory memory, void *context);

#endif
