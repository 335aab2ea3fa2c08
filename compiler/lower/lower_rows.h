/* lower_rows.h: rows of what a scan carries, for those who count them as they are. */
#ifndef ZOETROPE_LOWER_ROWS_H
#define ZOETROPE_LOWER_ROWS_H

#include "lower/lowering.h"

/* All rows of what a scan carries, b·T + t. The kernel that copies them is lowered where they are first asked for. */
const Buffer *whole_rows(Lowering *l, Node *node);
/* Those that the caller gets. */
void lower_scan_outputs(Lowering *l, const Scan *scan);

#endif
