/* lower_update.c: the optimizer, and the copies between layouts: kernels over all parameters. */
#include "lower/lower_update.h"

#include "loop/function.h"
#include "lower/finish_kernel.h"
#include "lower/kernel_builder.h"
#include "lower/lower_clip.h"
#include "lower/storage.h"
#include "schedule/schedule.h"

#define V affine_variable

/* ---- the optimizer: one loop over all parameters. Padding lanes are included, whatever they hold: nothing reads them. ---- */

enum { UPDATE_TILE = 4096 };

static const Buffer *block_buffer(const GroupCode *group, const char *name, BlockIndex block) {
    const long shape[1] = {group->block_bytes / 4};
    const Buffer *buffer = new_plain(name, TYPE_F32, PLACE_WORKSPACE, 1, shape);
    Tensor *tensor = buffer->owner;
    tensor->whole = block == BLOCK_GRADIENTS ? group->gradients : NULL;
    tensor->kept = !tensor->whole;
    tensor->offset = group->block_offset[block];
    return buffer;
}

typedef struct Update {
    const ParameterGroup *group;
    const Optimizer *optimizer;
    const GroupCode *code;
    const Buffer *weights;
    const Expression *weight, *gradient, *coefficient[3];
} Update;

/* And averages ← average · averages + (1 − average) · weights, where there are averages. */
static void store_weight(const Update *update, Compute *compute, const Affine *at, const Expression *weight) {
    const double average = update->group->average;
    add_store(compute, update->weights, at, weight);
    if (average == 0) return;
    const Buffer *averages = block_buffer(update->code, "averages", BLOCK_AVERAGE);
    const Expression *before = load(averages, at);
    add_store(compute, averages, at, op3(MULTIPLY_ADD, op2(SUBTRACT, weight, before), constant(1 - average), before));
}

/* torch.optim.Adam and AdamW (PyTorch 2.13): coefficients lr/(1 − β1^s), √(1 − β2^s), lr. */
static void update_adam(const Update *update, Compute *compute, const Affine *at) {
    const Optimizer *optimizer = update->optimizer;
    const Expression *weight = update->weight, *gradient = update->gradient, *const *coefficient = update->coefficient;
    const Buffer *first = block_buffer(update->code, "moment1", BLOCK_MOMENT1),
                 *second = block_buffer(update->code, "moment2", BLOCK_MOMENT2);
    const Expression *decay = constant(optimizer->weight_decay);
    if (optimizer->weight_decay != 0) {
        if (optimizer->name == OPTIMIZER_ADAM) gradient = op3(MULTIPLY_ADD, decay, weight, gradient);
        else weight = op2(MULTIPLY, weight, op2(SUBTRACT, constant(1), op2(MULTIPLY, coefficient[2], decay)));
    }
    const double beta1 = optimizer->beta1, beta2 = optimizer->beta2;
    const Expression *m = op3(MULTIPLY_ADD, op2(SUBTRACT, gradient, load(first, at)), constant(1 - beta1), load(first, at));
    const Expression *v =
        op3(MULTIPLY_ADD, op2(MULTIPLY, gradient, gradient), constant(1 - beta2), op2(MULTIPLY, load(second, at), constant(beta2)));
    const Expression *deviation = op2(ADD, op2(DIVIDE, op1(SQUARE_ROOT, v), coefficient[1]), constant(optimizer->epsilon));
    store_weight(update, compute, at, op2(SUBTRACT, weight, op2(MULTIPLY, coefficient[0], op2(DIVIDE, m, deviation))));
    add_store(compute, first, at, m);
    add_store(compute, second, at, v);
}

/* As torch.optim adds it to a gradient, in all but AdamW. */
static const Expression *decayed(const Update *update) {
    const double decay = update->optimizer->weight_decay;
    return decay != 0 ? op3(MULTIPLY_ADD, constant(decay), update->weight, update->gradient) : update->gradient;
}

/* torch.optim.SGD: buffer = momentum · buffer + gradient; weight −= lr · buffer, by Nesterov lr · (gradient + momentum · buffer) */
static void update_sgd(const Update *update, Compute *compute, const Affine *at) {
    const Optimizer *optimizer = update->optimizer;
    const Expression *step = decayed(update), *momentum = constant(optimizer->momentum);
    if (optimizer->momentum != 0) {
        const Buffer *moment = block_buffer(update->code, "moment1", BLOCK_MOMENT1);
        const Expression *buffer = op3(MULTIPLY_ADD, momentum, load(moment, at), step);
        add_store(compute, moment, at, buffer);
        step = optimizer->nesterov ? op3(MULTIPLY_ADD, momentum, buffer, step) : buffer;
    }
    store_weight(update, compute, at, op2(SUBTRACT, update->weight, op2(MULTIPLY, update->coefficient[0], step)));
}

/* torch.optim.RMSprop, not centred: v = α · v + (1 − α) · gradient²; buffer = momentum · buffer + gradient / (√v + ε); weight −= lr ·
 * buffer */
static void update_rmsprop(const Update *update, Compute *compute, const Affine *at) {
    const Optimizer *optimizer = update->optimizer;
    const Expression *gradient = decayed(update);
    const Buffer *square = block_buffer(update->code, "moment1", BLOCK_MOMENT1);
    const Expression *v = op3(MULTIPLY_ADD, op2(MULTIPLY, gradient, gradient), constant(1 - optimizer->alpha),
                              op2(MULTIPLY, load(square, at), constant(optimizer->alpha)));
    const Expression *step = op2(DIVIDE, gradient, op2(ADD, op1(SQUARE_ROOT, v), constant(optimizer->epsilon)));
    add_store(compute, square, at, v);
    if (optimizer->momentum != 0) {
        const Buffer *moment = block_buffer(update->code, "moment2", BLOCK_MOMENT2);
        step = op3(MULTIPLY_ADD, constant(optimizer->momentum), load(moment, at), step);
        add_store(compute, moment, at, step);
    }
    store_weight(update, compute, at, op2(SUBTRACT, update->weight, op2(MULTIPLY, update->coefficient[0], step)));
}

static void lower_group_update(Lowering *l, const ParameterGroup *group) {
    typedef void (*Rule)(const Update *, Compute *, const Affine *);
    static const Rule rules[] = {[OPTIMIZER_ADAM] = update_adam,
                                 [OPTIMIZER_ADAMW] = update_adam,
                                 [OPTIMIZER_SGD] = update_sgd,
                                 [OPTIMIZER_RMSPROP] = update_rmsprop};
    Update update = {.group = group, .optimizer = &group->optimizer, .code = &l->code->group[group->number]};
    const long count = update.code->block_bytes / 4, lanes = l->target->lanes;
    if (count == 0) return;
    const Expression *clip = group->optimizer.clip_norm != 0 ? lower_clip(l, group) : NULL;
    Kernel *kernel = new_kernel(l->code->group_count == 1 ? "update" : format("update_%s", group->name), 1);
    Compute *compute = &kernel->compute[0];
    Variable *p = add_variable(compute, "p", count, false);
    const Affine at[1] = {V(p)};
    const Buffer *coefficients = new_plain("coefficients", TYPE_F32, PLACE_COEFFICIENTS, 1, (long[1]){UPDATE_COEFFICIENTS});
    ((Tensor *)coefficients->owner)->offset = (long)group->number * UPDATE_COEFFICIENTS * 4;
    for (long i = 0; i < 3; i++) {
        const Affine index[1] = {affine_constant(i)};
        update.coefficient[i] = load(coefficients, index);
    }
    update.weights = block_buffer(update.code, "weights", BLOCK_PARAMETERS);
    update.weight = load(update.weights, at);
    update.gradient = load(block_buffer(update.code, "gradients", BLOCK_GRADIENTS), at);
    if (clip) update.gradient = op2(MULTIPLY, update.gradient, clip);
    rules[group->optimizer.name](&update, compute, at);
    kernel->comment = "the optimizer's step on every parameter";
    set_work(kernel, 14.0 * (double)count);
    Schedule *schedule = &kernel->schedule[0];
    add_level(schedule, "p", UPDATE_TILE, LOOP_PARALLEL);
    add_level(schedule, "p", lanes, LOOP_SERIAL);
    add_level(schedule, "p", 1, LOOP_VECTOR);
    finish_kernel(l, kernel, NULL);
}

void lower_update(Lowering *l) {
    for (int i = 0; i < l->graph->group_count; i++)
        if (updates_group(l->graph, l->graph->group[i])) lower_group_update(l, l->graph->group[i]);
}

/* ---- copies between layouts ---- */

/* Transposes blocks of lanes by lanes within the first-level cache. Blocks of all taps are adjacent in both layouts, so taps are the inner
 * loop: read apart, they would be lines that no hardware prefetcher asks for. A remainder of lanes would be a parallel region of its own.
 */
static void schedule_turn(Schedule *schedule, const char *const *names, const long *extent, int rank, int lane, int turned, long block) {
    add_level(schedule, names[turned], block, LOOP_PARALLEL);
    add_level(schedule, names[lane], block, extent[lane] % block ? LOOP_SERIAL : LOOP_PARALLEL);
    for (int d = 0; d < rank; d++)
        if (d != lane && d != turned) add_level(schedule, names[d], 1, LOOP_SERIAL);
    add_level(schedule, names[turned], 1, LOOP_SERIAL);
    add_level(schedule, names[lane], 1, LOOP_SERIAL);
}

static void schedule_copy(Schedule *schedule, const char *const *names, int rank, int lane, long block) {
    if (lane >= 0) add_level(schedule, names[lane], block, LOOP_PARALLEL);
    for (int d = 0; d < rank; d++)
        if (d != lane) add_level(schedule, names[d], block, d == (lane == 0) ? LOOP_PARALLEL : LOOP_SERIAL);
    for (int d = 0; d < rank; d++)
        if (d != lane) add_level(schedule, names[d], 1, LOOP_SERIAL);
    if (lane >= 0) add_level(schedule, names[lane], 1, LOOP_SERIAL);
}

Kernel *copy_kernel(const char *name, const long *extent, int rank, const Buffer *from, const Buffer *to, const char *comment) {
    static const char *const names[MAX_RANK] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    Kernel *kernel = new_kernel(name, 1);
    Compute *compute = &kernel->compute[0];
    Affine index[MAX_RANK];
    const int lane = layout_lane(&to->layout), turned = layout_lane(&from->layout);
    const long block = lane >= 0 ? to->layout.term[0].modulus : 1; /* the lanes are a layout's first term */
    for (int d = 0; d < rank; d++) index[d] = V(add_variable(compute, names[d], extent[d], false));
    add_store(compute, to, index, load(from, index));
    if (lane >= 0 && turned >= 0 && turned != lane) schedule_turn(&kernel->schedule[0], names, extent, rank, lane, turned, block);
    else schedule_copy(&kernel->schedule[0], names, rank, lane, block);
    kernel->comment = comment;
    set_work(kernel, 0);
    return kernel;
}

void lower_renew(Lowering *l) {
    l->code->renewed = NEW_ARRAY(int, l->graph->parameter_count);
    for (int i = 0; i < l->graph->parameter_count; i++) {
        const ParameterStorage *storage = &l->parameter[i];
        const Node *node = l->graph->parameter[i]->node;
        if (!storage->copy) continue;
        l->code->renewed[l->code->renew.call_count] = i;
        Kernel *kernel = copy_kernel(format("%s_renew", node->name), node->shape, node->rank, storage->value, storage->copy,
                                     "the second copy of a weight, lanes along its input channels");
        finish_kernel(l, kernel, NULL);
    }
}

static void lower_transfer(Lowering *l, int i, long file_offset, bool loads) {
    const Parameter *parameter = l->graph->parameter[i];
    const Node *node = parameter->node;
    Layout file = {.size = parameter->count};
    for (int d = 0; d < node->rank; d++)
        if (node->shape[d] > 1) file.term[file.count++] = (__typeof__(file.term[0])){d, 1, 0, parameter->stride[d]};
    const Buffer *values = new_tensor("values", TYPE_F32, PLACE_VALUES, node->rank, node->shape, file);
    ((Tensor *)values->owner)->offset = file_offset;
    const Buffer *stored = l->parameter[i].value;
    Buffer *packed = new_buffer("packed", TYPE_F32, SPACE_TENSOR, stored->rank, stored->shape, stored->layout);
    Tensor *tensor = NEW(Tensor);
    *tensor =
        (Tensor){.buffer = packed, .place = PLACE_BLOCK, .bytes = stored->layout.size * 4, .offset = l->parameter[i].offset, .kept = true};
    packed->owner = tensor;
    GroupCode *group = &l->code->group[parameter->group->number];
    l->program = loads ? (parameter->trained ? &group->load_parameters : &group->load_statistics)
                       : (parameter->trained ? &group->save_parameters : &group->save_statistics);
    const char *name = format("%s_%s", loads ? "load" : "save", node->name);
    Kernel *kernel = loads ? copy_kernel(name, node->shape, node->rank, values, packed, "from file order")
                           : copy_kernel(name, node->shape, node->rank, packed, values, "to file order");
    if (!loads) /* iterations must not be split by lanes: the file has none */
        for (int k = 0; k < kernel->schedule[0].levels; k++) kernel->schedule[0].level[k].kind = LOOP_SERIAL;
    finish_kernel(l, kernel, NULL);
}

/* In a file's order: trained parameters, and statistics. */
void lower_transfers(Lowering *l) {
    long offset[2] = {0};
    for (int i = 0; i < l->graph->parameter_count; i++) {
        const Parameter *parameter = l->graph->parameter[i];
        long *next = &offset[parameter->trained];
        for (int loads = 0; loads < 2; loads++) lower_transfer(l, i, *next, loads);
        *next += parameter->count * 4;
    }
}

/* ---- normally distributed numbers ---- */

/* Box and Muller: √(−2 log u1) · (cos, sin)(2π u2); sin a = cos(a − π/2), taken into [0, 2π]. In place on 2 × NORMAL_CHUNK values. */
void lower_normal(Lowering *l) {
    Kernel *kernel = new_kernel("normal_chunk", 1);
    Compute *compute = &kernel->compute[0];
    const long shape[2] = {2, NORMAL_CHUNK};
    const Buffer *values = new_plain("values", TYPE_F32, PLACE_VALUES, 2, shape);
    const Affine p = V(add_variable(compute, "p", NORMAL_CHUNK, false));
    const Affine first[2] = {affine_constant(0), p}, second[2] = {affine_constant(1), p};
    const double turn = 6.283185307179586;
    const Expression *radius = op1(SQUARE_ROOT, op2(MULTIPLY, constant(-2), function_log(load(values, first))));
    const Expression *angle = op2(MULTIPLY, constant(turn), load(values, second));
    const Expression *quarter = op2(SUBTRACT, angle, constant(turn / 4));
    const Expression *around = op4(SELECT_GREATER, constant(0), quarter, op2(ADD, quarter, constant(turn)), quarter);
    add_store(compute, values, first, op2(MULTIPLY, radius, function_cos(angle)));
    add_store(compute, values, second, op2(MULTIPLY, radius, function_cos(around)));
    kernel->comment = "pairs of uniform numbers to pairs of normal ones (Box and Muller), in place";
    set_work(kernel, 60.0 * NORMAL_CHUNK);
    Schedule *schedule = &kernel->schedule[0];
    add_level(schedule, "p", l->target->lanes, LOOP_SERIAL);
    add_level(schedule, "p", 1, LOOP_VECTOR);
    finish_kernel(l, kernel, NULL);
}
