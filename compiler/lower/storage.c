/* storage.c: where nodes are stored: the layouts of activations, and the blocks of parameters. */
#include "lower/storage.h"

#include "graph/shapes.h"
#include "lower/fuse.h"
#include "lower/lower_filter_weight.h"
#include "lower/lower_pairs.h"
#include "lower/lower_rows.h"
#include "lower/products.h"
#include "lower/weight_layout.h"

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

static const Buffer *new_weight(const Lowering *l, const char *name, Type type, const Node *weight, int lane, bool taps_outside) {
    long shape[MAX_RANK];
    memcpy(shape, weight->shape, sizeof(long) * (size_t)weight->rank);
    if (lane >= 0) shape[lane] = round_up(shape[lane], l->target->lanes);
    const Layout layout = weight_layout(weight->rank, shape, lane, l->target->lanes, taps_outside);
    return new_tensor(name, type, PLACE_WORKSPACE, weight->rank, shape, layout);
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

static void place_gradient(const ParameterStorage *storage, const GroupCode *group) {
    Tensor *tensor = storage->gradient->owner;
    tensor->whole = group->gradients;
    tensor->within = storage->offset;
    tensor->kept = !tensor->whole;
    tensor->offset = group->block_offset[BLOCK_GRADIENTS] + storage->offset;
}

/* The gradients of a system's network are there from the first one to the end of the step, where they are seen by `step`. */
static void plan_gradients(const Lowering *l) {
    const Spec *spec = l->graph->spec; /* NULL: the graph is of no spec */
    for (int g = 0; spec && spec->system && g < l->code->group_count; g++) {
        GroupCode *group = &l->code->group[g];
        if (!has_block(l->graph->group[g], BLOCK_GRADIENTS) || group->block_bytes == 0) continue;
        group->gradients = NEW(Tensor);
        *group->gradients = (Tensor){.place = PLACE_WORKSPACE, .bytes = group->block_bytes, .stays = true};
        group->gradients->buffer = new_plain("gradients", TYPE_F32, PLACE_WORKSPACE, 1, (long[1]){group->block_bytes / 4});
    }
}

/* Places the blocks of each group at the start of the workspace, and the second copies behind them. */
static void place_blocks(Lowering *l) {
    TargetCode *code = l->code;
    long top = 0;
    for (int g = 0; g < code->group_count; g++) {
        GroupCode *group = &code->group[g];
        for (int block = 0; block < BLOCK_COUNT; block++) {
            const bool exists = has_block(l->graph->group[g], block), planned = block == BLOCK_GRADIENTS && group->gradients;
            group->block_offset[block] = exists ? top : -1;
            if (exists && !planned) top += block == BLOCK_STATISTICS ? group->statistic_bytes : group->block_bytes;
        }
    }
    for (int i = 0; i < l->graph->parameter_count; i++) {
        ParameterStorage *storage = &l->parameter[i];
        const Parameter *parameter = l->graph->parameter[i];
        const long *start = code->group[parameter->group->number].block_offset;
        ((Tensor *)storage->value->owner)->offset = start[parameter->trained ? BLOCK_PARAMETERS : BLOCK_STATISTICS] + storage->offset;
        if (parameter->trained) place_gradient(storage, &code->group[parameter->group->number]);
        if (!storage->copy) continue;
        Tensor *copy = storage->copy->owner;
        copy->offset = top;
        top += round_up(copy->bytes, 64);
    }
    code->kept_bytes = top;
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
        if (filters && filters[i]) {
            storage->filter = filters[i];
            storage->value = new_filtered_weight(l, parameter->node->reader[0], filters[i]);
        }
        const Type pairs = l->weight_type == TYPE_BF16 ? TYPE_PAIR : l->weight_type == TYPE_I8 ? TYPE_I8_PAIR : TYPES;
        if (pairs < TYPES && parameter->rank > 1 && product_of_node(l, parameter->node->reader[0])->pairs)
            storage->value = new_paired_weight(l, parameter->node->reader[0], pairs);
        storage->offset = bytes;
        place_weight(storage->value, &bytes);
        if (storage->copy) place_weight(storage->copy, &bytes);
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
    plan_gradients(l);
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

/* ---- what steps leave for later ones ---- */

static const Buffer *kept_buffer(const Lowering *l, const Node *node) {
    const Buffer *buffer = l->code->kept[node->kept].value;
    if (!buffer) die("%s: no earlier step has computed it", node->name);
    return buffer;
}

static void keep_buffer(const Lowering *l, const Node *node, const Buffer *buffer) {
    ((Tensor *)buffer->owner)->kept = true;
    l->code->kept[node->kept].value = buffer;
}

void keep_moments(const Lowering *l, const Node *node, const Buffer *moments) {
    ((Tensor *)moments->owner)->kept = true;
    l->code->kept[node->kept].moments = moments;
}

const Buffer *moments_of(const Lowering *l, const Node *node) {
    const Buffer *moments = node->op == OP_KEPT ? l->code->kept[node->kept].moments : l->moments[node->id];
    if (!moments) die("%s has no moments", node->name);
    return moments;
}

void place_kept_values(TargetCode *code) {
    const long start = code->kept_bytes;
    for (int i = 0; i < code->kept_count; i++)
        for (int k = 0; k < 2; k++) {
            const Buffer *buffer = k ? code->kept[i].moments : code->kept[i].value;
            if (!buffer) continue;
            Tensor *tensor = buffer->owner;
            tensor->offset = code->kept_bytes;
            code->kept_bytes += round_up(tensor->bytes, 64);
        }
    code->between_bytes = code->kept_bytes - start;
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
    if (node->op == OP_KEPT) return kept_buffer(l, node);
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
    if (node->kept && node->op != OP_KEPT) keep_buffer(l, node, l->buffer[node->id]);
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
