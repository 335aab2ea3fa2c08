/* lowered.c: runs lowered programs in the interpreter, and compares their results with the reference. */
#include "lowered.h"
#include "../compiler/graph/build_graph.h"
#include "../compiler/graph/evaluate_graph.h"
#include "../compiler/graph/shapes.h"

#include "../compiler/interpret/interpret.h"
#include "sample_graphs.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static TrainerGraphs both(const Graph *training, const Graph *evaluation) {
    TrainerGraphs graphs = {.step_count = 1, .step = NEW_ARRAY(Graph *, 1), .streams = evaluation != NULL};
    graphs.step[0] = (Graph *)(uintptr_t)training; /* they are only read */
    graphs.evaluation = (Graph *)(uintptr_t)evaluation;
    return graphs;
}

TargetCode *compile_both(const Graph *training, const Graph *evaluation, const Target *target, const Choices *choices) {
    const TrainerGraphs graphs = both(training, evaluation);
    return compile_graphs(&graphs, target, choices);
}

TargetCode *compile_both_within(TargetCode *plain, const Graph *training, const Graph *evaluation, const MemoryLimit *limit) {
    const TrainerGraphs graphs = both(training, evaluation);
    return compile_within(plain, &graphs, limit);
}

const TargetCode *lower_spec(const Spec *spec, const char *target, const Choices *choices) {
    Graph *training = build_graph(spec, true), *evaluation = build_graph(spec, false);
    differentiate_spec(training);
    return compile_both(training, evaluation, find_target(target), choices);
}

const Kernel *find_kernel(const Program *program, const char *name) {
    for (int i = 0; i < program->call_count; i++)
        if (strcmp(program->call[i].kernel->name, name) == 0) return program->call[i].kernel;
    return NULL;
}

Memories *new_memories(const TargetCode *code, bool planned) {
    Memories *memories = calloc(1, sizeof *memories);
    memories->planned = planned;
    memories->workspace = calloc(1, (size_t)(planned ? code->workspace_bytes : code->kept_bytes) + 64);
    if (planned) memset(memories->workspace + code->kept_bytes, 0xff, (size_t)(code->workspace_bytes - code->kept_bytes));
    return memories;
}

void free_memories(Memories *memories) {
    for (int i = 0; i < memories->count; i++) free(memories->elements[i]);
    free(memories->workspace);
    free(memories);
}

void *tensor_memory(const Buffer *buffer, void *context) {
    Memories *memories = context;
    const Tensor *tensor = buffer->owner;
    if (tensor->place == PLACE_WORKSPACE && (tensor->kept || memories->planned)) return memories->workspace + tensor->offset;
    for (int i = 0; i < memories->count; i++)
        if (memories->tensor[i] == tensor) return memories->elements[i];
    ck_assert_int_lt(memories->count, 4096);
    float *elements = calloc(1, (size_t)tensor->bytes + 64);
    for (long i = 0; tensor->place == PLACE_COEFFICIENTS && i < tensor->bytes / 4; i++) elements[i] = 1; /* the optimizer divides by one */
    memories->tensor[memories->count] = tensor;
    return memories->elements[memories->count++] = elements;
}

void interpret_program(const Program *program, Memories *memories, bool reverse) {
    for (int i = 0; i < program->call_count;) {
        Scan *scan = program->call[i].scan;
        int end = i + 1;
        while (scan && end < program->call_count && program->call[end].scan == scan) end++;
        for (long step = 0; step < (scan ? scan->steps : 1); step++)
            for (int k = i; k < end; k++)
                interpret_kernel(program->call[k].kernel, scan && scan->reverse ? scan->steps - 1 - step : step, reverse, tensor_memory,
                                 memories);
        i = end;
    }
}

/* Rows of tensors that a scan carries: b·(T + 1) + t, shifted by one if a forward scan wrote them or a reverse one reads them. */
static long stored_row(const Graph *graph, const Node *node, long row) {
    for (int i = 0; i < graph->node_count; i++) {
        const Node *carry = graph->node[i];
        if (carry->op != OP_CARRY || (carry != node && carry->input[1] != node)) continue;
        long T = carry->scan->steps;
        return row / T * (T + 1) + row % T + ((carry == node) == carry->scan->reverse);
    }
    return row;
}

/* The place of an element in the graph's row-major order. */
static long stored_offset(const Graph *graph, const Node *node, const Buffer *buffer, long element) {
    long index[MAX_RANK];
    for (int d = node->rank; d-- > 0; element /= node->shape[d]) index[d] = element % node->shape[d];
    if (node->rank == 4) index[0] = stored_row(graph, node, index[0]);
    return layout_offset(&buffer->layout, index);
}

double element_of(const Graph *graph, const Node *node, const Buffer *buffer, Memories *memories, long element) {
    const void *memory = tensor_memory(buffer, memories);
    const long offset = stored_offset(graph, node, buffer, element);
    return buffer->type == TYPE_F32 ? (double)((const float *)memory)[offset] : ((const double *)memory)[offset];
}

void set_elements(const Graph *graph, const Buffer **buffers, Memories *memories, double **values) {
    for (int i = 0; i < graph->node_count; i++)
        for (long e = 0; values[i] && buffers[i] && e < count_elements(graph->node[i]); e++) {
            float *memory = tensor_memory(buffers[i], memories);
            memory[stored_offset(graph, graph->node[i], buffers[i], e)] = (float)values[i][e];
        }
}

double distance_of(const Graph *graph, const Node *node, const Buffer *buffer, Memories *memories, const double *expected, double *norm) {
    double distance = 0, square = 0;
    for (long i = 0; i < count_elements(node); i++) {
        const double value = element_of(graph, node, buffer, memories, i);
        distance += (value - expected[i]) * (value - expected[i]);
        square += expected[i] * expected[i];
    }
    *norm = sqrt(square);
    return sqrt(distance);
}

/* Relative to the tensor's norm; a tensor that is mathematically zero is compared with 1e-4. With bfloat16, about one value in 2^14 is so
 * near the middle of two that it is rounded up from float and down from double, or the other way round. These are off by 2^-8, which leaves
 * up to 6.5e-4 in gradients whose terms cancel. Operands that were not rounded at all would leave 1.6e-3 in forward passes. */
static void compare_node(const Graph *graph, const Node *node, const Buffer *buffer, Memories *memories, const double *expected,
                         const Target *target) {
    double norm;
    const double distance = distance_of(graph, node, buffer, memories, expected, &norm);
    if (getenv("ZOETROPE_SHOW")) printf("%-8s %-45s %.2e of %.2e\n", target->name, node->name, distance, norm);
    const double tolerance = target->pairs ? 1e-3 : 2e-4;
    ck_assert_msg(distance <= tolerance * norm + 1e-5, "%s, %s: off by %g, of a norm of %g", target->name, node->name, distance, norm);
}

Outcome run_on(const Graph *graph, const TargetCode *code, const Program *whole, double **values, bool reverse) {
    Outcome outcome = {new_memories(code, false), values, NEW_ARRAY(double *, graph->node_count)};
    const Buffer **buffers = whole->buffer;
    set_elements(graph, buffers, outcome.memories, values);
    for (int i = 0; i < graph->node_count; i++)
        for (long e = 0; values[i] && buffers[i] && e < count_elements(graph->node[i]); e++) values[i][e] = (double)(float)values[i][e];
    memcpy(outcome.given, values, sizeof(double *) * (size_t)graph->node_count);
    evaluate_graph(graph, values);
    interpret_program(&code->renew, outcome.memories, reverse);
    Program program = *whole; /* without the update, which changes the parameters, and the calls after it */
    program.call_count = program.first_call[graph->node_count];
    interpret_program(&program, outcome.memories, reverse);
    return outcome;
}

static const Program *program_of(const TargetCode *code, bool training) {
    return program_named(code, training ? "train" : "evaluate");
}

Outcome run_graph(const Graph *graph, const TargetCode *code, bool training, bool reverse) {
    return run_on(graph, code, program_of(code, training), sample_values(graph, 7), reverse);
}

void check_on(const Graph *graph, const TargetCode *code, const Program *program, double **values, bool reverse) {
    const Outcome outcome = run_on(graph, code, program, values, reverse);
    const Buffer **buffers = program->buffer;
    for (int i = 0; i < graph->node_count; i++)
        if (buffers[i] && !outcome.given[i])
            compare_node(graph, graph->node[i], buffers[i], outcome.memories, outcome.expected[i], code->target);
    for (int i = 0; i < graph->parameter_count; i++) {
        const int id = graph->parameter[i]->node->id;
        if (!graph->parameter[i]->trained)
            compare_node(graph, graph->node[id], buffers[id], outcome.memories, outcome.expected[id], code->target);
    }
    free_memories(outcome.memories);
}

void check_graph(const Graph *graph, const TargetCode *code, bool training, bool reverse) {
    check_on(graph, code, program_of(code, training), sample_values(graph, 7), reverse);
}
