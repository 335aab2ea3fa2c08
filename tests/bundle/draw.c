/* draw.c: writes random weights for a spec. The running statistics differ from their initial values.
 *
 *   draw SPEC OUT.safetensors
 *
 * Linked with the compiler's objects and build/runtime.a. */
#include "../../compiler/graph/build_graph.h"
#include "../../compiler/graph/build_system.h"
#include "../../compiler/graph/graph.h"
#include "../../runtime/weights/safetensors.h"

#include <math.h>
#include <string.h>

/* In [-1, 1]. */
static double value_at(uint64_t place) {
    uint64_t mixed = (place + 1) * UINT64_C(0x9E3779B97F4A7C15);
    mixed = (mixed ^ mixed >> 29) * UINT64_C(0xBF58476D1CE4E5B9);
    return (double)(mixed >> 11) / 0x1p52 - 1;
}

/* Weights about as large as PyTorch's, which keep the size of activations. Statistics and scales are within a factor of two of 1. */
static float draw(const Parameter *parameter, uint64_t place) {
    const double value = value_at(place);
    if (strstr(parameter->name, "running_var")) return (float)exp2(value);
    if (parameter->bound > 0) return (float)(2 * parameter->bound * value);
    return (float)(parameter->fill + 0.5 * value);
}

int main(int count, char **arguments) {
    const Spec *spec = count == 3 ? read_spec(arguments[1], stderr) : NULL;
    if (!spec) return 2;
    const Graph *graph = spec->system ? build_evaluation(spec, false) : build_graph(spec, false);
    FileTensor *tensor = NEW_ARRAY(FileTensor, graph->parameter_count);
    for (int p = 0; p < graph->parameter_count; p++) {
        const Parameter *parameter = graph->parameter[p];
        float *values = NEW_ARRAY(float, parameter->count);
        for (long i = 0; i < parameter->count; i++) values[i] = draw(parameter, ((uint64_t)p << 32) + (uint64_t)i);
        int64_t shape[MAX_DIMENSIONS] = {0};
        for (int d = 0; d < parameter->rank; d++) shape[d] = parameter->shape[d];
        tensor[p] = tensor_make(parameter->name, TENSOR_F32, parameter->rank, shape, values);
    }
    Error error;
    if (tensor_file_write(arguments[2], tensor, graph->parameter_count, NULL, 0, &error)) return 0;
    fprintf(stderr, "%s\n", error.text);
    return 1;
}
