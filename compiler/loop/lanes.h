/* lanes.h: along which variable of a compute the lanes of a vector can lie. */
#ifndef ZOETROPE_LANES_H
#define ZOETROPE_LANES_H

#include "loop/kernel.h"

/* Every access of the compute, through its virtual buffers too, is unit-stride in whole vectors, or uniform, along the variable. */
bool lanes_fit(const Compute *compute, const char *variable, int lanes);

#endif
