/* spec_model.h: what is known of a spec before there is a target. */
#ifndef ZOETROPE_SPEC_MODEL_H
#define ZOETROPE_SPEC_MODEL_H

#include "graph/graph.h"

/* The graphs of a trainer. All have the same table of parameters. */
typedef struct TrainerGraphs {
    int step_count;
    Graph **step;      /* each a step of a training iteration: forward, and the gradients of what it updates */
    Graph *evaluation; /* NULL: none */
    Graph *draws;      /* of a system: its inputs are all that training draws, read by a step or not; NULL: version 1 */
    Graph *search;     /* the gradient of the score with respect to a noise; NULL: nothing is searched for */
    bool streams;      /* the network also runs frame by frame */
    int kept_count;    /* of what steps leave for later ones (kept_values.h): Node.kept is 1 … so many */
} TrainerGraphs;

typedef struct Model {
    Spec *spec;
    TrainerGraphs graphs;
    const TrainerGraphs *apart; /* the same, with nothing kept from one step for later ones; NULL: in `graphs`, too, nothing is */
    struct Tuning *tuning;      /* NULL: there is no file */
} Model;

#endif
