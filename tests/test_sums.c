/* test_sums.c: gradients of several weighed sums of losses in one pass: they are those of each sum by itself, and no more work. */
#include "sample_graphs.h"
#include "sample_systems.h"

#include "../compiler/graph/build_graph.h"
#include "../compiler/graph/differentiate.h"
#include "../compiler/graph/evaluate_graph.h"
#include "../compiler/graph/prune.h"
#include "../compiler/graph/shapes.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Suite *sums_suite(void);

enum { MOST_LOSSES = 6, MOST_SUMS = 8, ROUNDS = 6 };

/* Numbers at random that are the same for one seed. */
static int chosen(uint64_t seed, long number, int count) {
    const int i = (int)floor((sample_value(seed, number) + 1) / 2 * count);
    return i < 0 ? 0 : i < count ? i : count - 1;
}

/* The losses of a step, and the terms that they are sums of. */
static int list_losses(const Graph *graph, int *loss) {
    int count = 0;
    for (int i = 0; i < graph->node_count && count < MOST_LOSSES; i++) {
        const Node *node = graph->node[i];
        if (node->op == OP_ROW_SUM || (node->op == OP_ADD && name_of(graph, ROLE_LOSS, node))) loss[count++] = i;
    }
    return count;
}

/* A step, and the sums of its losses of which gradients are wanted: of each network, now and then several with one proportion. */
typedef struct Case {
    const Spec *spec;
    int step, losses, loss[MOST_LOSSES], sums;
    double factor[MOST_SUMS][MOST_LOSSES];
} Case;

static Case make_case(const Spec *spec, int step, uint64_t seed) {
    static const double factors[] = {0, 0, 1, 1, 0.5, -1, 3, 1e-6, -0.999999};
    const Graph *graph = build_graphs(spec).step[step];
    Case c = {.spec = spec, .step = step, .sums = graph->group_count < MOST_SUMS ? graph->group_count : MOST_SUMS};
    c.losses = list_losses(graph, c.loss);
    for (int s = 0; s < c.sums; s++) {
        const int like = chosen(seed, 100 + s, 3) == 0 && s > 0 ? chosen(seed, 200 + s, s) : s;
        for (int l = 0; l < c.losses; l++)
            c.factor[s][l] = like < s ? -2 * c.factor[like][l] : factors[chosen(seed, 10 * s + l, (int)(sizeof factors / sizeof *factors))];
    }
    return c;
}

/* All sums have two of the losses, the same two: where there are three sums, they are made of two gradients. */
static void leave_two_losses(Case *c, uint64_t seed) {
    if (c->losses < 3) return;
    const int first = chosen(seed, 300, c->losses - 1), last = c->losses - 1;
    for (int s = 0; s < c->sums; s++)
        for (int l = 0; l < c->losses; l++) c->factor[s][l] = l == first ? 1 + s : l == last ? 2 - 3 * s : 0;
}

typedef struct Computed {
    Graph *graph;
    int sums, count[MOST_SUMS];
    Node **gradient[MOST_SUMS];
} Computed;

/* The gradients of sums first … end − 1. */
static Computed compute(const Case *c, int first, int end) {
    Computed made = {.graph = build_graphs(c->spec).step[c->step], .sums = end - first};
    Graph *graph = made.graph;
    Node *loss[MOST_LOSSES], **roots = NEW_ARRAY(Node *, graph->parameter_count);
    LossSum sum[MOST_SUMS];
    int found = 0;
    for (int l = 0; l < c->losses; l++) loss[l] = graph->node[c->loss[l]];
    for (int s = first; s < end; s++) {
        Node **of = NEW_ARRAY(Node *, graph->parameter_count);
        made.gradient[s - first] = NEW_ARRAY(Node *, graph->parameter_count);
        for (int p = 0; p < graph->parameter_count; p++)
            if (graph->parameter[p]->trained && graph->parameter[p]->group->number == s)
                of[made.count[s - first]++] = graph->parameter[p]->node;
        sum[s - first] = (LossSum){c->factor[s], made.count[s - first], of, made.gradient[s - first]};
    }
    differentiate_sums(graph, c->losses, loss, end - first, sum);
    for (int s = 0; s < made.sums; s++)
        for (int i = 0; i < made.count[s]; i++)
            if (made.gradient[s][i]) roots[found++] = made.gradient[s][i];
    verify_graph(graph);
    prune_graph(graph, roots, found);
    verify_graph(graph);
    return made;
}

/* Of the backward pass, in one layer. */
static int count_products(const Graph *graph, const char *layer, Operation op) {
    int count = 0;
    for (int i = 0; i < graph->node_count; i++) {
        const Node *node = graph->node[i];
        count += !node->forward && node->op == op && node->layer && strcmp(node->layer, layer) == 0;
    }
    return count;
}

static void expect_no_more_work(const Computed *together, const Computed *alone, int sums) {
    for (int i = 0; i < together->graph->node_count; i++) {
        const Node *node = together->graph->node[i];
        if (node->forward || !operation_is(node->op, PRODUCT)) continue;
        int before = 0;
        for (int s = 0; s < sums; s++) before += count_products(alone[s].graph, node->layer, node->op);
        const int now = count_products(together->graph, node->layer, node->op);
        ck_assert_msg(now <= before, "%s: %s %d times instead of %d", node->layer, operation_name(node->op), now, before);
    }
}

/* What is left of a bias's gradient before a batch norm, which is 0. */
static const double ZERO = 1e-12;

static void expect_equal(const Node *a, const double *values, const Node *b, const double *others) {
    const long count = count_elements(a);
    double largest = 0;
    ck_assert_int_eq(count, count_elements(b));
    for (long i = 0; i < count; i++) largest = fmax(largest, fabs(others[i]));
    for (long i = 0; i < count; i++)
        ck_assert_msg(fabs(values[i] - others[i]) <= 1e-9 * largest + ZERO, "%s: element %ld is %g instead of %g", a->name, i, values[i],
                      others[i]);
}

/* In double: what both compute differs by the order of sums alone. Values are named by nodes that both graphs have. */
static void expect_equal_gradients(const Computed *together, int first, const Computed *alone) {
    double **values = system_values(together->graph, 7), **others = NEW_ARRAY(double *, alone->graph->node_count);
    for (int i = 0; i < alone->graph->node_count; i++)
        for (int k = 0; k < together->graph->node_count; k++)
            if (values[k] && strcmp(alone->graph->node[i]->name, together->graph->node[k]->name) == 0) {
                const size_t bytes = sizeof(double) * (size_t)count_elements(together->graph->node[k]);
                others[i] = memcpy(NEW_ARRAY(double, count_elements(together->graph->node[k])), values[k], bytes);
            }
    evaluate_graph(together->graph, values);
    evaluate_graph(alone->graph, others);
    for (int i = 0; i < alone->count[0]; i++) {
        const Node *a = together->gradient[first][i], *b = alone->gradient[0][i];
        ck_assert_msg((a != NULL) == (b != NULL), "sum %d: gradient %d is there in one of two graphs alone", first, i);
        if (a) expect_equal(a, values[a->id], b, others[b->id]);
    }
}

START_TEST(sums_in_one_pass_are_those_of_each_by_itself) {
    const Spec *spec = sample_system(_i / ROUNDS);
    for (int step = 0; step < spec->system->step_count; step++) {
        arena_enter();
        Case c = make_case(spec, step, (uint64_t)(31 * _i + step));
        if (_i % 2) leave_two_losses(&c, (uint64_t)_i);
        const Computed together = compute(&c, 0, c.sums);
        Computed alone[MOST_SUMS];
        for (int s = 0; s < c.sums; s++) alone[s] = compute(&c, s, s + 1);
        expect_no_more_work(&together, alone, c.sums);
        for (int s = 0; s < c.sums; s++) expect_equal_gradients(&together, s, &alone[s]);
        arena_leave();
    }
}
END_TEST

Suite *sums_suite(void) {
    Suite *suite = suite_create("sums");
    TCase *test_case = tcase_create("sums");
    tcase_add_loop_test(test_case, sums_in_one_pass_are_those_of_each_by_itself, 0, SAMPLE_SYSTEMS * ROUNDS);
    suite_add_tcase(suite, test_case);
    return suite;
}
