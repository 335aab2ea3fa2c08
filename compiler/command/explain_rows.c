/* explain_rows.c: the rows of an explanation: layers and what else has kernels, with the work of each. */
#include "command/explanation.h"
#include "graph/call_network.h"
#include "graph/layer_nodes.h"

#include <string.h>

Row *find_row(const Explanation *explanation, const char *key) {
    for (int i = 0; i < explanation->count; i++)
        if (strcmp(explanation->row[i].key, key) == 0) return &explanation->row[i];
    return NULL;
}

static Row *add_row(Explanation *explanation, const char *key) {
    MAKE_ROOM(explanation->row, explanation->count, explanation->capacity);
    Row *row = &explanation->row[explanation->count++];
    *row = (Row){.key = key,
                 .name = key,
                 .network = -1,
                 .operations = text_begin(),
                 .shapes = "",
                 .work = NEW_ARRAY(Work, explanation->program_count)};
    return row;
}

static void add_word(Row *row, const char *word) {
    text_add(&row->operations, "%s%s", row->operations.length ? " " : "", word);
}

/* Each parameter is of the layer that its node was made for. */
static void count_parameters(const Explanation *explanation) {
    const Graph *graph = explanation->model->graphs.evaluation;
    for (int p = 0; p < graph->parameter_count; p++) {
        const Parameter *parameter = graph->parameter[p];
        Row *row = parameter->node->layer ? find_row(explanation, parameter->node->layer) : NULL;
        if (!row) die("%s is of no layer", parameter->name);
        *(parameter->trained ? &row->parameters : &row->statistics) += parameter->count;
    }
}

/* ---- words ---- */

const char *plural(long count, const char *noun) {
    return format("%ld %s%s", count, noun, count == 1 ? "" : "s");
}

const char *count_text(long count) {
    return count ? grouped((double)count) : "-";
}

const char *shape_text(Shape shape) {
    const char *frames = shape.T > 1 ? format("×%d", shape.T) : "";
    return shape.T * shape.H * shape.W == 1 ? format("%d", shape.C) : format("%d%s×%d×%d", shape.C, frames, shape.H, shape.W);
}

/* "3×5" */
static const char *sizes_text(int count, const long *size) {
    Text text = text_begin();
    for (int d = 0; d < count; d++) text_add(&text, "%s%ld", d ? "×" : "", size[d]);
    return text.bytes;
}

/* "3×3 /2": the stride is left out where it is 1, and is one number where all are equal. */
static const char *window_text(int count, const long *kernel, const long *stride) {
    const char *window = sizes_text(count, kernel);
    bool equal = true;
    for (int d = 1; d < count; d++) equal = equal && stride[d] == stride[0];
    if (!equal) return format("%s /%s", window, sizes_text(count, stride));
    return stride[0] > 1 ? format("%s /%ld", window, stride[0]) : window;
}

/* ---- version 1: a row for each layer of the forward graph ---- */

/* The words that a forward node adds to the description of its layer: "conv 3×3 /2", "batch", "relu". */
static void describe_node(Row *row, const Node *node) {
    static const char *const words[OP_COUNT] = {
        [OP_CONV2D] = "conv",
        [OP_CONV_TRANSPOSE2D] = "conv_transpose",
        [OP_LINEAR] = "linear",
        [OP_BATCH_NORM] = "batch",
    };
    const char *word = operation_is(node->op, ACTIVATION) ? operation_name(node->op) : words[node->op];
    if (node->op == OP_GRU_CELL) row->operations = text_begin(); /* its linear layers are part of it */
    if (node->op == OP_GRU_CELL) text_add(&row->operations, "gru over %s", plural(node->scan->steps, "step"));
    if (!word) return;
    add_word(row, word);
    if (node->op == OP_CONV2D || node->op == OP_CONV_TRANSPOSE2D) add_word(row, window_text(2, node->kernel, node->stride));
}

/* Of a frame. */
static Shape frame_shape(const Node *node) {
    return (Shape){(int)node->shape[1], 1, (int)node->shape[2], (int)node->shape[3]};
}

void add_model_rows(Explanation *explanation) {
    const Graph *graph = explanation->model->graphs.evaluation;
    for (int i = 0; i < graph->node_count && !name_of(graph, ROLE_LOSS, graph->node[i]); i++) {
        const Node *node = graph->node[i];
        if (node->op == OP_INPUT || node->op == OP_PARAMETER || node->op == OP_STATE) continue;
        Row *row = find_row(explanation, node->layer);
        if (!row) row = add_row(explanation, node->layer);
        if (!row->first) row->first = node;
        row->shapes = format("%s → %s", shape_text(frame_shape(row->first->input[0])), shape_text(frame_shape(node)));
        describe_node(row, node);
    }
    count_parameters(explanation);
    const Spec *spec = explanation->model->spec;
    text_add(&add_row(explanation, "loss")->operations, "%s", spec->loss == LOSS_L1 ? "l1" : "mse");
    text_add(&add_row(explanation, "update")->operations, "%s", optimizer_names[spec->optimizer.name]);
}

/* ---- systems: a row for each layer of each network, whether it is called or not ---- */

/* Sizes of a kernel with time where the layer's kind has it. */
static const char *layer_window(const NetworkLayer *layer) {
    const bool volume = layer->kind == LAYER_CONV3D || layer->kind == LAYER_CONV_TRANSPOSE3D || layer->kind == LAYER_MAX_POOL3D ||
                        layer->kind == LAYER_AVG_POOL3D;
    const int first = volume ? 0 : 1;
    long kernel[3], stride[3];
    for (int d = 0; d < 3; d++) {
        kernel[d] = layer->kernel[d];
        stride[d] = layer->kind == LAYER_CONV_LSTM ? 1 : layer->stride[d];
    }
    return window_text(3 - first, kernel + first, stride + first);
}

static const char *own_words(const NetworkLayer *layer) {
    const char *kind = layer_kind_names[layer->kind];
    switch (layer->kind) {
    case LAYER_LINEAR:
        return layer->over == OVER_CLIP && layer->in.T > 1 ? "linear over the clip" : kind;
    case LAYER_GRU:
        return format("gru over %s%s", plural(layer->in.T, "step"),
                      layer->gru_layers > 1 ? format(", %s", plural(layer->gru_layers, "layer")) : "");
    case LAYER_UPSAMPLE:
        return format("%s %d×%d", kind, layer->scale[0], layer->scale[1]);
    case LAYER_MEMORY:
        return format("%s of %s", kind, plural(layer->items, "item"));
    case LAYER_RESHAPE:
    case LAYER_CONCAT:
    case LAYER_ADD:
        return kind;
    default:
        return format("%s %s", kind, layer_window(layer));
    }
}

static void describe_layer(Row *row, const Network *network, int number) {
    const NetworkLayer *layer = &network->layers[number];
    const char *sources = layer_sources(network, number);
    if (layer->own_module >= 0) add_word(row, own_words(layer));
    if (layer->norm_module >= 0) add_word(row, "batch");
    if (layer->activation_module >= 0) add_word(row, operation_name(activation_operation(layer->activation)));
    if (layer->dropout_module >= 0) add_word(row, format("dropout %s", number_text(layer->dropout)));
    if (*sources) add_word(row, format("from %s", sources));
    row->shapes = format("%s → %s", shape_text(layer->in), shape_text(layer->out));
}

void add_system_rows(Explanation *explanation) {
    const System *system = explanation->model->spec->system;
    for (int n = 0; n < system->network_count; n++)
        for (int i = 0; i < system->networks[n].layer_count; i++) {
            const Network *network = &system->networks[n];
            Row *row = add_row(explanation, network_layer_name(network, i));
            row->network = n;
            row->name = network->layers[i].name ? format("%d %s", i, network->layers[i].name) : format("%d", i);
            describe_layer(row, network, i);
        }
    count_parameters(explanation);
    static const char *const others[] = {"values", "loss", "output", "score", "update"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) add_row(explanation, others[i]);
}

/* ---- work ---- */

/* Marks the calls of nodes that are there for gradients: they were appended for them, or compute something again for them. */
static bool *list_backward(const Program *program) {
    const Graph *graph = program->graph;
    bool *backward = NEW_ARRAY(bool, program->call_count + 1);
    for (int i = 0; graph->forward_count && i < graph->node_count; i++) {
        const Node *node = graph->node[i];
        for (int call = program->first_call[i]; call < program->first_call[i + 1]; call++) backward[call] = !node->forward || node->repeats;
    }
    return backward;
}

static void count_products(Explanation *explanation, const Program *program, int number) {
    const Graph *graph = program->graph;
    for (int i = 0; i < graph->node_count; i++) {
        const Node *node = graph->node[i];
        Row *row = operation_is(node->op, PRODUCT) && node->layer ? find_row(explanation, node->layer) : NULL;
        if (!row || program->first_call[i] == program->first_call[i + 1]) continue;
        const bool weight = node->op == OP_CONV2D_WEIGHT_GRAD || node->op == OP_LINEAR_WEIGHT_GRAD;
        const bool forward = !graph->forward_count || node->forward || node->repeats;
        row->work[number].products[weight ? PRODUCT_WEIGHT : forward ? PRODUCT_FORWARD : PRODUCT_DATA]++;
    }
}

static void count_program(Explanation *explanation, const Program *program, int number) {
    count_products(explanation, program, number);
    const bool *backward = list_backward(program);
    const int update = program->first_call[program->graph->node_count];
    for (int i = 0; i < program->call_count; i++) {
        const Kernel *kernel = program->call[i].kernel;
        const double times = program->call[i].scan ? (double)program->call[i].scan->steps : 1;
        Row *row = find_row(explanation, kernel->layer ? kernel->layer : i < update ? "values" : "update");
        if (!row) die("%s is of no row", kernel->name);
        Work *work = &row->work[number];
        *(!kernel->product ? &work->others : backward[i] ? &work->backward : &work->forward) += kernel->flops * times;
        work->bytes += kernel->bytes * times;
    }
}

void count_work(Explanation *explanation, const TargetCode *code) {
    for (int p = 0; p < explanation->program_count; p++) count_program(explanation, code->program[p], p);
}

void add_work(Work *sum, const Work *work, double times) {
    for (int kind = 0; kind < PRODUCT_KINDS; kind++) sum->products[kind] += work->products[kind];
    sum->forward += work->forward * times;
    sum->backward += work->backward * times;
    sum->others += work->others * times;
    sum->bytes += work->bytes * times;
}

Row add_up(const Explanation *explanation) {
    Row total = {.name = "total", .network = -1, .shapes = "", .work = NEW_ARRAY(Work, explanation->program_count)};
    for (int i = 0; i < explanation->count; i++) {
        const Row *row = &explanation->row[i];
        total.parameters += row->parameters;
        total.statistics += row->statistics;
        for (int p = 0; p < explanation->program_count; p++) add_work(&total.work[p], &row->work[p], 1);
    }
    return total;
}
