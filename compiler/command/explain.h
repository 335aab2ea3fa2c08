/* explain.h: a spec in figures: layers, totals, and memory to the byte for each target. */
#ifndef ZOETROPE_EXPLAIN_H
#define ZOETROPE_EXPLAIN_H

#include "graph/spec_model.h"
#include "lower/program.h"

/* Call explain_model() first, then explain_target() for each target. The work that is shown is that of the first target. The code is not
 * needed afterwards. */
typedef struct Explanation Explanation;
Explanation *explain_model(const Model *model);
void explain_target(Explanation *explanation, const TargetCode *code);
void print_explanation(FILE *out, const Explanation *explanation);
const char *grouped(double value); /* 4537480 → "4,537,480" */
const char *scaled(double value);  /* 37748736 → "37.7 M" */

#endif
