/* system_canonical.c: a system with every default written out, as a spec that reads back as the same system. */
#include "spec/system_internal.h"

#include <string.h>

static void write_noises(Text *text, const System *system) {
    if (system->noise_count) text_add(text, "noise:\n");
    for (int i = 0; i < system->noise_count; i++) {
        const NoiseDraft draft = {system->noises[i], system->noises[i].uniform};
        text_add(text, "  %s: ", system->noises[i].name);
        write_section(text, SECTION_NOISE, &draft);
    }
}

const char *source_name(const Network *network, Source source) {
    if (source.kind == SOURCE_INPUT) return network->inputs[source.index].name;
    const NetworkLayer *layer = &network->layers[source.index];
    return source.kind == SOURCE_TAP ? layer->tap : layer->name;
}

const char *layer_sources(const Network *network, int index) {
    const NetworkLayer *layer = &network->layers[index];
    const Source *from = layer->from, before = index ? (Source){SOURCE_LAYER, index - 1} : (Source){SOURCE_INPUT, 0};
    if (layer->from_count == 1 && from->kind == before.kind && from->index == before.index) return "";
    Text text = {0};
    for (int i = 0; i < layer->from_count; i++) text_add(&text, "%s%s", i ? ", " : "", source_name(network, from[i]));
    return text.bytes;
}

static const char *from_text(const Network *network, int index) {
    const char *sources = layer_sources(network, index);
    return *sources ? format(network->layers[index].from_count > 1 ? "from: [%s], " : "from: %s, ", sources) : "";
}

static void write_network(Text *text, const Network *network) {
    text_add(text, "  %s:\n    inputs: [", network->name);
    for (int i = 0; i < network->input_count; i++) text_add(text, "%s%s", i ? ", " : "", network->inputs[i].name);
    text_add(text, "]\n    frozen: %s\n    layers:\n", network->frozen ? "true" : "false");
    for (int i = 0; i < network->layer_count; i++) {
        LayerDraft draft = {.layer = network->layers[i]};
        Text keys = {0};
        if (draft.layer.kind == LAYER_LINEAR && !draft.layer.written.rank) draft.features = draft.layer.channels;
        write_section(&keys, SECTION_NETWORK_LAYER, &draft);
        const char *from = from_text(network, i);
        const bool only_from = !strcmp(keys.bytes, "{}\n") && *from;
        text_add(text, "      - %s: {%.*s%s", layer_kind_names[draft.layer.kind], (int)strlen(from) - 2 * only_from, from, keys.bytes + 1);
    }
}

static void write_term(Text *text, const LossTerm *term, bool only_score) {
    const TermDraft draft = {.kind = term->kind,
                             .sum = term->sum,
                             .weight = term->weight,
                             .epsilon = term->epsilon,
                             .falling = term->falling,
                             .only = only_score};
    Text keys = {0};
    write_section(&keys, SECTION_TERM, &draft);
    text_add(text, "    - {%s: [\"%s\"", term_kind_names[term->kind], value_label(term->value));
    if (term->other) text_add(text, ", \"%s\"", value_label(term->other));
    else if (term->kind != TERM_ENTROPY && term->kind != TERM_MEAN) text_add(text, ", %s", number_text(term->target));
    text_add(text, "], %s", keys.bytes + 1);
}

static void write_weighed(Text *text, const WeighedLoss *losses, int count) {
    text_add(text, "{");
    for (int i = 0; i < count; i++) text_add(text, "%s%s: %s", i ? ", " : "", losses[i].loss->name, number_text(losses[i].factor));
    text_add(text, "}");
}

static void write_step(Text *text, const TrainingStep *step) {
    const StepDraft draft = {.kept = step->kept, .batch = step->batch, .times = step->times, .every = step->every};
    Text keys = {0};
    write_section(&keys, SECTION_STEP, &draft);
    text_add(text, "  - {update: {");
    for (int i = 0; i < step->update_count; i++) {
        text_add(text, "%s%s: ", i ? ", " : "", step->updates[i].network->name);
        write_weighed(text, step->updates[i].losses, step->updates[i].loss_count);
    }
    text_add(text, "}, %s", keys.bytes + 1);
}

static void write_optimizer(Text *text, const Optimizer *optimizer) {
    const OptimizerDraft draft = {*optimizer, NULL};
    const LearningSchedule *schedule = &optimizer->schedule;
    Text keys = {0}, own = {0};
    write_section(&keys, SECTION_NETWORK_OPTIMIZER, &draft);
    if (schedule->name == SCHEDULE_CONSTANT) {
        text_add(text, "%s", keys.bytes);
        return;
    }
    write_section(&own, SECTION_LEARNING_SCHEDULE, &draft);
    text_add(text, "%.*s, schedule: %.*s", (int)keys.length - 2, keys.bytes, (int)own.length - 2, own.bytes);
    for (int i = 0; i < schedule->at_count; i++)
        text_add(text, "%s%ld%s", i ? ", " : ", at: [", schedule->at[i], i + 1 < schedule->at_count ? "" : "]");
    text_add(text, "}}\n");
}

static void write_score(Text *text, const Score *score) {
    const ScoreDraft draft = {.per_frame = score->per_frame, .first_frame = score->first_frame};
    Text keys = {0};
    write_section(&keys, SECTION_SCORE, &draft);
    text_add(text, "score: {");
    if (score->loss_count) {
        text_add(text, "sum: ");
        write_weighed(text, score->losses, score->loss_count);
        text_add(text, ", ");
    }
    text_add(text, "%s", keys.bytes + 1);
}

static void write_evaluation(Text *text, const System *system) {
    if (system->output_count) text_add(text, "outputs:\n");
    for (int i = 0; i < system->output_count; i++)
        text_add(text, "  %s: %s\n", system->outputs[i].name, value_label(system->outputs[i].value));
    if (system->score.present) write_score(text, &system->score);
    if (!system->search.noise) return;
    text_add(text, "search:\n  noise: %s\n  steps: %d\n  optimizer: ", system->search.noise->name, system->search.steps);
    write_optimizer(text, &system->search.optimizer);
}

static void write_initial(Text *text, const Initial *initial) {
    Text parts = {0};
    if (initial->weights == INITIAL_NORMAL) text_add(&parts, ", weights: {normal: %s}", number_text(initial->weights_deviation));
    if (initial->weights == INITIAL_KAIMING_RELU) text_add(&parts, ", weights: {kaiming: relu}");
    if (initial->weights == INITIAL_KAIMING_LEAKY_RELU) text_add(&parts, ", weights: {kaiming: leaky_relu}");
    if (initial->weights == INITIAL_XAVIER) text_add(&parts, ", weights: xavier");
    if (initial->bias_given) text_add(&parts, ", bias: %s", number_text(initial->bias));
    if (initial->norm_given) text_add(&parts, ", norm: {normal: %s}", number_text(initial->norm_deviation));
    if (parts.length) text_add(text, "initial: {%s}\n", parts.bytes + 2);
}

const char *write_system(const Builder *builder) {
    const System *system = builder->system;
    const Spec *spec = builder->spec;
    Text text = {0};
    text_add(&text, "version: 2\nname: %s\ninput: ", spec->name);
    write_section(&text, SECTION_CLIP, spec);
    write_noises(&text, system);
    text_add(&text, "networks:\n");
    for (int i = 0; i < system->network_count; i++) write_network(&text, &system->networks[i]);
    if (system->definition_count) text_add(&text, "values:\n");
    for (int i = 0; i < system->definition_count; i++) {
        const Definition *definition = &system->definitions[i];
        const bool own = definition->value->name && !strcmp(definition->value->name, definition->name);
        text_add(&text, "  %s: %s\n", definition->name, own ? value_expression(definition->value) : value_label(definition->value));
    }
    if (system->loss_count) text_add(&text, "losses:\n");
    for (int i = 0; i < system->loss_count; i++) {
        text_add(&text, "  %s:\n", system->losses[i].name);
        for (int k = 0; k < system->losses[i].term_count; k++) write_term(&text, &system->losses[i].terms[k], system->losses[i].only_score);
    }
    text_add(&text, "steps:\n");
    for (int i = 0; i < system->step_count; i++) write_step(&text, &system->steps[i]);
    write_evaluation(&text, system);
    write_initial(&text, &system->initial);
    text_add(&text, "precision: %s\noptimizers:\n", spec->precision == COMPUTE_BF16 ? "bf16" : "f32");
    for (int i = 0; i < system->network_count; i++) {
        if (!system->networks[i].optimizer) continue;
        text_add(&text, "  %s: ", system->networks[i].name);
        write_optimizer(&text, system->networks[i].optimizer);
    }
    if (system->average > 0) text_add(&text, "average: %s\n", number_text(system->average));
    text_add(&text, "training: ");
    write_section(&text, SECTION_TRAINING, spec);
    return text.bytes;
}
