/* kernel_buffers.h: what a kernel reads and writes. */
#ifndef ZOETROPE_KERNEL_BUFFERS_H
#define ZOETROPE_KERNEL_BUFFERS_H

#include "base/pointer_map.h"
#include "loop/loop_tree.h"

enum { MAX_BUFFERS = 256 }; /* of a kernel */

/* The distinct TENSOR buffers of a kernel in order of first appearance in its tree (stores before loads within an assignment);
 * *written[i]: whether it is stored to. Returns the count. */
int kernel_buffers(const Kernel *kernel, const Buffer *buffers[], bool written[], int capacity);

/* Whether its products are dot products of pairs of bfloat16. */
bool kernel_has_pairs(const Kernel *kernel);

/* expression_any(): does `holds` return true for any part of the expression that is not in `seen` yet? tree_uses(): does the tree depend
 * on a variable with more than one value? */
bool expression_any(const Expression *e, bool (*holds)(const Expression *, const void *), const void *context, PointerMap *seen);
bool tree_uses(const Statement *tree, const Variable *variable);
bool kernel_uses_time(const Kernel *kernel);
bool kernel_uses_scratch(const Kernel *kernel);

#endif
