/* peak.h: what this machine can do at most: the limits that measured times are held against. */
#ifndef ZOETROPE_PEAK_H
#define ZOETROPE_PEAK_H

#include <stdbool.h>

/* Are the vectors of this target ("avx512", …) known here, and does this CPU have them? */
bool peak_known(const char *target);

/* Multiply-adds from registers, in float32 operations a second (a multiply-add is 2), of all threads together, in the vectors of a
 * target (those of four floats where it is not known). */
double peak_flops(const char *target, int threads);

/* Bytes a second that the threads together read from memory that is in no cache. 0: there was no memory to measure with. */
double peak_bandwidth(int threads);

#endif
