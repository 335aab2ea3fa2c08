/* test_losses.c: the losses and scores of language version 2: the definition against formulas, gradients against differences, and what is
 * lowered against the definition. */
#include "../compiler/graph/build_loss.h"
#include "../compiler/graph/differentiate.h"
#include "../compiler/graph/evaluate_graph.h"
#include "../compiler/graph/shapes.h"
#include "core_checks.h"
#include "cpu.h"
#include "lowered.h"
#include "sample_graphs.h"

#include <check.h>
#include <math.h>
#include <signal.h>
#include <string.h>

Suite *losses_suite(void);

/* ---- a network before a loss ---- */

typedef struct Sample {
    long shape[4], steps; /* of what is compared */
} Sample;

/* Planes as wide as vectors and not, one row or column too few for a vector, blocked channels that end within one, vectors, one number. */
static const Sample samples[] = {{{6, 3, 5, 37}, 3}, {{2, 20, 6, 7}, 1}, {{6, 2, 70, 3}, 2},  {{4, 1, 2, 2}, 4},
                                 {{6, 33, 1, 1}, 2}, {{3, 1, 1, 1}, 1},  {{1, 16, 3, 64}, 1}, {{8, 5, 1, 1}, 1}};
enum { SAMPLES = sizeof samples / sizeof *samples };

typedef struct Compared {
    Graph *graph;
    Node *value, *other;
    Node *leaf[2];
} Compared;

static bool are_probabilities(TermKind kind) {
    return kind == TERM_BCE || kind == TERM_ENTROPY;
}

/* Both sides depend on parameters of their own. */
static Compared compared(const Sample *sample, TermKind kind) {
    static const char *const names[2] = {"v", "t"};
    static const Spec spec = {.name = "losses"};
    Compared c = {.graph = NEW(Graph)};
    c.graph->spec = &spec;
    Node input = {.op = OP_INPUT, .name = "x", .rank = 4, .steps = sample->steps};
    memcpy(input.shape, sample->shape, 4 * sizeof(long));
    Node *x = append_node(c.graph, input), *side[2];
    const long C = sample->shape[1];
    for (int i = 0; i < 2; i++) {
        const char *w = format("w_%s", names[i]);
        if (sample->shape[2] * sample->shape[3] > 1) {
            c.leaf[i] = sample_parameter(c.graph, w, 4, (long[]){C, C, 3, 3});
            side[i] = convolve(c.graph, OP_CONV2D, names[i], NULL, x, c.leaf[i], NULL);
        } else {
            c.leaf[i] = parameter_of_rank(c.graph, w, 2, 6, (long[]){C, 1, 1, C, 1, 1});
            c.leaf[i]->parameter->shape[0] = c.leaf[i]->parameter->shape[1] = C;
            side[i] = add_node(c.graph, OP_LINEAR, names[i], NULL, 2, (Node *[]){x, c.leaf[i]});
        }
        side[i] = multiple(c.graph, format("%s_scaled", names[i]), side[i], 1 / sqrt((double)C));
        if (are_probabilities(kind)) side[i] = one(c.graph, OP_SIGMOID, format("%s_sigmoid", names[i]), side[i]);
    }
    c.value = side[0], c.other = side[1];
    return c;
}

static bool takes_target(TermKind kind) {
    return kind != TERM_ENTROPY && kind != TERM_MEAN;
}

static bool suits(TermKind kind, const Sample *sample) {
    return kind != TERM_GRADIENT_DIFFERENCE || (sample->shape[2] > 1 && sample->shape[3] > 1);
}

/* ---- formulas ---- */

static double element(const LossTerm *term, double v, double t) {
    switch (term->kind) {
    case TERM_MSE:
        return pow(v - t, 2);
    case TERM_L1:
        return fabs(v - t);
    case TERM_BCE_WITH_LOGITS:
        return -t * log(1 / (1 + exp(-v))) - (1 - t) * log(1 - 1 / (1 + exp(-v)));
    case TERM_BCE:
        return -t * log(v + term->epsilon) - (1 - t) * log(1 - v + term->epsilon);
    case TERM_KL:
        return 0.5 * (v * v + exp(t) - t - 1);
    case TERM_ENTROPY:
        return -v * log(v + 1e-12);
    default:
        return v;
    }
}

/* Of a frame: the mean or the sum. */
static double frame_loss(const LossTerm *term, const long *shape, const double *v, const double *t) {
    const long C = shape[1], H = shape[2], W = shape[3];
    double sum = 0, rows = 0, columns = 0;
    for (long c = 0; c < C; c++)
        for (long h = 0; h < H; h++)
            for (long w = 0; w < W; w++) {
                const long i = (c * H + h) * W + w;
                const double target = t ? t[i] : term->target;
                sum += element(term, v[i], target);
                if (h + 1 < H) rows += fabs(fabs(v[i + W] - v[i]) - (t ? fabs(t[i + W] - t[i]) : 0));
                if (w + 1 < W) columns += fabs(fabs(v[i + 1] - v[i]) - (t ? fabs(t[i + 1] - t[i]) : 0));
            }
    const bool mean = !term->sum && term->kind != TERM_KL;
    if (term->kind == TERM_GRADIENT_DIFFERENCE)
        return mean ? rows / (double)(C * (H - 1) * W) + columns / (double)(C * H * (W - 1)) : rows + columns;
    return mean ? sum / (double)((term->kind == TERM_ENTROPY ? 1 : C) * H * W) : sum;
}

static double item_loss(const LossTerm *term, const Node *value, const double *v, const double *t, long item) {
    const long T = value->steps, size = count_elements(value) / value->shape[0];
    const bool mean = !term->sum && term->kind != TERM_KL;
    double loss = 0;
    for (long frame = 0; frame < T; frame++) {
        const long at = (item * T + frame) * size;
        const double share = mean ? term->falling ? (double)(T - frame) / (double)(T * T) : 1 / (double)T : 1;
        loss += share * frame_loss(term, value->shape, v + at, t ? t + at : NULL);
    }
    return loss;
}

/* ---- terms, each of them ---- */

/* Every kind of every sample, reduced in every way, or, for a target, in one. */
static void for_each_term(void (*each)(const LossTerm *, const Sample *, bool numeric, int), int target) {
    for (int kind = 0; kind < TERM_KINDS; kind++)
        for (int s = 0; s < SAMPLES; s++) {
            if (!suits((TermKind)kind, &samples[s])) continue;
            for (int way = 0; way < 3; way++) {
                if (target >= 0 && (s + target) % 3 != way) continue;
                const bool numeric = way == 2 && takes_target((TermKind)kind) && kind != TERM_KL;
                const LossTerm term = {.kind = (TermKind)kind,
                                       .target = 0.75,
                                       .sum = way == 1,
                                       .falling = way == 0 && kind != TERM_KL,
                                       .weight = way == 1 ? 0.125 : 1.5,
                                       .epsilon = 1e-3};
                each(&term, &samples[s], numeric, target);
            }
        }
}

static void expect_formulas(const LossTerm *term, const Sample *sample, bool numeric, int target) {
    (void)target;
    const Compared c = compared(sample, term->kind);
    Node *other = takes_target(term->kind) && !numeric ? c.other : NULL, *of[3];
    for (int k = 0; k < 3; k++) of[k] = add_loss_term(c.graph, format("loss_%d", k), term, (LossOf)k, c.value, other);
    list_readers(c.graph);
    verify_graph(c.graph);
    double **values = sample_values(c.graph, 3);
    evaluate_graph(c.graph, values);
    const double *v = values[c.value->id], *t = other ? values[other->id] : NULL;
    const long N = sample->shape[0], T = sample->steps, size = count_elements(c.value) / N;
    double batch = 0;
    for (long n = 0; n < N; n++) {
        const double expected = term->weight * frame_loss(term, sample->shape, v + n * size, t ? t + n * size : NULL);
        ck_assert_double_eq_tol(values[of[LOSS_OF_FRAME]->id][n], expected, 1e-12 * (1 + fabs(expected)));
    }
    for (long b = 0; b < N / T; b++) {
        const double expected = term->weight * item_loss(term, c.value, v, t, b);
        ck_assert_double_eq_tol(values[of[LOSS_OF_ITEM]->id][b], expected, 1e-12 * (1 + fabs(expected)));
        batch += expected / (double)(N / T);
    }
    ck_assert_double_eq_tol(values[of[LOSS_OF_BATCH]->id][0], batch, 1e-12 * (1 + fabs(batch)));
}

START_TEST(losses_are_what_their_formulas_say) {
    for_each_term(expect_formulas, -1);
}
END_TEST

static Graph *trained(const LossTerm *term, const Sample *sample, bool numeric, Compared *c, Node **loss) {
    *c = compared(sample, term->kind);
    const bool target = takes_target(term->kind) && !numeric;
    *loss = add_loss_term(c->graph, "loss", term, LOSS_OF_BATCH, c->value, target ? c->other : NULL);
    name_node(c->graph, ROLE_LOSS, "loss", *loss);
    differentiate_parameters(c->graph, *loss, target ? 2 : 1, (Parameter *[]){c->leaf[0]->parameter, c->leaf[1]->parameter});
    return c->graph;
}

/* Among many absolute values, one is as near to 0 as a difference's step. */
static void expect_gradients(const LossTerm *term, const Sample *sample, bool numeric, int target) {
    (void)target;
    if (sample->shape[0] * sample->shape[1] * sample->shape[2] * sample->shape[3] > 1000) return;
    Compared c;
    Node *loss;
    const Graph *graph = trained(term, sample, numeric, &c, &loss);
    for (int i = 0; i < 2; i++)
        if (c.leaf[i]->parameter->gradient && (!numeric || i == 0)) expect_parameter(graph, loss, c.leaf[i]);
}

START_TEST(gradients_of_losses_agree_with_differences) {
    for_each_term(expect_gradients, -1);
}
END_TEST

/* A side that nobody learns by has to be read by somebody to be stored. */
static void expect_lowered(const LossTerm *term, const Sample *sample, bool numeric, int target) {
    Compared c;
    Node *loss;
    Graph *graph = trained(term, sample, numeric, &c, &loss);
    name_node(graph, ROLE_OUTPUT, "unused", c.other);
    check_on_target(graph, target);
}

START_TEST(losses_and_their_gradients_are_lowered_right) {
    for_each_term(expect_lowered, _i);
}
END_TEST

Suite *losses_suite(void) {
    Suite *suite = suite_create("losses");
    TCase *test_case = tcase_create("losses");
    tcase_set_timeout(test_case, 240);
    tcase_add_test(test_case, losses_are_what_their_formulas_say);
    tcase_add_test(test_case, gradients_of_losses_agree_with_differences);
    tcase_add_loop_test(test_case, losses_and_their_gradients_are_lowered_right, 0, ALL_TARGETS);
    suite_add_tcase(suite, test_case);
    return suite;
}
