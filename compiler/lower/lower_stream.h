/* lower_stream.h: networks that run frame by frame: their graphs, and their programs. */
#ifndef ZOETROPE_LOWER_STREAM_H
#define ZOETROPE_LOWER_STREAM_H

#include "lower/lowering.h"

/* The evaluation graph of clips of T frames. The caller gives the initial states, and the loss is the score. */
Graph *clip_graph(Spec *spec, const Spec *from, int T, int clips);

typedef struct StreamPrograms { /* several may be the same program; NULL: not needed */
    Program *encode, *take_latent, *put_latent;
    Program *advance;           /* ends with the codes of all runs in the caller's `code` */
    Program *put_code, *decode; /* begins with one code from there */
    Program *score;
} StreamPrograms;
/* Lowers one frame after another. `l` has the graph of one clip of one frame, `runs` that of as many such clips as the recurrence has
 * runs. */
void lower_stream(Lowering *l, Lowering *runs, const StreamPrograms *to);
/* The same for a trainer, with its own weights and with batch norm as it is. */
void lower_trainer_stream(Lowering *l, Lowering *runs, Program *advance, Program *decode);

#endif
