/* graph.c: making nodes, checking a graph, printing it. */
#include "graph/graph.h"
#include "graph/shapes.h"

#include <ctype.h>
#include <string.h>

/* ---- construction ---- */

static const char *unique_name(Graph *graph, const char *name) {
    const char *unique = name;
    for (int number = 2; name_set_has(&graph->names, unique); number++) unique = format("%s_%d", name, number);
    name_set_add(&graph->names, unique);
    return unique;
}

Node *append_node(Graph *graph, Node node) {
    MAKE_ROOM(graph->node, graph->node_count, graph->node_capacity);
    Node *added = NEW(Node);
    *added = node;
    added->name = unique_name(graph, node.name);
    added->id = graph->node_count;
    if (!added->layer) added->layer = graph->layer;
    infer_shape(added);
    graph->node[graph->node_count++] = added;
    return added;
}

Node *add_node(Graph *graph, Operation op, const char *name, Scan *scan, int input_count, Node **inputs) {
    Node node = {.op = op, .name = name, .scan = scan, .input_count = input_count};
    for (int i = 0; i < input_count; i++) node.input[i] = inputs[i];
    return append_node(graph, node);
}

Node *add_constant(Graph *graph, const char *name, const Node *like, double value) {
    Node node = {.op = OP_FILL, .name = name, .rank = like->rank, .steps = like->steps, .factor = value};
    memcpy(node.shape, like->shape, sizeof node.shape);
    return append_node(graph, node);
}

Node *sum_nodes(Graph *graph, const char *name, int count, Node *const *terms) {
    Node *sum = terms[0];
    for (int i = 1; i < count; i++) sum = add_node(graph, OP_ADD, name, NULL, 2, (Node *[]){sum, terms[i]});
    return sum;
}

const char *parameter_node_name(const char *parameter) {
    char *name = format("%s", parameter);
    for (char *c = name; *c; c++)
        if (*c == '.') *c = '_';
    return name;
}

Scan *add_scan(Graph *graph, long steps, bool reverse) {
    Scan *scan = NEW(Scan);
    *scan = (Scan){graph->scan_count++, steps, reverse};
    return scan;
}

ParameterGroup *add_group(Graph *graph, const char *name, const Optimizer *optimizer) {
    MAKE_ROOM(graph->group, graph->group_count, graph->group_capacity);
    ParameterGroup *group = NEW(ParameterGroup);
    *group = (ParameterGroup){.number = graph->group_count, .name = name, .optimizer = *optimizer};
    return graph->group[graph->group_count++] = group;
}

bool updates_group(const Graph *graph, const ParameterGroup *group) {
    for (int i = 0; i < graph->parameter_count; i++)
        if (graph->parameter[i]->group == group && graph->parameter[i]->gradient) return true;
    return false;
}

void copy_groups(Graph *to, const Graph *from) {
    for (int i = 0; i < from->group_count; i++) {
        MAKE_ROOM(to->group, to->group_count, to->group_capacity);
        to->group[to->group_count++] = from->group[i];
    }
}

void list_readers(Graph *graph) {
    for (int i = 0; i < graph->node_count; i++) graph->node[i]->reader_count = 0;
    for (int pass = 0; pass < 2; pass++) { /* counts them, then lists them */
        for (int i = 0; i < graph->node_count && pass == 1; i++) {
            graph->node[i]->reader = NEW_ARRAY(Node *, graph->node[i]->reader_count);
            graph->node[i]->reader_count = 0;
        }
        for (int i = 0; i < graph->node_count; i++) {
            Node *node = graph->node[i];
            for (int k = 0; k < node->input_count; k++) {
                Node *input = node->input[k];
                bool listed = !input;
                for (int before = 0; before < k; before++) listed = listed || node->input[before] == input;
                if (listed) continue;
                if (pass == 1) input->reader[input->reader_count] = node;
                input->reader_count++;
            }
        }
    }
}

/* ---- checks ---- */

static void check(bool condition, const Node *node, const char *what) {
    if (!condition) die("%%%d %s (%s): %s", node->id, node->name, operation_name(node->op), what);
}

static bool is_identifier(const char *name) {
    if (!isalpha((unsigned char)*name) && *name != '_') return false;
    while (isalnum((unsigned char)*name) || *name == '_') name++;
    return *name == 0;
}

static void verify_inputs(const Graph *graph, const Node *node) {
    const int arity = operation_inputs(node->op);
    const int most = arity == -1 ? 3 : arity == -2 ? MAX_INPUTS : arity;
    check(node->input_count >= (arity < 0 ? 2 : arity) && node->input_count <= most, node, "wrong number of inputs");
    for (int i = 0; i < node->input_count; i++) {
        const Node *input = node->input[i];
        const bool carry = node->op == OP_CARRY;
        if (carry && i == 0 && !input) continue;
        check(input != NULL, node, "an input is missing");
        check(input->id >= 0 && input->id < graph->node_count && graph->node[input->id] == input, node, "an input is not in the graph");
        check(input->id < node->id || (carry && i == 1), node, "an input comes after it");
    }
}

static void verify_shape(const Node *node) {
    Node again = *node;
    infer_shape(&again);
    check(node->rank == again.rank && memcmp(node->shape, again.shape, sizeof node->shape) == 0, node, "not the shape its rule gives");
    check(node->steps == again.steps, node, "not the steps that its inputs have");
    for (int d = 0; d < node->rank; d++) check(node->shape[d] > 0, node, "a dimension vanishes");
}

/* A carry's rows are those of the body; its initial value has one row a clip, from row which · clips on. */
static void verify_carry(const Node *node) {
    const Node *initial = node->input[0], *next = node->input[1];
    const long clips = node->shape[0] / node->scan->steps;
    check(next->scan == node->scan, node, "its next value is not computed in its scan");
    check(same_shape(next, node), node, "its next value has another shape");
    if (!initial) return;
    check((node->which + 1) * clips <= initial->shape[0], node, "too few rows of initial values");
    check(initial->rank == node->rank && memcmp(initial->shape + 1, node->shape + 1, sizeof(long) * (size_t)(node->rank - 1)) == 0, node,
          "its initial value has another shape");
}

static void verify_scan(const Graph *graph, const Node *node) {
    if (node->op == OP_RESULT) check(node->scan == node->input[0]->scan, node, "not in the scan of what it is a result of");
    if (!node->scan) {
        check(node->op != OP_CARRY, node, "a carry outside a scan");
        return;
    }
    check(operation_is(node->op, ROWWISE), node, "in a scan, but needs more than one row at once");
    check(node->rank == 4, node, "in a scan, but its rows are no images");
    check(node->shape[0] % node->scan->steps == 0, node, "its rows are not whole clips");
    check(node->steps == node->scan->steps, node, "its rows have other steps than its scan");
    check(node->scan->id < graph->scan_count, node, "its scan is not the graph's");
    if (node->op == OP_CARRY) verify_carry(node);
    const bool first = node->id == 0 || graph->node[node->id - 1]->scan != node->scan;
    check(!first || node->op == OP_CARRY, node, "its scan does not start with a carry");
    for (int i = 0; first && i < node->id; i++) check(graph->node[i]->scan != node->scan, node, "its scan is not contiguous");
}

static void verify_parameters(const Graph *graph) {
    for (int i = 0; i < graph->parameter_count; i++) {
        const Parameter *parameter = graph->parameter[i];
        const Node *node = parameter->node, *gradient = parameter->gradient;
        check(node->parameter == parameter && node->op == (parameter->trained ? OP_PARAMETER : OP_STATE), node, "not its parameter's node");
        long count = 1, last = 0;
        for (int d = 0; d < parameter->rank; d++) count *= parameter->shape[d];
        for (int d = 0; d < node->rank; d++) last += (node->shape[d] - 1) * parameter->stride[d];
        check(count == parameter->count && count == count_elements(node), node, "not as many elements as its parameter");
        check(last == count - 1, node, "its parameter's strides miss elements");
        const ParameterGroup *group = parameter->group;
        check(group && group->number < graph->group_count && graph->group[group->number] == group, node, "its parameter is in no group");
        if (!gradient) continue;
        check(parameter->trained, node, "a gradient of what is not trained");
        check(same_shape(gradient, node), gradient, "not its parameter's shape");
    }
}

/* What the caller gives or gets has one place, its own. */
static void verify_names(const Graph *graph) {
    int *places = NEW_ARRAY(int, graph->node_count);
    for (int role = 0; role < ROLES; role++)
        for (int i = 0; i < graph->named[role].count; i++) {
            const NamedNode *entry = &graph->named[role].entry[i];
            const Node *node = entry->node;
            check(graph->node[node->id] == node, node, "has a name, but is not in the graph");
            check(is_identifier(parameter_node_name(entry->name)), node, "its name for the caller is not a C identifier, dots apart");
            if (role == ROLE_CUT) continue;
            check(places[node->id]++ == 0, node, "the caller has two places for it");
            check((node->op == OP_INPUT) == (role == ROLE_INPUT), node, "what the caller gives is an INPUT, and nothing else is");
            check(role != ROLE_LOSS || count_elements(node) == 1, node, "a loss that is not a scalar");
        }
}

void verify_graph(const Graph *graph) {
    NameSet names = {0};
    for (int i = 0; i < graph->node_count; i++) {
        const Node *node = graph->node[i];
        check(node->id == i, node, "not at its place");
        check(is_identifier(node->name), node, "its name is not a C identifier");
        check(!name_set_has(&names, node->name), node, "another node has its name");
        name_set_add(&names, node->name);
        const bool leaf = node->op == OP_PARAMETER || node->op == OP_STATE;
        check((node->parameter != NULL) == leaf, node, "a parameter belongs to PARAMETER and STATE");
        verify_inputs(graph, node);
        verify_shape(node);
        verify_scan(graph, node);
    }
    verify_parameters(graph);
    verify_names(graph);
}

/* ---- printing ---- */

static const char *label(const Node *node) {
    if (!node) return "0";
    if (node->parameter) return node->parameter->name;
    return node->op == OP_INPUT ? node->name : format("%%%d", node->id);
}

static const char *shape_text(const Node *node) {
    Text text = {0};
    for (int d = 0; d < node->rank; d++) text_add(&text, "%s%ld", d ? ", " : "[", node->shape[d]);
    text_add(&text, "]");
    return text.bytes;
}

static void add_pair(Text *text, const char *name, const long pair[2], long standard) {
    if (pair[0] == standard && pair[1] == standard) return;
    if (pair[0] == pair[1]) text_add(text, " %s %ld", name, pair[0]);
    else text_add(text, " %s %ld×%ld", name, pair[0], pair[1]);
}

static void add_move(Text *text, const Node *node) {
    static const char *const axes[] = {[AXIS_ITEMS] = "items", [AXIS_STEPS] = "steps", [AXIS_CHANNELS] = "channels"};
    if (node->op == OP_AFFINE) text_add(text, " · %g + %g", node->factor, node->offset);
    if (node->op == OP_SLICE) text_add(text, " %s %ld … %ld", axes[node->axis], node->first, node->first + node->count - 1);
    if (node->op == OP_CONCAT) text_add(text, " along %s", axes[node->axis]);
    if (node->op == OP_RESHAPE && node->clip) text_add(text, " of clips, %ld steps", node->steps);
}

/* conv2d(%7, encoder.3.weight) stride 2 padding 1 */
static const char *operation_text(const Node *node, bool fused) {
    Text text = {0};
    text_add(&text, "%s", operation_name(node->op));
    for (int i = 0; i < node->input_count; i++) text_add(&text, "%s%s", i ? ", " : "(", label(node->input[i]));
    if (node->input_count) text_add(&text, ")");
    if (node->stride[0]) {
        add_pair(&text, "stride", node->stride, 1);
        add_pair(&text, "padding", node->padding, 0);
        add_pair(&text, "output_padding", node->output_padding, 0);
    }
    if (node->op == OP_LEAKY_RELU || node->op == OP_LEAKY_RELU_GRAD) text_add(&text, " slope %g", node->slope);
    if (node->op == OP_SELECT_ROW || node->op == OP_RESULT) text_add(&text, " %d", node->which);
    if (node->op == OP_DIFFERENCE || node->op == OP_DIFFERENCE_GRAD) text_add(&text, " of %s", node->which == 2 ? "rows" : "columns");
    if (node->rows) text_add(&text, " rows %ld", node->rows);
    if (node->op == OP_FRAME_SUM || node->op == OP_ROW_SUM || node->op == OP_SPREAD || node->op == OP_SPREAD_ROWS)
        text_add(&text, " factor %g", node->factor);
    if (node->op == OP_CARRY && node->input[0]) text_add(&text, " from row %d·clips", node->which);
    if (node->pixels) text_add(&text, " over pixels");
    add_move(&text, node);
    if (fused && node->fused) text_add(&text, " fused");
    return text.bytes;
}

/* printf's widths count bytes, a reader's eyes characters: spaces after `text` up to `width`. */
static void print_column(FILE *out, const char *text, int width) {
    int characters = 0;
    for (const char *c = text; *c; c++) characters += (*c & 0xC0) != 0x80;
    fprintf(out, "%s%*s", text, characters < width ? width - characters : 0, "");
}

void print_graph(FILE *out, const Graph *graph, bool fused) {
    long trained = 0;
    for (int i = 0; i < graph->parameter_count; i++) trained += graph->parameter[i]->trained ? graph->parameter[i]->count : 0;
    fprintf(out, "graph %s for %s: %d nodes, %ld trained parameters\n", graph->spec ? graph->spec->name : "without a spec",
            graph->training ? "training" : "evaluation", graph->node_count, trained);
    const Scan *scan = NULL;
    for (int i = 0; i < graph->node_count; i++) {
        const Node *node = graph->node[i];
        if (node->scan && node->scan != scan)
            fprintf(out, "scan %d: %ld steps%s\n", node->scan->id, node->scan->steps, node->scan->reverse ? ", the last one first" : "");
        scan = node->scan;
        fprintf(out, "%s", scan ? "  " : "");
        print_column(out, label(node), scan ? 22 : 24);
        print_column(out, format(" %s", shape_text(node)), 26);
        const char *gradient = node->gradient_of ? format("  → grad %s", node->gradient_of->name) : "";
        print_column(out, format(" %s%s", operation_text(node, fused), gradient), 72);
        const char *output = name_of(graph, ROLE_OUTPUT, node), *loss = name_of(graph, ROLE_LOSS, node), *name = output ? output : loss;
        fprintf(out, " %s%s\n", node->name, name ? format("  = %s", name) : "");
    }
}
