/* lower_rows.h: copies of a node's rows, to the caller, from the caller, or to where a scan's rows have no gaps. */
#ifndef ZOETROPE_LOWER_ROWS_H
#define ZOETROPE_LOWER_ROWS_H

#include "lower/lowering.h"

typedef struct RowCopy {
    const char *name, *comment; /* of the kernel */
    const Buffer *outside;      /* has row b·steps + t of the node as row number row + b·steps + t */
    long row;
    long steps;     /* of the scan that carries the node; 0: none does, or a sequence has one step */
    bool out;       /* from the node to `outside`; else from there to the node */
    LoopKind loops; /* over rows: serial where nothing else is said */
} RowCopy;
void lower_row_copy(Lowering *l, Node *node, const RowCopy *copy);
/* All rows of what a scan carries, b·T + t. The kernel that copies them is lowered where they are first asked for. */
const Buffer *whole_rows(Lowering *l, Node *node);
/* Does the caller give images in planes to readers that have their channels in blocks? Only factors and noise, which nothing else reads. */
bool is_given_for_blocks(const Lowering *l, const Node *node);
/* The same in blocks: copied when it is first read, once for all readers. */
const Buffer *given_in_blocks(Lowering *l, Node *node);
/* The same for each output of the graph that the scan carries. */
void lower_scan_outputs(Lowering *l, const Scan *scan);

#endif
