/* evaluate_moves.c: slices, concatenations, reshapes and upsampling as their definitions say, element by element. */
#include "graph/evaluate_moves.h"

#include "graph/shapes.h"

/* An element by item, step, channel, height and width: its place in [B·T, C, H, W]. */
typedef struct Position {
    long b, t, c, h, w;
} Position;

static long place_of(const Node *node, Position p) {
    return (((p.b * node->steps + p.t) * node->shape[1] + p.c) * node->shape[2] + p.h) * node->shape[3] + p.w;
}

static Position position_of(const Node *node, long place) {
    Position p;
    p.w = place % node->shape[3], place /= node->shape[3];
    p.h = place % node->shape[2], place /= node->shape[2];
    p.c = place % node->shape[1], place /= node->shape[1];
    p.t = place % node->steps;
    p.b = place / node->steps;
    return p;
}

static long *along(Position *p, Axis axis) {
    return axis == AXIS_ITEMS ? &p->b : axis == AXIS_STEPS ? &p->t : &p->c;
}

static double slice_value(const Node *node, double **values, long place) {
    Position p = position_of(node, place);
    *along(&p, node->axis) += node->first;
    return values[node->input[0]->id][place_of(node->input[0], p)];
}

/* Rows of an input without an order in time are those of items, too. */
static double concat_value(const Node *node, double **values, long place) {
    Position p = position_of(node, place);
    long *at = along(&p, node->axis);
    for (int i = 0; i < node->input_count; i++) {
        Node input = *node->input[i];
        if (node->axis != AXIS_STEPS) input.steps = node->steps;
        const long count = axis_extent(&input, input.steps, node->axis);
        if (*at < count) return values[input.id][place_of(&input, p)];
        *at -= count;
    }
    die("%s: element %ld is in none of its inputs", node->name, place);
}

/* How many elements of the item come before it, in the order C, T, H, W; and the other way round. */
static double reshape_value(const Node *node, double **values, long place) {
    const Node *from = node->input[0];
    if (!node->clip) return values[from->id][place];
    const Position to = position_of(node, place);
    long before = ((to.c * node->steps + to.t) * node->shape[2] + to.h) * node->shape[3] + to.w;
    Position p = {.b = to.b};
    p.w = before % from->shape[3], before /= from->shape[3];
    p.h = before % from->shape[2], before /= from->shape[2];
    p.t = before % from->steps;
    p.c = before / from->steps;
    return values[from->id][place_of(from, p)];
}

static double upsample_value(const Node *node, double **values, long place) {
    Position p = position_of(node, place);
    p.h /= node->stride[0], p.w /= node->stride[1];
    return values[node->input[0]->id][place_of(node->input[0], p)];
}

static double upsample_grad_value(const Node *node, double **values, long place) {
    double sum = 0;
    Node dy = *node->input[0];
    dy.steps = node->steps;
    for (long u = 0; u < node->stride[0]; u++)
        for (long v = 0; v < node->stride[1]; v++) {
            Position p = position_of(node, place);
            p.h = p.h * node->stride[0] + u, p.w = p.w * node->stride[1] + v;
            sum += values[dy.id][place_of(&dy, p)];
        }
    return sum;
}

static double move_value(const Node *node, double **values, long place) {
    switch (node->op) {
    case OP_DETACH:
        return values[node->input[0]->id][place];
    case OP_SLICE:
        return slice_value(node, values, place);
    case OP_CONCAT:
        return concat_value(node, values, place);
    case OP_RESHAPE:
        return reshape_value(node, values, place);
    case OP_UPSAMPLE:
        return upsample_value(node, values, place);
    case OP_UPSAMPLE_GRAD:
        return upsample_grad_value(node, values, place);
    default:
        die("%s: moves nothing", node->name);
    }
}

void evaluate_move(const Node *node, double **values, Rows rows) {
    const long size = row_size(node);
    for (long r = 0; r < rows.count; r++)
        for (long i = 0; i < size; i++) {
            const long place = (rows.first + r * rows.step) * size + i;
            values[node->id][place] = move_value(node, values, place);
        }
}
