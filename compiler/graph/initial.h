/* initial.h: how a spec's `initial` draws the first values of a parameter. Without it they are PyTorch's defaults. */
#ifndef ZOETROPE_INITIAL_H
#define ZOETROPE_INITIAL_H

#include "graph/graph.h"
#include "spec/system.h"

/* PyTorch's own counts, of a parameter's shape in its layout: dimension 1, and dimension 0, times what follows them. So a transposed
 * convolution [in, out, k, k] has a fan-in of out · k². */
double fan_in(const Parameter *parameter);
double fan_out(const Parameter *parameter);

/* The weight and the bias of a layer with a product, by torch.nn's default: uniform in ±1 / √fan_in, the fan-in of the weight. */
double default_bound(const Parameter *weight);
void set_default_initial(Parameter *parameter, const Parameter *weight);
/* Of the parameters that a layer with a product has: weights as `initial` says, with the layer's own slope for kaiming leaky_relu. Leaves
 * what it says nothing about. */
void set_initial_weight(Parameter *weight, const Initial *initial, double slope);
void set_initial_bias(Parameter *bias, const Initial *initial);
/* Of a batch norm's weight. */
void set_initial_norm(Parameter *weight, const Initial *initial);

#endif
