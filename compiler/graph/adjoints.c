/* adjoints.c: gradients of weighed sums of losses as vectors: of the losses' factors. See adjoints.h. */
#include "graph/adjoints.h"

#include "graph/shapes.h"

#include <math.h>
#include <string.h>

/* Quotients of factors that a spec gives are equal up to this. */
static const double SAME = 1e-12;

/* a = ratio · b */
static bool is_multiple(const double *a, const double *b, int count, double *ratio) {
    bool found = false;
    for (int i = 0; i < count; i++) {
        if ((a[i] != 0) != (b[i] != 0)) return false;
        if (a[i] == 0) continue;
        const double now = a[i] / b[i];
        if (!found) *ratio = now;
        else if (fabs(now - *ratio) > SAME * fabs(*ratio)) return false;
        found = true;
    }
    return found;
}

static bool is_zero(const double *a, int count) {
    for (int i = 0; i < count; i++)
        if (a[i] != 0) return false;
    return true;
}

/* The factors of a sum, as far as it wants a gradient of the node and losses depend on it. */
static double *factors_at(const Differentiation *d, int sum, const Node *node) {
    double *factor = NEW_ARRAY(double, d->losses);
    for (int l = 0; l < d->losses; l++) factor[l] = d->up[sum][node->id] && d->down[l][node->id] ? d->sum[sum].factor[l] : 0;
    return factor;
}

/* A gradient of a node's, as it passes through one of its readers. */
static double *factors_through(const Differentiation *d, const double *factor, const Node *reader) {
    double *through = NEW_ARRAY(double, d->losses);
    for (int l = 0; l < d->losses; l++) through[l] = d->down[l][reader->id] ? factor[l] : 0;
    return through;
}

/* ---- distinct vectors ---- */

typedef struct Vectors { /* no two are multiples of each other, and none is zero */
    int count, size;
    double **vector;
    bool *mixed; /* multiples of it were added */
} Vectors;

static Vectors no_vectors(int most, int size) {
    return (Vectors){.size = size, .vector = NEW_ARRAY(double *, most + 1), .mixed = NEW_ARRAY(bool, most + 1)};
}

static void add_vector(Vectors *vectors, double *vector) {
    double ratio;
    if (is_zero(vector, vectors->size)) return;
    for (int i = 0; i < vectors->count; i++) {
        if (!is_multiple(vector, vectors->vector[i], vectors->size, &ratio)) continue;
        vectors->mixed[i] |= ratio != 1;
        return;
    }
    vectors->vector[vectors->count++] = vector;
}

/* Its first number becomes 1. */
static void normalise(double *vector, int size) {
    int first = 0;
    while (vector[first] == 0) first++;
    for (int i = size - 1; i >= first; i--) vector[i] /= vector[first];
}

static Vectors sums_at(const Differentiation *d, const Node *node) {
    Vectors rows = no_vectors(d->sums, d->losses);
    for (int s = 0; s < d->sums; s++) add_vector(&rows, factors_at(d, s, node));
    for (int i = 0; i < rows.count; i++)
        if (rows.mixed[i]) normalise(rows.vector[i], rows.size);
    return rows;
}

/* Groups of losses that all sums have in one proportion. */
static Vectors losses_at(const Differentiation *d, const Node *node) {
    Vectors columns = no_vectors(d->losses, d->sums), groups = no_vectors(d->losses, d->losses);
    for (int l = 0; l < d->losses; l++) {
        double *column = NEW_ARRAY(double, d->sums), ratio = 1;
        for (int s = 0; s < d->sums; s++) column[s] = factors_at(d, s, node)[l];
        if (is_zero(column, d->sums)) continue;
        int group = 0;
        while (group < columns.count && !is_multiple(column, columns.vector[group], d->sums, &ratio)) group++;
        if (group == columns.count) {
            add_vector(&columns, column);
            groups.vector[groups.count++] = NEW_ARRAY(double, d->losses);
            ratio = 1;
        }
        groups.vector[group][l] = ratio;
    }
    return groups;
}

/* How many are left, none a multiple of another, behind a reader. */
static int distinct_through(const Differentiation *d, const Vectors *vectors, const Node *reader) {
    Vectors left = no_vectors(vectors->count, d->losses);
    for (int i = 0; i < vectors->count; i++) add_vector(&left, factors_through(d, vectors->vector[i], reader));
    return left.count;
}

/* ---- one gradient by others ---- */

/* Takes as much of `rest` as the vector can give. */
static double take(double *rest, const double *vector, int size) {
    double *within = NEW_ARRAY(double, size), ratio;
    for (int i = 0; i < size; i++) within[i] = vector[i] != 0 ? rest[i] : 0;
    if (!is_multiple(within, vector, size, &ratio)) return 0;
    for (int i = 0; i < size; i++)
        if (vector[i] != 0) rest[i] = 0;
    return ratio;
}

/* `wanted` = Σ factor · adjoint, of one adjoint or of several that have no loss in common. */
static bool express(const Differentiation *d, const double *wanted, const NodeAdjoints *by, double *factor) {
    memset(factor, 0, sizeof *factor * (size_t)by->count);
    for (int i = 0; i < by->count; i++)
        if (is_multiple(wanted, by->list[i].factor, d->losses, &factor[i])) return true;
        else factor[i] = 0;
    double *rest = memcpy(NEW_ARRAY(double, d->losses), wanted, sizeof *rest * (size_t)d->losses);
    for (int i = 0; i < by->count; i++) factor[i] = take(rest, by->list[i].factor, d->losses);
    return is_zero(rest, d->losses);
}

/* ---- which a node gets ---- */

/* Can each reader tell the groups apart, and with no more applications of its rule than by sums? */
static bool readers_tell_apart(const Differentiation *d, const Node *node, const Vectors *sums, const Vectors *losses) {
    for (int i = 0; i < node->reader_count; i++) {
        const Node *reader = node->reader[i];
        const NodeAdjoints *by = reader->id < d->nodes ? &d->adjoints[reader->id] : NULL;
        if (!by || !by->count) continue;
        double *factor = NEW_ARRAY(double, by->count);
        for (int k = 0; k < losses->count; k++) {
            const double *through = factors_through(d, losses->vector[k], reader);
            if (!is_zero(through, d->losses) && !express(d, through, by, factor)) return false;
        }
        if (distinct_through(d, losses, reader) > distinct_through(d, sums, reader)) return false;
    }
    return true;
}

static void set_adjoints(NodeAdjoints *adjoints, const Vectors *vectors) {
    adjoints->list = NEW_ARRAY(Adjoint, vectors->count);
    for (int i = 0; i < vectors->count; i++) adjoints->list[adjoints->count++] = (Adjoint){.factor = vectors->vector[i], .sum = -1};
}

/* All of its nodes alike, whatever reads them. */
static void set_scan_adjoints(const Differentiation *d, const Node *node) {
    NodeAdjoints *adjoints = &d->adjoints[node->id];
    adjoints->list = NEW_ARRAY(Adjoint, d->sums);
    for (int s = 0; s < d->sums; s++) {
        const double *factor = factors_at(d, s, node);
        if (!is_zero(factor, d->losses)) adjoints->list[adjoints->count++] = (Adjoint){.factor = factor, .sum = s};
    }
}

void choose_adjoints(Differentiation *d) {
    for (int i = d->nodes - 1; i >= 0; i--) {
        const Node *node = d->graph->node[i];
        if (node->scan) {
            set_scan_adjoints(d, node);
            continue;
        }
        const Vectors sums = sums_at(d, node), losses = losses_at(d, node);
        const bool apart = losses.count < sums.count && readers_tell_apart(d, node, &sums, &losses);
        set_adjoints(&d->adjoints[i], apart ? &losses : &sums);
    }
}

Adjoint *adjoint_of_sum(const Differentiation *d, const Node *node, int sum) {
    const NodeAdjoints *adjoints = &d->adjoints[node->id];
    for (int i = 0; i < adjoints->count; i++)
        if (adjoints->list[i].sum == sum) return &adjoints->list[i];
    return NULL;
}

bool express_sum(const Differentiation *d, int sum, const Node *node, double *factor) {
    const double *wanted = factors_at(d, sum, node);
    if (is_zero(wanted, d->losses)) return false;
    if (!express(d, wanted, &d->adjoints[node->id], factor)) die("%s: its gradients do not give that of sum %d", node->name, sum);
    return true;
}

/* ---- applications of a rule ---- */

/* A way from a node to one of its inputs: the input's adjoints by the node's. */
typedef struct Edge {
    const Node *node, *input;
    int count, by; /* adjoints of the input; of the node */
    double **factor;
} Edge;

static Edge find_edge(const Differentiation *d, const Node *node, const Node *input) {
    const NodeAdjoints *from = &d->adjoints[node->id], *to = &d->adjoints[input->id];
    Edge edge = {.node = node, .input = input, .count = to->count, .by = from->count, .factor = NEW_ARRAY(double *, to->count)};
    for (int t = 0; t < to->count; t++) {
        edge.factor[t] = NEW_ARRAY(double, from->count);
        const double *through = factors_through(d, to->list[t].factor, node);
        if (node->scan && node->scan == input->scan)
            for (int s = 0; s < from->count; s++) edge.factor[t][s] = from->list[s].sum == to->list[t].sum;
        else if (!is_zero(through, d->losses) && !express(d, through, from, edge.factor[t]))
            die("%s: its gradients do not give those of %s", node->name, input->name);
    }
    return edge;
}

static int terms_of(const double *factor, int count) {
    int terms = 0;
    for (int i = 0; i < count; i++) terms += factor[i] != 0;
    return terms;
}

/* Is the rule applied to the node's adjoints as they are, and what it gives combined? */
static bool combines_after(const Edge *edge) {
    Vectors before = no_vectors(edge->count, edge->by);
    double *used = NEW_ARRAY(double, edge->by);
    int terms = 0;
    for (int t = 0; t < edge->count; t++) {
        add_vector(&before, edge->factor[t]);
        terms = (int)maximum(terms, terms_of(edge->factor[t], edge->by));
        for (int s = 0; s < edge->by; s++) used[s] = used[s] != 0 || edge->factor[t][s] != 0;
    }
    const int after = terms_of(used, edge->by);
    if (terms <= 1 || after < before.count) return true;
    return after == before.count && count_elements(edge->input) <= count_elements(edge->node);
}

/* The application to this combination, or to a multiple of it. */
static Application *application_to(Applications *applications, const double *factor, int count, double *ratio) {
    for (int i = 0; i < applications->count; i++)
        if (is_multiple(factor, applications->list[i].factor, count, ratio)) return &applications->list[i];
    MAKE_ROOM(applications->list, applications->count, applications->capacity);
    Application *added = &applications->list[applications->count++];
    *added = (Application){.factor = NEW_ARRAY(double, count)};
    *ratio = 1;
    for (int i = 0; i < count; i++) {
        added->factor[i] = factor[i];
        if (terms_of(factor, count) > 1 || factor[i] == 0) continue;
        added->factor[i] = 1;
        *ratio = factor[i];
    }
    return added;
}

static void deliver(Applications *applications, const Edge *edge, const double *combination, Adjoint *adjoint, double factor) {
    double ratio;
    Application *application = application_to(applications, combination, edge->by, &ratio);
    MAKE_ROOM(application->delivery, application->count, application->capacity);
    application->delivery[application->count++] = (Delivery){edge->input, adjoint, factor * ratio};
}

static void plan_edge(const Differentiation *d, const Edge *edge, Applications *applications) {
    const bool after = combines_after(edge);
    for (int t = 0; t < edge->count; t++) {
        Adjoint *adjoint = &d->adjoints[edge->input->id].list[t];
        if (!after && terms_of(edge->factor[t], edge->by)) deliver(applications, edge, edge->factor[t], adjoint, 1);
        for (int s = 0; after && s < edge->by; s++) {
            double *alone = NEW_ARRAY(double, edge->by);
            alone[s] = 1;
            if (edge->factor[t][s] != 0) deliver(applications, edge, alone, adjoint, edge->factor[t][s]);
        }
    }
}

static bool is_among(Node *const *list, int count, const Node *node) {
    for (int i = 0; i < count; i++)
        if (list[i] == node) return true;
    return false;
}

/* What the node's rule gives gradients: its inputs, each once. That of BATCH_NORM goes through the statistics, too. */
static int list_inputs(const Node *node, Node **list) {
    int count = 0;
    for (int i = 0; i < node->input_count; i++)
        if (node->input[i] && !is_among(list, count, node->input[i])) list[count++] = node->input[i];
    const Node *statistics = node->op == OP_BATCH_NORM ? node->input[1] : NULL;
    for (int i = 0; statistics && i < statistics->input_count; i++)
        if (!is_among(list, count, statistics->input[i])) list[count++] = statistics->input[i];
    return count;
}

Applications plan_applications(const Differentiation *d, const Node *node) {
    Applications applications = {0};
    Node *input[2 * MAX_INPUTS];
    const int inputs = list_inputs(node, input);
    for (int i = 0; i < inputs; i++) {
        const Edge edge = find_edge(d, node, input[i]);
        plan_edge(d, &edge, &applications);
    }
    return applications;
}
