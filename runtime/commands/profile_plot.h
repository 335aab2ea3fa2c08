/* profile_plot.h: profile.svg: where the time of a step goes, as a picture. */
#ifndef ZOETROPE_PROFILE_PLOT_H
#define ZOETROPE_PROFILE_PLOT_H

#include "common/error.h"

typedef struct ProfileRow { /* a kernel, over one step */
    const char *name;
    double measured, limit; /* seconds */
    bool by_memory;         /* bound by memory traffic, else by arithmetic */
    double flops, bytes;
} ProfileRow;

/* A bar for each kernel, with the time beyond its limit at the end. The rows must be sorted by that, the greatest first. Those that lose
 * little become one bar. */
bool profile_plot_write(const char *path, const char *title, const ProfileRow *rows, int count, const ProfileRow *total, Error *error);

#endif
