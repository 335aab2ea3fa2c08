/* weights: the values of an inference graph's parameters, from a state_dict in safetensors; those that folding made are computed here. */
#include "weights.h"
#include "../runtime/safetensors.h"
#include "inference.h"

#include <math.h>
#include <string.h>

/* A tensor of the file as doubles, in PyTorch's row-major order; NULL: an error, which was reported. */
static double *read_tensor(const TensorFile *file, const Parameter *parameter) {
    char wanted[TENSOR_SHAPE_TEXT], found[TENSOR_SHAPE_TEXT];
    int64_t shape[TENSOR_MAX_RANK] = {0};
    for (int d = 0; d < parameter->rank; d++) shape[d] = parameter->shape[d];
    tensor_shape_text(wanted, parameter->rank, shape);
    const FileTensor *tensor = tensor_file_find(file, parameter->name);
    if (!tensor) {
        fprintf(stderr, "zoetrope: %s: there is no tensor %s of shape %s; are these weights of another spec?\n", printable(file->path),
                parameter->name, wanted);
        return NULL;
    }
    if (tensor->rank != parameter->rank || memcmp(tensor->shape, shape, sizeof *shape * (size_t)parameter->rank) != 0) {
        fprintf(stderr, "zoetrope: %s: tensor %s has shape %s, and the spec wants %s; are these weights of another spec?\n",
                printable(file->path), parameter->name, tensor_shape_text(found, tensor->rank, tensor->shape), wanted);
        return NULL;
    }
    float *values = NEW_ARRAY(float, parameter->count);
    if (!tensor_to_float(tensor, values)) {
        fprintf(stderr, "zoetrope: %s: tensor %s is of type %s; convert it to F32\n", printable(file->path), parameter->name,
                tensor_type_name(tensor->type));
        return NULL;
    }
    Error error;
    if (!tensor_check_numbers(file, tensor, &error)) {
        fprintf(stderr, "zoetrope: %s; are these weights of a training that failed?\n", error.text);
        return NULL;
    }
    double *wide = NEW_ARRAY(double, parameter->count);
    for (long i = 0; i < parameter->count; i++) wide[i] = (double)values[i];
    return wide;
}

/* s = scale / √(variance + ε); weight · s, or (bias − mean) · s + shift */
static double *fold_values(const TensorFile *file, const Parameter *parameter) {
    const Folding *folding = parameter->folding;
    const double *scale = read_tensor(file, folding->scale), *shift = read_tensor(file, folding->shift),
                 *mean = read_tensor(file, folding->mean), *variance = read_tensor(file, folding->variance);
    if (!scale || !shift || !mean || !variance) return NULL;
    const double *bias = folding->bias ? read_tensor(file, folding->bias) : NULL;
    if (folding->bias && !bias) return NULL;
    double *values = folding->is_bias ? NEW_ARRAY(double, parameter->count) : read_tensor(file, folding->weight);
    if (!values) return NULL;
    long inner = 1; /* elements between one output channel and the next */
    for (int d = folding->dimension + 1; !folding->is_bias && d < parameter->rank; d++) inner *= parameter->shape[d];
    const long channels = folding->scale->count;
    for (long i = 0; i < parameter->count; i++) {
        const long c = i / inner % channels;
        const double factor = scale[c] / sqrt(variance[c] + BATCH_NORM_EPSILON);
        if (folding->is_bias) values[i] = ((bias ? bias[c] : 0) - mean[c]) * factor + shift[c];
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

double **read_parameters(const Graph *graph, const char *path) {
    TensorFile file;
    Error error;
    if (!tensor_file_read(&file, path, &error)) {
        fprintf(stderr, "zoetrope: %s\n", printable(error.text));
        return NULL;
    }
    double **parameters = NEW_ARRAY(double *, graph->parameter_count);
    for (int i = 0; parameters && i < graph->parameter_count; i++) {
        const Parameter *parameter = graph->parameter[i];
        const double *values = parameter->folding ? fold_values(&file, parameter) : read_tensor(&file, parameter);
        if (values) parameters[i] = in_node_order(parameter, values);
        else parameters = NULL;
    }
    tensor_file_free(&file);
    return parameters;
}
