/* nontemporal.h: stores past the caches. */
#ifndef ZOETROPE_NONTEMPORAL_H
#define ZOETROPE_NONTEMPORAL_H

#include "loop/loop_tree.h"

/* A tree's stores to large tensors of floats that it does not read become nontemporal, where they are whole vectors, aligned
 * to their size. */
void mark_nontemporal(Statement *tree, int lanes);

#endif
