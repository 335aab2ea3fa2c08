/* test_optimizers.c: the update of each optimizer, with clipping and averages, against plain formulas in double precision. */
#include "../compiler/graph/build_loss.h"
#include "../compiler/graph/differentiate.h"
#include "../compiler/graph/shapes.h"
#include "../compiler/lower/kernel_buffers.h"
#include "../compiler/pipeline/pipeline.h"
#include "core_checks.h"
#include "cpu.h"
#include "lowered.h"
#include "sample_graphs.h"

#include "../compiler/emit/emit.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Suite *optimizers_suite(void);

static const Optimizer cases[] = {
    {.name = OPTIMIZER_ADAM, .learning_rate = 0.02, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-3, .weight_decay = 0.1},
    {.name = OPTIMIZER_ADAMW, .learning_rate = 0.02, .beta1 = 0.5, .beta2 = 0.999, .epsilon = 1e-3, .weight_decay = 0.3, .clip_norm = 0.01},
    {.name = OPTIMIZER_SGD, .learning_rate = 0.3, .clip_norm = 1e6},
    {.name = OPTIMIZER_SGD, .learning_rate = 0.3, .momentum = 0.9, .weight_decay = 0.1, .clip_norm = 0.05},
    {.name = OPTIMIZER_SGD, .learning_rate = 0.3, .momentum = 0.8, .weight_decay = 0.1, .nesterov = true},
    {.name = OPTIMIZER_RMSPROP, .learning_rate = 0.01, .alpha = 0.9, .epsilon = 1e-3, .weight_decay = 0.1, .clip_norm = 0.1},
    {.name = OPTIMIZER_RMSPROP, .learning_rate = 0.01, .alpha = 0.99, .epsilon = 1e-4, .momentum = 0.9},
};
enum { CASES = sizeof cases / sizeof *cases, STEPS = 4 };
static const double averages[CASES] = {0, 0.9, 0, 0.5, 0.99, 0.75, 0};

/* Two groups: a convolution with a bias by the optimizer, a matrix by another one. */
static Graph *two_groups(const Optimizer *optimizer, double average) {
    static const Spec spec = {.name = "groups"};
    Graph *graph = NEW(Graph);
    graph->spec = &spec;
    Node *x = sample_input(graph, "x", (long[]){3, 3, 5, 6}), *target = sample_input(graph, "target", (long[]){3, 7, 1, 1});
    add_group(graph, "first", optimizer)->average = average;
    Node *w = sample_parameter(graph, "w", 4, (long[]){19, 3, 3, 3}), *b = parameter_of_rank(graph, "b", 1, 4, (long[]){1, 19, 1, 1});
    add_group(graph, "second", &(Optimizer){.name = OPTIMIZER_SGD, .learning_rate = 0.1});
    Node *v = sample_parameter(graph, "v", 6, (long[]){7, 1, 1, 19, 5, 6});
    Node *hidden = one(graph, OP_TANH, "hidden", convolve(graph, OP_CONV2D, "look", NULL, x, w, b));
    Node *y = two(graph, OP_LINEAR, "weigh", hidden, v);
    const LossTerm term = {.kind = TERM_MSE, .weight = 1};
    Node *loss = add_loss_term(graph, "loss", &term, LOSS_OF_BATCH, y, target);
    name_node(graph, ROLE_INPUT, "x", x);
    name_node(graph, ROLE_INPUT, "target", target);
    name_node(graph, ROLE_LOSS, "loss", loss);
    differentiate_parameters(graph, loss, 3, (Parameter *[]){w->parameter, b->parameter, v->parameter});
    return graph;
}

/* ---- what torch.optim says, of one element ---- */

typedef struct Element {
    double weight, first, second, average;
} Element;

static void expect_update(const Optimizer *o, Element *e, double gradient, int step) {
    const double decay = o->weight_decay, lr = o->learning_rate;
    if (o->name == OPTIMIZER_ADAMW) e->weight *= 1 - lr * decay;
    else gradient += decay * e->weight;
    if (o->name == OPTIMIZER_SGD) {
        e->first = o->momentum * e->first + gradient;
        e->weight -= lr * (o->nesterov ? gradient + o->momentum * e->first : e->first);
    } else if (o->name == OPTIMIZER_RMSPROP) {
        e->first = o->alpha * e->first + (1 - o->alpha) * gradient * gradient;
        e->second = o->momentum * e->second + gradient / (sqrt(e->first) + o->epsilon);
        e->weight -= lr * e->second;
    } else {
        e->first = o->beta1 * e->first + (1 - o->beta1) * gradient;
        e->second = o->beta2 * e->second + (1 - o->beta2) * gradient * gradient;
        const double m = e->first / (1 - pow(o->beta1, step)), v = e->second / (1 - pow(o->beta2, step));
        e->weight -= lr * m / (sqrt(v) + o->epsilon);
    }
}

static void set_coefficients(const Program *update, const Graph *graph, Memories *memories, int step) {
    for (int i = 0; i < update->call_count; i++) {
        const Buffer *buffers[MAX_BUFFERS];
        bool written[MAX_BUFFERS];
        const int count = kernel_buffers(update->call[i].kernel, buffers, written, MAX_BUFFERS);
        for (int b = 0; b < count; b++) {
            const Tensor *tensor = buffers[b]->owner;
            if (tensor->place != PLACE_COEFFICIENTS) continue;
            const Optimizer *o = &graph->group[tensor->offset / (4 * UPDATE_COEFFICIENTS)]->optimizer;
            const bool adam = o->name == OPTIMIZER_ADAM || o->name == OPTIMIZER_ADAMW;
            float *coefficient = tensor_memory(buffers[b], memories);
            coefficient[0] = (float)(o->learning_rate / (adam ? 1 - pow(o->beta1, step) : 1));
            coefficient[1] = (float)sqrt(1 - pow(o->beta2, step));
            coefficient[2] = (float)o->learning_rate;
        }
    }
}

/* The same element of another block of its group. */
static double element_of_block(const Graph *graph, const TargetCode *code, const Parameter *parameter, BlockIndex block, Memories *memories,
                               long element) {
    Buffer buffer = *program_named(code, "train")->buffer[parameter->node->id];
    Tensor tensor = *(const Tensor *)buffer.owner;
    const long *offset = code->group[parameter->group->number].block_offset;
    tensor.offset += offset[block] - offset[BLOCK_PARAMETERS];
    buffer.owner = &tensor;
    return element_of(graph, parameter->node, &buffer, memories, element);
}

/* What no element of a gradient lies in may hold anything. */
static void spoil_padding(const Graph *graph, const TargetCode *code, Memories *memories) {
    for (int g = 0; g < graph->group_count; g++) {
        const GroupCode *group = &code->group[g];
        bool *used = NEW_ARRAY(bool, group->block_bytes / 4);
        for (int i = 0; i < graph->parameter_count; i++) {
            const Parameter *parameter = graph->parameter[i];
            if (parameter->group != graph->group[g]) continue;
            const Buffer *buffer = program_named(code, "train")->buffer[parameter->gradient->id];
            const long start = (((const Tensor *)buffer->owner)->offset - group->block_offset[BLOCK_GRADIENTS]) / 4;
            for (long e = 0; e < parameter->count; e++) {
                long index[MAX_RANK], rest = e;
                for (int d = parameter->node->rank; d-- > 0; rest /= parameter->node->shape[d]) index[d] = rest % parameter->node->shape[d];
                used[start + layout_offset(&buffer->layout, index)] = true;
            }
        }
        float *gradients = (float *)(void *)(memories->workspace + group->block_offset[BLOCK_GRADIENTS]);
        for (long i = 0; i < group->block_bytes / 4; i++)
            if (!used[i]) gradients[i] = NAN;
    }
}

/* By how much torch.nn.utils.clip_grad_norm_ scales a group's gradient. */
static double clipped(const Graph *graph, const TargetCode *code, const ParameterGroup *group, Memories *memories) {
    double square = 0;
    for (int i = 0; i < graph->parameter_count; i++)
        for (long e = 0; graph->parameter[i]->group == group && e < graph->parameter[i]->count; e++)
            square += pow(element_of_block(graph, code, graph->parameter[i], BLOCK_GRADIENTS, memories, e), 2);
    return group->optimizer.clip_norm > 0 ? fmin(1, group->optimizer.clip_norm / (sqrt(square) + 1e-6)) : 1;
}

static void expect_step(const Graph *graph, const TargetCode *code, Memories *memories, Element **elements, int step) {
    for (int i = 0; i < graph->parameter_count; i++) {
        const Parameter *parameter = graph->parameter[i];
        const ParameterGroup *group = parameter->group;
        const double factor = clipped(graph, code, group, memories);
        for (long e = 0; e < parameter->count; e++) {
            Element *element = &elements[i][e];
            expect_update(&group->optimizer, element, factor * element_of_block(graph, code, parameter, BLOCK_GRADIENTS, memories, e),
                          step);
            element->average = group->average * element->average + (1 - group->average) * element->weight;
            const double found = element_of_block(graph, code, parameter, BLOCK_PARAMETERS, memories, e);
            ck_assert_msg(fabs(found - element->weight) <= 2e-6 * (1 + fabs(element->weight)), "step %d, %s[%ld]: %.9g instead of %.9g",
                          step, parameter->name, e, found, element->weight);
            if (group->average == 0) continue;
            const double average = element_of_block(graph, code, parameter, BLOCK_AVERAGE, memories, e);
            ck_assert_msg(fabs(average - element->average) <= 2e-6, "step %d, average of %s[%ld]: %.9g instead of %.9g", step,
                          parameter->name, e, average, element->average);
        }
    }
}

static void start_averages(const Graph *graph, const TargetCode *code, Memories *memories) {
    for (int g = 0; g < graph->group_count; g++) {
        const long *offset = code->group[g].block_offset;
        ck_assert((offset[BLOCK_AVERAGE] >= 0) == (graph->group[g]->average != 0));
        if (offset[BLOCK_AVERAGE] >= 0)
            memcpy(memories->workspace + offset[BLOCK_AVERAGE], memories->workspace + offset[BLOCK_PARAMETERS],
                   (size_t)code->group[g].block_bytes);
    }
}

/* Several steps, with the gradients that the program finds, which stay as they are. */
START_TEST(updates_are_those_of_torch_optim) {
    const Target *target = any_target(_i % ALL_TARGETS);
    const int number = _i / ALL_TARGETS;
    Graph *graph = two_groups(&cases[number], averages[number]);
    verify_graph(graph);
    const TargetCode *code = compile_graph(graph, target, &default_choices);
    Memories *memories = new_memories(code, _i % 2);
    set_elements(graph, program_named(code, "train")->buffer, memories, sample_values(graph, 3));
    Element **elements = NEW_ARRAY(Element *, graph->parameter_count);
    for (int i = 0; i < graph->parameter_count; i++) {
        elements[i] = NEW_ARRAY(Element, graph->parameter[i]->count);
        for (long e = 0; e < graph->parameter[i]->count; e++)
            elements[i][e].weight = elements[i][e].average =
                element_of_block(graph, code, graph->parameter[i], BLOCK_PARAMETERS, memories, e);
    }
    start_averages(graph, code, memories);
    for (int step = 1; step <= STEPS; step++) {
        interpret_program(&code->renew, memories, false);
        interpret_program(program_named(code, "train"), memories, false);
        spoil_padding(graph, code, memories);
        set_coefficients(program_named(code, "update"), graph, memories, step);
        interpret_program(program_named(code, "update"), memories, step % 2);
        expect_step(graph, code, memories, elements, step);
    }
    free_memories(memories);
}
END_TEST

/* Blocks of averages are in the tables where a group has them, or there are several groups. */
START_TEST(averages_are_in_the_tables_where_there_are_any) {
    for (int average = 0; average < 2; average++) {
        Graph *graph = NEW(Graph);
        static const Spec spec = {.name = "average"};
        graph->spec = &spec;
        Node *x = sample_input(graph, "x", (long[]){3, 4, 1, 1});
        add_group(graph, "all", &cases[2])->average = average ? 0.9 : 0;
        Node *w = sample_parameter(graph, "w", 6, (long[]){2, 1, 1, 4, 1, 1});
        const LossTerm term = {.kind = TERM_MEAN, .weight = 1};
        Node *loss = add_loss_term(graph, "loss", &term, LOSS_OF_BATCH, two(graph, OP_LINEAR, "y", x, w), NULL);
        name_node(graph, ROLE_INPUT, "x", x);
        name_node(graph, ROLE_LOSS, "loss", loss);
        differentiate_parameters(graph, loss, 1, &w->parameter);
        Text text = text_begin();
        emit_target_file(&text, graph->spec, compile_graph(graph, any_target(0), &default_choices), "");
        const char *offsets = strstr(text.bytes, "block_offset[MODEL_BLOCKS] = {");
        ck_assert_ptr_nonnull(offsets);
        int values = 1;
        for (; *offsets != ';'; offsets++) values += *offsets == ',';
        ck_assert_int_eq(values, average ? 6 : 5);
        ck_assert((strstr(text.bytes, "statistics and averages start") != NULL) == average);
    }
}
END_TEST

Suite *optimizers_suite(void) {
    Suite *suite = suite_create("optimizers");
    TCase *test_case = tcase_create("optimizers");
    tcase_set_timeout(test_case, 120);
    tcase_add_loop_test(test_case, updates_are_those_of_torch_optim, 0, CASES * ALL_TARGETS);
    tcase_add_test(test_case, averages_are_in_the_tables_where_there_are_any);
    suite_add_tcase(suite, test_case);
    return suite;
}
