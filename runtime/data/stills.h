/* stills.h: names of still images that are the frames of one video. */
#ifndef ZOETROPE_STILLS_H
#define ZOETROPE_STILLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long a name is without its extension. */
size_t stills_stem(const char *name);

/* For qsort of names (const char *): runs of digits compare by value, all else by byte; names that are equal so far (07 and 7) by byte. */
int compare_natural(const void *left, const void *right);

/* How much further the number of the next name is; 0: they are not of one sequence. Extensions may differ. */
int64_t stills_distance(const char *name, const char *next);

/* Frames are numbered by 1, or by some other step: the least from one name to the next; INT64_MAX: no two are of one sequence. Where a
 * number goes on by several steps, frames are missing; where by no whole number of steps, it is not a count of frames. */
int64_t stills_step(const char *const *names, int64_t count);

#endif
