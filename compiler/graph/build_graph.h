/* build_graph.h: a spec → its graph. */
#ifndef ZOETROPE_BUILD_GRAPH_H
#define ZOETROPE_BUILD_GRAPH_H

#include "graph/spec_model.h"

/* The forward graph of a spec, for training or for evaluation. Inputs x, [B·T, C, H, W], and, but without GRU or with zeros,
 * h0, [gru_layers · B, hidden, 1, 1], row layer · B + b; output reconstruction; loss `loss`; cuts latent, what the encoder's side ends in,
 * and code, what the decoder's starts from (without GRU the same node). */
Graph *build_graph(const Spec *spec, bool training);
/* All graphs of a trainer; the steps' without gradients. */
TrainerGraphs build_graphs(const Spec *spec);
/* Appends the gradients of each step's losses with respect to the parameters that it updates. */
void differentiate_steps(const Spec *spec, TrainerGraphs *graphs);
/* Appends the gradients of its loss with respect to each trained parameter: what a graph of a spec for training ends in. */
void differentiate_spec(Graph *graph);

#endif
