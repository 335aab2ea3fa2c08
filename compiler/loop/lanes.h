/* lanes.h: along which variable of a compute the lanes of a vector can lie. */
#ifndef ZOETROPE_LANES_H
#define ZOETROPE_LANES_H

#include "loop/kernel.h"

/* Are all accesses of the compute, through its virtual buffers too, uniform or unit-stride in whole vectors along the variable? */
bool lanes_fit(const Compute *compute, const char *variable, int lanes);

#endif
