/* nontemporal.h: stores past the caches. */
#ifndef ZOETROPE_NONTEMPORAL_H
#define ZOETROPE_NONTEMPORAL_H

#include "loop/loop_tree.h"

/* Marks as nontemporal all stores of whole, aligned vectors to large tensors of floats that the tree does not read. */
void mark_nontemporal(Statement *tree, int lanes);

#endif
