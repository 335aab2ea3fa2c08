/* storage.c: where nodes are stored: the layouts of activations and weights, and the blocks of parameters. */
#include "lower/storage.h"

#include "graph/shapes.h"
#include "lower/fuse.h"
#include "lower/lower_filter_weight.h"
#include "lower/lower_pairs.h"
#include "lower/lower_rows.h"
#include "lower/products.h"

#include <string.h>

/* Channels are blocked by the vector if they fill at least half of one. Fewer channels lie in planes, and loops vectorise along the width.
 */
bool is_blocked(const Target *target, long channels) {
    return channels >= maximum(2, target->lanes / 2);
}

long stored_channels(const Target *target, long channels) {
    return is_blocked(target, channels) ? round_up(channels, target->lanes) : channels;
}

const Buffer *new_tensor(const char *name, Type type, Place place, int rank, const long *shape, Layout layout) {
    Buffer *buffer = new_buffer(name, type, SPACE_TENSOR, rank, shape, layout);
    Tensor *tensor = NEW(Tensor);
    *tensor = (Tensor){.buffer = buffer, .place = place, .field = name, .bytes = layout.size * type_size(type)};
    buffer->owner = tensor;
    return buffer;
}

const Buffer *new_activation(const Lowering *l, const char *name, const long shape[4]) {
    bool blocked = is_blocked(l->target, shape[1]);
    long stored[4] = {shape[0], stored_channels(l->target, shape[1]), shape[2], shape[3]};
    return new_tensor(name, TYPE_F32, PLACE_WORKSPACE, 4, stored, layout_blocked(4, stored, blocked ? 1 : -1, l->target->lanes));
}

const Buffer *new_plain(const char *name, Type type, Place place, int rank, const long *shape) {
    return new_tensor(name, type, place, rank, shape, layout_row_major(rank, shape));
}

const Buffer *new_given(const char *name, Type type, int rank, const long *shape) {
    const Buffer *buffer = new_plain(parameter_node_name(name), type, PLACE_STEP, rank, shape);
    ((Tensor *)buffer->owner)->field = name;
    return buffer;
}

/* ---- parameters ---- */

const Buffer *weight_along(const Lowering *l, const Node *weight, int dimension) {
    const ParameterStorage *storage = &l->parameter[weight->parameter->number];
    return storage->copy && layout_lane(&storage->copy->layout) == dimension ? storage->copy : storage->value;
}

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

static const Buffer *new_weight(const Lowering *l, const char *name, Type type, const Node *weight, int lane, bool taps_outside) {
    long shape[MAX_RANK];
    memcpy(shape, weight->shape, sizeof(long) * (size_t)weight->rank);
    if (lane >= 0) shape[lane] = round_up(shape[lane], l->target->lanes);
    const Layout layout = weight_layout(weight->rank, shape, lane, l->target->lanes, taps_outside);
    return new_tensor(name, type, PLACE_WORKSPACE, weight->rank, shape, layout);
}

static bool has_data_gradient(const Node *weight) {
    const Operation forward = forward_product(weight);
    for (int i = 0; i < weight->reader_count; i++) /* the forward product may be there twice (recompute.h): it is not a gradient */
        if (operation_is(weight->reader[i]->op, PRODUCT) && weight->reader[i]->op != forward) return true;
    return false;
}

static const Buffer *as_gradient(const Buffer *value, const char *name) {
    Tensor *tensor = NEW(Tensor);
    *tensor = *(Tensor *)value->owner;
    Buffer *buffer = NEW(Buffer);
    *buffer = *value;
    buffer->name = name;
    buffer->owner = tensor;
    tensor->buffer = buffer;
    return buffer;
}

int optimizer_moments(const Optimizer *optimizer) {
    const int momentum = optimizer->momentum != 0;
    if (optimizer->name == OPTIMIZER_SGD) return momentum;
    return optimizer->name == OPTIMIZER_RMSPROP ? 1 + momentum : 2;
}

static bool has_block(const ParameterGroup *group, int block) {
    if (block == BLOCK_PARAMETERS || block == BLOCK_STATISTICS) return true;
    if (group->frozen) return false;
    if (block == BLOCK_MOMENT1 || block == BLOCK_MOMENT2) return block - BLOCK_MOMENT1 < optimizer_moments(&group->optimizer);
    return block != BLOCK_AVERAGE || group->average != 0;
}

/* Places the blocks of each group at the start of the workspace, and the second copies behind them. */
static void place_blocks(Lowering *l) {
    TargetCode *code = l->code;
    long top = 0;
    for (int g = 0; g < code->group_count; g++) {
        GroupCode *group = &code->group[g];
        for (int block = 0; block < BLOCK_COUNT; block++) {
            const bool exists = has_block(l->graph->group[g], block);
            group->block_offset[block] = exists ? top : -1;
            if (exists) top += block == BLOCK_STATISTICS ? group->statistic_bytes : group->block_bytes;
        }
    }
    for (int i = 0; i < l->graph->parameter_count; i++) {
        ParameterStorage *storage = &l->parameter[i];
        const Parameter *parameter = l->graph->parameter[i];
        const long *start = code->group[parameter->group->number].block_offset;
        ((Tensor *)storage->value->owner)->offset = start[parameter->trained ? BLOCK_PARAMETERS : BLOCK_STATISTICS] + storage->offset;
        if (parameter->trained) ((Tensor *)storage->gradient->owner)->offset = start[BLOCK_GRADIENTS] + storage->offset;
        if (!storage->copy) continue;
        Tensor *copy = storage->copy->owner;
        copy->offset = top;
        top += round_up(copy->bytes, 64);
    }
    code->kept_bytes = top;
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

static bool is_weight(const Parameter *parameter) {
    return parameter->rank > 1 && (parameter->node->rank == 4 || parameter->node->rank == 6);
}

/* The lanes of a weight by its shape: along the outputs, or along the inputs if there are too few outputs; −1 if both are few. */
static int lane_of_shape(const Lowering *l, const Node *weight) {
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

static void choose_storage(const Lowering *l, const Parameter *parameter, ParameterStorage *storage) {
    const Node *node = parameter->node;
    const WeightLanes *lanes = &l->weight_lanes[parameter->number];
    if (node->rank != 4 && node->rank != 6) { /* not a weight or vector of any product */
        storage->value = new_plain(node->name, TYPE_F32, PLACE_WORKSPACE, node->rank, node->shape);
    } else if (is_weight(parameter)) {
        const bool taps_outside = is_read_by_phases(l, node);
        storage->value = new_weight(l, node->name, l->weight_type, node, lanes->value, taps_outside);
        if (lanes->copy >= 0) {
            storage->copy = new_weight(l, format("%s_copy", node->name), l->weight_type, node, lanes->copy, taps_outside);
            ((Tensor *)storage->copy->owner)->kept = true;
        }
    } else { /* biases, norms and statistics */
        storage->value = new_activation(l, node->name, node->shape);
    }
    ((Tensor *)storage->value->owner)->kept = true;
}

static void place_weight(const Buffer *buffer, long *bytes) {
    Tensor *tensor = buffer->owner;
    tensor->place = PLACE_WEIGHTS;
    tensor->offset = *bytes;
    *bytes += round_up(tensor->bytes, 64);
}

long allocate_weights(Lowering *l, const FilterPlan *const *filters) {
    long bytes = 0, shape[4];
    l->parameter = NEW_ARRAY(ParameterStorage, l->graph->parameter_count);
    for (int i = 0; i < l->graph->parameter_count; i++) {
        ParameterStorage *storage = &l->parameter[i];
        const Parameter *parameter = l->graph->parameter[i];
        choose_storage(l, parameter, storage);
        if (storage->copy) die("%s is needed in two layouts by an inference graph", storage->value->name);
        if (filters && filters[i]) {
            storage->filter = filters[i];
            storage->value = new_filtered_weight(l, parameter->node->reader[0], filters[i]);
        }
        const Type pairs = l->weight_type == TYPE_BF16 ? TYPE_PAIR : l->weight_type == TYPE_I8 ? TYPE_I8_PAIR : TYPES;
        if (pairs < TYPES && parameter->rank > 1 && product_of_node(l, parameter->node->reader[0])->pairs)
            storage->value = new_paired_weight(l, parameter->node->reader[0], pairs);
        storage->offset = bytes;
        place_weight(storage->value, &bytes);
        if (l->weight_type != TYPE_I8 || parameter->rank == 1) continue;
        output_features(parameter->node, shape);
        storage->scale = new_activation(l, format("%s_scale", parameter->node->name), shape);
        place_weight(storage->scale, &bytes);
    }
    return bytes;
}

/* For each group: the block of trained parameters; those of gradients and moments, with the same offsets; and the block of statistics. */
void allocate_parameters(Lowering *l) {
    const Graph *graph = l->graph;
    TargetCode *code = l->code;
    l->parameter = NEW_ARRAY(ParameterStorage, graph->parameter_count);
    code->group_count = graph->group_count;
    code->group = NEW_ARRAY(GroupCode, graph->group_count);
    for (int i = 0; i < graph->parameter_count; i++) {
        const Parameter *parameter = graph->parameter[i];
        ParameterStorage *storage = &l->parameter[i];
        choose_storage(l, parameter, storage);
        GroupCode *group = &code->group[parameter->group->number];
        long *bytes = parameter->trained ? &group->block_bytes : &group->statistic_bytes;
        storage->offset = *bytes;
        *bytes += round_up(((Tensor *)storage->value->owner)->bytes, 64);
        if (parameter->trained) storage->gradient = as_gradient(storage->value, format("%s_grad", parameter->node->name));
    }
    place_blocks(l);
}

/* ---- nodes ---- */

Node *carried_node(const Node *carry) {
    return carry->input[1];
}

const Scan *carrying_scan(const Node *node) {
    if (node->op == OP_CARRY) return node->scan;
    for (int i = 0; i < node->reader_count; i++)
        if (node->reader[i]->op == OP_CARRY && carried_node(node->reader[i]) == node) return node->reader[i]->scan;
    return NULL;
}

bool has_carried_rows(const Node *node) {
    return carrying_scan(node) != NULL;
}

/* Row b·(T + 1) + t holds the value before step t of a forward scan, and after step t of a reverse one. */
Affine carried_row(const Node *node, Affine b, Affine t) {
    const Scan *scan = carrying_scan(node);
    bool before = node->op == OP_CARRY;
    return affine_shift(affine_add(affine_scale(b, scan->steps + 1), t), before == scan->reverse);
}

/* A carry is stored in the rows of the node that it carries. Only the row before the first step is its own. */
static const Buffer *store_node(Lowering *l, Node *node);

static const Buffer *carry_buffer(Lowering *l, const Node *carry) {
    Node *next = carried_node(carry);
    if (next->op == OP_CARRY) die("%s carries a carry, which has no rows of its own", carry->name);
    for (int i = 0; i < next->reader_count; i++) {
        const Node *other = next->reader[i];
        const bool same = other->input[0] == carry->input[0] && other->which == carry->which;
        if (other->op == OP_CARRY && carried_node(other) == next && !same)
            die("%s and %s carry %s from different values", carry->name, other->name, next->name);
    }
    return store_node(l, next);
}

bool is_double(const Node *node) {
    if (node->op == OP_MSE || node->op == OP_L1 || node->op == OP_FRAME_SUM || node->op == OP_ROW_SUM) return true;
    if (node->op != OP_ADD && node->op != OP_SCALE && node->op != OP_FALLING) return false;
    if (node->rank != 4 || count_elements(node) != node->shape[0]) return false;
    for (int i = 0; i < node->input_count; i++)
        if (!is_double(node->input[i])) return false;
    return true;
}

/* The parameter whose gradient has the node as a term; NULL if there is none. */
static const Parameter *summed_into(const Node *node) {
    if (node->gradient_of) return node->gradient_of;
    for (int i = 0; i < node->reader_count; i++) {
        const Node *reader = node->reader[i];
        const bool term = (reader->op == OP_ADD || reader->op == OP_SCALE) && same_shape(reader, node);
        const Parameter *parameter = term ? summed_into(reader) : NULL;
        if (parameter) return parameter;
    }
    return NULL;
}

/* The parameter whose layout the node has: the node is that parameter, its gradient, or a term of its gradient. NULL if there is none. */
static const Parameter *stored_like(const Node *node) {
    return node->parameter ? node->parameter : node->forward ? NULL : summed_into(node);
}

int weight_gradient_lane(const Lowering *l, const Node *node) {
    const Parameter *parameter = stored_like(node);
    if (parameter) return l->weight_lanes[parameter->number].value;
    const int second = node->rank == 6 ? 3 : 1;
    return is_blocked(l->target, node->shape[0]) ? 0 : is_blocked(l->target, node->shape[second]) ? second : -1;
}

/* The buffer of a weight's gradient. A part of a parameter's gradient has the layout of that. The gradient of a computed weight has a
 * layout of weights, as its kernel needs. NULL: the node is not the gradient of a weight. */
static const Buffer *new_weight_gradient(const Lowering *l, const Node *node) {
    const Parameter *parameter = stored_like(node);
    if (parameter) {
        const Buffer *buffer = as_gradient(l->parameter[parameter->number].value, node->name);
        ((Tensor *)buffer->owner)->kept = false;
        return buffer;
    }
    if (node->op != OP_CONV2D_WEIGHT_GRAD && node->op != OP_LINEAR_WEIGHT_GRAD) return NULL;
    return new_weight(l, node->name, TYPE_F32, node, weight_gradient_lane(l, node), false);
}

/* A view of whole vectors of channels has the lanes of the node that it is a view of. */
static bool view_has_channel_lanes(const Lowering *l, const Node *view) {
    const long lanes = l->target->lanes;
    if (view->op == OP_SLICE && view->axis == AXIS_CHANNELS && (view->first % lanes || view->count % lanes)) return false;
    return has_channel_lanes(l, view->input[0]);
}

bool has_channel_lanes(const Lowering *l, const Node *node) {
    const long channels = node->shape[1];
    const Parameter *parameter = stored_like(node);
    if (node->fused && operation_is(node->op, MOVE)) return view_has_channel_lanes(l, node);
    for (int i = 0; node->fused && i < node->input_count; i++)
        if (same_shape(node->input[i], node) && !has_channel_lanes(l, node->input[i])) return false;
    if (is_given_for_blocks(l, node)) return true;
    if (node->fused) return is_blocked(l->target, channels);
    if (parameter && is_weight(parameter)) return lane_of_shape(l, parameter->node) == 1;
    if (name_of(l->graph, ROLE_INPUT, node) || name_of(l->graph, ROLE_OUTPUT, node))
        return node->shape[2] * node->shape[3] == 1 && channels % l->target->lanes == 0;
    return is_blocked(l->target, channels);
}

static const Buffer *create_buffer(Lowering *l, Node *node) {
    const Graph *graph = l->graph;
    if (node->parameter) return l->parameter[node->parameter->number].value;
    if (node->gradient_of) return l->parameter[node->gradient_of->number].gradient;
    if (node->op == OP_CARRY) return carry_buffer(l, node);
    const char *input = name_of(graph, ROLE_INPUT, node), *output = name_of(graph, ROLE_OUTPUT, node),
               *loss = name_of(graph, ROLE_LOSS, node);
    if (input || (output && !has_carried_rows(node))) return new_given(input ? input : output, TYPE_F32, node->rank, node->shape);
    if (is_double(node) && loss) return new_given(loss, TYPE_F64, node->rank, node->shape);
    if (is_double(node)) return new_plain(node->name, TYPE_F64, PLACE_WORKSPACE, node->rank, node->shape);
    const Buffer *weight_gradient = new_weight_gradient(l, node);
    if (weight_gradient) return weight_gradient;
    if (node->rank != 4) return new_plain(node->name, TYPE_F32, PLACE_WORKSPACE, node->rank, node->shape);
    long shape[4];
    memcpy(shape, node->shape, sizeof shape);
    if (has_carried_rows(node)) shape[0] += shape[0] / node->steps; /* one row more than steps, for each clip */
    return new_activation(l, node->name, shape);
}

void store_again(Lowering *l, Node *node) {
    l->buffer[node->id] = create_buffer(l, node);
}

static const Buffer *store_node(Lowering *l, Node *node) {
    if (!l->buffer[node->id]) store_again(l, node);
    return l->buffer[node->id];
}

/* A fused node has no buffer, nor has a convolution or linear layer whose kernel stores an activation of it. */
void store_nodes(Lowering *l) {
    for (int i = 0; i < l->graph->node_count; i++) {
        Node *node = l->graph->node[i];
        if (!node->fused && epilogue_of(l->graph, node) == node) store_node(l, node);
    }
}

const Buffer *node_buffer(const Lowering *l, const Node *node) {
    if (!l->buffer[node->id]) die("%s is not stored", node->name);
    return l->buffer[node->id];
}
