/* draw.c: shapes as distances to their edges. */
#include "exact.h"

#include "pictures/draw.h"

#include <math.h>

typedef enum ShapeKind { STROKE, POLYGON, RING } ShapeKind;
enum { MOST_CORNERS = 8 };

typedef struct Shape {
    ShapeKind kind;
    Point from, to; /* STROKE; `from` is the centre of the others */
    float radius, half_width;
    int corners;
    Point normals[MOST_CORNERS]; /* POLYGON: outward; the edges are all `apothem` from the centre */
    float apothem;
} Shape;

float drawing_sine(float angle) {
    const double pi = 3.14159265358979323846;
    double x = angle - 2 * pi * floor(angle / (2 * pi) + 0.5); /* in [−π, π], */
    if (x > pi / 2) x = pi - x;                                /* then in [−π/2, π/2], where the series is good to 10⁻⁸ */
    if (x < -pi / 2) x = -pi - x;
    double square = x * x;
    return (float)(x * (1 - square / 6 * (1 - square / 20 * (1 - square / 42 * (1 - square / 72 * (1 - square / 110))))));
}

float drawing_cosine(float angle) {
    return drawing_sine(angle + 1.57079632679489662f);
}

static float shorter_side(const Canvas *canvas) {
    return (float)(canvas->rows < canvas->columns ? canvas->rows : canvas->columns);
}

Point canvas_size(const Canvas *canvas) {
    float side = shorter_side(canvas);
    return (Point){(float)canvas->columns / side, (float)canvas->rows / side};
}

static float clamp(float value, float low, float high) {
    return value < low ? low : value > high ? high : value;
}

static void blend(uint8_t *pixel, Colour colour, float share) {
    const float parts[3] = {colour.red, colour.green, colour.blue};
    for (int c = 0; c < 3; c++) pixel[c] = (uint8_t)((float)pixel[c] + (parts[c] - (float)pixel[c]) * share + 0.5f);
}

void draw_background(Canvas *canvas, Colour top, Colour bottom, float horizon, Colour floor_colour) {
    float side = shorter_side(canvas);
    uint8_t *pixel = canvas->rgb;
    for (int row = 0; row < canvas->rows; row++) {
        float share = ((float)row + 0.5f) / (float)canvas->rows;
        float below = clamp((float)row + 1 - horizon * side, 0, 1);
        for (int column = 0; column < canvas->columns; column++, pixel += 3) {
            pixel[0] = pixel[1] = pixel[2] = 0;
            blend(pixel, top, 1);
            blend(pixel, bottom, share);
            blend(pixel, floor_colour, below);
        }
    }
}

/* The distance of a point from the shape's edge (negative: inside). */
static float distance(const Shape *shape, float x, float y) {
    float dx = x - shape->from.x, dy = y - shape->from.y;
    if (shape->kind == RING) return fabsf(sqrtf(dx * dx + dy * dy) - shape->radius) - shape->half_width;
    if (shape->kind == STROKE) {
        float along_x = shape->to.x - shape->from.x, along_y = shape->to.y - shape->from.y;
        float length = along_x * along_x + along_y * along_y;
        float place = length > 0 ? clamp((dx * along_x + dy * along_y) / length, 0, 1) : 0;
        dx -= place * along_x;
        dy -= place * along_y;
        return sqrtf(dx * dx + dy * dy) - shape->radius;
    }
    float outside = -1e9f;
    for (int i = 0; i < shape->corners; i++) {
        float edge = dx * shape->normals[i].x + dy * shape->normals[i].y - shape->apothem;
        if (edge > outside) outside = edge;
    }
    float round = sqrtf(dx * dx + dy * dy) - shape->radius * 0.93f; /* rounds the corners */
    return outside > round ? outside : round;
}

/* Blends the shape into the pixels of the box around it, reach from both of its points. */
static void draw(Canvas *canvas, const Shape *shape, float reach, Colour colour) {
    float side = shorter_side(canvas);
    float left = fminf(shape->from.x, shape->to.x) - reach, right = fmaxf(shape->from.x, shape->to.x) + reach;
    float top = fminf(shape->from.y, shape->to.y) - reach, bottom = fmaxf(shape->from.y, shape->to.y) + reach;
    int first_column = (int)clamp(left * side - 1, 0, (float)canvas->columns);
    int end_column = (int)clamp(right * side + 2, 0, (float)canvas->columns);
    int first_row = (int)clamp(top * side - 1, 0, (float)canvas->rows), end_row = (int)clamp(bottom * side + 2, 0, (float)canvas->rows);
    for (int row = first_row; row < end_row; row++)
        for (int column = first_column; column < end_column; column++) {
            float outside = distance(shape, ((float)column + 0.5f) / side, ((float)row + 0.5f) / side) * side;
            float share = clamp(0.5f - outside, 0, 1);
            if (share > 0) blend(canvas->rgb + 3 * ((int64_t)row * canvas->columns + column), colour, share);
        }
}

void draw_stroke(Canvas *canvas, Point from, Point to, float radius, Colour colour) {
    Shape shape = {.kind = STROKE, .from = from, .to = to, .radius = radius};
    draw(canvas, &shape, radius, colour);
}

void draw_polygon(Canvas *canvas, Point centre, float radius, int corners, float angle, Colour colour) {
    const float half = 3.14159265f / (float)corners;
    Shape shape = {.kind = POLYGON, .from = centre, .to = centre, .radius = radius, .corners = corners};
    shape.apothem = radius * drawing_cosine(half);
    for (int i = 0; i < corners; i++) {
        float direction = angle + (float)(2 * i + 1) * half;
        shape.normals[i] = (Point){drawing_cosine(direction), drawing_sine(direction)};
    }
    draw(canvas, &shape, radius, colour);
}

void draw_ring(Canvas *canvas, Point centre, float radius, float half_width, Colour colour) {
    Shape shape = {.kind = RING, .from = centre, .to = centre, .radius = radius, .half_width = half_width};
    draw(canvas, &shape, radius + half_width, colour);
}
