/* kept_values.c: finds the values of earlier steps that are still the same, and has later steps read them. */
#include "graph/kept_values.h"

#include "graph/common_values.h"
#include "graph/prune.h"
#include "graph/shapes.h"
#include "spec/system.h"

#include <string.h>

/* ---- which values are the same ---- */

/* Two steps of an iteration, one before the other; and for each node of the later one the node of the earlier one with its value. */
typedef struct StepPair {
    const System *system;
    int before, after;
    const Graph *first, *second;
    Node **same; /* by id; NULL: none has it */
} StepPair;

static bool is_updated(const TrainingStep *step, int network) {
    for (int u = 0; u < step->update_count; u++)
        if (step->updates[u].network->index == network) return true;
    return false;
}

/* Are the weights in every round of the later step what the earlier one found in its last? */
static bool weights_stay(const StepPair *pair, int network) {
    for (int s = pair->before; s < pair->after; s++)
        if (is_updated(&pair->system->steps[s], network)) return false;
    const TrainingStep *after = &pair->system->steps[pair->after];
    return after->times == 1 || !is_updated(after, network);
}

/* Of what the caller gives: the batch, or a draw. */
static bool is_given_again(const StepPair *pair, const Node *node) {
    const TrainingStep *before = &pair->system->steps[pair->before], *after = &pair->system->steps[pair->after];
    for (int i = 0; i < pair->second->named[ROLE_INPUT].count; i++) {
        const NamedNode *entry = &pair->second->named[ROLE_INPUT].entry[i];
        if (entry->node == node)
            return entry->argument.drawn == DRAWN_NOT ? before->batch_of == after->batch_of : before->draw == after->draw;
    }
    return false;
}

static Node *same_leaf(const StepPair *pair, const Node *node) {
    if (node->op == OP_INPUT && is_given_again(pair, node))
        return named_node(pair->first, ROLE_INPUT, name_of(pair->second, ROLE_INPUT, node));
    if (!node->parameter) return NULL;
    const ParameterGroup *group = node->parameter->group;
    const bool stays = node->op == OP_PARAMETER ? weights_stay(pair, group->number) : group->frozen;
    return stays ? pair->first->parameter[node->parameter->number]->node : NULL;
}

static bool has_same_inputs(const StepPair *pair, const Node *earlier, const Node *node) {
    for (int k = 0; k < value_inputs(node); k++)
        if (earlier->input[k] != pair->same[node->input[k]->id]) return false;
    return true;
}

static Node *same_node(const StepPair *pair, const Node *node) {
    if (node->op == OP_INPUT || node->parameter) return same_leaf(pair, node);
    if (!node->forward || node->scan || node->input_count == 0 || node->op == OP_BATCH_NORM_MOVE) return NULL;
    for (int k = 0; k < value_inputs(node); k++)
        if (!pair->same[node->input[k]->id]) return NULL;
    const Node *input = pair->same[node->input[0]->id];
    for (int i = 0; i < input->reader_count; i++) {
        Node *earlier = input->reader[i];
        if (earlier->forward && !earlier->scan && same_work(earlier, node) && has_same_inputs(pair, earlier, node)) return earlier;
    }
    return NULL;
}

/* A step is done only if the earlier one is. */
static bool is_done_with(const TrainingStep *before, const TrainingStep *after) {
    return after->every % before->every == 0;
}

/* ---- what is kept ---- */

typedef struct Keeper {
    const System *system;
    TrainerGraphs *graphs;
    Node ***origin; /* by step, by id: what computes its value first, in an earlier step; NULL: none */
} Keeper;

/* From the nearest step before it; and where that one has it from an earlier one, from there. */
static void find_origins(Keeper *keeper, int after) {
    const Graph *graph = keeper->graphs->step[after];
    Node **origin = keeper->origin[after] = NEW_ARRAY(Node *, graph->node_count);
    for (int before = after - 1; before >= 0; before--) {
        StepPair pair = {keeper->system, before, after, keeper->graphs->step[before], graph, NEW_ARRAY(Node *, graph->node_count)};
        if (!is_done_with(&keeper->system->steps[before], &keeper->system->steps[after])) continue;
        for (int i = 0; i < graph->node_count; i++) {
            Node *same = pair.same[i] = same_node(&pair, graph->node[i]);
            if (!same || origin[i]) continue;
            origin[i] = keeper->origin[before][same->id] ? keeper->origin[before][same->id] : same;
        }
    }
}

/* Does the kernel of the activation compute it, too? Then that is what is stored. */
static bool ends_in_activation(const Node *node) {
    return operation_is(node->op, PRODUCT) && node->reader_count == 1 && operation_is(node->reader[0]->op, ACTIVATION) &&
           !node->reader[0]->scan;
}

static bool is_worth_keeping(const Node *node) {
    if (node->op == OP_BATCH_NORM_STATISTICS) return true;
    if (operation_is(node->op, ACTIVATION) && ends_in_activation(node->input[0])) return true;
    return operation_is(node->op, PRODUCT | COSTLY) && !ends_in_activation(node);
}

/* The value is there. */
static void take(Node *node, Node *origin) {
    Node kept = {.id = node->id,
                 .op = OP_KEPT,
                 .name = node->name,
                 .stem = node->stem,
                 .layer = node->layer,
                 .rank = node->rank,
                 .steps = node->steps,
                 .forward = true,
                 .kept = origin->kept};
    memcpy(kept.shape, node->shape, sizeof kept.shape);
    *node = kept;
}

/* Nodes of the list become KEPT; after statistics stands what moves the running ones. */
static void take_values(Keeper *keeper, int step, const bool *taken) {
    Graph *graph = keeper->graphs->step[step];
    const int count = graph->node_count, forward = graph->forward_count;
    Node **before = memcpy(NEW_ARRAY(Node *, count), graph->node, sizeof(Node *) * (size_t)count);
    graph->node_count = 0;
    for (int i = 0; i < count; i++) {
        Node *node = before[i];
        MAKE_ROOM(graph->node, graph->node_count, graph->node_capacity);
        node->id = graph->node_count;
        graph->node[graph->node_count++] = node;
        if (!taken[i]) continue;
        Node *origin = keeper->origin[step][i];
        if (!origin->kept) origin->kept = ++keeper->graphs->kept_count;
        Node move = node->op == OP_BATCH_NORM_STATISTICS ? move_again(node, format("%s_move", node->name), node) : (Node){0};
        take(node, origin);
        graph->layer = move.layer;
        if (!move.input_count) continue;
        append_node(graph, move)->forward = true;
        graph->forward_count += i < forward;
    }
    prune_graph(graph, NULL, 0);
}

/* Values that only others are computed from are not kept: those are read from memory themselves. */
static bool choose_values(const Keeper *keeper, int step, bool *taken) {
    const Graph *graph = keeper->graphs->step[step];
    bool *needed = NEW_ARRAY(bool, graph->node_count), any = false;
    for (int i = graph->node_count - 1; i >= 0; i--) {
        const Node *node = graph->node[i];
        const bool same = keeper->origin[step][i] && node->forward && node->input_count && !node->parameter;
        bool read = node->reader_count == 0 || node->op == OP_BATCH_NORM_STATISTICS;
        for (int k = 0; k < node->reader_count; k++) read = read || needed[node->reader[k]->id];
        taken[i] = read && same && is_worth_keeping(node);
        needed[i] = read && !taken[i];
        any = any || taken[i];
    }
    return any;
}

bool keep_values(const Spec *spec, TrainerGraphs *graphs) {
    Keeper keeper = {spec->system, graphs, NEW_ARRAY(Node **, graphs->step_count)};
    if (!spec->system || graphs->step_count < 2) return false;
    bool **taken = NEW_ARRAY(bool *, graphs->step_count), any = false, *takes = NEW_ARRAY(bool, graphs->step_count);
    for (int s = 0; s < graphs->step_count; s++) find_origins(&keeper, s);
    for (int s = 0; s < graphs->step_count; s++) {
        taken[s] = NEW_ARRAY(bool, graphs->step[s]->node_count);
        takes[s] = choose_values(&keeper, s, taken[s]);
        any = any || takes[s];
    }
    for (int s = 0; s < graphs->step_count; s++)
        if (takes[s]) take_values(&keeper, s, taken[s]);
    return any;
}

TakenValues taken_values(const TrainerGraphs *graphs, int step, int from) {
    const Graph *later = graphs->step[step], *earlier = graphs->step[from];
    TakenValues taken = {0};
    for (int i = 0; i < later->node_count; i++)
        for (int k = 0; later->node[i]->op == OP_KEPT && k < earlier->node_count; k++) {
            const Node *node = earlier->node[k];
            if (node->op == OP_KEPT || node->kept != later->node[i]->kept) continue;
            taken.count++;
            taken.bytes += 4 * count_elements(node);
        }
    return taken;
}
