/* test_moves.c: elements at other places: slices, concatenations, reshapes, upsampling. Checked by differences, lowered, and compared with
 * the reference on every target. */
#include "../compiler/graph/differentiate.h"
#include "../compiler/graph/moves.h"
#include "../compiler/graph/shapes.h"
#include "../compiler/pipeline/pipeline.h"
#include "core_checks.h"
#include "cpu.h"
#include "lowered.h"
#include "sample_graphs.h"

#include <check.h>
#include <signal.h>
#include <string.h>

Suite *moves_suite(void);

typedef struct Size {
    long items, steps, channels, height, width;
} Size;

static const Size sizes[] = {{3, 1, 3, 2, 5}, {1, 5, 17, 1, 1}, {3, 2, 1, 9, 4}, {2, 3, 32, 3, 2}};
enum { SIZES = sizeof sizes / sizeof *sizes };

static Node *values(Graph *graph, const char *name, Size s) {
    const Node node = {
        .op = OP_INPUT, .name = name, .rank = 4, .shape = {s.items * s.steps, s.channels, s.height, s.width}, .steps = s.steps};
    return append_node(graph, node);
}

static Node *filter(Graph *graph, const char *name, long out, long in) {
    return sample_parameter(graph, name, 4, (long[]){out, in, 3, 3});
}

/* Each reader has a weight of its own, so that its gradient depends on all that it reads. */
static Node *read_by_convolution(Graph *graph, const char *name, Node *x) {
    return convolve(graph, OP_CONV2D, format("%s_conv", name), NULL, x, filter(graph, format("%s_filter", name), 2, x->shape[1]), NULL);
}

static Node *read_by_linear(Graph *graph, const char *name, Node *x) {
    const long shape[6] = {3, 1, 1, x->shape[1], x->shape[2], x->shape[3]};
    return two(graph, OP_LINEAR, format("%s_linear", name), x, sample_parameter(graph, format("%s_matrix", name), 6, shape));
}

/* The mean square of what it is beside values of its own. */
static Node *compare(Graph *graph, const char *name, Node *x) {
    const Size size = {x->shape[0] / x->steps, x->steps, x->shape[1], x->shape[2], x->shape[3]};
    return two(graph, OP_MSE, name, x, values(graph, format("%s_target", name), size));
}

static Node *sum_of(Graph *graph, int count, Node **losses) {
    Node *sum = losses[0];
    for (int i = 1; i < count; i++) sum = two(graph, OP_ADD, format("sum%d", i), sum, losses[i]);
    return sum;
}

/* By all parameters, and by the input, whose gradient the caller gets. */
static void check_losses(Graph *graph, int count, Node **losses, Node *x, int target) {
    Node *loss = sum_of(graph, count, losses), *gradient;
    Parameter **of = NEW_ARRAY(Parameter *, graph->parameter_count);
    for (int i = 0; i < graph->parameter_count; i++) of[i] = graph->parameter[i];
    differentiate_parameters(graph, loss, graph->parameter_count, of);
    differentiate(graph, loss, 1, &x, &gradient);
    name_node(graph, ROLE_OUTPUT, "slope", gradient);
    for (int i = 0; i < graph->parameter_count && target == 0; i++) expect_parameter(graph, loss, of[i]->node);
    if (target == 0) expect_gradient(graph, loss, x, gradient);
    check_on_target(graph, target);
}

/* ---- slices ---- */

static long extent_of(const Node *node, Axis axis) {
    return axis == AXIS_ITEMS ? node->shape[0] / node->steps : axis == AXIS_STEPS ? node->steps : node->shape[1];
}

/* Of what the caller gives, of what a convolution stores, and of what is fused into its readers; by convolutions, linear layers, losses
 * and activations. The parts overlap, and leave some out. */
START_TEST(slices_equal_the_reference) {
    for (int s = 0; s < SIZES; s++)
        for (int axis = AXIS_ITEMS; axis <= AXIS_CHANNELS; axis++) {
            Graph *graph = NEW(Graph);
            Node *x = values(graph, "x", sizes[s]), *first = filter(graph, "first", x->shape[1], x->shape[1]);
            Node *h = convolve(graph, OP_CONV2D, "h", NULL, x, first, NULL);
            Node *bent = one(graph, OP_LEAKY_RELU, "bent", two(graph, OP_ADD, "twice", h, x));
            Node *from[] = {x, h, bent}, *loss[8];
            const long all = extent_of(x, (Axis)axis), half = (all + 1) / 2;
            int losses = 0;
            for (int i = 0; i < 3; i++) {
                Node *part = slice(graph, format("part%d", i), from[i], (Axis)axis, i == 0 ? 0 : all / 2, i == 0 ? half : all - all / 2);
                Node *last = slice(graph, format("last%d", i), from[i], (Axis)axis, all - 1, 1);
                loss[losses++] = compare(graph, format("loss%d", i), i == 1 ? read_by_linear(graph, "read", part) : part);
                if (i != 1) loss[losses++] = compare(graph, format("last_loss%d", i), read_by_convolution(graph, format("r%d", i), last));
                else loss[losses++] = compare(graph, "last_loss1", one(graph, OP_TANH, "last_bent", last));
            }
            check_losses(graph, losses, loss, x, _i);
        }
}
END_TEST

/* Each frame is read by itself, and some by two: the gradient of the whole is put together from the frames', not added up. */
START_TEST(gradients_of_many_slices_are_put_together) {
    Graph *graph = NEW(Graph);
    enum { STEPS = 19 };
    Node *x = values(graph, "x", (Size){1, STEPS, 3, 2, 2}), *w = filter(graph, "w", 3, 3), *loss[STEPS + 1], *gradient;
    Node *h = convolve(graph, OP_CONV2D, "h", NULL, x, w, NULL);
    for (int t = 0; t < STEPS; t++) loss[t] = compare(graph, format("loss%d", t), slice(graph, format("frame%d", t), h, AXIS_STEPS, t, 1));
    loss[STEPS] = compare(graph, "several", slice(graph, "frames", h, AXIS_STEPS, 3, 4));
    Node *sum = sum_of(graph, STEPS + 1, loss);
    differentiate(graph, sum, 1, &h, &gradient);
    long copied = 0;
    for (int i = graph->forward_count; i < graph->node_count; i++)
        if (graph->node[i]->op == OP_CONCAT || graph->node[i]->op == OP_ADD) copied += count_elements(graph->node[i]);
    ck_assert_int_le(copied, 3 * count_elements(h));
    differentiate_parameters(graph, sum, 1, &w->parameter);
    if (_i == 0) expect_parameter(graph, sum, w);
    check_on_target(graph, _i);
}
END_TEST

static int count_calls_of(const Program *program, const char *start) {
    int count = 0;
    for (int i = 0; i < program->call_count; i++) count += strncmp(program->call[i].kernel->name, start, strlen(start)) == 0;
    return count;
}

/* Halves of a batch, frames and detached values are read where they are. */
START_TEST(views_cost_nothing) {
    Graph *graph = NEW(Graph);
    Node *x = values(graph, "x", (Size){4, 3, 32, 4, 4}), *w = filter(graph, "w", 32, 32);
    Node *h = convolve(graph, OP_CONV2D, "h", NULL, x, w, NULL);
    Node *view[] = {slice(graph, "view0", h, AXIS_ITEMS, 2, 2), slice(graph, "view1", h, AXIS_STEPS, 1, 1),
                    slice(graph, "view2", h, AXIS_CHANNELS, 16, 16), one(graph, OP_DETACH, "view3", h)},
         *loss[8];
    for (int i = 0; i < 4; i++) {
        loss[2 * i] = compare(graph, format("loss%d", i), read_by_convolution(graph, format("c%d", i), view[i]));
        loss[2 * i + 1] = compare(graph, format("linear%d", i), read_by_linear(graph, format("l%d", i), view[i]));
    }
    for (int i = 0; i < 4; i++) { /* filtered, where that pays */
        Node *wide =
            convolve(graph, OP_CONV2D, format("wide%d", i), NULL, view[i], filter(graph, format("u%d", i), 32, view[i]->shape[1]), NULL);
        loss[2 * i] = two(graph, OP_ADD, format("both%d", i), loss[2 * i], compare(graph, format("wide_loss%d", i), wide));
    }
    Node *sum = sum_of(graph, 8, loss);
    Parameter **of = NEW_ARRAY(Parameter *, graph->parameter_count);
    for (int i = 0; i < graph->parameter_count; i++) of[i] = graph->parameter[i];
    differentiate_parameters(graph, sum, graph->parameter_count, of);
    check_on_target(graph, _i);
    ck_assert_int_eq(count_calls_of(program_named(compile_graph(graph, any_target(_i), &default_choices), "train"), "view"), 0);
}
END_TEST

/* The gradient of a weight whose lanes lie along what the caller gives in planes, by a view of blocks of channels. */
START_TEST(a_view_beside_planes_has_a_weight_gradient) {
    for (int i = 0; i < 2; i++) {
        Graph *graph = NEW(Graph);
        Node *x = values(graph, "x", (Size){3, 1, 32, 2, 3}), *w = filter(graph, "w", 32, 32);
        Node *still = one(graph, OP_DETACH, "still", one(graph, OP_TANH, "h", x));
        Node *y = convolve(graph, i ? OP_CONV2D : OP_CONV_TRANSPOSE2D, "y", NULL, still, w, NULL), *loss = compare(graph, "loss", y);
        differentiate_parameters(graph, loss, 1, &w->parameter);
        if (_i == 0) expect_parameter(graph, loss, w);
        check_on_target(graph, _i);
    }
}
END_TEST

/* What the caller gets has a place of its own; in a scan, too, rows lie otherwise than where they are sliced. */
START_TEST(views_that_must_be_stored_are_copied) {
    for (int s = 0; s < SIZES; s++) {
        Graph *graph = NEW(Graph);
        Node *x = values(graph, "x", sizes[s]), *h = one(graph, OP_TANH, "h", x);
        const long all[] = {sizes[s].items, sizes[s].steps, sizes[s].channels};
        for (int axis = AXIS_ITEMS; axis <= AXIS_CHANNELS; axis++) {
            Node *part = append_node(graph, (Node){.op = OP_SLICE,
                                                   .name = format("part%d", axis),
                                                   .input_count = 1,
                                                   .input = {axis == AXIS_STEPS ? x : h},
                                                   .axis = (Axis)axis,
                                                   .first = all[axis] / 2,
                                                   .count = all[axis] - all[axis] / 2});
            name_node(graph, ROLE_OUTPUT, format("output%d", axis), part);
        }
        name_node(graph, ROLE_OUTPUT, "still", one(graph, OP_DETACH, "detached", h));
        list_readers(graph);
        check_on_target(graph, _i);
    }
}
END_TEST

/* A convolution's kernel sums tiles of its own images for a batch norm that reads all of them, not for one that reads others' rows. */
START_TEST(statistics_of_a_half_are_of_that_half) {
    Graph *graph = NEW(Graph);
    Node *x = values(graph, "x", (Size){32, 1, 4, 4, 4}), *w = filter(graph, "w", 32, 4);
    Node *h = convolve(graph, OP_CONV2D, "h", NULL, x, w, NULL), *loss[2];
    for (int half = 1; half >= 0; half--) { /* the first reader is of other rows */
        Node *part = slice(graph, format("half%d", half), h, AXIS_ITEMS, 16 * half, 16), *leaf[4];
        for (int i = 0; i < 4; i++) leaf[i] = parameter_of_rank(graph, format("norm%d_%d", half, i), 1, 4, (long[]){1, 32, 1, 1});
        Node *stats =
            add_node(graph, OP_BATCH_NORM_STATISTICS, format("stats%d", half), NULL, 4, (Node *[]){part, leaf[0], leaf[1], leaf[2]});
        Node *norm = add_node(graph, OP_BATCH_NORM, format("norm%d", half), NULL, 3, (Node *[]){part, stats, leaf[3]});
        loss[half] = compare(graph, format("loss%d", half), one(graph, OP_RELU, format("bent%d", half), norm));
    }
    Node *sum = sum_of(graph, 2, loss);
    differentiate_parameters(graph, sum, 1, &w->parameter);
    if (_i == 0) expect_parameter(graph, sum, w);
    check_on_target(graph, _i);
}
END_TEST

/* ---- concatenations ---- */

START_TEST(concatenations_equal_the_reference) {
    for (int s = 0; s < SIZES; s++)
        for (int axis = AXIS_ITEMS; axis <= AXIS_CHANNELS; axis++) {
            Graph *graph = NEW(Graph);
            Size other = sizes[s];
            *(axis == AXIS_ITEMS ? &other.items : axis == AXIS_STEPS ? &other.steps : &other.channels) += 2;
            if (axis == AXIS_CHANNELS) other.items *= other.steps, other.steps = 1; /* rows without an order in time */
            Node *x = values(graph, "x", sizes[s]), *y = values(graph, "y", other);
            Node *h = convolve(graph, OP_CONV2D, "h", NULL, x, filter(graph, "w", x->shape[1], x->shape[1]), NULL);
            Node *parts[] = {h, y, one(graph, OP_RELU, "bent", two(graph, OP_ADD, "twice", h, x)), x};
            Node *all = concatenate(graph, "all", (Axis)axis, 4, parts), *loss[2];
            loss[0] = compare(graph, "loss0", read_by_convolution(graph, "c", all));
            loss[1] = compare(graph, "loss1", one(graph, OP_TANH, "tanh", all));
            check_losses(graph, 2, loss, x, _i);
        }
}
END_TEST

/* More than a node has inputs, of one channel and of several. */
START_TEST(any_number_of_values_is_concatenated) {
    Graph *graph = NEW(Graph);
    enum { COUNT = 2 * MAX_INPUTS + 5 };
    Node *x = values(graph, "x", (Size){2, 1, 3, 3, 4}), *part[COUNT], *loss;
    for (int i = 0; i < COUNT; i++) part[i] = one(graph, OP_TANH, format("h%d", i), multiple(graph, format("x%d", i), x, 0.1 * i - 1));
    Node *all = concatenate(graph, "all", AXIS_CHANNELS, COUNT, part);
    ck_assert_int_eq(all->shape[1], 3 * COUNT);
    loss = compare(graph, "loss", read_by_convolution(graph, "c", all));
    check_losses(graph, 1, &loss, x, _i);
}
END_TEST

/* Two networks share a convolution's result; a part of the loss does not move the first of them. */
START_TEST(no_gradient_goes_through_detach) {
    Graph *graph = NEW(Graph);
    Node *x = values(graph, "x", (Size){3, 1, 2, 5, 5}), *w = filter(graph, "w", 20, 2), *v = filter(graph, "v", 2, 20);
    Node *h = one(graph, OP_TANH, "h", convolve(graph, OP_CONV2D, "in", NULL, x, w, NULL));
    Node *y = convolve(graph, OP_CONV2D, "y", NULL, one(graph, OP_DETACH, "still", h), v, NULL), *gradient[2];
    Node *loss = compare(graph, "loss", y), *other = compare(graph, "other", h);
    differentiate(graph, loss, 2, (Node *[]){w, v}, gradient);
    ck_assert_ptr_null(gradient[0]);
    name_node(graph, ROLE_OUTPUT, "slope", gradient[1]);
    if (_i == 0) expect_gradient(graph, loss, v, gradient[1]);
    Node *both = two(graph, OP_ADD, "both", loss, other), *of_both;
    differentiate(graph, both, 1, &w, &of_both);
    name_node(graph, ROLE_OUTPUT, "slope_of_both", of_both);
    if (_i == 0) expect_gradient(graph, other, w, of_both); /* the other way is all there is */
    check_on_target(graph, _i);
}
END_TEST

/* h′ = tanh(x + w · h) of vectors. */
static Node *recurrence(Graph *graph, Node *x, Node *w) {
    Scan *scan = add_scan(graph, x->steps, false);
    Node carry = {.op = OP_CARRY, .name = "h", .input_count = 2, .rank = 4, .scan = scan};
    for (int d = 0; d < 4; d++) carry.shape[d] = x->shape[d];
    Node *h = append_node(graph, carry), *wh = add_node(graph, OP_LINEAR, "wh", scan, 2, (Node *[]){h, w});
    Node *sum = add_node(graph, OP_ADD, "sum", scan, 2, (Node *[]){wh, x});
    return h->input[1] = add_node(graph, OP_TANH, "state", scan, 1, &sum);
}

/* What a scan leaves is read by way of detach alone: there is no loop backwards. */
START_TEST(detach_ends_a_recurrence) {
    Graph *graph = NEW(Graph);
    Node *x = values(graph, "x", (Size){2, 3, 5, 1, 1}), *w = sample_parameter(graph, "w", 6, (long[]){5, 1, 1, 5, 1, 1});
    Node *v = sample_parameter(graph, "v", 6, (long[]){4, 1, 1, 5, 1, 1}), *gradient[2];
    Node *state = recurrence(graph, x, w);
    Node *loss = compare(graph, "loss", two(graph, OP_LINEAR, "y", one(graph, OP_DETACH, "still", state), v));
    differentiate(graph, loss, 2, (Node *[]){w, v}, gradient);
    ck_assert_ptr_null(gradient[0]);
    ck_assert_int_eq(graph->scan_count, 1);
    name_node(graph, ROLE_OUTPUT, "slope", gradient[1]);
    if (_i == 0) expect_gradient(graph, loss, v, gradient[1]);
    check_on_target(graph, _i);
}
END_TEST

/* ---- reshapes ---- */

static const struct {
    Size from;
    long to[4]; /* C, T, H, W; T = 0: of each row */
} reshapes[] = {
    {{3, 1, 48, 1, 1}, {3, 0, 4, 4}},   {{3, 1, 3, 4, 4}, {48, 0, 1, 1}},  {{2, 2, 32, 2, 3}, {192, 0, 1, 1}},
    {{2, 3, 192, 1, 1}, {32, 0, 2, 3}}, {{3, 1, 2, 3, 2}, {4, 0, 3, 1}},   {{1, 2, 20, 3, 3}, {9, 0, 4, 5}},
    {{3, 1, 6, 5, 7}, {7, 0, 5, 6}},    {{2, 2, 17, 1, 3}, {3, 0, 17, 1}}, {{3, 5, 3, 2, 4}, {120, 1, 1, 1}},
    {{3, 1, 120, 1, 1}, {3, 5, 2, 4}},  {{2, 2, 32, 3, 4}, {32, 1, 6, 4}}, {{2, 3, 20, 2, 2}, {20, 2, 3, 2}},
    {{1, 4, 2, 3, 3}, {3, 3, 2, 4}},    {{2, 5, 1, 1, 1}, {5, 1, 1, 1}},   {{3, 2, 16, 1, 1}, {2, 16, 1, 1}},
    {{2, 6, 17, 1, 2}, {17, 4, 3, 1}},  {{2, 2, 3, 3, 5}, {9, 5, 2, 1}},   {{2, 1, 5, 16, 16}, {20, 0, 8, 8}},
    {{1, 3, 32, 1, 1}, {8, 2, 2, 3}},   {{1, 1, 1, 1, 1}, {1, 1, 1, 1}},   {{2, 1, 60, 1, 1}, {3, 0, 1, 20}},
    {{2, 1, 54, 1, 1}, {1, 0, 3, 18}},

};
enum { RESHAPES = sizeof reshapes / sizeof *reshapes };

static Node *reshaped(Graph *graph, const char *name, Node *x, const long to[4]) {
    if (to[1]) return reshape_clips(graph, name, x, to);
    return reshape_rows(graph, name, x, (long[]){to[0], to[2], to[3]});
}

/* Of what the caller gives, of what is stored, of what is fused into its readers, and of a view. */
START_TEST(reshapes_equal_the_reference) {
    for (int r = 0; r < RESHAPES; r++) {
        Graph *graph = NEW(Graph);
        Node *x = values(graph, "x", reshapes[r].from), *loss[4];
        Node *h = one(graph, OP_TANH, "h", x);
        Node *from[] = {x, h, one(graph, OP_LEAKY_RELU, "bent", two(graph, OP_ADD, "twice", h, x)),
                        slice(graph, "view", h, AXIS_ITEMS, x->shape[0] / x->steps - 1, 1)};
        for (int i = 0; i < 4; i++) {
            Node *y = reshaped(graph, format("reshaped%d", i), from[i], reshapes[r].to);
            loss[i] = compare(graph, format("loss%d", i), i == 1 ? read_by_linear(graph, "read", y) : y);
        }
        check_losses(graph, 4, loss, x, _i);
    }
}
END_TEST

/* What a scan leaves, whose rows lie apart, as a clip, as rows, and in parts. */
START_TEST(what_a_scan_leaves_is_moved) {
    Graph *graph = NEW(Graph);
    Node *x = values(graph, "x", (Size){2, 3, 20, 1, 1}), *w = sample_parameter(graph, "w", 6, (long[]){20, 1, 1, 20, 1, 1}), *loss[6];
    Node *state = recurrence(graph, x, w);
    loss[0] = compare(graph, "loss0", slice(graph, "last", state, AXIS_STEPS, 2, 1));
    loss[1] = compare(graph, "loss1", slice(graph, "two", state, AXIS_STEPS, 0, 2));
    loss[2] = compare(graph, "loss2", read_by_linear(graph, "half", slice(graph, "first", state, AXIS_ITEMS, 0, 1)));
    loss[3] = compare(graph, "loss3", reshape_clips(graph, "flat", state, (long[]){60, 1, 1, 1}));
    loss[4] = compare(graph, "loss4", reshape_rows(graph, "image", state, (long[]){5, 2, 2}));
    loss[5] = compare(graph, "loss5", concatenate(graph, "twice", AXIS_STEPS, 2, (Node *[]){state, x}));
    check_losses(graph, 6, loss, x, _i);
}
END_TEST

/* ---- upsampling ---- */

START_TEST(upsampling_equals_the_reference) {
    static const long scales[][2] = {{2, 2}, {1, 3}, {4, 1}, {3, 5}};
    for (int s = 0; s < SIZES; s++) {
        Graph *graph = NEW(Graph);
        Node *x = values(graph, "x", sizes[s]), *loss[2];
        Node *h = convolve(graph, OP_CONV2D, "h", NULL, x, filter(graph, "w", x->shape[1], x->shape[1]), NULL);
        Node *from[] = {one(graph, OP_RELU, "bent", two(graph, OP_ADD, "twice", h, x)), x};
        for (int i = 0; i < 2; i++) {
            const Node up = {
                .op = OP_UPSAMPLE, .name = format("up%d", i), .input_count = 1, .input = {from[i]}, .stride = {scales[s][0], scales[s][1]}};
            Node *large = append_node(graph, up);
            ck_assert_int_eq(large->steps, x->steps);
            loss[i] = compare(graph, format("loss%d", i), i ? large : read_by_convolution(graph, "c", large));
        }
        check_losses(graph, 2, loss, x, _i);
    }
}
END_TEST

/* ---- all of it ---- */

/* A skip connection within the least memory: what was put together is put together again. */
START_TEST(moves_are_done_again) {
    Graph *graph = NEW(Graph);
    Node *x = values(graph, "x", (Size){4, 1, 2, 8, 8}), *y = x;
    Parameter *of[4];
    for (int i = 0; i < 4; i++) {
        Node *w = filter(graph, format("w%d", i), i < 3 ? 24 : 2, y->shape[1]);
        of[i] = w->parameter;
        Node *h = convolve(graph, OP_CONV2D, format("conv%d", i), NULL, y, w, NULL);
        if (i == 3) y = h;
        else y = concatenate(graph, format("y%d", i), AXIS_CHANNELS, 2, (Node *[]){one(graph, OP_TANH, format("h%d", i), h), x});
        if (i == 2) y = one(graph, OP_SILU, "bent", reshape_rows(graph, "turned", y, (long[]){13, 16, 8}));
        if (i == 2) y = reshape_rows(graph, "back", y, (long[]){26, 8, 8});
    }
    differentiate_parameters(graph, compare(graph, "loss", y), 4, of);
    check_within_least_memory(graph, _i);
}
END_TEST

START_TEST(moves_that_do_not_fit_die) {
    Graph *graph = NEW(Graph);
    Node *x = values(graph, "x", (Size){2, 3, 4, 2, 2}), *y = values(graph, "y", (Size){2, 2, 4, 2, 2});
    freopen("/dev/null", "w", stderr); /* the message is expected */
    if (_i == 0) slice(graph, "s", x, AXIS_STEPS, 2, 2);
    if (_i == 1) slice(graph, "s", x, AXIS_CHANNELS, -1, 2);
    if (_i == 2) concatenate(graph, "c", AXIS_CHANNELS, 2, (Node *[]){x, y});
    if (_i == 3) concatenate(graph, "c", AXIS_ITEMS, 2, (Node *[]){x, y}); /* of 3 steps, and of 2 */
    if (_i == 4) reshape_rows(graph, "r", x, (long[]){5, 1, 1});
    if (_i == 5) reshape_clips(graph, "r", x, (long[]){4, 2, 2, 2});
    if (_i == 6) reshape_rows(graph, "r", x, (long[]){8, 4, 1}); /* twice as many values */
}
END_TEST

Suite *moves_suite(void) {
    Suite *suite = suite_create("moves");
    TCase *test_case = tcase_create("moves");
    tcase_set_timeout(test_case, 120);
    tcase_add_loop_test(test_case, slices_equal_the_reference, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, gradients_of_many_slices_are_put_together, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, views_cost_nothing, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, a_view_beside_planes_has_a_weight_gradient, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, views_that_must_be_stored_are_copied, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, statistics_of_a_half_are_of_that_half, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, concatenations_equal_the_reference, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, any_number_of_values_is_concatenated, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, no_gradient_goes_through_detach, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, detach_ends_a_recurrence, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, reshapes_equal_the_reference, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, what_a_scan_leaves_is_moved, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, upsampling_equals_the_reference, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, moves_are_done_again, 0, 2);
    tcase_add_loop_test_raise_signal(test_case, moves_that_do_not_fit_die, SIGABRT, 0, 7);
    suite_add_tcase(suite, test_case);
    return suite;
}
