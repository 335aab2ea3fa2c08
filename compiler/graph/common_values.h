/* common_values.h: what is computed twice in one graph is computed once. */
#ifndef ZOETROPE_COMMON_VALUES_H
#define ZOETROPE_COMMON_VALUES_H

#include "graph/graph.h"

/* Do two nodes compute the same of equal inputs? Of any two graphs; inputs are not looked at. */
bool same_work(const Node *a, const Node *b);
/* Its inputs, but for the running statistics that it moves, on which its value does not depend. */
int value_inputs(const Node *node);
/* A node that moves running statistics once more by the batch whose statistics these are; it is appended nowhere yet. */
Node move_again(const Node *statistics, const char *name, Node *stands_for);
/* Of nodes with the same operation and inputs, the first stands for all. Statistics of a batch move the running ones as often as they were
 * computed. Scans, and what the caller gives or gets, stay as they are. */
void share_common_values(Graph *graph);

#endif
