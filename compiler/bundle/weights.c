/* weights.c: the values of an inference graph's parameters, from a state_dict in safetensors. Folded parameters are computed here. Where a
 * file of a spec with averages has them, they are taken. */
#include "bundle/weights.h"
#include "../../runtime/weights/state_dict.h"
#include "bundle/inference.h"
#include "graph/fold.h"

#include <math.h>
#include <string.h>

/* ---- which tensors ---- */

typedef struct WantedList { /* the tensors of the state_dict, each once, in its order */
    int count, capacity;
    WantedTensor *tensor;
    bool averages; /* the file has them */
} WantedList;

static bool has_average(const Parameter *parameter) {
    return parameter->trained && parameter->group && parameter->group->average != 0;
}

static const char *average_name(const Parameter *parameter) {
    return format("average.%s", parameter->name);
}

static int find_listed(const WantedList *list, const char *name) {
    int i = 0;
    while (i < list->count && strcmp(list->tensor[i].name, name) != 0) i++;
    return i;
}

static void want(WantedList *list, WantedTensor tensor) {
    if (find_listed(list, tensor.name) < list->count) return;
    MAKE_ROOM(list->tensor, list->count, list->capacity);
    list->tensor[list->count++] = tensor;
}

static void want_parameter(WantedList *list, const Parameter *parameter) {
    int64_t *shape = NEW_ARRAY(int64_t, MAX_DIMENSIONS);
    for (int d = 0; d < parameter->rank; d++) shape[d] = parameter->shape[d];
    want(list, (WantedTensor){parameter->name, parameter->trained ? STATE_PARAMETER : STATE_STATISTIC, parameter->rank, shape});
    if (!parameter->counted) return;
    want(list, (WantedTensor){.name = format("%s.num_batches_tracked", parameter->layer), .kind = STATE_BATCHES_TRACKED});
}

/* All of the model, also what this graph does not read: so a file of another spec is noticed. */
static WantedList list_wanted(const Graph *graph, const TensorFile *file) {
    const Graph *whole = graph->unfolded ? graph->unfolded : graph;
    WantedList list = {0};
    for (int i = 0; i < whole->parameter_count; i++) {
        want_parameter(&list, whole->parameter[i]);
        list.averages = list.averages || (has_average(whole->parameter[i]) && tensor_file_find(file, average_name(whole->parameter[i])));
    }
    for (int i = 0; list.averages && i < whole->parameter_count; i++) {
        const Parameter *parameter = whole->parameter[i];
        if (!has_average(parameter)) continue;
        const WantedTensor *like = &list.tensor[find_listed(&list, parameter->name)];
        want(&list, (WantedTensor){average_name(parameter), like->kind, like->rank, like->shape});
    }
    return list;
}

/* ---- their values ---- */

/* In PyTorch's row-major order. */
static double *read_tensor(const StateDict *dict, const WantedList *list, const Parameter *parameter) {
    float *values = NEW_ARRAY(float, parameter->count);
    double *wide = NEW_ARRAY(double, parameter->count);
    const char *name = list->averages && has_average(parameter) ? average_name(parameter) : parameter->name;
    state_dict_floats(dict, find_listed(list, name), values);
    for (long i = 0; i < parameter->count; i++) wide[i] = (double)values[i];
    return wide;
}

/* s = scale / √(variance + ε); weight · s, or (bias − mean) · s + shift */
static double *fold_values(const StateDict *dict, const WantedList *list, const Parameter *parameter) {
    const Folding *folding = parameter->folding;
    const double *scale = read_tensor(dict, list, folding->scale), *shift = read_tensor(dict, list, folding->shift),
                 *mean = read_tensor(dict, list, folding->mean), *variance = read_tensor(dict, list, folding->variance),
                 *bias = folding->bias ? read_tensor(dict, list, folding->bias) : NULL;
    double *values = folding->is_bias ? NEW_ARRAY(double, parameter->count) : read_tensor(dict, list, folding->weight);
    const long channels = folding->scale->count;
    long inner = parameter->count / channels; /* elements between one output channel and the next */
    if (!folding->is_bias && folding->dimension) inner /= parameter->shape[0];
    for (long i = 0; i < parameter->count; i++) {
        const long c = i / inner % channels;
        const double factor = scale[c] / sqrt(variance[c] + folding->epsilon);
        if (folding->is_bias) values[i] = ((bias ? bias[i] : 0) - mean[c]) * factor + shift[c];
        else values[i] *= factor;
    }
    return values;
}

/* From PyTorch's order to that of the node's dimensions. */
static double *in_node_order(const Parameter *parameter, const double *values) {
    const Node *node = parameter->node;
    double *ordered = NEW_ARRAY(double, parameter->count);
    for (long i = 0; i < parameter->count; i++) {
        long from = 0, rest = i;
        for (int d = node->rank - 1; d >= 0; d--) {
            from += rest % node->shape[d] * parameter->stride[d];
            rest /= node->shape[d];
        }
        ordered[i] = (double)(float)values[from];
    }
    return ordered;
}

static double **read_all(const Graph *graph, const TensorFile *file, Error *error) {
    const WantedList list = list_wanted(graph, file);
    const WantedWeights wanted = {.model = graph->spec->name,
                                  .spec_hash = format("%016llx", (unsigned long long)graph->spec->hash),
                                  .count = list.count,
                                  .tensor = list.tensor,
                                  .messages = stderr,
                                  .speaker = "zoetrope: "};
    StateDict dict;
    if (!state_dict_open(&dict, file, &wanted, error)) return NULL;
    state_dict_say_unused(&dict);
    double **parameters = NEW_ARRAY(double *, graph->parameter_count);
    for (int i = 0; i < graph->parameter_count; i++) {
        const Parameter *parameter = graph->parameter[i];
        parameters[i] =
            in_node_order(parameter, parameter->folding ? fold_values(&dict, &list, parameter) : read_tensor(&dict, &list, parameter));
    }
    state_dict_close(&dict);
    return parameters;
}

double **read_parameters(const Graph *graph, const char *path) {
    TensorFile file;
    Error error;
    double **parameters = NULL;
    if (tensor_file_read(&file, path, &error)) {
        parameters = read_all(graph, &file, &error);
        tensor_file_free(&file);
    }
    if (!parameters) fprintf(stderr, "zoetrope: %s\n", printable(error.text));
    return parameters;
}
