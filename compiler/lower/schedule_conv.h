/* schedule_conv.h: the schedules of convolutions. */
#ifndef ZOETROPE_SCHEDULE_CONV_H
#define ZOETROPE_SCHEDULE_CONV_H

#include "lower/lowering.h"

typedef struct ConvShape {
    const Buffer *staged; /* the virtual input */
    long rows, columns;   /* of outputs; of a phase's */
    long channels;        /* summed over */
    long outputs;         /* output channels, padding lanes included */
    long taps;            /* of the whole kernel */
    long stride[2];       /* of the input by output */
    long span[2];         /* input positions that one output reads */
    int phases;           /* computes */
    long summed_rows;     /* rows of the tiles in which the outputs are summed (lower_tiles.h); 1: they are not */
} ConvShape;

/* A stage of everything that is read of a virtual input below `level`. It is copied as vectors if its source has lanes along the channels.
 */
Stage stage_of(const Lowering *l, const Buffer *input, int level);
void schedule_convolution(Lowering *l, Kernel *kernel, const ConvShape *shape);
/* The bytes of the input that these rows and columns of outputs read. */
long box_bytes(const ConvShape *shape, long channels, long rows, long columns);

#endif
