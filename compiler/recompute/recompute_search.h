/* recompute_search.h: which results are not kept. */
#ifndef ZOETROPE_RECOMPUTE_SEARCH_H
#define ZOETROPE_RECOMPUTE_SEARCH_H

#include "recompute/recompute_memory.h"

/* Sets keeping[] to what needs the fewest FLOPs of those within the limit, or, if none is, to that with the least workspace. */
Need choose_keeping(const Footprint *footprint, long limit, Keeping *keeping);

#endif
