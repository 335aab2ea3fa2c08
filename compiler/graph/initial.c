/* initial.c: torch.nn.init's rules, as distributions of parameters. */
#include "graph/initial.h"

#include <math.h>

static double behind_dimension_1(const Parameter *parameter) {
    double count = 1;
    for (int d = 2; d < parameter->rank; d++) count *= (double)parameter->shape[d];
    return count;
}

double fan_in(const Parameter *parameter) {
    if (parameter->rank < 2) die("%s: the fan-in of a vector", parameter->name);
    return (double)parameter->shape[1] * behind_dimension_1(parameter);
}

double fan_out(const Parameter *parameter) {
    if (parameter->rank < 2) die("%s: the fan-out of a vector", parameter->name);
    return (double)parameter->shape[0] * behind_dimension_1(parameter);
}

static void set_normal(Parameter *parameter, double mean, double deviation) {
    parameter->distribution = DISTRIBUTION_NORMAL;
    parameter->bound = deviation;
    parameter->fill = mean;
}

static void set_uniform(Parameter *parameter, double bound) {
    parameter->distribution = DISTRIBUTION_UNIFORM;
    parameter->bound = bound;
    parameter->fill = 0;
}

double default_bound(const Parameter *weight) {
    return 1 / sqrt(fan_in(weight));
}

void set_default_initial(Parameter *parameter, const Parameter *weight) {
    set_uniform(parameter, default_bound(weight));
}

/* kaiming_normal_: deviation gain / √fan_in, gain √2 for relu, √(2 / (1 + slope²)) for leaky_relu; xavier_uniform_: ±√(6 / (in + out)) */
void set_initial_weight(Parameter *weight, const Initial *initial, double slope) {
    switch (initial->weights) {
    case INITIAL_DEFAULT:
        break;
    case INITIAL_NORMAL:
        set_normal(weight, 0, initial->weights_deviation);
        break;
    case INITIAL_KAIMING_RELU:
        set_normal(weight, 0, sqrt(2 / fan_in(weight)));
        break;
    case INITIAL_KAIMING_LEAKY_RELU:
        set_normal(weight, 0, sqrt(2 / (1 + slope * slope) / fan_in(weight)));
        break;
    case INITIAL_XAVIER:
        set_uniform(weight, sqrt(6 / (fan_in(weight) + fan_out(weight))));
        break;
    }
}

void set_initial_bias(Parameter *bias, const Initial *initial) {
    if (!initial->bias_given) return;
    set_uniform(bias, 0);
    bias->fill = initial->bias;
}

void set_initial_norm(Parameter *weight, const Initial *initial) {
    if (initial->norm_given) set_normal(weight, 1, initial->norm_deviation);
}
