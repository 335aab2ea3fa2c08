/* The norm of a group's gradient. Blocks hold padding lanes, whatever is in them, so each parameter's elements are summed by themselves:
 * the squares of some elements of one dimension in float, a vector at a time, all else in double, in index order. */
#include "lower/lower_clip.h"

#include "loop/lanes.h"
#include "lower/finish_kernel.h"
#include "lower/kernel_builder.h"
#include "lower/storage.h"

#define V affine_variable

enum { SUMMED = 64 };
static const char *const names[MAX_RANK] = {"a", "b", "c", "d", "e", "f", "g", "h"};

/* How a gradient's squares are summed first: SUMMED elements or fewer along the longest dimension that has no lanes. */
typedef struct Squares {
    int lane, along;
    long tile;
} Squares;

static Squares squares_of(const Node *node, const Buffer *gradient) {
    const int lane = layout_lane(&gradient->layout);
    Squares squares = {.lane = lane >= 0 ? lane : node->rank - 1, .along = -1, .tile = 1};
    for (int d = 0; d < node->rank; d++)
        if (d != squares.lane && (squares.along < 0 || node->shape[d] > node->shape[squares.along])) squares.along = d;
    if (squares.along >= 0) squares.tile = largest_divisor(node->shape[squares.along], SUMMED);
    return squares;
}

/* g: the parameter's shape → [… / tile …, lane's dimension last] */
static const Buffer *lower_squares(Lowering *l, const Parameter *parameter) {
    const Node *node = parameter->node;
    const Buffer *gradient = l->parameter[parameter->number].gradient;
    const Squares squares = squares_of(node, gradient);
    Kernel *kernel = new_kernel(format("%s_squares", gradient->name), 1);
    Compute *compute = &kernel->compute[0];
    Schedule *schedule = &kernel->schedule[0];
    Affine from[MAX_RANK], to[MAX_RANK];
    long shape[MAX_RANK];
    int rank = 0;
    for (int d = 0; d < node->rank; d++) {
        const long extent = d == squares.along ? node->shape[d] / squares.tile : node->shape[d];
        from[d] = V(add_variable(compute, names[d], extent, false));
        if (d == squares.lane) continue;
        to[rank] = from[d];
        shape[rank++] = extent;
    }
    to[rank] = from[squares.lane];
    shape[rank++] = node->shape[squares.lane];
    if (squares.along >= 0)
        from[squares.along] =
            affine_add(affine_scale(from[squares.along], squares.tile), V(add_variable(compute, "q", squares.tile, true)));
    const Buffer *sums = new_plain(kernel->name, TYPE_F32, PLACE_WORKSPACE, rank, shape);
    const Expression *element = load(gradient, from);
    compute->sum[compute->sum_count++] = op2(MULTIPLY, element, element);
    add_store(compute, sums, to, sum_value(0, TYPE_F32));
    const int lanes = l->target->lanes;
    const bool fit = lanes_fit(compute, names[squares.lane], lanes);
    add_level(schedule, names[squares.lane], fit ? lanes : 1, LOOP_PARALLEL);
    for (int d = 0; d < node->rank; d++)
        if (d != squares.lane) add_level(schedule, names[d], 1, LOOP_SERIAL);
    schedule->accumulate = schedule->levels;
    if (squares.along >= 0) add_level(schedule, "q", 1, LOOP_SERIAL);
    if (fit) add_level(schedule, names[squares.lane], 1, LOOP_VECTOR);
    kernel->comment = "sums of squares of a gradient's elements";
    set_work(kernel, 2.0 * (double)parameter->count);
    finish_kernel(l, kernel, NULL);
    return sums;
}

/* → norms[number], the square of the norm of one parameter's gradient */
static void lower_sum_of_squares(Lowering *l, const Buffer *sums, const Buffer *norms, long number) {
    Kernel *kernel = new_kernel(format("%s_sum", sums->name), 1);
    Compute *compute = &kernel->compute[0];
    Affine from[MAX_RANK];
    for (int d = 0; d < sums->rank; d++) from[d] = V(add_variable(compute, names[d], sums->shape[d], true));
    const Affine to[1] = {affine_constant(number)};
    compute->sum[compute->sum_count++] = op1(WIDEN, load(sums, from));
    add_store(compute, norms, to, sum_value(0, TYPE_F64));
    finish_naive(l, kernel, (double)sums->layout.size, "their sum, in index order, in double");
}

static const Expression *lower_factor(Lowering *l, const ParameterGroup *group, const Buffer *norms) {
    const char *name = l->code->group_count == 1 ? "clip" : format("clip_%s", group->name);
    const Buffer *factor = new_plain(name, TYPE_F32, PLACE_WORKSPACE, 1, (long[1]){1});
    Kernel *kernel = new_kernel(name, 1);
    Compute *compute = &kernel->compute[0];
    const Affine from[1] = {V(add_variable(compute, "i", norms->shape[0], true))}, first[1] = {{0}};
    const Expression *one = constant_f64(1), *norm = op1(SQUARE_ROOT, sum_value(0, TYPE_F64));
    const Expression *ratio = op2(DIVIDE, constant_f64(group->optimizer.clip_norm), op2(ADD, norm, constant_f64(1e-6)));
    compute->sum[compute->sum_count++] = load(norms, from);
    add_store(compute, factor, first, op4(SELECT_GREATER, ratio, one, one, ratio)); /* a NaN stays one */
    finish_naive(l, kernel, (double)norms->shape[0], "min(1, the largest norm / (the gradient's norm + 1e-6))");
    return load(factor, first);
}

const Expression *lower_clip(Lowering *l, const ParameterGroup *group) {
    const Graph *graph = l->graph;
    long count = 0;
    for (int i = 0; i < graph->parameter_count; i++) count += graph->parameter[i]->trained && graph->parameter[i]->group == group;
    const Buffer *norms = new_plain(format("norms_%s", group->name), TYPE_F64, PLACE_WORKSPACE, 1, &count);
    long number = 0;
    for (int i = 0; i < graph->parameter_count; i++) {
        const Parameter *parameter = graph->parameter[i];
        if (!parameter->trained || parameter->group != group) continue;
        lower_sum_of_squares(l, lower_squares(l, parameter), norms, number++);
    }
    return lower_factor(l, group, norms);
}
