/* timestamps.c: finds missing frames by the timestamps of the others. */
#include "data/dataset_index.h"

#include <inttypes.h>
#include <stdlib.h>

static int compare(const void *left, const void *right) {
    const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return a < b ? -1 : a > b;
}

/* The interval from frame to frame, if nine of ten intervals are about equal; 0: the rate varies, so it tells nothing. */
static int64_t usual_interval(const int64_t *timestamps, int64_t count) {
    const int64_t intervals = count - 1;
    int64_t *sorted = malloc((size_t)intervals * sizeof *sorted), usual = 0, alike = 0;
    if (!sorted) return 0;
    for (int64_t i = 0; i < intervals; i++) sorted[i] = timestamps[i + 1] - timestamps[i];
    qsort(sorted, (size_t)intervals, sizeof *sorted, compare);
    usual = sorted[intervals / 2];
    /* Intervals are rounded to the units of the container, so they may differ by one. */
    for (int64_t i = 0; i < intervals; i++) alike += llabs(sorted[i] - usual) <= usual / 4 + (usual >= 4);
    free(sorted);
    return 10 * alike >= 9 * intervals ? usual : 0;
}

void timestamps_find_gaps(const int64_t *timestamps, int64_t count, char *text, size_t size) {
    enum { FEWEST = 8 };
    const int64_t usual = count >= FEWEST ? usual_interval(timestamps, count) : 0;
    int64_t gaps = 0, first = 0, missing = 0;
    for (int64_t i = 0; usual > 0 && i + 1 < count; i++) {
        const int64_t interval = timestamps[i + 1] - timestamps[i];
        if (4 * interval < 7 * usual) continue;
        if (gaps++ == 0) first = i;
        missing += (interval + usual / 2) / usual - 1;
    }
    if (gaps == 0) return;
    int length = snprintf(text, size, "its timestamps jump: about %" PRId64 " %s missing after frame %" PRId64, missing,
                          plural(missing, "frame is", "frames are"), first);
    if (gaps > 1 && length < (int)size)
        snprintf(text + length, size - (size_t)length, " and at %" PRId64 " other %s", gaps - 1, plural(gaps - 1, "place", "places"));
}
