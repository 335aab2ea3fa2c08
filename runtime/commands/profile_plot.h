/* profile_plot.h: profile.svg: where the time of a step goes, as a picture. */
#ifndef ZOETROPE_PROFILE_PLOT_H
#define ZOETROPE_PROFILE_PLOT_H

#include "common/error.h"

typedef struct ProfileRow { /* a kernel, over one step */
    const char *name;
    double measured, limit; /* seconds */
    bool by_memory;         /* what bounds it: memory traffic, else arithmetic */
    double flops, bytes;
} ProfileRow;

/* A bar for each kernel, what is beyond its limit at its end. The rows come sorted by that, the greatest first; those that lose little are
 * drawn as one. */
bool profile_plot_write(const char *path, const char *title, const ProfileRow *rows, int count, const ProfileRow *total, Error *error);

#endif
