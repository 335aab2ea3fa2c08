/* synthetic.c: videos that the program draws itself, to train on without a download: stick figures, and
 * shapes that move and bounce off each other. The content depends only on the seed and on the video's number.
 */
#include "exact.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/random.h"
#include "data/video.h"
#include "pictures/draw.h"
#include "pictures/figure.h"

enum { MOST_BODIES = 5, DRAWS = 256 /* random numbers of one video */, SUBSTEPS = 4 /* of the movement, a frame */ };

typedef struct Body {
    Point centre, velocity; /* a frame */
    float radius, angle, spin;
    int corners; /* 0: a disc, 1: a ring, 3 …: a polygon */
    Colour colour;
} Body;

typedef struct Scene {
    Colour top, bottom, floor;
    float horizon; /* beyond the picture: no floor */
    bool has_figure;
    Figure figure;
    Body bodies[MOST_BODIES];
    int body_count;
} Scene;

typedef struct Synthetic {
    Video video;
    VideoSource source;
    uint64_t drawn;  /* random numbers used */
    Scene scene;     /* as it is in the current frame */
    Scene beginning; /* as it is in frame 0 */
    int64_t current; /* −1: before the first frame */
    Canvas canvas;
    bool rgb_valid;
} Synthetic;

static float pick(Synthetic *synthetic, float low, float high) {
    uint64_t index = synthetic->source.number * DRAWS + synthetic->drawn++;
    return low + (high - low) * random_uniform(synthetic->source.seed, RANDOM_SYNTHETIC, index);
}

static int pick_one_of(Synthetic *synthetic, int count) {
    int choice = (int)pick(synthetic, 0, (float)count);
    return choice < count ? choice : count - 1;
}

/* A grey of this level, or a colour about as bright; within what a pixel holds. */
static Colour pick_colour(Synthetic *synthetic, float level, float saturation) {
    float hue = pick(synthetic, 0, 6.28318531f);
    float amount = synthetic->source.colour ? saturation * fminf(level, 255 - level) : 0;
    float parts[3];
    for (int c = 0; c < 3; c++) {
        float part = level + amount * drawing_cosine(hue - 2.0943951f * (float)c);
        parts[c] = part < 0 ? 0 : part > 255 ? 255 : part;
    }
    return (Colour){parts[0], parts[1], parts[2]};
}

static void set_figure(Synthetic *synthetic, Action action, Point size, float level) {
    Figure *figure = &synthetic->scene.figure;
    synthetic->scene.has_figure = true;
    figure->action = action;
    figure->height = pick(synthetic, 0.58f, 0.74f);
    figure->feet = (Point){size.x * pick(synthetic, 0.36f, 0.64f), size.y - pick(synthetic, 0.06f, 0.13f)};
    figure->phase = pick(synthetic, 0, 6.28318531f);
    figure->speed = pick(synthetic, 0.22f, 0.34f);
    figure->facing = pick(synthetic, -1, 1) < 0 ? -1 : 1;
    figure->bulk = pick(synthetic, 0.026f, 0.036f);
    figure->colour = pick_colour(synthetic, level, 0.9f);
    synthetic->scene.horizon = figure->feet.y - 0.02f;
}

static bool overlaps(const Scene *scene, const Body *body) {
    for (int i = 0; i < scene->body_count; i++) {
        float dx = scene->bodies[i].centre.x - body->centre.x, dy = scene->bodies[i].centre.y - body->centre.y;
        float reach = scene->bodies[i].radius + body->radius;
        if (dx * dx + dy * dy < reach * reach) return true;
    }
    return false;
}

static void add_body(Synthetic *synthetic, Point size, float level, float largest) {
    static const int kinds[] = {0, 0, 1, 3, 4, 5};
    Scene *scene = &synthetic->scene;
    Body body = {.radius = pick(synthetic, 0.6f * largest, largest), .angle = pick(synthetic, 0, 6.28318531f)};
    body.corners = kinds[pick_one_of(synthetic, sizeof kinds / sizeof *kinds)];
    body.spin = pick(synthetic, -0.12f, 0.12f);
    float direction = pick(synthetic, 0, 6.28318531f), speed = pick(synthetic, 0.010f, 0.026f);
    body.velocity = (Point){speed * drawing_cosine(direction), speed * drawing_sine(direction)};
    body.colour = pick_colour(synthetic, level, 0.9f);
    for (int attempt = 0; attempt < 8; attempt++) {
        body.centre.x = pick(synthetic, body.radius, size.x - body.radius);
        body.centre.y = pick(synthetic, body.radius, size.y - body.radius);
        if (overlaps(scene, &body)) continue;
        scene->bodies[scene->body_count++] = body;
        return;
    }
}

/* Of ten videos, six show one of the actions each, and four only shapes. Every second one is bright on dark, the others dark on bright. */
static void set_scene(Synthetic *synthetic) {
    Scene *scene = &synthetic->scene;
    Point size = canvas_size(&synthetic->canvas);
    uint64_t kind = synthetic->source.number % 10;
    bool dark = pick(synthetic, 0, 1) < 0.5f;
    float ground = dark ? pick(synthetic, 18, 70) : pick(synthetic, 150, 205), tilt = pick(synthetic, -22, 22);
    scene->top = pick_colour(synthetic, ground + tilt, 0.35f);
    scene->bottom = pick_colour(synthetic, ground - tilt, 0.35f);
    scene->floor = pick_colour(synthetic, dark ? ground * 0.55f : ground * 0.78f, 0.35f);
    scene->horizon = size.y + 1;
    if (kind < ACTIONS) {
        set_figure(synthetic, (Action)kind, size, dark ? pick(synthetic, 190, 250) : pick(synthetic, 8, 55));
        return;
    }
    int count = 2 + pick_one_of(synthetic, MOST_BODIES - 1);
    for (int i = 0; i < count; i++) {
        float level = dark ? pick(synthetic, 120, 250) : pick(synthetic, 8, 105);
        add_body(synthetic, size, level, 0.22f - 0.02f * (float)count);
    }
}

/* One dimension of a bounce at the borders of the picture. */
static void bounce(float *place, float *velocity, float radius, float size) {
    if (*place < radius && *velocity < 0) *velocity = -*velocity;
    if (*place > size - radius && *velocity > 0) *velocity = -*velocity;
}

/* An elastic bounce of two discs whose masses are their areas, if they approach each other. */
static void collide(Body *a, Body *b) {
    float dx = b->centre.x - a->centre.x, dy = b->centre.y - a->centre.y, reach = a->radius + b->radius;
    float square = dx * dx + dy * dy;
    if (square >= reach * reach || square <= 0) return;
    float approach = ((b->velocity.x - a->velocity.x) * dx + (b->velocity.y - a->velocity.y) * dy) / square;
    if (approach >= 0) return;
    float mass_a = a->radius * a->radius, mass_b = b->radius * b->radius;
    float push_a = 2 * mass_b / (mass_a + mass_b) * approach, push_b = 2 * mass_a / (mass_a + mass_b) * approach;
    a->velocity.x += push_a * dx;
    a->velocity.y += push_a * dy;
    b->velocity.x -= push_b * dx;
    b->velocity.y -= push_b * dy;
    a->spin = -a->spin;
    b->spin = -b->spin;
}

static void move(Scene *scene, Point size) {
    for (int step = 0; step < SUBSTEPS; step++) {
        for (int i = 0; i < scene->body_count; i++) {
            Body *body = &scene->bodies[i];
            body->centre.x += body->velocity.x / SUBSTEPS;
            body->centre.y += body->velocity.y / SUBSTEPS;
            body->angle += body->spin / SUBSTEPS;
            bounce(&body->centre.x, &body->velocity.x, body->radius, size.x);
            bounce(&body->centre.y, &body->velocity.y, body->radius, size.y);
            for (int j = 0; j < i; j++) collide(body, &scene->bodies[j]);
        }
    }
}

static VideoStatus synthetic_next(Video *video, VideoFrame *frame, Error *error) {
    Synthetic *synthetic = (Synthetic *)video;
    (void)error;
    if (synthetic->current + 1 >= synthetic->source.frames) return VIDEO_END;
    synthetic->current++;
    synthetic->rgb_valid = false;
    if (synthetic->current) move(&synthetic->scene, canvas_size(&synthetic->canvas));
    *frame = (VideoFrame){synthetic->canvas.rows, synthetic->canvas.columns, synthetic->current};
    return VIDEO_FRAME;
}

static void draw_body(Canvas *canvas, const Body *body) {
    if (body->corners == 0) draw_stroke(canvas, body->centre, body->centre, body->radius, body->colour);
    else if (body->corners == 1) draw_ring(canvas, body->centre, body->radius * 0.78f, body->radius * 0.22f, body->colour);
    else draw_polygon(canvas, body->centre, body->radius, body->corners, body->angle, body->colour);
}

static const uint8_t *synthetic_rgb(Video *video, Error *error) {
    Synthetic *synthetic = (Synthetic *)video;
    const Scene *scene = &synthetic->scene;
    (void)error;
    if (synthetic->rgb_valid) return synthetic->canvas.rgb;
    draw_background(&synthetic->canvas, scene->top, scene->bottom, scene->horizon, scene->floor);
    for (int i = 0; i < scene->body_count; i++) draw_body(&synthetic->canvas, &scene->bodies[i]);
    if (scene->has_figure) figure_draw(&scene->figure, synthetic->current, &synthetic->canvas);
    synthetic->rgb_valid = true;
    return synthetic->canvas.rgb;
}

static bool synthetic_seek(Video *video, int64_t frame, int64_t timestamp, Error *error) {
    Synthetic *synthetic = (Synthetic *)video;
    (void)timestamp, (void)error;
    synthetic->scene = synthetic->beginning;
    for (int64_t i = 1; i < frame; i++) move(&synthetic->scene, canvas_size(&synthetic->canvas));
    synthetic->current = frame - 1;
    return true;
}

static void synthetic_close(Video *video) {
    Synthetic *synthetic = (Synthetic *)video;
    free(synthetic->canvas.rgb);
    free(synthetic);
}

Video *synthetic_open(const VideoSource *source, Error *error) {
    static const VideoFunctions functions = {
        .next = synthetic_next, .rgb = synthetic_rgb, .seek = synthetic_seek, .close = synthetic_close};
    Synthetic *synthetic = allocate(sizeof *synthetic);
    *synthetic = (Synthetic){.video.functions = &functions, .source = *source, .current = -1};
    synthetic->canvas = (Canvas){source->height, source->width, malloc((size_t)source->height * (size_t)source->width * 3)};
    if (!synthetic->canvas.rgb) {
        fail_memory(error, "a frame");
        free(synthetic);
        return NULL;
    }
    set_scene(synthetic);
    synthetic->beginning = synthetic->scene;
    return &synthetic->video;
}
