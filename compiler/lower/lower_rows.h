/* lower_rows.h: copies of what lies otherwise than its readers want it. */
#ifndef ZOETROPE_LOWER_ROWS_H
#define ZOETROPE_LOWER_ROWS_H

#include "lower/lowering.h"

/* All rows of what a scan carries, b·T + t. The kernel that copies them is lowered where they are first asked for. */
const Buffer *whole_rows(Lowering *l, Node *node);
/* Does the caller give images in planes whose readers have their channels in blocks? Only factors and noise, which nothing else reads. */
bool is_given_for_blocks(const Lowering *l, const Node *node);
/* The same in blocks; copied where it is first asked for, once for all readers. */
const Buffer *given_in_blocks(Lowering *l, Node *node);
/* Those that the caller gets. */
void lower_scan_outputs(Lowering *l, const Scan *scan);

#endif
