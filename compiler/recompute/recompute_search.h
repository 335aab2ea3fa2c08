/* recompute_search.h: chooses the results that are not kept. */
#ifndef ZOETROPE_RECOMPUTE_SEARCH_H
#define ZOETROPE_RECOMPUTE_SEARCH_H

#include "recompute/recompute_memory.h"

/* Sets keeping[] to the choice with the fewest FLOPs within the limit. If none is within it, to the one with the least workspace. */
Need choose_keeping(const Footprint *footprint, long limit, Keeping *keeping);

#endif
