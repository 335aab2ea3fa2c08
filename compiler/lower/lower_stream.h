/* lower_stream.h: networks that run frame by frame: their graphs, and their programs. */
#ifndef ZOETROPE_LOWER_STREAM_H
#define ZOETROPE_LOWER_STREAM_H

#include "lower/lowering.h"

/* Clips of T frames, whose initial states the caller gives; the loss is the score. */
Graph *clip_graph(Spec *spec, const Spec *from, int T, int clips);

typedef struct StreamPrograms { /* they may be the same; NULL: not wanted */
    Program *encode, *take_latent, *put_latent;
    Program *advance;           /* ends with the codes of all runs in the caller's `code` */
    Program *put_code, *decode; /* begins with one code from there */
    Program *score;
} StreamPrograms;
/* One frame after another. The graph of `l` is that of one clip of one frame; that of `runs`, of as many as there are runs of the
 * recurrence. */
void lower_stream(Lowering *l, Lowering *runs, const StreamPrograms *to);
/* A trainer's way to run frame by frame: its own weights, with batch norm as it is. */
void lower_trainer_stream(Lowering *l, Lowering *runs, Program *advance, Program *decode);

#endif
