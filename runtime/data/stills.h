/* stills.h: names of still images that are the frames of one video. */
#ifndef ZOETROPE_STILLS_H
#define ZOETROPE_STILLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length of a name without its extension. */
size_t stills_stem(const char *name);

/* For qsort of names (const char *): runs of digits compare by value, the rest by byte; names that are then equal (07 and 7) by byte. */
int compare_natural(const void *left, const void *right);

/* The difference of the numbers in two names; 0: they are not one sequence. Extensions may differ. */
int64_t stills_distance(const char *name, const char *next);

/* The step of the numbering, 1 or larger: the smallest difference between consecutive names; INT64_MAX: no two are one sequence. If a
 * number grows by several steps, frames are missing. If it does not grow by whole steps, it does not count frames. */
int64_t stills_step(const char *const *names, int64_t count);

#endif
