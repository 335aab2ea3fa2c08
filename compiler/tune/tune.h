/* tune.h: measures choices on this machine, in rounds of candidates, and picks the winners. */
#ifndef ZOETROPE_TUNE_H
#define ZOETROPE_TUNE_H

#include "graph/spec_model.h"
#include "lower/choice.h"

typedef struct TuneOrder {
    const char *path; /* of the file to write; NULL: by the names of the spec and of this CPU */
    const Choices *choices;
    bool targets_given; /* else those of them that run here */
    int target_count;
    const Target *const *target;
} TuneOrder;
/* False after reporting. */
bool tune_model(const TuneOrder *order, const Model *model);

#endif
