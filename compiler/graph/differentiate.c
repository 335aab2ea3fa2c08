/* differentiate.c: reverse mode. Nodes are visited from the last to the first; when one is reached, all its readers have added their
 * terms to its adjoint, and its rule (gradients.c) adds its own to those of its inputs.
 *
 * The gradient of a scan is a scan that runs the other way. Each carry h has a counterpart in it, h̄, which holds what the step
 * computed before it (the one after it in time) found for the gradient of h; that is one more term of the adjoint of h's next value:
 *
 *     forward, step t:   h = carry(next)    …    next = body(h, …)
 *     reverse, step t:   h̄ = carry(dh)     d(next) = (what reads `next` outside) + h̄     …    dh = adjoint of h
 *
 * Which of the body's gradients must run in the loop is then read off the graph: those on a path from a carry to its next value.
 * All others (gradients of weights, and of what the body reads from outside) are batched over all steps, before or after the loop. */
#include "graph/differentiate.h"
#include "graph/adjoints.h"
#include "graph/gradients.h"
#include "graph/moves.h"
#include "graph/shapes.h"

#include <string.h>

/* Marks in `active` what depends on marked nodes; to a fixed point: a carry does if its next value, which comes later, does. */
static void mark_dependents(const Graph *graph, bool *active) {
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = 0; i < graph->node_count; i++) {
            const Node *node = graph->node[i];
            bool now = active[i];
            if (node->op == OP_DETACH) continue;
            for (int k = 0; k < node->input_count; k++) now |= node->input[k] && active[node->input[k]->id];
            changed |= now != active[i];
            active[i] = now;
        }
    }
}

/* Marks what a marked loss depends on; to a fixed point, too. */
static void mark_loss_sources(const Graph *graph, bool *source) {
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = graph->node_count - 1; i >= 0; i--)
            for (int k = 0; source[i] && graph->node[i]->op != OP_DETACH && k < graph->node[i]->input_count; k++) {
                const Node *input = graph->node[i]->input[k];
                if (!input || source[input->id]) continue;
                source[input->id] = changed = true;
            }
    }
}

/* ---- adjoints ---- */

bool wants_gradient(const Differentiation *d, const Node *node) {
    for (int i = 0; i < d->application->count; i++)
        if (d->application->delivery[i].to == node) return true;
    return false;
}

Node *scaled_adjoint(Differentiation *d, const Node *node, Node *dy, double factor) {
    Node product = {.op = OP_SCALE,
                    .name = gradient_name(node, "grad_scaled"),
                    .layer = node->layer,
                    .input_count = 1,
                    .input = {dy},
                    .factor = factor};
    if (factor == 1) return dy;
    if (dy->op == OP_FILL) {
        product = *dy;
        product.factor *= factor;
    }
    return append_node(d->graph, product);
}

/* Constants are added up here, so that a rule can see that its dy is one. */
static Node *add_terms(Differentiation *d, const Node *node, Node *a, Node *b) {
    Node sum = {.op = OP_ADD, .name = gradient_name(node, "grad_sum"), .input_count = 2, .input = {a, b}};
    if (a->op == OP_FILL && b->op == OP_FILL) {
        sum = *a;
        sum.factor = a->factor + b->factor;
    }
    sum.layer = node->layer;
    return append_node(d->graph, sum);
}

void add_term(Differentiation *d, const Node *node, Adjoint *adjoint, Node *dy) {
    adjoint->value = adjoint->value ? add_terms(d, node, adjoint->value, dy) : dy;
}

void add_adjoint(Differentiation *d, Node *node, Node *dy) {
    for (int i = 0; i < d->application->count; i++) {
        const Delivery *delivery = &d->application->delivery[i];
        if (delivery->to == node) add_term(d, node, delivery->adjoint, scaled_adjoint(d, node, dy, delivery->factor));
    }
}

/* Σ factor · adjoint, as far as there are values; NULL: there are none. *one: it is 1, and no node. */
static Node *combine(Differentiation *d, const Node *node, const double *factor, bool *one) {
    const NodeAdjoints *adjoints = &d->adjoints[node->id];
    Node *sum = NULL;
    *one = false;
    for (int i = 0; i < adjoints->count; i++) {
        if (factor[i] == 0) continue;
        *one |= adjoints->list[i].one;
        if (!adjoints->list[i].value) continue;
        Node *term = scaled_adjoint(d, node, adjoints->list[i].value, factor[i]);
        sum = sum ? add_terms(d, node, sum, term) : term;
    }
    return sum;
}

/* A loss is a term of its sums. */
static void begin_at_loss(Differentiation *d, Node *node, int loss) {
    NodeAdjoints *adjoints = &d->adjoints[node->id];
    d->graph->layer = node->layer;
    for (int i = 0; i < adjoints->count; i++) {
        Adjoint *adjoint = &adjoints->list[i];
        const double factor = adjoint->factor[loss];
        adjoint->one = factor == 1 && !adjoint->value;
        if (factor != 0 && !adjoint->one) add_term(d, node, adjoint, add_constant(d->graph, gradient_name(node, "grad"), node, factor));
    }
}

/* Of a scan's node, in its run for one sum; of others, `sum` is −1. */
static void differentiate_node(Differentiation *d, Node *node, int sum) {
    const NodeAdjoints *adjoints = &d->adjoints[node->id];
    add_parts_together(d, node);
    if (!adjoints->count || node->input_count == 0 || node->op == OP_CARRY) return;
    for (int l = 0; l < d->losses; l++)
        if (d->loss[l] == node) begin_at_loss(d, node, l);
    const Applications applications = plan_applications(d, node);
    for (int i = 0; i < applications.count; i++) {
        const Application *application = d->application = &applications.list[i];
        bool own = sum < 0, one;
        for (int k = 0; k < adjoints->count; k++) own |= application->factor[k] != 0 && adjoints->list[k].sum == sum;
        Node *dy = own ? combine(d, node, application->factor, &one) : NULL;
        if (dy || (own && one)) apply_gradient_rule(d, node, dy);
    }
    d->application = NULL;
}

/* ---- scans ---- */

/* The gradients of a scan's body are nodes first, first + 1, … of the graph, its carries at their head. */
typedef struct Section {
    Graph *graph;
    int first;
    Scan *scan;
} Section;

static bool in_section(const Section *section, const Node *node) {
    return node && node->id >= section->first;
}

/* Marks, from the nodes that `mark` holds already, all nodes of the section that depend on them. */
static void mark_readers(const Section *section, bool *mark) {
    for (int i = section->first; i < section->graph->node_count; i++) {
        const Node *node = section->graph->node[i];
        if (node->op == OP_CARRY) continue; /* its next value is of another step */
        for (int k = 0; k < node->input_count; k++) mark[i] |= in_section(section, node->input[k]) && mark[node->input[k]->id];
    }
}

/* The same for all nodes that they depend on. */
static void mark_sources(const Section *section, bool *mark) {
    for (int i = section->graph->node_count - 1; i >= section->first; i--) {
        const Node *node = section->graph->node[i];
        if (node->op == OP_CARRY || !mark[i]) continue;
        for (int k = 0; k < node->input_count; k++)
            if (in_section(section, node->input[k])) mark[node->input[k]->id] = true;
    }
}

/* Puts the section in order: what the loop needs, the loop, what needs it; each in the order it was made. */
static void arrange_section(const Section *section) {
    Graph *graph = section->graph;
    const int count = graph->node_count;
    bool *after_carry = NEW_ARRAY(bool, count), *before_next = NEW_ARRAY(bool, count);
    for (int i = section->first; i < count; i++) {
        const Node *node = graph->node[i];
        if (node->op != OP_CARRY) continue;
        after_carry[i] = before_next[i] = true;
        before_next[node->input[1]->id] = true;
    }
    mark_readers(section, after_carry);
    mark_sources(section, before_next);
    for (int i = section->first; i < count; i++) { /* several results are of one kernel */
        const Node *node = graph->node[i];
        if (node->op == OP_RESULT && in_section(section, node->input[0])) before_next[i] = before_next[node->input[0]->id];
    }

    Node **ordered = NEW_ARRAY(Node *, count);
    int placed = section->first;
    for (int part = 0; part < 3; part++)
        for (int i = section->first; i < count; i++) {
            if (part != (!after_carry[i] ? 0 : before_next[i] ? 1 : 2)) continue;
            ordered[placed++] = graph->node[i];
            if (part == 1) graph->node[i]->scan = section->scan;
        }
    for (int i = section->first; i < count; i++) {
        graph->node[i] = ordered[i];
        ordered[i]->id = i;
    }
}

static Node *add_reverse_carry(Graph *graph, const Node *carry) {
    Node node = {.op = OP_CARRY,
                 .name = gradient_name(carry, "grad"),
                 .layer = carry->layer,
                 .input_count = 2,
                 .rank = carry->rank,
                 .steps = carry->steps};
    memcpy(node.shape, carry->shape, sizeof node.shape);
    return append_node(graph, node);
}

/* The body is nodes first … end − 1. Its carries each get a counterpart, which is a term of the adjoint of its next value. */
static void run_backwards(Differentiation *d, int first, int end, int sum) {
    Graph *graph = d->graph;
    const Scan *scan = graph->node[first]->scan;
    Section section = {graph, graph->node_count, add_scan(graph, scan->steps, !scan->reverse)};
    Node **reverse = NEW_ARRAY(Node *, end - first); /* of each carry */
    for (int i = first; i < end; i++) {
        const Node *carry = graph->node[i];
        if (carry->op != OP_CARRY || !adjoint_of_sum(d, carry, sum)) continue;
        if (carry->input[0] && d->adjoints[carry->input[0]->id].count) die("%s: no gradient of a computed initial value yet", carry->name);
        reverse[i - first] = add_reverse_carry(graph, carry);
    }
    for (int i = first; i < end; i++) {
        const Node *next = reverse[i - first] ? graph->node[i]->input[1] : NULL;
        if (next) add_term(d, next, adjoint_of_sum(d, next, sum), reverse[i - first]);
    }
    for (int i = end - 1; i >= first; i--) differentiate_node(d, graph->node[i], sum);
    for (int i = first; i < end; i++) {
        if (!reverse[i - first]) continue;
        Node *adjoint = adjoint_of_sum(d, graph->node[i], sum)->value;
        if (!adjoint) die("%s: a carry that its scan does not read", graph->node[i]->name);
        reverse[i - first]->input[1] = adjoint;
    }
    arrange_section(&section);
}

/* Once for each sum that wants a gradient of its nodes. */
static void differentiate_scan(Differentiation *d, int first, int end) {
    for (int i = first; i < end; i++) add_parts_together(d, d->graph->node[i]); /* outside of the loop, where they are read */
    for (int sum = 0; sum < d->sums; sum++) {
        bool reached = false;
        for (int i = first; i < end; i++) reached = reached || adjoint_of_sum(d, d->graph->node[i], sum);
        if (reached) run_backwards(d, first, end, sum);
    }
}

/* What is there before the first gradient. */
static void mark_forward(Graph *graph) {
    if (graph->forward_count) return;
    graph->forward_count = graph->node_count;
    for (int i = 0; i < graph->node_count; i++) graph->node[i]->forward = true;
}

static bool **marks_of(int count, int nodes) {
    bool **marks = NEW_ARRAY(bool *, count);
    for (int i = 0; i < count; i++) marks[i] = NEW_ARRAY(bool, nodes);
    return marks;
}

static Differentiation begin_differentiation(Graph *graph, int losses, Node *const *loss, int sums, const LossSum *sum) {
    const int nodes = graph->node_count;
    Differentiation d = {.graph = graph,
                         .nodes = nodes,
                         .losses = losses,
                         .sums = sums,
                         .loss = loss,
                         .sum = sum,
                         .up = marks_of(sums, nodes),
                         .down = marks_of(losses, nodes),
                         .adjoints = NEW_ARRAY(NodeAdjoints, nodes)};
    for (int s = 0; s < sums; s++) {
        for (int i = 0; i < sum[s].count; i++) d.up[s][sum[s].of[i]->id] = true;
        mark_dependents(graph, d.up[s]);
    }
    for (int l = 0; l < losses; l++) {
        if (count_elements(loss[l]) != 1) die("%s: a loss is a scalar", loss[l]->name);
        d.down[l][loss[l]->id] = true;
        mark_loss_sources(graph, d.down[l]);
    }
    list_readers(graph);
    choose_adjoints(&d);
    return d;
}

static void give_gradients(Differentiation *d) {
    for (int s = 0; s < d->sums; s++)
        for (int i = 0; i < d->sum[s].count; i++) {
            const Node *of = d->sum[s].of[i];
            double *factor = NEW_ARRAY(double, d->adjoints[of->id].count);
            bool one;
            d->graph->layer = of->layer;
            d->sum[s].gradient[i] = express_sum(d, s, of, factor) ? combine(d, of, factor, &one) : NULL;
        }
}

void differentiate_sums(Graph *graph, int losses, Node *const *loss, int sums, const LossSum *sum) {
    Differentiation d = begin_differentiation(graph, losses, loss, sums, sum);
    mark_forward(graph);
    for (int end = d.nodes; end > 0;) {
        int first = end - 1;
        const Scan *scan = graph->node[first]->scan;
        while (scan && first > 0 && graph->node[first - 1]->scan == scan) first--;
        if (scan) differentiate_scan(&d, first, end);
        else differentiate_node(&d, graph->node[first], -1);
        end = first;
    }
    give_gradients(&d);
    list_readers(graph);
}

void differentiate(Graph *graph, Node *loss, int count, Node *const *of, Node **gradient) {
    const double one = 1;
    differentiate_sums(graph, 1, &loss, 1, &(LossSum){&one, count, of, gradient});
}

/* Can what computes it store it with the other gradients? Not what a scan carries, or what is the gradient of another parameter, too. */
static bool can_be_stored_apart(const Graph *graph, const Node *gradient) {
    if (gradient->gradient_of || gradient->forward) return false;
    for (int role = 0; role < ROLE_CUT; role++)
        if (name_of(graph, (Role)role, gradient)) return false;
    for (int i = 0; i < gradient->reader_count; i++)
        if (gradient->reader[i]->op == OP_CARRY) return false;
    return gradient->op != OP_CARRY && gradient->op != OP_RESULT;
}

void set_parameter_gradient(Graph *graph, Parameter *parameter, Node *gradient) {
    if (parameter->gradient) die("%s: it has a gradient already", parameter->name);
    if (!can_be_stored_apart(graph, gradient))
        gradient = append_node(
            graph,
            (Node){.op = OP_SCALE, .name = gradient_name(parameter->node, "grad"), .input_count = 1, .input = {gradient}, .factor = 1});
    parameter->gradient = gradient;
    gradient->gradient_of = parameter;
}

void differentiate_parameters(Graph *graph, Node *loss, int count, Parameter *const *of) {
    Node **node = NEW_ARRAY(Node *, count), **gradient = NEW_ARRAY(Node *, count);
    for (int i = 0; i < count; i++) node[i] = of[i]->node;
    differentiate(graph, loss, count, node, gradient);
    for (int i = 0; i < count; i++) {
        if (!gradient[i]) die("%s: %s does not depend on it", of[i]->name, loss->name);
        set_parameter_gradient(graph, of[i], gradient[i]);
    }
    list_readers(graph);
}
