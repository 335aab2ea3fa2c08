/* lower_stream.h: networks that run frame by frame: their graphs, and what enters and leaves between two frames. */
#ifndef ZOETROPE_LOWER_STREAM_H
#define ZOETROPE_LOWER_STREAM_H

#include "lowering.h"

/* One clip of T frames, whose initial state the caller gives; the loss is the score. */
Graph *clip_graph(Spec *spec, const Spec *from, int T);
typedef struct Passage { /* of the first row of a node's elements to a tensor of the caller's, in row-major order, or back */
    const char *name;    /* of the kernel */
    Node *node;
    bool out; /* from the node to the tensor */
    Place place;
    const char *tensor; /* its name */
    long rows, row;     /* it has so many rows, of which this one is meant */
} Passage;
void lower_passage(Lowering *l, Program *program, const Passage *passage);
/* After a step: the state of each layer. */
void lower_kept_state(Lowering *l, Program *program);
/* A trainer's way to run frame by frame: its own weights, with batch norm as it is. */
void lower_stream(Lowering *l, const Spec *spec, Program *program);

#endif
