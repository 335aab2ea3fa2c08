/* system_needs.c: what depends on what, where all of a spec could be read: values that steps and evaluation need, what nothing needs, and
 * parameters that no gradient reaches. */
#include "spec/system_internal.h"

#include <string.h>

/* ---- needs ---- */

static void mark_needs(const Value *value, bool *needs) {
    needs[value->number] = true;
}

static void mark_loss_needs(const NamedLoss *loss, bool *needs) {
    for (int i = 0; i < loss->term_count; i++) {
        mark_needs(loss->terms[i].value, needs);
        if (loss->terms[i].other) mark_needs(loss->terms[i].other, needs);
    }
}

/* Operands stand before what reads them. */
static void spread_needs(const System *system, bool *needs) {
    for (int i = system->value_count - 1; i >= 0; i--)
        for (int k = 0; k < system->values[i]->operand_count && needs[i]; k++) needs[system->values[i]->operands[k]->number] = true;
}

static void find_step_needs(System *system, bool *all) {
    for (int i = 0; i < system->step_count; i++) {
        TrainingStep *step = &system->steps[i];
        step->needs = NEW_ARRAY(bool, system->value_count);
        for (int k = 0; k < step->update_count; k++)
            for (int l = 0; l < step->updates[k].loss_count; l++) mark_loss_needs(step->updates[k].losses[l].loss, step->needs);
        spread_needs(system, step->needs);
        for (int k = 0; k < system->value_count; k++) all[k] |= step->needs[k];
    }
}

/* What the score reads, not yet what that is computed from. */
static bool *mark_score_needs(const System *system) {
    bool *needs = NEW_ARRAY(bool, system->value_count);
    for (int i = 0; i < system->score.loss_count; i++) mark_loss_needs(system->score.losses[i].loss, needs);
    if (system->score.present && !system->score.loss_count) {
        mark_needs(system->reconstruction->value, needs);
        mark_needs(system->target, needs);
    }
    return needs;
}

static void find_evaluation_needs(System *system) {
    system->score.needs = mark_score_needs(system);
    system->evaluation_needs = mark_score_needs(system);
    for (int i = 0; i < system->output_count; i++) mark_needs(system->outputs[i].value, system->evaluation_needs);
    spread_needs(system, system->score.needs);
    spread_needs(system, system->evaluation_needs);
}

/* By value, whether the score depends on it: in evaluation the items of a joined batch are apart, so of what is joined only the halves that
 * are looked at count. Bits: 1 the first half, or all of what is not joined, 2 the second half. A gradient does not go through `detach`. */
static unsigned char *find_score_sources(const System *system, bool by_gradients) {
    unsigned char *parts = NEW_ARRAY(unsigned char, system->value_count);
    const bool *needs = mark_score_needs(system);
    for (int i = system->value_count - 1; i >= 0; i--) {
        const Value *value = system->values[i];
        parts[i] |= needs[i];
        const bool ends = by_gradients && value->kind == VALUE_DETACH;
        for (int k = 0; k < value->operand_count && parts[i] && !ends; k++) {
            const unsigned char part = value->kind == VALUE_JOIN   ? parts[i] >> k & 1
                                       : value->kind == VALUE_HALF ? (unsigned char)(1 << value->half)
                                                                   : parts[i];
            parts[value->operands[k]->number] |= part;
        }
    }
    return parts;
}

/* ---- networks and losses ---- */

static void check_networks(Builder *builder) {
    const System *system = builder->system;
    bool *updated = NEW_ARRAY(bool, system->network_count);
    for (int i = 0; i < system->step_count; i++)
        for (int k = 0; k < system->steps[i].update_count; k++) updated[system->steps[i].updates[k].network->index] = true;
    for (int i = 0; i < system->network_count; i++) {
        const Network *network = &system->networks[i];
        const int width = (int)strlen(network->name);
        if (!network->call_count)
            spec_error(builder->errors, network->mark, width, "call it in `values` or `outputs`, or remove it",
                       "nothing calls the network `%s`", network->name);
        else if (!updated[i] && !network->frozen)
            spec_error(builder->errors, network->mark, width, "update it in a step, or write `frozen: true` in it",
                       "no step updates the network `%s`", network->name);
    }
}

static void check_losses(Builder *builder) {
    const System *system = builder->system;
    bool *used = NEW_ARRAY(bool, system->loss_count + 1);
    for (int i = 0; i < system->step_count; i++)
        for (int k = 0; k < system->steps[i].update_count; k++)
            for (int l = 0; l < system->steps[i].updates[k].loss_count; l++)
                used[system->steps[i].updates[k].losses[l].loss - system->losses] = true;
    for (int i = 0; i < system->score.loss_count; i++) used[system->score.losses[i].loss - system->losses] = true;
    for (int i = 0; i < system->loss_count; i++)
        if (!used[i])
            spec_error(builder->errors, system->losses[i].mark, (int)strlen(system->losses[i].name),
                       "use it in a step or in the score, or remove it", "nothing uses the loss `%s`", system->losses[i].name);
}

/* ---- values ---- */

static void warn_of_values(Builder *builder, const bool *needs) {
    const System *system = builder->system;
    for (int i = 0; i < system->definition_count; i++) {
        const Definition *definition = &system->definitions[i];
        if (!needs[definition->value->number])
            spec_warning(builder->errors, definition->mark, (int)strlen(definition->name), "it is not computed; remove it, or use it",
                         "nothing needs the value `%s`", definition->name);
    }
}

static void check_score_noise(Builder *builder) {
    const System *system = builder->system;
    const unsigned char *sources = find_score_sources(system, false), *learned = find_score_sources(system, true);
    const NoiseSearch *search = &system->search;
    for (int i = 0; i < system->noise_count; i++) {
        const Noise *noise = &system->noises[i];
        const bool searched = search->noise == noise;
        const bool depends = (searched ? learned : sources)[1 + i];
        if (searched && !depends)
            spec_error(builder->errors, search->mark, 6, "search a noise that the losses of the score depend on",
                       "the score does not depend on the noise `%s` that is searched%s", noise->name,
                       sources[1 + i] ? ": no gradient goes through `detach`" : "");
        if (searched || !depends) continue;
        const bool own = system->score.mark.line;
        spec_warning(builder->errors, own ? system->score.mark : system->reconstruction->mark, own ? 5 : 14,
                     "the same clip has another score in each draw", "the score depends on the noise `%s`, which is not searched",
                     noise->name);
    }
}

/* Batch norm of one value for each channel has no variance. */
static void check_norms(Builder *builder, const bool *trained) {
    const System *system = builder->system;
    for (int i = 0; i < system->call_count; i++) {
        const NetworkCall *call = system->calls[i];
        const double items = (double)builder->spec->training.batch * (call->value->joined ? 2 : 1);
        for (int k = 0; k < call->network->layer_count && trained[call->value->number] && !call->network->frozen; k++) {
            const NetworkLayer *layer = &call->network->layers[k];
            if (layer->norm_module < 0 || items * layer->out.T * layer->out.H * layer->out.W > 1) continue;
            spec_error(builder->errors, layer->mark, layer->width, "make batch larger, or do without the norm here",
                       "batch norm of one value for each channel (batch 1 · %s): it has no variance", size_text(layer->out));
        }
    }
}

void check_needs(Builder *builder) {
    System *system = builder->system;
    bool *trained = NEW_ARRAY(bool, system->value_count), *needs = NEW_ARRAY(bool, system->value_count);
    check_networks(builder);
    check_losses(builder);
    find_step_needs(system, trained);
    find_evaluation_needs(system);
    for (int i = 0; i < system->value_count; i++) needs[i] = trained[i] || system->evaluation_needs[i];
    warn_of_values(builder, needs);
    check_score_noise(builder);
    check_norms(builder, trained);
}

/* ---- gradients ---- */

typedef struct Reach {
    bool *values;           /* by Value.number: a gradient comes to it */
    bool **results, **taps; /* by Value.number of a call: by layer: a gradient comes to what it gives */
    bool **own, **norm;     /* by network: by layer: its parameters have a gradient */
} Reach;

static void reach_source(const Reach *reach, const Value *call, Source source) {
    if (source.kind == SOURCE_INPUT) reach->values[call->operands[source.index]->number] = true;
    else (source.kind == SOURCE_TAP ? reach->taps : reach->results)[call->number][source.index] = true;
}

static void reach_call(const Reach *reach, const Value *value) {
    const Network *network = value->call->network;
    bool *results = reach->results[value->number], *taps = reach->taps[value->number];
    for (int i = network->layer_count - 1; i >= 0; i--) {
        const NetworkLayer *layer = &network->layers[i];
        if (results[i]) reach->norm[network->index][i] = true;
        if (!results[i] && !taps[i]) continue;
        reach->own[network->index][i] = true;
        for (int k = 0; k < layer->from_count; k++) reach_source(reach, value, layer->from[k]);
    }
}

static void reach_value(const Reach *reach, const Value *value) {
    switch (value->kind) {
    case VALUE_CALL:
        if (reach->values[value->number]) reach->results[value->number][value->call->network->layer_count - 1] = true;
        reach_call(reach, value);
        return;
    case VALUE_RESULT:
        if (reach->values[value->number]) reach_source(reach, value->operands[0], value->source);
        return;
    case VALUE_DETACH:
        return;
    default:
        for (int i = 0; i < value->operand_count && reach->values[value->number]; i++) reach->values[value->operands[i]->number] = true;
    }
}

/* What gets a gradient by a loss, in the sense of PyTorch's graph: a way counts whatever its numbers are. */
static const Reach *reach_loss(const System *system, const NamedLoss *loss) {
    Reach *reach = NEW(Reach);
    *reach = (Reach){.values = NEW_ARRAY(bool, system->value_count)};
    reach->results = NEW_ARRAY(bool *, system->value_count);
    reach->taps = NEW_ARRAY(bool *, system->value_count);
    reach->own = NEW_ARRAY(bool *, system->network_count);
    reach->norm = NEW_ARRAY(bool *, system->network_count);
    for (int i = 0; i < system->network_count; i++) {
        reach->own[i] = NEW_ARRAY(bool, system->networks[i].layer_count);
        reach->norm[i] = NEW_ARRAY(bool, system->networks[i].layer_count);
    }
    for (int i = 0; i < system->call_count; i++) {
        const Value *value = system->calls[i]->value;
        reach->results[value->number] = NEW_ARRAY(bool, value->call->network->layer_count);
        reach->taps[value->number] = NEW_ARRAY(bool, value->call->network->layer_count);
    }
    mark_loss_needs(loss, reach->values);
    for (int i = system->value_count - 1; i >= 0; i--) reach_value(reach, system->values[i]);
    return reach;
}

static bool has_parameters(LayerKind kind) {
    return has_product(kind) || kind == LAYER_GRU || kind == LAYER_CONV_LSTM || kind == LAYER_MEMORY;
}

static const char *first_parameter(const Network *network, const NetworkLayer *layer, bool norm) {
    const int module = norm ? layer->norm_module : layer->own_module;
    const char *name = norm                             ? "weight"
                       : layer->kind == LAYER_GRU       ? "weight_ih_l0"
                       : layer->kind == LAYER_CONV_LSTM ? "conv.weight"
                                                        : "weight";
    return format("%s.%d.%s", network->name, module, name);
}

static void check_update(Builder *builder, const StepUpdate *update, const Reach **reaches) {
    const System *system = builder->system;
    const Network *network = update->network;
    for (int i = 0; i < network->layer_count; i++) {
        const NetworkLayer *layer = &network->layers[i];
        bool own = !has_parameters(layer->kind), norm = layer->norm_module < 0;
        for (int k = 0; k < update->loss_count; k++) {
            const Reach **reach = &reaches[update->losses[k].loss - system->losses];
            if (!*reach) *reach = reach_loss(system, update->losses[k].loss);
            own |= (*reach)->own[network->index][i];
            norm |= (*reach)->norm[network->index][i];
        }
        if (own && norm) continue;
        spec_error(builder->errors, update->mark, (int)strlen(network->name),
                   "give what these losses do not need a network of its own, or update it by a loss that does",
                   "the losses that update `%s` have no gradient for its parameter `%s` (%s in line %d)", network->name,
                   first_parameter(network, layer, own), layer_label(network, i), layer->mark.line);
        return;
    }
}

void check_gradients(Builder *builder) {
    const System *system = builder->system;
    const Reach **reaches = NEW_ARRAY(const Reach *, system->loss_count + 1);
    for (int i = 0; i < system->step_count; i++)
        for (int k = 0; k < system->steps[i].update_count; k++) check_update(builder, &system->steps[i].updates[k], reaches);
}
