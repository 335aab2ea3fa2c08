/* explain_trade.h: the effect of --max-ram, in words. */
#ifndef ZOETROPE_EXPLAIN_TRADE_H
#define ZOETROPE_EXPLAIN_TRADE_H

#include "recompute/recompute.h"

/* Appends the results that are computed again, the memory saved and the work added. */
void explain_trade(Text *out, const TargetCode *code);
/* Returns false if the limit cannot be kept; the error names the least one. */
bool report_trade(FILE *errors, const char *name, const TargetCode *code);
const char *memory_limit_name(const MemoryLimit *limit); /* "; max-ram 300000000,1", or nothing */

#endif
