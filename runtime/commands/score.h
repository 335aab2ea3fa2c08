/* score.h: scores of frames, and their plot. */
#ifndef ZOETROPE_SCORE_H
#define ZOETROPE_SCORE_H

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct VideoScores {
    const char *path;
    int64_t frames;
    float *score; /* [frames]; NAN: not finite */
} VideoScores;

/* scores.svg: the scores of all videos, one after another, logarithmic. */
bool score_plot_write(const char *path, const char *title, const VideoScores *videos, int64_t count, Error *error);

#endif
