/* figure.h: a stick figure that walks, waves or jumps. */
#ifndef ZOETROPE_FIGURE_H
#define ZOETROPE_FIGURE_H

#include "pictures/draw.h"

typedef enum Action { WALK, RUN, WAVE, WAVE_BOTH, JACK, JUMP, ACTIONS } Action;

typedef struct Figure {
    Action action;
    float height; /* of the standing figure, to the top of its head */
    Point feet;   /* where it stands, or starts to walk */
    float phase;  /* radians, at frame 0 */
    float speed;  /* radians a frame; one turn is one cycle of the movement */
    float facing; /* 1: to the right, −1: to the left */
    float bulk;   /* thickness of its limbs, as a part of its height */
    Colour colour;
} Figure;

/* Draws the figure at a frame (from 0). It walks to and fro between x = 0 and x = width. */
void figure_draw(const Figure *figure, int64_t frame, Canvas *canvas);

#endif
