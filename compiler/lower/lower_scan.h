/* lower_scan.h: operations that occur only in scans. */
#ifndef ZOETROPE_LOWER_SCAN_H
#define ZOETROPE_LOWER_SCAN_H

#include "lower/lowering.h"

void lower_carry(Lowering *l, Node *node);
void lower_gru_cell(Lowering *l, Node *node);
void lower_gru_cell_grad(Lowering *l, Node *node);

#endif
