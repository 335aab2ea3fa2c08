/* explain.h: what a spec means, in figures: layers, totals, and memory to the byte for each target. */
#ifndef ZOETROPE_EXPLAIN_H
#define ZOETROPE_EXPLAIN_H

#include "graph/spec_model.h"
#include "lower/program.h"

/* Layers, totals, memory to the byte for each target. One explain_target for each follows explain_model; the work that is
 * shown is that of the first. Nothing of the code is needed afterwards. */
typedef struct Explanation Explanation;
Explanation *explain_model(const Model *model);
void explain_target(Explanation *explanation, const TargetCode *code);
void print_explanation(FILE *out, const Explanation *explanation);
const char *grouped(double value); /* 4537480 → "4,537,480" */
const char *scaled(double value);  /* 37748736 → "37.7 M" */

#endif
