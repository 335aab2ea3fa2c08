/* given.h: inputs of a system's graphs: data, and what is drawn. */
#ifndef ZOETROPE_GIVEN_H
#define ZOETROPE_GIVEN_H

#include "graph/graph.h"
#include "graph/named_nodes.h"
#include "spec/system.h"

typedef struct Given {
    const char *name;     /* noise.eps */
    long items;           /* B, or 2·B where it is joined */
    Shape shape;          /* of an item */
    WrittenShape written; /* of an item in files; rank 0: [T, C, H, W] */
    Drawn drawn;
    double low, high;
} Given;

/* The batch: x. */
Node *add_data(Graph *graph);
/* An INPUT node [items · T, C, H, W], named for the caller. */
Node *add_given(Graph *graph, const Given *given);
/* Names a node of frames [N·T, C, H, W] as callers see it: [N, T, C, H, W]. */
Argument *name_clips(Graph *graph, Role role, const char *name, Node *node);
/* The initial states of a GRU, [layers · items, hidden, 1, 1]; in files [layers, items, hidden]. */
Node *add_given_state(Graph *graph, const char *name, long layers, long items, long hidden);

#endif
