/* lower_filter_weight.c: transformed weights for minimal filtering: sums of their taps. A kernel makes them before the convolution, or
 * they are made when a bundle is. */
#include "lower/lower_filter_weight.h"

#include "loop/lanes.h"
#include "lower/element.h"
#include "lower/filter_steps.h"
#include "lower/finish_kernel.h"
#include "lower/kernel_builder.h"
#include "lower/storage.h"

#define V affine_variable

/* [k / lanes][vertical][horizontal][c][lanes of k] */
const Buffer *new_filtered_weight(const Lowering *l, const Node *node, const FilterPlan *plan) {
    const char *name = format("%s_filtered%s", node->input[1]->name, node->op == OP_CONV2D ? "" : "_back");
    const long shape[4] = {plan->filter[0]->transformed_weights, plan->filter[1]->transformed_weights, node->input[0]->shape[1],
                           round_up(node->shape[1], l->target->lanes)};
    const int order[4] = {3, 0, 1, 2};
    return new_tensor(name, TYPE_F32, PLACE_WORKSPACE, 4, shape, layout_ordered(4, shape, order, 3, l->target->lanes));
}

static void weigh_taps(const FilterPlan *plan, int d, int p, double coefficient[FILTER_TAPS]) {
    const Filter *filter = plan->filter[d];
    for (int t = 0; t < filter->kernel; t++) coefficient[t] = filter->weight[p][plan->reversed[d] ? filter->kernel - 1 - t : t];
}

void filter_taps(const FilterPlan *plan, const double *taps, double *filtered) {
    const Filter *v = plan->filter[0], *h = plan->filter[1];
    double vertical[FILTER_TAPS], horizontal[FILTER_TAPS];
    for (int p = 0; p < v->transformed_weights; p++)
        for (int q = 0; q < h->transformed_weights; q++) {
            double sum = 0;
            weigh_taps(plan, 0, p, vertical);
            weigh_taps(plan, 1, q, horizontal);
            for (int t = 0; t < v->kernel * h->kernel; t++) sum += vertical[t / h->kernel] * horizontal[t % h->kernel] * taps[t];
            filtered[p * h->transformed_weights + q] = sum;
        }
}

static void sum_columns(const FilterPlan *plan, int p, const Buffer *taps, const Affine from[2], const Expression **column) {
    const int rows = plan->filter[0]->kernel, columns = plan->filter[1]->kernel;
    const Expression *tap[FILTER_TAPS][FILTER_SIZE];
    for (int t = 0; t < rows; t++)
        for (int u = 0; u < columns; u++) {
            const Affine index[4] = {from[0], from[1], affine_constant(t), affine_constant(u)};
            tap[t][u] = load(taps, index);
        }
    double coefficient[FILTER_TAPS];
    weigh_taps(plan, 0, p, coefficient);
    combine_rows(rows, columns, coefficient, tap, column);
}

static const Expression *sum_row(const FilterPlan *plan, int q, const Expression *const *column) {
    double coefficient[FILTER_TAPS];
    weigh_taps(plan, 1, q, coefficient);
    return combine(plan->filter[1]->kernel, coefficient, column);
}

const Expression *weigh(const FilterPlan *plan, int p, int q, const Buffer *taps, const Affine from[2]) {
    const Expression *column[FILTER_TAPS];
    sum_columns(plan, p, taps, from, column);
    return sum_row(plan, q, column);
}

const Buffer *lower_filtered_weight(Lowering *l, const Node *node, const FilterPlan *plan) {
    const Node *weight = node->input[1];
    const Buffer *filtered = new_filtered_weight(l, node, plan);
    const Filter *v = plan->filter[0];
    const Buffer *stored = weight_along(l, weight, plan->out), *from = stored;
    Kernel *kernel = new_kernel(format("%s_weight", node->name), v->transformed_weights);
    const long lanes = l->target->lanes, outputs = minimum(filtered->shape[3], stored->shape[plan->out]);
    /* If lanes lie along the other side, as the weight gradient wants them, blocks are transposed in scratch. */
    const bool turn = layout_lane(&stored->layout) != plan->out && outputs % lanes == 0;
    Stage stage = {.level = 2, .order = {1 - plan->out, 2, 3, plan->out}, .blocked = -1, .split = -1, .phased = -1};
    if (turn) stage.buffer = from = virtual_weight(stored, format("%s_turned", weight->name));
    for (int p = 0; p < v->transformed_weights; p++) {
        Compute *compute = &kernel->compute[p];
        Variable *k = add_variable(compute, "k", outputs, false);
        Variable *c = add_variable(compute, "c", filtered->shape[2], false);
        Affine index[2];
        index[plan->out] = V(k);
        index[1 - plan->out] = V(c);
        const Expression *column[FILTER_TAPS];
        sum_columns(plan, p, from, index, column);
        for (int q = 0; q < plan->filter[1]->transformed_weights; q++) {
            const Affine to[4] = {affine_constant(p), affine_constant(q), V(c), V(k)};
            add_store(compute, filtered, to, sum_row(plan, q, column));
        }
        Schedule *schedule = &kernel->schedule[p];
        add_level(schedule, "k", lanes, LOOP_PARALLEL);
        add_level(schedule, "c", minimum(lanes, c->extent), LOOP_PARALLEL);
        if (turn && p == 0) schedule->stage[schedule->stages++] = stage;
        add_level(schedule, "c", 1, LOOP_SERIAL);
        schedule->shared = 3;
        add_level(schedule, "k", 1, turn || lanes_fit(compute, "k", (int)lanes) ? LOOP_VECTOR : LOOP_SERIAL);
    }
    kernel->serves = node->name;
    kernel->comment = "the weight as minimal filtering multiplies by it: sums of its taps";
    set_work(kernel, 0);
    finish_kernel(l, kernel, NULL);
    return filtered;
}
