/* unroll.h: loops that are unrolled. */
#ifndef ZOETROPE_UNROLL_H
#define ZOETROPE_UNROLL_H

#include "loop/loop_tree.h"

/* Replaces every UNROLL loop by copies of its body with the variable substituted. */
Statement *unroll_loops(Statement *tree);

#endif
