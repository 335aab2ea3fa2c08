/* draw.h: anti-aliased shapes on a picture.
 *
 * Coordinates: the shorter side of the picture is 1 long; (0, 0) is its upper left corner, y points down. How much of a
 * pixel an edge covers depends on the distance of the pixel's centre, so shapes look the same at any size.
 */
#ifndef ZOETROPE_DRAW_H
#define ZOETROPE_DRAW_H

#include <stdint.h>

typedef struct Point {
    float x, y;
} Point;

typedef struct Colour {
    float red, green, blue; /* 0 … 255 */
} Colour;

typedef struct Canvas {
    int rows, columns;
    uint8_t *rgb; /* [rows, columns, 3] */
} Canvas;

/* Width and height in the coordinates above. */
Point canvas_size(const Canvas *canvas);

/* A vertical blend that fills the picture, with a floor below y = horizon. */
void draw_background(Canvas *canvas, Colour top, Colour bottom, float horizon, Colour floor);

/* A stroke with round ends; a disc if both ends are the same. */
void draw_stroke(Canvas *canvas, Point from, Point to, float radius, Colour colour);

/* A regular polygon of 3 to 8 corners on a circle, turned by `angle` (radians) and with slightly rounded corners. */
void draw_polygon(Canvas *canvas, Point centre, float radius, int corners, float angle, Colour colour);

/* A circle's line. */
void draw_ring(Canvas *canvas, Point centre, float radius, float half_width, Colour colour);

/* sin and cos that give the same bits on every machine; |angle| up to some thousands. */
float drawing_sine(float angle);
float drawing_cosine(float angle);

#endif
