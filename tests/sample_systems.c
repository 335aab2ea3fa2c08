/* sample_systems.c: the small systems of tests/fixtures/systems/, and their graphs. */
#include "sample_systems.h"

#include "sample_graphs.h"

#include "../compiler/graph/build_graph.h"
#include "../compiler/graph/build_system.h"
#include "../compiler/graph/shapes.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

const char *const sample_system_names[SAMPLE_SYSTEMS] = {SAMPLE_SYSTEM_NAMES};

const Spec *system_named(const char *name) {
    char *messages = NULL; /* warnings, which some deserve */
    size_t size;
    FILE *stream = open_memstream(&messages, &size);
    const Spec *spec = read_spec_to_compile(format("tests/fixtures/systems/%s.yaml", name), stream);
    fclose(stream);
    ck_assert_msg(spec && spec->system, "%s", messages);
    free(messages);
    return spec;
}

const Spec *sample_system(int number) {
    return system_named(sample_system_names[number]);
}

TrainerGraphs graphs_of(const Spec *spec) {
    TrainerGraphs graphs = build_system(spec);
    differentiate_system(spec, &graphs);
    return graphs;
}

int graph_count(const TrainerGraphs *graphs) {
    return graphs->step_count + 1 + (graphs->search != NULL);
}

Graph *graph_number(const TrainerGraphs *graphs, int number) {
    const int steps = graphs->step_count;
    return number < steps ? graphs->step[number] : number == steps ? graphs->evaluation : graphs->search;
}

const Program *program_of_graph(const TargetCode *code, const TrainerGraphs *graphs, int number) {
    const int steps = graphs->step_count;
    return number < steps ? code->program[number] : program_named(code, number == steps ? "evaluate" : "search");
}

/* How far a leaf's values are from its fill. */
static double scale_of(const Node *node) {
    if (node->op == OP_STATE) return node->parameter->fill != 0 ? 0.5 : 0.2;
    if (node->op == OP_INPUT) return 1;
    const long inputs = node->parameter->count / node->parameter->shape[0];
    return node->parameter->rank == 1 ? 0.3 : 1.5 / sqrt((double)inputs);
}

double **system_values(const Graph *graph, uint64_t seed) {
    double **values = NEW_ARRAY(double *, graph->node_count);
    for (int n = 0; n < graph->node_count; n++) {
        const Node *node = graph->node[n];
        if (node->op != OP_INPUT && !node->parameter) continue;
        const long count = count_elements(node);
        values[n] = NEW_ARRAY(double, count);
        const double fill = node->parameter ? node->parameter->fill : 0;
        for (long i = 0; i < count; i++) values[n][i] = fill + scale_of(node) * sample_value(seed * 1000 + (uint64_t)n, i);
    }
    return values;
}
