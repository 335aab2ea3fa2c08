/* call_network.h: the networks of a system: their parameters, and calls of them. */
#ifndef ZOETROPE_CALL_NETWORK_H
#define ZOETROPE_CALL_NETWORK_H

#include "graph/layer_nodes.h"
#include "spec/system.h"

typedef struct LayerParameters {
    Node *weight, *bias; /* of a product; the bias may be NULL */
    NormParameters norm; /* weight NULL: it has none */
    GruParameters *gru;  /* of each layer of a GRU */
} LayerParameters;

typedef struct NetworkNodes {
    LayerParameters *layer; /* by number */
} NetworkNodes;

typedef struct CallResults {
    Node **input, **layer, **tap; /* by number of the network's input or layer */
} CallResults;

/* What nodes and kernels of a layer say whose work they are (Node.layer): encoder.3 is the encoder's fourth layer. */
const char *network_layer_name(const Network *network, int number);
/* Adds the parameters of all networks in the order of PyTorch's state_dict, with a group for each network. By number of the network. */
NetworkNodes *add_networks(Graph *graph, const System *system);
/* Adds a call's layers; returns the last one's result. Batch norm and dropout are those of training where the graph is a training graph and
 * the network is not frozen. */
Node *call_network(Graph *graph, const NetworkCall *call, const NetworkNodes *network, Node *const *arguments, CallResults *results);
Node *result_of_call(const CallResults *results, Source source);

#endif
