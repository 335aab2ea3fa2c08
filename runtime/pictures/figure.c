/* figure.c: poses as angles of joints, which are functions of the phase of the movement. */
#include "exact.h"

#include "pictures/figure.h"

#include <math.h>

/* Parts of the body, as parts of its height. */
static const float head = 0.085f, neck = 0.815f, shoulder = 0.77f, hip = 0.47f, shoulder_half = 0.085f, hip_half = 0.05f;
static const float upper_arm = 0.17f, lower_arm = 0.17f, thigh = 0.235f, shin = 0.235f;

/* Angles in radians from hanging straight down; positive is away from the body, or forward for a figure seen from the side. The second
 * joint's angle adds to the first's. */
typedef struct Pose {
    float arm[2], elbow[2], leg[2], knee[2]; /* of two sides */
    float lean;                              /* of the trunk, forward */
    float lift;                              /* of the whole body, in heights */
    float sideways;                          /* 1: seen from the side; 0: from the front */
} Pose;

static float wave(float angle) {
    return drawing_sine(angle);
}
static float positive(float value) {
    return value > 0 ? value : 0;
}

static Pose stride(float phase, float vigour) {
    Pose pose = {.sideways = 1, .lean = 0.04f + 0.12f * (vigour - 1)};
    for (int side = 0; side < 2; side++) {
        float own = phase + 3.14159265f * (float)side;
        pose.leg[side] = 0.48f * vigour * wave(own);
        pose.knee[side] = -0.12f - 0.75f * vigour * positive(wave(own + 1.3f));
        pose.arm[side] = -0.5f * vigour * wave(own);
        pose.elbow[side] = 0.25f + 0.9f * (vigour - 1) * 2;
    }
    pose.lift = 0.018f * vigour * wave(2 * phase + 1.2f) - 0.01f;
    return pose;
}

static Pose stand(void) {
    Pose pose = {.arm = {0.18f, 0.18f}, .elbow = {-0.05f, -0.05f}, .leg = {0.12f, 0.12f}, .knee = {-0.06f, -0.06f}};
    return pose;
}

static Pose waving(float phase, int arms) {
    Pose pose = stand();
    for (int side = 0; side < arms; side++) {
        pose.arm[side] = 2.15f + 0.18f * wave(phase);
        pose.elbow[side] = 0.35f + 0.75f * wave(phase + 0.4f);
    }
    return pose;
}

static Pose jack(float phase) {
    float open = 0.5f - 0.5f * drawing_cosine(phase);
    Pose pose = stand();
    for (int side = 0; side < 2; side++) {
        pose.arm[side] = 0.15f + 2.6f * open;
        pose.elbow[side] = 0.1f + 0.2f * open;
        pose.leg[side] = 0.06f + 0.42f * open;
    }
    pose.lift = 0.05f * positive(wave(phase)) + 0.05f * positive(-wave(phase));
    return pose;
}

/* Half of the cycle in the air (a parabola), half on the ground (knees give and stretch). */
static Pose jump(float phase) {
    const float turn = 6.28318531f;
    float part = phase / turn - floorf(phase / turn), crouch = 0, height = 0;
    if (part < 0.5f) crouch = wave(part * turn);
    else height = 4 * (2 * part - 1) * (2 - 2 * part);
    Pose pose = stand();
    for (int side = 0; side < 2; side++) {
        pose.leg[side] = 0.10f + 0.85f * crouch;
        pose.knee[side] = -0.06f - 1.6f * crouch;
        pose.arm[side] = 0.25f + 1.5f * height;
        pose.elbow[side] = 0.1f + 0.4f * crouch;
    }
    pose.lift = 0.2f * height;
    return pose;
}

static Pose pose_of(Action action, float phase) {
    switch (action) {
    case WALK:
        return stride(phase, 1);
    case RUN:
        return stride(phase, 1.45f);
    case WAVE:
        return waving(phase, 1);
    case WAVE_BOTH:
        return waving(phase, 2);
    case JACK:
        return jack(phase);
    case JUMP:
    case ACTIONS:
        break;
    }
    return jump(phase);
}

static Point beyond(Point from, float length, float angle, float direction) {
    return (Point){from.x + direction * length * drawing_sine(angle), from.y + length * drawing_cosine(angle)};
}

/* How far below the hips the lower foot is, in heights. */
static float reach_of(const Pose *pose) {
    float reach = 0;
    for (int side = 0; side < 2; side++) {
        float length = thigh * drawing_cosine(pose->leg[side]) + shin * drawing_cosine(pose->leg[side] + pose->knee[side]);
        if (length > reach) reach = length;
    }
    return reach;
}

static void limb(Canvas *canvas, Point joint, float upper, float lower, const float angles[2], float direction, float radius,
                 Colour colour) {
    Point middle = beyond(joint, upper, angles[0], direction), end = beyond(middle, lower, angles[0] + angles[1], direction);
    draw_stroke(canvas, joint, middle, radius, colour);
    draw_stroke(canvas, middle, end, radius * 0.9f, colour);
}

/* The far side of a figure seen from the side is drawn a little darker. */
static Colour shaded(Colour colour, float share) {
    return (Colour){colour.red * share, colour.green * share, colour.blue * share};
}

static void draw_pose(const Figure *figure, const Pose *pose, Point feet, float facing, Canvas *canvas) {
    float h = figure->height, radius = figure->bulk * h, front = 1 - pose->sideways;
    float hips_height = reach_of(pose) + pose->lift;
    Point hips = {feet.x, feet.y - hips_height * h};
    Point shoulders = {hips.x + facing * pose->lean * h, hips.y - (shoulder - hip) * h};
    Point top = {hips.x + facing * pose->lean * 1.3f * h, hips.y - (neck + head - hip) * h};
    for (int side = 1; side >= 0; side--) { /* the far side first */
        float direction = front > 0 ? (side ? -facing : facing) : facing;
        Colour colour = side && pose->sideways > 0 ? shaded(figure->colour, 0.72f) : figure->colour;
        Point hip_joint = {hips.x + front * direction * hip_half * h, hips.y};
        Point shoulder_joint = {shoulders.x + front * direction * shoulder_half * h, shoulders.y};
        const float leg[2] = {pose->leg[side], pose->knee[side]}, arm[2] = {pose->arm[side], pose->elbow[side]};
        limb(canvas, hip_joint, thigh * h, shin * h, leg, direction, radius, colour);
        limb(canvas, shoulder_joint, upper_arm * h, lower_arm * h, arm, direction, radius * 0.85f, colour);
        if (front > 0) draw_stroke(canvas, shoulders, shoulder_joint, radius, colour);
        if (front > 0) draw_stroke(canvas, hips, hip_joint, radius, colour);
        if (side) continue;
        draw_stroke(canvas, hips, shoulders, radius * 1.25f, figure->colour);
        draw_stroke(canvas, shoulders, top, radius * 0.8f, figure->colour);
        draw_stroke(canvas, top, top, head * h, figure->colour);
    }
}

/* The place of a walker that turns round at both borders: a triangle wave of the distance walked. */
static Point walked(const Figure *figure, int64_t frame, float width, float *facing) {
    float margin = 0.24f * figure->height, room = width - 2 * margin;
    if (figure->action > RUN || room <= 0) return figure->feet;
    float length = (figure->action == RUN ? 0.17f : 0.125f) * figure->height; /* the distance for a radian of the movement */
    float way = figure->feet.x - margin + (*facing > 0 ? 0 : 2 * (room - figure->feet.x + margin)) + length * figure->speed * (float)frame;
    float place = way - 2 * room * floorf(way / (2 * room));
    *facing = place < room ? 1 : -1;
    return (Point){margin + (place < room ? place : 2 * room - place), figure->feet.y};
}

void figure_draw(const Figure *figure, int64_t frame, Canvas *canvas) {
    float phase = figure->phase + figure->speed * (float)frame, facing = figure->facing;
    Pose pose = pose_of(figure->action, phase);
    Point feet = walked(figure, frame, canvas_size(canvas).x, &facing);
    draw_pose(figure, &pose, feet, facing, canvas);
}
