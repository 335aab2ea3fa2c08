/* test_losses.c: the losses and scores of language version 2: the definition against formulas, gradients against differences, and what is
 * lowered against the definition. */
#include "../compiler/graph/build_loss.h"
#include "../compiler/graph/differentiate.h"
#include "../compiler/graph/evaluate_graph.h"
#include "../compiler/graph/moves.h"
#include "../compiler/graph/shapes.h"
#include "../compiler/pipeline/pipeline.h"
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

/* ---- parts of values ---- */

/* Halves of a joined batch, frames, and channels, of a convolution's result, compared with each other and with numbers: a loss of each, and
 * a score of each half. */
START_TEST(parts_of_values_have_losses) {
    static const Sample wholes[] = {{{12, 4, 5, 18}, 3}, {{12, 32, 3, 4}, 3}};
    for (int s = 0; s < 2; s++) {
        const Compared c = compared(&wholes[s], TERM_MSE);
        const long clips = wholes[s].shape[0] / wholes[s].steps, half = wholes[s].shape[1] / 2;
        Node *items[2], *channels[2];
        for (int k = 0; k < 2; k++) {
            items[k] = slice(c.graph, format("half_%d", k), c.value, AXIS_ITEMS, k * clips / 2, clips / 2);
            channels[k] = slice(c.graph, format("channels_%d", k), c.value, AXIS_CHANNELS, k * half, half);
        }
        Node *last = slice(c.graph, "last", c.value, AXIS_STEPS, 2, 1),
             *two_frames = slice(c.graph, "two_frames", c.value, AXIS_STEPS, 1, 2);
        const LossTerm terms[] = {{.kind = TERM_GRADIENT_DIFFERENCE, .weight = 1, .falling = true},
                                  {.kind = TERM_BCE_WITH_LOGITS, .weight = 2, .target = 1},
                                  {.kind = TERM_BCE_WITH_LOGITS, .weight = 2, .target = 0, .falling = true},
                                  {.kind = TERM_KL, .weight = 0.01, .sum = true},
                                  {.kind = TERM_L1, .weight = 1},
                                  {.kind = TERM_MEAN, .weight = 3, .falling = true}};
        Node *const value[] = {items[0], items[0], items[1], channels[0], last, two_frames};
        Node *const other[] = {items[1], NULL, NULL, channels[1], slice(c.graph, "first", c.value, AXIS_STEPS, 0, 1), NULL};
        Node *loss = NULL;
        for (int k = 0; k < 6; k++) {
            Node *term = add_loss_term(c.graph, format("loss_%d", k), &terms[k], LOSS_OF_BATCH, value[k], other[k]);
            loss = loss ? two(c.graph, OP_ADD, format("sum_%d", k), loss, term) : term;
        }
        for (int k = 0; k < 2; k++)
            name_node(c.graph, ROLE_OUTPUT, k ? "clips" : "frames",
                      add_loss_term(c.graph, format("score_%d", k), &terms[k], (LossOf)k, items[k], NULL));
        name_node(c.graph, ROLE_OUTPUT, "unused", c.other);
        name_node(c.graph, ROLE_LOSS, "loss", loss);
        differentiate_parameters(c.graph, loss, 1, &c.leaf[0]->parameter);
        if (_i == 0 && s == 0) expect_parameter(c.graph, loss, c.leaf[0]);
        check_on_target(c.graph, _i);
    }
}
END_TEST

/* ---- what a recurrence carries ---- */

/* next = tanh(w · x + v · h), of which a loss is, falling, and a score per frame. */
START_TEST(what_a_scan_carries_has_losses) {
    static const Spec spec = {.name = "carried"};
    Graph *graph = NEW(Graph);
    graph->spec = &spec;
    const long shape[4] = {6, 20, 1, 1};
    Node input = {.op = OP_INPUT, .name = "x", .rank = 4, .shape = {6, 20, 1, 1}, .steps = 3};
    Node *x = append_node(graph, input);
    Node *w = sample_parameter(graph, "w", 6, (long[]){20, 1, 1, 20, 1, 1}), *v = sample_parameter(graph, "v", 6, w->shape);
    Node *projected = two(graph, OP_LINEAR, "projected", x, w);
    Node carry = {.op = OP_CARRY, .name = "h", .input_count = 2, .rank = 4, .scan = add_scan(graph, 3, false)};
    memcpy(carry.shape, shape, sizeof shape);
    Node *h = append_node(graph, carry);
    Node *hidden = add_node(graph, OP_LINEAR, "hidden", h->scan, 2, (Node *[]){h, v});
    Node *sum = add_node(graph, OP_ADD, "sum", h->scan, 2, (Node *[]){projected, hidden});
    Node *next = h->input[1] = add_node(graph, OP_TANH, "next", h->scan, 1, (Node *[]){sum});
    const LossTerm term = {.kind = TERM_L1, .weight = 2, .target = 0.25, .falling = true};
    name_node(graph, ROLE_OUTPUT, "frames", add_loss_term(graph, "score", &term, LOSS_OF_FRAME, next, NULL));
    Node *loss = add_loss_term(graph, "loss", &term, LOSS_OF_BATCH, next, NULL);
    name_node(graph, ROLE_LOSS, "loss", loss);
    differentiate_parameters(graph, loss, 2, (Parameter *[]){w->parameter, v->parameter});
    if (_i == 0) expect_parameter(graph, loss, w);
    if (_i == 0) expect_parameter(graph, loss, v);
    check_on_target(graph, _i);
}
END_TEST

/* ---- scores ---- */

/* Two terms of each clip, or of each frame, added with factors, as the caller gets them; and their nodes. */
static Graph *scored(const Sample *sample, Node *score[2]) {
    const Compared c = compared(sample, TERM_ENTROPY);
    for (int of = 0; of < 2; of++) {
        Node *terms[2];
        for (int k = 0; k < 2; k++) {
            const LossTerm term = {.kind = k ? TERM_ENTROPY : TERM_L1, .sum = k, .weight = 0.5, .falling = !k};
            terms[k] = add_loss_term(c.graph, format("term_%d_%d", of, k), &term, (LossOf)of, c.value, k ? NULL : c.other);
        }
        Node *scaled = multiple(c.graph, format("scaled_%d", of), terms[1], 3);
        score[of] = two(c.graph, OP_ADD, format("score_%d", of), terms[0], scaled);
        name_node(c.graph, ROLE_OUTPUT, of ? "clips" : "frames", score[of]);
    }
    name_node(c.graph, ROLE_INPUT, "x", c.graph->node[0]);
    list_readers(c.graph);
    return c.graph;
}

START_TEST(scores_reach_the_caller) {
    for (int s = 0; s < SAMPLES; s++) {
        Node *score[2];
        Graph *graph = scored(&samples[s], score);
        ck_assert_int_eq(score[0]->shape[0], samples[s].shape[0]);
        ck_assert_int_eq(score[1]->shape[0], samples[s].shape[0] / samples[s].steps);
        check_on_target(graph, _i);
    }
}
END_TEST

/* What the last clip holds changes no bit of another one's. */
START_TEST(a_score_depends_on_its_own_clip_alone) {
    for (int s = 0; s < SAMPLES; s++) {
        Node *score[2];
        Graph *graph = scored(&samples[s], score);
        const TargetCode *code = compile_graph(graph, any_target(_i), &default_choices);
        const Buffer **buffers = program_named(code, "train")->buffer;
        Memories *memories[2];
        for (int changed = 0; changed < 2; changed++) {
            double **values = sample_values(graph, 7);
            const Node *x = graph->node[0];
            const long clip = count_elements(x) / x->shape[0] * x->steps;
            for (long i = count_elements(x) - clip; changed && i < count_elements(x); i++) values[x->id][i] = i % 3 ? 4 : -7;
            memories[changed] = new_memories(code, true);
            set_elements(graph, buffers, memories[changed], values);
            interpret_program(&code->renew, memories[changed], false);
            interpret_program(program_named(code, "train"), memories[changed], changed);
        }
        for (int of = 0; of < 2; of++) {
            const long numbers = score[of]->shape[0], own = of ? 1 : samples[s].steps;
            bool changes = false;
            for (long i = 0; i < numbers; i++) {
                double value[2];
                for (int k = 0; k < 2; k++) value[k] = element_of(graph, score[of], buffers[score[of]->id], memories[k], i);
                if (i >= numbers - own) changes = changes || value[0] != value[1];
                else ck_assert_msg(value[0] == value[1], "%s[%ld]: %.9g or %.9g", score[of]->name, i, value[0], value[1]);
            }
            ck_assert(changes);
        }
        for (int k = 0; k < 2; k++) free_memories(memories[k]);
    }
}
END_TEST

/* ---- numbers that are hard ---- */

/* Logits of a network that is sure and right, whose loss is small; probabilities of 0 and 1; no variance; nothing apart. */
START_TEST(extreme_values_have_losses_and_gradients) {
    static const double given[3][4] = {{-90, 90, -9, 17}, {0, 1, 1e-6, 0.5}, {-60, 0, 1e-4, -3}};
    static const TermKind kinds[] = {TERM_BCE_WITH_LOGITS, TERM_BCE, TERM_KL, TERM_ENTROPY, TERM_L1};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        const TermKind kind = kinds[k];
        const int row = are_probabilities(kind) ? 1 : kind == TERM_KL ? 2 : 0;
        Graph *graph = NEW(Graph);
        Node *v = sample_parameter(graph, "v", 4, (long[]){4, 1, 1, 1}), *t = sample_input(graph, "t", v->shape);
        const LossTerm term = {.kind = kind, .sum = true, .weight = 1, .epsilon = 1e-7};
        Node *value = multiple(graph, "value", v, 1), *first = kind == TERM_KL ? t : value, *second = kind == TERM_KL ? value : t;
        Node *loss = add_loss_term(graph, "loss", &term, LOSS_OF_BATCH, first, kind == TERM_ENTROPY ? NULL : second);
        name_node(graph, ROLE_INPUT, "t", t);
        name_node(graph, ROLE_LOSS, "loss", loss);
        differentiate_parameters(graph, loss, 1, &v->parameter);
        const TargetCode *code = compile_graph(graph, any_target(_i), &default_choices);
        const Program *train = program_named(code, "train");
        double **values = NEW_ARRAY(double *, graph->node_count);
        values[v->id] = NEW_ARRAY(double, 4), values[t->id] = NEW_ARRAY(double, 4);
        for (int i = 0; i < 4; i++) {
            values[v->id][i] = (double)(float)given[row][i];
            values[t->id][i] = kind == TERM_L1 ? values[v->id][i] : kind == TERM_KL ? 0 : i % 2;
        }
        Memories *memories = new_memories(code, false);
        set_elements(graph, train->buffer, memories, values);
        interpret_program(train, memories, false);
        evaluate_graph(graph, values);
        const double found = element_of(graph, loss, train->buffer[loss->id], memories, 0), expected = values[loss->id][0];
        ck_assert_msg(fabs(found - expected) <= 3e-6 * fabs(expected), "kind %d: %.9g instead of %.9g", kind, found, expected);
        const Node *gradient = v->parameter->gradient;
        for (int i = 0; i < 4; i++) {
            const double slope = element_of(graph, gradient, train->buffer[gradient->id], memories, i), wanted = values[gradient->id][i];
            ck_assert_msg(fabs(slope - wanted) <= 3e-6 * fabs(wanted) + 1e-7, "kind %d: slope %d: %.9g instead of %.9g", kind, i, slope,
                          wanted);
            ck_assert(kind != TERM_L1 || slope == 0);
        }
        free_memories(memories);
    }
}
END_TEST

START_TEST(no_number_stays_none) {
    for (int kind = 0; kind < TERM_KINDS; kind++) {
        Graph *graph = NEW(Graph);
        Node *v = sample_parameter(graph, "v", 4, (long[]){1, 1, 2, 2}), *t = sample_input(graph, "t", v->shape);
        const LossTerm term = {.kind = (TermKind)kind, .weight = 1, .epsilon = 1e-7};
        Node *loss =
            add_loss_term(graph, "loss", &term, LOSS_OF_BATCH, multiple(graph, "value", v, 1), takes_target((TermKind)kind) ? t : NULL);
        name_node(graph, ROLE_INPUT, "t", t);
        name_node(graph, ROLE_LOSS, "loss", loss);
        differentiate_parameters(graph, loss, 1, &v->parameter);
        const TargetCode *code = compile_graph(graph, any_target(_i), &default_choices);
        const Program *train = program_named(code, "train");
        double **values = sample_values(graph, 1);
        values[v->id][3] = NAN;
        Memories *memories = new_memories(code, false);
        set_elements(graph, train->buffer, memories, values);
        interpret_program(train, memories, false);
        ck_assert_msg(isnan(element_of(graph, loss, train->buffer[loss->id], memories, 0)), "kind %d", kind);
        const Node *gradient = v->parameter->gradient;
        ck_assert_msg(kind == TERM_MEAN || isnan(element_of(graph, gradient, train->buffer[gradient->id], memories, 3)), "kind %d", kind);
        free_memories(memories);
    }
}
END_TEST

/* A mean of a million elements that lie close to each other, of which float would lose a third digit. */
START_TEST(long_sums_keep_their_digits) {
    for (int way = 0; way < 2; way++) {
        Graph *graph = NEW(Graph);
        Node *x = sample_input(graph, "x", way ? (long[]){1, 64, 64, 64} : (long[]){1, 1, 256, 1024});
        const LossTerm term = {.kind = TERM_MEAN, .weight = 1};
        Node *loss = add_loss_term(graph, "loss", &term, LOSS_OF_BATCH, x, NULL);
        name_node(graph, ROLE_INPUT, "x", x);
        name_node(graph, ROLE_LOSS, "loss", loss);
        list_readers(graph);
        const TargetCode *code = compile_graph(graph, any_target(_i), &default_choices);
        const Program *train = program_named(code, "train");
        double **values = NEW_ARRAY(double *, graph->node_count), sum = 0;
        values[x->id] = NEW_ARRAY(double, count_elements(x));
        for (long i = 0; i < count_elements(x); i++) sum += values[x->id][i] = (double)(float)(1 + 1e-3 * sample_value(1, i));
        Memories *memories = new_memories(code, false);
        set_elements(graph, train->buffer, memories, values);
        interpret_program(train, memories, false);
        const double mean = sum / (double)count_elements(x);
        ck_assert_double_eq_tol(element_of(graph, loss, train->buffer[loss->id], memories, 0), mean, 2e-8);
        free_memories(memories);
    }
}
END_TEST

Suite *losses_suite(void) {
    Suite *suite = suite_create("losses");
    TCase *test_case = tcase_create("losses");
    tcase_set_timeout(test_case, 240);
    tcase_add_test(test_case, losses_are_what_their_formulas_say);
    tcase_add_test(test_case, gradients_of_losses_agree_with_differences);
    tcase_add_loop_test(test_case, losses_and_their_gradients_are_lowered_right, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, parts_of_values_have_losses, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, what_a_scan_carries_has_losses, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, scores_reach_the_caller, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, a_score_depends_on_its_own_clip_alone, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, extreme_values_have_losses_and_gradients, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, no_number_stays_none, 0, ALL_TARGETS);
    tcase_add_loop_test(test_case, long_sums_keep_their_digits, 0, ALL_TARGETS);
    suite_add_tcase(suite, test_case);
    return suite;
}
