/* peak.h: the peak of this machine: limits to compare measured times with. */
#ifndef ZOETROPE_PEAK_H
#define ZOETROPE_PEAK_H

#include <stdbool.h>

/* Are the vectors of this target ("avx512", …) known here, and does this CPU have them? */
bool peak_known(const char *target);

/* Multiply-adds from registers, in float32 operations a second (a multiply-add is 2), of all threads together, in the vectors of a target
 * (of four floats if the target is unknown). */
double peak_flops(const char *target, int threads);

/* Bytes a second that all threads together read from memory that is in no cache. 0: there was not enough memory to measure. */
double peak_bandwidth(int threads);

#endif
