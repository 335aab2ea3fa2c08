/* frames_depend.c: does what evaluation gives for a frame depend on the other frames of its clip? If not, a bundle can run frame by frame.
 */
#include "graph/frames_depend.h"

/* What a layer of a clip of several frames does with them. */
static const char *why_layer_mixes(const NetworkLayer *layer) {
    if (layer->kind == LAYER_LINEAR && layer->over == OVER_CLIP) return "a linear layer reads whole clips (`over: clip`)";
    if (layer->kind == LAYER_RESHAPE && layer->written.rank == 4) return "a `reshape` reads whole clips";
    if (layer->kind == LAYER_GRU) return "a GRU goes from frame to frame";
    if (layer->kind == LAYER_CONV_LSTM) return "a ConvLSTM goes from frame to frame";
    const bool in_time = layer->kernel[0] > 1 || layer->stride[0] > 1;
    return in_time ? format("a `%s` goes over frames", layer_kind_names[layer->kind]) : NULL;
}

static const char *why_network_mixes(const Network *network) {
    const char *why = NULL;
    for (int i = 0; i < network->layer_count && !why; i++) {
        why = why_layer_mixes(&network->layers[i]);
        if (why) why = format("in %s, %s", network->name, why);
    }
    return why;
}

static const char *why_value_mixes(const Value *value, int T) {
    const char *why = value->kind == VALUE_CALL ? why_network_mixes(value->call->network) : NULL;
    if (why) return why;
    if (value->kind == VALUE_FRAMES) return "the spec takes some of a clip's frames (`frames`)";
    return value->shape.T != T ? format("not every value has a clip's %d frames", T) : NULL;
}

const char *frames_depend(const Spec *spec) {
    const System *system = spec->system;
    const char *why = NULL;
    if (spec->T == 1) return NULL;
    if (system->search.noise) return "it searches for a noise for each clip";
    for (int i = 0; i < system->value_count && !why; i++)
        if (system->evaluation_needs[system->values[i]->number]) why = why_value_mixes(system->values[i], spec->T);
    return why;
}
