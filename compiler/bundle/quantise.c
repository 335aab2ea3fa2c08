/* quantise.c: rounds the weights of convolutions and matrices to types smaller than a float. Biases stay floats.
 *
 *   f16, bf16   the nearest value, ties to even
 *   int8        q · scale, with a scale for each output channel (feature): its largest absolute weight / 127, as a float. q is the
 *               integer nearest to weight / scale, ties to even, in [−127, 127]; a channel of zeros has scale 0.
 *
 * Everything after this uses the rounded weights. So a bundle's results, and its self-test, are exact for them. */
#include "bundle/quantise.h"

#include "lower/weight_layout.h"

#include <math.h>

const char *const precision_names[PRECISIONS] = {"f32", "f16", "bf16", "int8"};
const Type precision_types[PRECISIONS] = {TYPE_F32, TYPE_F16, TYPE_BF16, TYPE_I8};

static double *choose_scales(const Parameter *parameter, const double *values) {
    long shape[4];
    const long outputs = output_features(parameter->node, shape);
    double *scale = NEW_ARRAY(double, outputs);
    for (long i = 0; i < parameter->count; i++) {
        double *most = &scale[output_of(parameter->node, i)];
        *most = fmax(*most, fabs(values[i]));
    }
    for (long k = 0; k < outputs; k++) scale[k] = (double)(float)(scale[k] / 127);
    return scale;
}

static double nearest(Type type, double value, double scale) {
    uint16_t bits;
    switch (type) {
    case TYPE_F16:
        bits = f16_bits(value);
        return element_value(type, &bits, 0);
    case TYPE_BF16:
        bits = bf16_bits(value);
        return element_value(type, &bits, 0);
    case TYPE_I8: /* 128 · scale, where the scale is so small that it lost digits itself */
        return scale > 0 ? fmax(-127, fmin(127, nearbyint(value / scale))) * scale : 0;
    default:
        return value;
    }
}

/* Returns false after reporting a value that the type cannot hold. Biases are float32 in every precision. */
static bool round_parameter(const Parameter *parameter, Precision precision, double *values, double **scale) {
    const bool bias = parameter->rank == 1;
    const Type type = bias ? TYPE_F32 : precision_types[precision];
    for (long i = 0; i < parameter->count; i++) {
        if (isfinite(values[i]) && isfinite(nearest(type, values[i], 1))) continue;
        fprintf(stderr, "zoetrope: %s, with its batch norm where it has one, holds %.9g, which %s cannot; %s\n", parameter->name, values[i],
                precision_names[bias ? PRECISION_F32 : precision],
                isfinite(values[i]) ? "take bf16, int8 or f32" : "they are too large: are they of a training that failed?");
        return false;
    }
    if (bias) return true;
    if (type == TYPE_I8) *scale = choose_scales(parameter, values);
    for (long i = 0; i < parameter->count; i++) values[i] = nearest(type, values[i], *scale ? (*scale)[output_of(parameter->node, i)] : 0);
    return true;
}

bool round_parameters(const Graph *graph, Precision precision, double **parameters, double ***scales) {
    *scales = NEW_ARRAY(double *, graph->parameter_count);
    for (int i = 0; i < graph->parameter_count; i++) {
        if (!round_parameter(graph->parameter[i], precision, parameters[i], &(*scales)[i])) return false;
    }
    return true;
}
