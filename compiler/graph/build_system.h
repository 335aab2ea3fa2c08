/* build_system.h: a system of language version 2 → its graphs. */
#ifndef ZOETROPE_BUILD_SYSTEM_H
#define ZOETROPE_BUILD_SYSTEM_H

#include "graph/spec_model.h"
#include "spec/system.h"

/* A graph for each step, without gradients, and the evaluation. All have the same table of parameters, in groups by network. Named inputs:
 * x; noise.<name>; dropout.<network>.<module>.<call>; state.<network>.<module>.<call>. Losses of a step: loss.<name>, with their weights.
 * Outputs of the evaluation: output.<name>; score, where there is one. The search gives `gradient`: of each item's score, with respect to
 * the noise that is searched. */
TrainerGraphs build_system(const Spec *spec);
/* The evaluation alone, of a system with outputs or a score. `frame`: of one frame of each clip, for a system whose frames_depend() on
 * nothing: a noise has one frame, too. spec->T is 1 then. */
Graph *build_evaluation(const Spec *spec, bool frame);
/* Makes of an evaluation graph, which may be folded, the graph of its search's gradient. */
void differentiate_score(Graph *graph, const System *system);
/* Appends the gradients of each step: of each network by the losses that update it. */
void differentiate_system(const Spec *spec, TrainerGraphs *graphs);

#endif
