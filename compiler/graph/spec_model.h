/* spec_model.h: what is known of a spec before there is a target. */
#ifndef ZOETROPE_SPEC_MODEL_H
#define ZOETROPE_SPEC_MODEL_H

#include "graph/graph.h"

typedef struct Model {
    Spec *spec;
    Graph *training, *evaluation;
    struct Tuning *tuning; /* NULL: there is no file */
} Model;

#endif
