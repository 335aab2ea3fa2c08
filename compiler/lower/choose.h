/* choose.h: what a tuning file requests of a kernel, and the cost model of register tiles. */
#ifndef ZOETROPE_CHOOSE_H
#define ZOETROPE_CHOOSE_H

#include "lower/lowering.h"

/* The index of the node's kernel in the requests; −1 if nothing is requested of it. A node that is computed again has the requests of the
 * original. */
int wanted_number(const Lowering *l, const Node *node);
/* The algorithm that is requested for it, or ALGORITHM_ANY. */
Algorithm wanted_algorithm(const Lowering *l, const Node *node);
/* Begins the choices of the node being lowered: its algorithm; choose() then adds each value. Those of a training step are kept in
 * TargetCode. */
KernelChoice *begin_choice(const Lowering *l, Algorithm algorithm);
typedef struct RegisterTile { /* vectors of one operand by values of the other */
    long vectors;             /* along the lanes' variable */
    long outer, inner;        /* two variables of the broadcast operand */
} RegisterTile;
/* The tile with the least estimated time a multiply-add over ranges of `vectors` vectors, `outer` and `inner` values, tails included. */
RegisterTile choose_register_tile(const Target *target, long vectors, long outer, long inner);
/* The same for a weight gradient, `inner` being taps: of the operand in vectors (`of_vectors`) or of the other one. */
RegisterTile choose_grad_tile(const Target *target, long vectors, long outer, long inner, bool of_vectors);
/* A tile chosen by these fields from these ranges, starting from the cost model's. FIELDS: this dimension has no field. */
RegisterTile tuned_tile(KernelChoice *choice, RegisterTile model, const ChoiceField field[3], const long range[3], bool inner_of_vectors);
enum { BUSY_ITEMS = 16 }; /* iterations of the parallel loops, for many threads */
enum { STAGE_BYTES = 128 * 1024, STAGE_BYTES_MOST = 512 * 1024, WEIGHT_BYTES = 384 * 1024 };

#endif
