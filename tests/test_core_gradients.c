/* test_core_gradients.c: gradients of any scalar with respect to anything, in graphs built by hand. They are compared with finite
 * differences of the reference in double precision, and then lowered and compared with the reference on every target. */
#include "../compiler/graph/differentiate.h"
#include "core_checks.h"
#include "cpu.h"
#include "lowered.h"
#include "sample_graphs.h"

#include "../compiler/emit/emit.h"

#include <check.h>
#include <math.h>
#include <signal.h>
#include <string.h>

Suite *core_gradients_suite(void);

/* ---- a weight that is used twice ---- */

/* Channels that fill vectors, and channels that do not. Three layers share a weight (the last one transposed) and a bias. */
static Graph *shared_convolution(long channels, Node *leaf[2], Node **loss) {
    Graph *graph = NEW(Graph);
    Node *x = sample_input(graph, "x", (long[]){2, channels, 6, 9}), *target = sample_input(graph, "target", x->shape);
    Node *w = leaf[0] = sample_parameter(graph, "w", 4, (long[]){channels, channels, 3, 3});
    Node *b = leaf[1] = parameter_of_rank(graph, "b", 1, 4, (long[]){1, channels, 1, 1});
    Node *first = one(graph, OP_TANH, "first_tanh", convolve(graph, OP_CONV2D, "first", NULL, x, w, b));
    Node *second = one(graph, OP_TANH, "second_tanh", convolve(graph, OP_CONV2D, "second", NULL, first, w, b));
    Node *third = convolve(graph, OP_CONV_TRANSPOSE2D, "third", NULL, second, w, NULL);
    *loss = two(graph, OP_MSE, "loss", third, target);
    name_node(graph, ROLE_LOSS, "loss", *loss);
    return graph;
}

static Graph *shared_linear(long features, Node *leaf[2], Node **loss) {
    Graph *graph = NEW(Graph);
    Node *x = sample_input(graph, "x", (long[]){5, features, 1, 1}), *target = sample_input(graph, "target", x->shape);
    Node *w = leaf[0] = sample_parameter(graph, "w", 6, (long[]){features, 1, 1, features, 1, 1});
    Node *b = leaf[1] = parameter_of_rank(graph, "b", 1, 4, (long[]){1, features, 1, 1});
    Node *y = x;
    for (int i = 0; i < 3; i++)
        y = one(graph, OP_TANH, format("tanh_%d", i), add_node(graph, OP_LINEAR, format("layer_%d", i), NULL, 3, (Node *[]){y, w, b}));
    *loss = two(graph, OP_L1, "loss", y, target);
    name_node(graph, ROLE_LOSS, "loss", *loss);
    return graph;
}

START_TEST(a_weight_that_several_layers_share_gets_the_sum_of_their_gradients) {
    static const long channels[] = {3, 16, 20, 32};
    for (int i = 0; i < 8; i++) {
        Node *leaf[2], *loss;
        Graph *graph = (i < 4 ? shared_convolution : shared_linear)(channels[i % 4], leaf, &loss);
        differentiate_parameters(graph, loss, 2, (Parameter *[]){leaf[0]->parameter, leaf[1]->parameter});
        for (int k = 0; k < 2 && _i == 0; k++) expect_parameter(graph, loss, leaf[k]);
        check_on_target(graph, _i);
    }
}
END_TEST

/* ---- several losses ---- */

/* A generator and a discriminator, each with its own loss. A mean of differences of the generated images is part of both, with weights of
 * 0.25 and −3. */
typedef struct Adversaries {
    Graph *graph;
    Node *made[2], *judged[2]; /* weights of the generator and of the discriminator */
    Node *told_apart, *fooled; /* losses */
} Adversaries;

static Adversaries adversaries(void) {
    static const Spec spec = {.name = "adversaries"};
    Graph *graph = NEW(Graph);
    graph->spec = &spec;
    Adversaries a = {.graph = graph};
    Node *noise = sample_input(graph, "noise", (long[]){4, 7, 1, 1}), *real = sample_input(graph, "real", (long[]){4, 3, 5, 6});
    Node *zero = sample_input(graph, "zero", (long[]){4, 1, 1, 1}), *label = sample_input(graph, "label", (long[]){4, 1, 1, 1});
    add_group(graph, "made", &(Optimizer){.name = OPTIMIZER_ADAMW, .beta1 = 0.5, .beta2 = 0.75, .epsilon = 1e-3, .weight_decay = 0.25});
    a.made[0] = sample_parameter(graph, "made_linear", 6, (long[]){20, 5, 6, 7, 1, 1});
    a.made[1] = sample_parameter(graph, "made_conv", 4, (long[]){3, 20, 3, 3});
    add_group(graph, "judged", &(Optimizer){.name = OPTIMIZER_SGD, .momentum = 0.5, .weight_decay = 2});
    a.judged[0] = sample_parameter(graph, "judged_conv", 4, (long[]){18, 3, 3, 3});
    a.judged[1] = sample_parameter(graph, "judged_linear", 6, (long[]){1, 1, 1, 18, 5, 6});
    Node *hidden = one(graph, OP_TANH, "hidden", two(graph, OP_LINEAR, "spread", noise, a.made[0]));
    Node *image = one(graph, OP_SIGMOID, "image", convolve(graph, OP_CONV2D, "draw", NULL, hidden, a.made[1], NULL)),
         *seen[2] = {real, image};
    Node *loss[2];
    for (int i = 0; i < 2; i++) {
        Node *found =
            one(graph, OP_TANH, format("found_%d", i), convolve(graph, OP_CONV2D, format("look_%d", i), NULL, seen[i], a.judged[0], NULL));
        Node *verdict = one(graph, OP_SIGMOID, format("verdict_%d", i), two(graph, OP_LINEAR, format("weigh_%d", i), found, a.judged[1]));
        loss[i] = two(graph, OP_MSE, format("loss_%d", i), verdict, i ? zero : label);
    }
    a.told_apart = two(graph, OP_ADD, "told_apart", loss[0], multiple(graph, "quarter", loss[1], 0.25));
    a.fooled = two(graph, OP_ADD, "fooled", multiple(graph, "against", loss[1], -3), two(graph, OP_L1, "near", image, real));
    name_node(graph, ROLE_LOSS, "told_apart", a.told_apart);
    name_node(graph, ROLE_LOSS, "fooled", a.fooled);
    return a;
}

START_TEST(two_losses_have_gradients_by_two_sets_of_parameters) {
    Adversaries a = adversaries();
    differentiate_parameters(a.graph, a.told_apart, 2, (Parameter *[]){a.judged[0]->parameter, a.judged[1]->parameter});
    differentiate_parameters(a.graph, a.fooled, 2, (Parameter *[]){a.made[0]->parameter, a.made[1]->parameter});
    for (int i = 0; i < 2 && _i == 0; i++) {
        expect_parameter(a.graph, a.told_apart, a.judged[i]);
        expect_parameter(a.graph, a.fooled, a.made[i]);
    }
    check_on_target(a.graph, _i);
    if (_i % 3 == 0) check_within_least_memory(a.graph, _i);
}
END_TEST

/* After a step from zero moments, with all coefficients 1: AdamW's, or SGD's. */
static double updated(const ParameterGroup *group, double weight, double gradient) {
    const Optimizer *o = &group->optimizer;
    if (o->name == OPTIMIZER_SGD) return weight - (gradient + o->weight_decay * weight);
    return weight * (1 - o->weight_decay) - (1 - o->beta1) * gradient / (sqrt((1 - o->beta2) * gradient * gradient) + o->epsilon);
}

/* Each has its own optimizer, coefficients, block and moments. */
START_TEST(groups_of_parameters_have_optimizers_of_their_own) {
    Adversaries a = adversaries();
    Graph *graph = a.graph;
    differentiate_parameters(graph, a.told_apart, 2, (Parameter *[]){a.judged[0]->parameter, a.judged[1]->parameter});
    differentiate_parameters(graph, a.fooled, 2, (Parameter *[]){a.made[0]->parameter, a.made[1]->parameter});
    const TargetCode *code = compile_graph(graph, any_target(_i), &default_choices);
    const Program *train = program_named(code, "train"), *update = program_named(code, "update");
    Memories *memories = new_memories(code, false);
    double **before = sample_values(graph, 3);
    set_elements(graph, train->buffer, memories, before);
    interpret_program(&code->renew, memories, false);
    interpret_program(train, memories, false);
    interpret_program(update, memories, false);
    for (int i = 0; i < graph->parameter_count; i++) {
        const Parameter *parameter = graph->parameter[i];
        const int id = parameter->node->id, slope = parameter->gradient->id;
        for (long e = 0; e < parameter->count; e++) {
            const double gradient = element_of(graph, parameter->gradient, train->buffer[slope], memories, e);
            const double expected = updated(parameter->group, before[id][e], gradient);
            ck_assert_double_eq_tol(element_of(graph, parameter->node, train->buffer[id], memories, e), expected,
                                    1e-5 * (1 + fabs(expected)));
        }
    }
    free_memories(memories);
    ck_assert_int_eq(code->group_count, 2);
    ck_assert_int_ge(code->group[0].block_offset[BLOCK_MOMENT2], 0);
    ck_assert_int_eq(code->group[1].block_offset[BLOCK_MOMENT2], -1);
    ck_assert_int_eq(code->group[1].block_offset[BLOCK_PARAMETERS], code->group[0].block_offset[BLOCK_STATISTICS]);
    Text text = text_begin();
    emit_target_file(&text, graph->spec, code, "");
    static const char *const expected[] = {"block_offset[2][MODEL_BLOCKS] = {",
                                           "if (block_offset[0][block] >= 0)",
                                           "if (block_offset[1][block] >= 0)",
                                           "update_made(",
                                           "update_judged(",
                                           "step->coefficients + 4"};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        ck_assert_msg(strstr(text.bytes, expected[i]) != NULL, "no %s", expected[i]);
}
END_TEST

/* Not the sum of both gradients, and not twice the gradient of one loss. */
START_TEST(each_call_has_gradients_of_its_own) {
    Adversaries a = adversaries();
    Node *of[4] = {a.made[0], a.made[1], a.judged[0], a.judged[1]}, *gradient[3][4];
    Node *const loss[3] = {a.told_apart, a.fooled, a.told_apart};
    for (int call = 0; call < 3; call++) differentiate(a.graph, loss[call], 4, of, gradient[call]);
    for (int call = 0; call < 3 && _i == 0; call++)
        for (int i = 0; i < 4; i++) expect_gradient(a.graph, loss[call], of[i], gradient[call][i]);
    for (int i = 0; i < 4; i++) ck_assert(gradient[0][i] != gradient[2][i]);
    check_on_target(a.graph, _i);
}
END_TEST

/* A sum of sums; a loss that is in it twice; a loss behind an activation; a target that is computed too. */
static Graph *sums_of_losses(Node **w, Node *loss[4]) {
    Graph *graph = NEW(Graph);
    Node *x = sample_input(graph, "x", (long[]){3, 5, 4, 4});
    *w = sample_parameter(graph, "w", 4, (long[]){5, 5, 3, 3});
    Node *y = convolve(graph, OP_CONV2D, "y", NULL, x, *w, NULL), *z = one(graph, OP_SIGMOID, "z", y);
    Node *square = two(graph, OP_MSE, "square", y, z), *apart = two(graph, OP_L1, "apart", z, x);
    loss[0] = two(graph, OP_ADD, "sum", two(graph, OP_ADD, "twice", square, square), multiple(graph, "tenth", apart, 0.1));
    loss[1] = one(graph, OP_TANH, "bent", loss[0]);
    loss[2] = multiple(graph, "alone", square, 4);
    loss[3] = square;
    name_node(graph, ROLE_LOSS, "sum", loss[0]);
    name_node(graph, ROLE_LOSS, "bent", loss[1]);
    return graph;
}

START_TEST(sums_and_multiples_of_losses_are_losses) {
    for (int i = 0; i < 4; i++) {
        Node *w, *loss[4];
        Graph *graph = sums_of_losses(&w, loss);
        differentiate_parameters(graph, loss[i], 1, &w->parameter);
        if (_i == 0) expect_parameter(graph, loss[i], w);
        check_on_target(graph, _i);
    }
}
END_TEST

START_TEST(any_scalar_is_a_loss) {
    Graph *graph = NEW(Graph);
    Node *x = sample_input(graph, "x", (long[]){1, 40, 1, 1}), *w = sample_parameter(graph, "w", 6, (long[]){33, 1, 1, 40, 1, 1});
    Node *v = sample_parameter(graph, "v", 6, (long[]){1, 1, 1, 33, 1, 1}), *gradient[3];
    Node *score = two(graph, OP_LINEAR, "score", one(graph, OP_TANH, "h", two(graph, OP_LINEAR, "wx", x, w)), v);
    Node *bent = one(graph, OP_RELU, "bent", score);
    name_node(graph, ROLE_LOSS, "score", score);
    differentiate(graph, score, 3, (Node *[]){x, w, v}, gradient);
    name_node(graph, ROLE_OUTPUT, "slope", gradient[0]);
    expect_gradient(graph, score, x, gradient[0]);
    expect_gradient(graph, score, w, gradient[1]);
    expect_gradient(graph, score, v, gradient[2]);
    ck_assert_int_eq(bent->forward, true);
    check_on_target(graph, _i);
}
END_TEST

/* ---- in evaluation mode ---- */

static Node *normalised(Graph *graph, const char *name, Node *x, Node *leaf[2]) {
    const long vector[4] = {1, x->shape[1], 1, 1};
    leaf[0] = parameter_of_rank(graph, format("%s_weight", name), 1, 4, vector);
    leaf[1] = parameter_of_rank(graph, format("%s_bias", name), 1, 4, vector);
    Node *mean = sample_input(graph, format("%s_mean", name), vector);
    Node *variance = parameter_of_rank(graph, format("%s_variance", name), 1, 4, vector);
    variance->parameter->fill = 2; /* plus or minus up to 0.6: above zero */
    Node *stats = add_node(graph, OP_BATCH_NORM_RUNNING, format("%s_stats", name), NULL, 3, (Node *[]){leaf[0], mean, variance});
    return add_node(graph, OP_BATCH_NORM, name, NULL, 3, (Node *[]){x, stats, leaf[1]});
}

/* Channels in blocks and in planes; through both kinds of convolution, and through a batch norm with an activation. */
START_TEST(an_input_has_a_gradient_in_evaluation_mode) {
    static const long channels[2][2] = {{3, 20}, {16, 5}};
    for (int i = 0; i < 2; i++) {
        Graph *graph = NEW(Graph);
        const long a = channels[i][0], b = channels[i][1];
        Node *x = sample_input(graph, "x", (long[]){3, a, 6, 7}), *target = sample_input(graph, "target", x->shape), *leaf[2][2],
             *gradient[5];
        Node *w = sample_parameter(graph, "w", 4, (long[]){b, a, 3, 3});
        Node *norm = normalised(graph, "norm", convolve(graph, OP_CONV2D, "in", NULL, x, w, NULL), leaf[0]);
        Node *back = convolve(graph, OP_CONV_TRANSPOSE2D, "out", NULL, one(graph, OP_LEAKY_RELU, "bent", norm), w, NULL);
        Node *y = one(graph, OP_TANH, "y", normalised(graph, "last", back, leaf[1])), *loss = two(graph, OP_MSE, "loss", y, target);
        Node *of[5] = {x, leaf[0][0], leaf[0][1], leaf[1][0], leaf[1][1]};
        differentiate(graph, loss, _i % 2 ? 1 : 5, of, gradient); /* also of the input alone */
        name_node(graph, ROLE_OUTPUT, "slope", gradient[0]);
        for (int k = 0; k < (_i % 2 ? 1 : 5) && _i < 2; k++) expect_gradient(graph, loss, of[k], gradient[k]);
        check_on_target(graph, _i);
    }
}
END_TEST

/* ---- unsupported graphs end with a message ---- */

START_TEST(what_has_no_gradient_dies) {
    Adversaries a = adversaries();
    Node *noise = a.graph->node[0], *gradient;
    freopen("/dev/null", "w", stderr);                                    /* the message is expected */
    if (_i == 0) differentiate(a.graph, noise, 1, &a.made[0], &gradient); /* many losses at once */
    differentiate_parameters(a.graph, a.told_apart, 1, &a.judged[0]->parameter);
    if (_i == 1) differentiate_parameters(a.graph, a.fooled, 1, &a.judged[0]->parameter); /* the optimizer could read only one */
    if (_i == 2) {                                                                        /* nothing depends on it */
        Node *unused = sample_parameter(a.graph, "unused", 4, (long[]){1, 2, 1, 1});
        differentiate_parameters(a.graph, a.fooled, 1, &unused->parameter);
    }
    if (_i == 3) /* the gradient of a gradient */
        differentiate(a.graph, two(a.graph, OP_MSE, "slope", a.judged[0]->parameter->gradient, a.judged[0]), 1, &a.judged[0], &gradient);
}
END_TEST

Suite *core_gradients_suite(void) {
    Suite *suite = suite_create("core_gradients");
    TCase *test_case = tcase_create("core_gradients");
    tcase_set_timeout(test_case, 120);
    tcase_add_loop_test(test_case, a_weight_that_several_layers_share_gets_the_sum_of_their_gradients, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, two_losses_have_gradients_by_two_sets_of_parameters, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, groups_of_parameters_have_optimizers_of_their_own, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, each_call_has_gradients_of_its_own, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, sums_and_multiples_of_losses_are_losses, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, any_scalar_is_a_loss, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, an_input_has_a_gradient_in_evaluation_mode, 0, ALL_TARGETS);
    tcase_add_loop_test_raise_signal(test_case, what_has_no_gradient_dies, SIGABRT, 0, 4);
    suite_add_tcase(suite, test_case);
    return suite;
}
