/* system_layout.h: what a bundle of version 2 is given and gives, and where its own C keeps these values. Private to this room. */
#ifndef ZOETROPE_SYSTEM_LAYOUT_H
#define ZOETROPE_SYSTEM_LAYOUT_H

#include "bundle/inference.h"

/* Something that evaluation draws. `items` of a joined call are two. In memory: [elements / inner, items, inner]. */
typedef struct SystemDraw {
    const Argument *argument;
    const char *field;         /* of the struct of draws: noise_z, state_encoder_3_0 */
    int input;                 /* its number among the inputs */
    long items, elements;      /* of one item */
    long inner;                /* so many elements of an item lie together */
    long place;                /* in the area of draws, floats */
    unsigned long long key[2]; /* for the generator: of the first and the second item */
} SystemDraw;

typedef struct SystemResult { /* an output; the score is the last one, if there is a score */
    const Argument *argument;
    const char *field; /* of the struct of outputs; NULL: the score */
    long elements, place;
} SystemResult;

typedef struct SystemLayout {
    int inputs, x; /* how many, and the number of x; −1: nothing reads it */
    int draw_count, result_count;
    SystemDraw *draw;
    SystemResult *result;
    const SystemDraw *searched;  /* NULL: nothing is searched for */
    const SystemResult *samples; /* computed before the search; NULL: there is no search, or no such output */
    long draws, results;         /* floats of all */
    long scores;                 /* 0: there is no score */
    long golden_search;          /* updates of the search for the golden results */
} SystemLayout;

/* From the graphs. */
SystemLayout *lay_out_system(const Inference *inference);
/* Bytes of the areas, one after another: a clip, the draws, the results; of a search, gradient, two moments, and a place for samples. */
enum { AREA_CLIP, AREA_DRAWS, AREA_RESULTS, AREA_GRADIENT, AREA_MOMENTS, AREA_SPARE, SYSTEM_AREAS };
long system_area(const Inference *inference, int area);

#endif
