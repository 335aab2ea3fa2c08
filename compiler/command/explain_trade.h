/* explain_trade.h: what --max-ram made of a program, in words. */
#ifndef ZOETROPE_EXPLAIN_TRADE_H
#define ZOETROPE_EXPLAIN_TRADE_H

#include "recompute/recompute.h"

/* What is computed again for --max-ram, and what that gives and costs. */
void explain_trade(Text *out, const TargetCode *code);
/* False, where the limit cannot be held: the error says what the least is. */
bool report_trade(FILE *errors, const char *name, const TargetCode *code);
const char *memory_limit_name(const MemoryLimit *limit); /* "; max-ram 300000000,1", or nothing */

#endif
