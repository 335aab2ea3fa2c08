/* recompute_sequence.c: the order of nodes with recomputation, as a sequence and as a graph. A forward node that is computed again is an
 * ordinary node, before its first reader in the backward pass. Lowering, verifying and emitting need not know. */
#include "recompute/recompute_sequence.h"

#include "recompute/recompute_memory.h"

#include <string.h>

/* ---- the sequence ---- */

typedef struct Expansion {
    const Footprint *footprint;
    const Keeping *keeping;
    Sequence *sequence;
    Keeping *of_node; /* by node id, of forward nodes; a fused node has that of its input */
    int *first;       /* by node id: its own instance */
    int *again;       /* the one that the backward pass reads; −1: none so far */
    int *passing;     /* the one made for another candidate … */
    int *request;     /* … in this request */
    int requests;
} Expansion;

static bool is_stored(const Footprint *footprint, const Node *node) {
    return footprint->program->buffer[node->id] != NULL;
}

const Node *computing_node(const Footprint *footprint, const Node *node) {
    return !node->fused && node->input_count && !is_stored(footprint, node->input[0]) && !node->input[0]->fused ? node->input[0] : node;
}

static void find_keeping(Expansion *e) {
    const Footprint *footprint = e->footprint;
    for (int i = 0; i < footprint->graph->forward_count; i++) {
        const Node *node = footprint->graph->node[i];
        const int candidate = footprint->candidate_of[i];
        e->of_node[i] = candidate >= 0 ? e->keeping[candidate] : STORED;
        for (int k = 0; node->fused && k < node->input_count; k++)
            if (e->of_node[node->input[k]->id] > e->of_node[i]) e->of_node[i] = e->of_node[node->input[k]->id];
        if (candidate >= 0) e->of_node[computing_node(footprint, node)->id] = e->of_node[i];
    }
}

static int add_instance(Sequence *sequence, const Node *node, bool again) {
    MAKE_ROOM(sequence->instance, sequence->count, sequence->capacity);
    Instance *instance = &sequence->instance[sequence->count];
    *instance = (Instance){.node = node, .again = again};
    for (int k = 0; k < MAX_INPUTS; k++) instance->input[k] = -1;
    return sequence->count++;
}

/* The instance with the node's value in the backward pass. `read`: a backward node reads it, perhaps through fused nodes. */
static int value_again(Expansion *e, const Node *node, bool read) {
    if (e->of_node[node->id] == STORED) return e->first[node->id];
    const bool shared = read || e->of_node[node->id] == ONCE;
    int *made = shared ? &e->again[node->id] : &e->passing[node->id];
    if (*made >= 0 && (shared || e->request[node->id] == e->requests)) return *made;
    int input[MAX_INPUTS];
    for (int k = 0; k < node->input_count; k++) input[k] = value_again(e, node->input[k], read && node->fused);
    *made = add_instance(e->sequence, node, true);
    e->request[node->id] = shared ? e->request[node->id] : e->requests;
    memcpy(e->sequence->instance[*made].input, input, sizeof(int) * (size_t)node->input_count);
    return *made;
}

static int input_of(Expansion *e, const Node *node, const Node *input) {
    if (!input || (node->op == OP_CARRY && input->id > node->id)) return -1;
    if (node->forward || !input->forward) return e->first[input->id];
    e->requests++;
    return value_again(e, input, true);
}

/* What a node computes its elements from, through fused nodes of the backward pass, and that is there before this one. */
static void request_inputs(Expansion *e, const Node *node, const Node *before) {
    for (int k = 0; k < node->input_count; k++) {
        if (node->input[k]->forward) input_of(e, node, node->input[k]);
        else if (node->input[k]->id > before->id) request_inputs(e, node->input[k], before);
    }
}

Sequence *sequence_with(const Footprint *footprint, const Keeping *keeping) {
    const Graph *graph = footprint->graph;
    const int count = graph->node_count;
    Expansion e = {.footprint = footprint, .keeping = keeping, .sequence = NEW(Sequence), .of_node = NEW_ARRAY(Keeping, count)};
    int **const of_nodes[] = {&e.first, &e.again, &e.passing, &e.request};
    for (int a = 0; a < 4; a++) {
        *of_nodes[a] = NEW_ARRAY(int, count);
        for (int i = 0; i < count; i++) (*of_nodes[a])[i] = -1;
    }
    find_keeping(&e);
    const Scan *scan = NULL;
    for (int i = 0; i < count; i++) {
        const Node *node = graph->node[i];
        /* a scan is not cut: its body's inputs come before it */
        for (int k = i; node->scan && node->scan != scan && k < count && graph->node[k]->scan == node->scan; k++)
            for (int j = 0; j < graph->node[k]->input_count; j++)
                if (!node->forward && graph->node[k]->input[j] && graph->node[k]->input[j]->id < i)
                    input_of(&e, graph->node[k], graph->node[k]->input[j]);
        scan = node->scan;
        const int summed = node->forward ? -1 : footprint->summed[i];
        if (summed >= 0) request_inputs(&e, graph->node[summed], node); /* its kernel reads them, too */
        int input[MAX_INPUTS];
        for (int k = 0; k < node->input_count; k++) input[k] = input_of(&e, node, node->input[k]);
        e.first[i] = add_instance(e.sequence, node, false);
        memcpy(e.sequence->instance[e.first[i]].input, input, sizeof(int) * (size_t)node->input_count);
    }
    return e.sequence;
}

/* ---- the sequence as a graph ---- */

static Parameter *copy_parameter(Graph *to, const Parameter *parameter) {
    Parameter *copy = NEW(Parameter);
    *copy = *parameter;
    copy->node = copy->gradient = NULL;
    MAKE_ROOM(to->parameter, to->parameter_count, to->parameter_capacity);
    return to->parameter[to->parameter_count++] = copy;
}

static Node *copy_instance(Graph *to, const Instance *instance, Node *const *made) {
    Node copy = *instance->node;
    copy.fused = false;
    for (int k = 0; k < copy.input_count; k++) copy.input[k] = instance->input[k] >= 0 ? made[instance->input[k]] : NULL;
    if (copy.parameter) copy.parameter = to->parameter[copy.parameter->number];
    if (copy.gradient_of) copy.gradient_of = to->parameter[copy.gradient_of->number];
    if (instance->again) {
        copy.repeats = copy.name;
        copy.name = format("%s_again", copy.name);
        copy.scan = NULL; /* all steps at once */
    }
    Node *node = append_node(to, copy);
    if (node->parameter) node->parameter->node = node;
    if (node->gradient_of) node->gradient_of->gradient = node;
    return node;
}

Graph *graph_of(const Graph *graph, const Sequence *sequence) {
    Graph *to = NEW(Graph);
    *to = (Graph){.spec = graph->spec, .training = graph->training, .scan_count = graph->scan_count, .forward_count = graph->forward_count};
    copy_groups(to, graph);
    for (int i = 0; i < graph->parameter_count; i++) copy_parameter(to, graph->parameter[i]);
    Node **made = NEW_ARRAY(Node *, sequence->count), **first = NEW_ARRAY(Node *, graph->node_count);
    for (int i = 0; i < sequence->count; i++) {
        made[i] = copy_instance(to, &sequence->instance[i], made);
        if (!sequence->instance[i].again) first[sequence->instance[i].node->id] = made[i];
    }
    for (int i = 0; i < graph->node_count; i++)
        if (graph->node[i]->op == OP_CARRY) first[i]->input[1] = first[graph->node[i]->input[1]->id];
    copy_names(to, graph, first);
    list_readers(to);
    return to;
}
