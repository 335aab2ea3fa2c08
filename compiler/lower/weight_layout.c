/* weight_layout.c: how a weight lies in memory: along which of its sides the lanes lie, in how many copies, and in which order. */
#include "lower/weight_layout.h"

#include "lower/products.h"
#include "lower/storage.h"

/* ---- sides ---- */

/* The product that a weight is for. A gradient with respect to data may be its only reader left: it is the product of the other kind. A
 * weight is marked as forward in a graph that has gradients. */
static Operation forward_product(const Node *weight) {
    Operation gradient = OP_COUNT;
    for (int i = 0; i < weight->reader_count; i++) {
        const Node *reader = weight->reader[i];
        if (!operation_is(reader->op, PRODUCT)) continue;
        if (reader->forward || !weight->forward) return reader->op;
        gradient = reader->op;
    }
    return gradient == OP_CONV2D             ? OP_CONV_TRANSPOSE2D
           : gradient == OP_CONV_TRANSPOSE2D ? OP_CONV2D
           : gradient == OP_LINEAR_DATA_GRAD ? OP_LINEAR
                                             : gradient;
}

void weight_sides(const Node *weight, int *out, int *in) {
    if (weight->reader_count == 0) die("%s is not used", weight->name);
    bool scatters = forward_product(weight) == OP_CONV_TRANSPOSE2D;
    *out = scatters ? 1 : 0;
    *in = weight->rank == 6 ? 3 : 1 - *out;
}

long output_features(const Node *weight, long shape[4]) {
    int out, in;
    weight_sides(weight, &out, &in);
    shape[0] = shape[2] = shape[3] = 1;
    shape[1] = weight->shape[out];
    for (int d = 1; d < 3 && weight->rank == 6; d++) shape[1 + d] = weight->shape[d];
    return shape[1] * shape[2] * shape[3];
}

long output_of(const Node *weight, long i) {
    int out, in;
    weight_sides(weight, &out, &in);
    long inner = 1;
    const int last = weight->rank == 6 ? 2 : out; /* a matrix's outputs are its first three dimensions */
    for (int d = last + 1; d < weight->rank; d++) inner *= weight->shape[d];
    return weight->rank == 6 ? i / inner : i / inner % weight->shape[out];
}

/* ---- order ---- */

/* Rank 4: a and b are 0 and 1. Rank 6: 0 and 3. With `taps_outside`, of rank 4, the weights of each tap are contiguous, for kernels that
 * read the taps of one phase at a time. */
Layout weight_layout(int rank, const long *shape, int lane, long lanes, bool taps_outside) {
    int other = rank == 6 ? 3 - lane : 1 - lane, order[MAX_RANK], count = 0;
    if (lane < 0) return layout_row_major(rank, shape);
    int a = lane, b = other;
    long block = minimum(shape[b], lanes);
    Layout layout = {.size = lanes};
    layout.term[layout.count++] = (__typeof__(layout.term[0])){a, 1, lanes, 1};
    if (block > 1) layout.term[layout.count++] = (__typeof__(layout.term[0])){b, 1, block, layout.size};
    layout.size *= block;
    order[count++] = a;
    if (rank == 6) {
        order[count++] = a + 1;
        order[count++] = a + 2;
    }
    if (!taps_outside) order[count++] = b;
    for (int d = 0; d < rank; d++)
        if (d != a && d != b && !(rank == 6 && (d == a + 1 || d == a + 2))) order[count++] = d;
    if (taps_outside) order[count++] = b;
    for (int i = rank - 1; i >= 0; i--) {
        int d = order[i];
        long divisor = d == a ? lanes : d == b ? block : 1;
        if (d == b && block > 1 && layout.size == block * lanes) { /* adjacent blocks are one, and nothing is padded */
            layout.term[1].modulus = 0;
            layout.size = shape[d] * lanes;
            continue;
        }
        layout.term[layout.count++] = (__typeof__(layout.term[0])){d, divisor, 0, layout.size};
        layout.size *= round_up(shape[d], divisor) / divisor;
    }
    return layout;
}

/* A bundle reads its weights once for every few frames, so their order in memory matters. A strided transposed convolution reads them
 * phase by phase, each phase with some of the taps. */
bool is_read_by_phases(const Lowering *l, const Node *weight) {
    if (!l->choices->few_images || !weight->reader_count) return false;
    const Node *reader = weight->reader[0];
    if (reader->op != OP_CONV_TRANSPOSE2D || (reader->stride[0] == 1 && reader->stride[1] == 1)) return false;
    return !product_of_node(l, reader)->filter;
}

/* ---- lanes ---- */

static bool has_data_gradient(const Node *weight) {
    const Operation forward = forward_product(weight);
    for (int i = 0; i < weight->reader_count; i++) /* the forward product may be there twice (recompute.h): it is not a gradient */
        if (operation_is(weight->reader[i]->op, PRODUCT) && weight->reader[i]->op != forward) return true;
    return false;
}

/* The dimension whose lanes suit both products of a linear layer, because one of them sums over enough features along it for a sum in each
 * lane (lower_dot.c); −1 if there is none. */
static int lane_of_both(const Lowering *l, const Node *weight) {
    bool sums[2] = {weight->rank == 6, weight->rank == 6}; /* along the inputs, and along the outputs */
    for (int i = 0; i < weight->reader_count; i++) {
        const Node *reader = weight->reader[i];
        if (!operation_is(reader->op, PRODUCT) || reader->input[1] != weight) continue;
        if (reader->scan) return -1;
        const int side = reader->op == OP_LINEAR ? 3 : 0;
        sums[side == 0] = sums[side == 0] && product_of_node(l, reader)->dot == side;
    }
    return sums[0] ? 3 : sums[1] ? 0 : -1;
}

bool is_weight(const Parameter *parameter) {
    return parameter->rank > 1 && (parameter->node->rank == 4 || parameter->node->rank == 6);
}

int lane_of_shape(const Lowering *l, const Node *weight) {
    int out, in;
    weight_sides(weight, &out, &in);
    return is_blocked(l->target, weight->shape[out]) ? out : is_blocked(l->target, weight->shape[in]) ? in : -1;
}

/* Does the node read the second copy of a weight? Filtering and pairs read weights of their own. A convolution to few outputs reads the
 * copy that has lanes along its inputs. */
static bool reads_copy(const Lowering *l, const Node *node, const Node *weight, int lane) {
    const Product *product = product_of_node(l, node);
    if (node->input_count < 2 || node->input[1] != weight || product->filter || product->pairs) return false;
    const bool convolves = node->op == OP_CONV2D || node->op == OP_CONV_TRANSPOSE2D;
    return !convolves || (node->op == OP_CONV2D ? 0 : 1) == lane || !is_blocked(l->target, node->shape[1]);
}

/* Does any of the graphs have a data gradient that multiplies by the weight? */
static bool has_any_data_gradient(const Lowering *graphs, int count, int number) {
    for (int i = 0; i < count; i++)
        if (has_data_gradient(graphs[i].graph->parameter[number]->node)) return true;
    return false;
}

/* The lane_of_both() of all graphs that read the weight; −1 if they differ. */
static int lane_of_all(const Lowering *graphs, int count, int number) {
    int lane = -1;
    bool any = false;
    for (int i = 0; i < count; i++) {
        const Node *weight = graphs[i].graph->parameter[number]->node;
        if (!weight->reader_count) continue;
        const int wanted = lane_of_both(&graphs[i], weight);
        if (any && wanted != lane) return -1;
        lane = wanted;
        any = true;
    }
    return lane;
}

static bool any_reads_copy(const Lowering *graphs, int count, int number, int lane) {
    for (int i = 0; i < count; i++) {
        const Graph *graph = graphs[i].graph;
        for (int n = 0; n < graph->node_count; n++)
            if (reads_copy(&graphs[i], graph->node[n], graph->parameter[number]->node, lane)) return true;
    }
    return false;
}

/* In the first graph that reads it; NULL: none does. */
static const Node *used_weight(const Lowering *graphs, int count, int number) {
    for (int i = 0; i < count; i++)
        if (graphs[i].graph->parameter[number]->node->reader_count) return graphs[i].graph->parameter[number]->node;
    return NULL;
}

static WeightLanes lanes_of_weight(const Lowering *graphs, int all, int count, int number) {
    const Lowering *l = &graphs[0];
    const Node *weight = used_weight(graphs, all, number);
    WeightLanes lanes = {-1, -1};
    if (!weight || !is_weight(weight->parameter)) return lanes;
    int out, in;
    weight_sides(weight, &out, &in);
    const bool has_gradient = has_any_data_gradient(graphs, count, number);
    const int both = has_gradient ? lane_of_all(graphs, count, number) : -1;
    lanes.value = both >= 0 ? both : lane_of_shape(l, weight);
    if (both >= 0 || lanes.value != out || !has_gradient || !is_blocked(l->target, weight->shape[in])) return lanes;
    if (any_reads_copy(graphs, count, number, in)) lanes.copy = in;
    return lanes;
}

WeightLanes *choose_weight_lanes(const Lowering *graphs, int all, int count) {
    const int parameters = graphs[0].graph->parameter_count;
    WeightLanes *lanes = NEW_ARRAY(WeightLanes, parameters);
    for (int i = 0; i < parameters; i++) lanes[i] = lanes_of_weight(graphs, all, count, i);
    return lanes;
}
