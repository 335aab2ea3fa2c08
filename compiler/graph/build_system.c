/* build_system.c: a system of language version 2 → its graphs: a step's values and losses, or the evaluation's outputs and score.
 *
 * A value [C, T, H, W] of an item is a node [B·T, C, H, W], row b·T + t; joined values have 2·B items. Values are made in the spec's order,
 * those of a step alone that its losses need. Every call of a network is computed whole, for it moves the running statistics; what nothing
 * reads is removed afterwards. */
#include "graph/build_system.h"

#include "graph/build_loss.h"
#include "graph/call_network.h"
#include "graph/common_values.h"
#include "graph/differentiate.h"
#include "graph/given.h"
#include "graph/moves.h"
#include "graph/prune.h"

typedef struct SystemBuilder {
    Graph *graph;
    const Spec *spec;
    const System *system;
    NetworkNodes *network; /* by number: its parameters */
    CallResults *call;     /* by the call's value's number */
    Node **value;          /* by number; NULL: not needed */
    bool frame;            /* one frame of a clip, of noises too */
} SystemBuilder;

/* ---- values ---- */

static Node *add_noise(SystemBuilder *b, const Noise *noise) {
    Given given = {.name = format("noise.%s", noise->name),
                   .items = b->spec->training.batch,
                   .shape = noise->shape,
                   .drawn = noise->uniform ? DRAWN_UNIFORM : DRAWN_NORMAL,
                   .low = noise->low,
                   .high = noise->high,
                   .written = noise->written};
    if (b->frame) given.shape.T = 1;
    if (b->frame && given.written.rank == 4) given.written.size[1] = 1;
    return add_given(b->graph, &given);
}

static Node *add_value(SystemBuilder *b, const Value *value) {
    Graph *graph = b->graph;
    Node **in = NEW_ARRAY(Node *, value->operand_count);
    for (int i = 0; i < value->operand_count; i++) in[i] = b->value[value->operands[i]->number];
    const char *name = format("value_%d", value->number);
    const long half = b->spec->training.batch;
    switch (value->kind) {
    case VALUE_DATA:
        return add_data(graph);
    case VALUE_NOISE:
        return add_noise(b, value->noise);
    case VALUE_CALL:
        return call_network(graph, value->call, &b->network[value->call->network->index], in, &b->call[value->number]);
    case VALUE_RESULT:
        return result_of_call(&b->call[value->operands[0]->number], value->source);
    case VALUE_SAMPLE:
        return add_node(graph, OP_SAMPLE, name, NULL, 3, in);
    case VALUE_JOIN:
        return concatenate(graph, name, AXIS_ITEMS, 2, in);
    case VALUE_HALF:
        return slice(graph, name, in[0], AXIS_ITEMS, value->half * half, half);
    case VALUE_FRAMES:
        return slice(graph, name, in[0], AXIS_STEPS, value->first, value->count);
    case VALUE_CONCAT:
        return concatenate(graph, name, AXIS_CHANNELS, value->operand_count, in);
    case VALUE_ADD:
        return sum_nodes(graph, name, value->operand_count, in);
    case VALUE_UNIT:
        return append_node(graph, (Node){.op = OP_AFFINE, .name = name, .input_count = 1, .input = {in[0]}, .factor = 0.5, .offset = 0.5});
    case VALUE_DETACH:
        return add_node(graph, OP_DETACH, name, NULL, 1, in);
    case VALUE_KINDS:
        break;
    }
    die("a value of kind %d", (int)value->kind);
}

static void add_values(SystemBuilder *b, const bool *needs) {
    for (int i = 0; i < b->system->value_count; i++) {
        const Value *value = b->system->values[i];
        if (!needs[value->number]) continue;
        b->graph->layer = NULL;
        b->value[value->number] = add_value(b, value);
    }
}

/* ---- graphs ---- */

static SystemBuilder begin_graph(const Spec *spec, bool training) {
    const System *system = spec->system;
    SystemBuilder b = {.graph = NEW(Graph),
                       .spec = spec,
                       .system = system,
                       .call = NEW_ARRAY(CallResults, system->value_count),
                       .value = NEW_ARRAY(Node *, system->value_count)};
    b.graph->spec = spec;
    b.graph->training = training;
    b.network = add_networks(b.graph, system);
    return b;
}

/* Whatever the loss is called, its nodes have names that no function of C has. */
static Node *add_loss(SystemBuilder *b, const NamedLoss *loss, LossOf of) {
    Node **terms = NEW_ARRAY(Node *, loss->term_count);
    const char *name = format("loss_%s", loss->name);
    b->graph->layer = "loss";
    for (int i = 0; i < loss->term_count; i++) {
        const LossTerm *term = &loss->terms[i];
        terms[i] = add_loss_term(b->graph, format("%s_%d", name, i), term, of, b->value[term->value->number],
                                 term->other ? b->value[term->other->number] : NULL);
    }
    return sum_nodes(b->graph, name, loss->term_count, terms);
}

/* The weighed sum of losses; a factor of 1 costs nothing. */
static Node *weigh(Graph *graph, const char *name, int count, Node *const *loss, const WeighedLoss *weighed) {
    Node **terms = NEW_ARRAY(Node *, count);
    for (int i = 0; i < count; i++) {
        terms[i] = loss[i];
        if (weighed[i].factor == 1) continue;
        terms[i] = append_node(graph, (Node){.op = OP_SCALE,
                                             .name = format("%s_%s", name, weighed[i].loss->name),
                                             .input_count = 1,
                                             .input = {loss[i]},
                                             .factor = weighed[i].factor});
    }
    return sum_nodes(graph, name, count, terms);
}

static bool step_uses(const TrainingStep *step, const NamedLoss *loss) {
    for (int i = 0; i < step->update_count; i++)
        for (int k = 0; k < step->updates[i].loss_count; k++)
            if (step->updates[i].losses[k].loss == loss) return true;
    return false;
}

static Graph *build_step(const Spec *spec, const TrainingStep *step) {
    SystemBuilder b = begin_graph(spec, true);
    add_values(&b, step->needs);
    for (int i = 0; i < b.system->loss_count; i++) {
        const NamedLoss *loss = &b.system->losses[i];
        if (step_uses(step, loss)) name_node(b.graph, ROLE_LOSS, format("loss.%s", loss->name), add_loss(&b, loss, LOSS_OF_BATCH));
    }
    share_common_values(b.graph);
    return b.graph;
}

/* ---- evaluation ---- */

/* A node has one place of the caller's. */
static Node *give_place(Graph *graph, const char *name, Node *node) {
    if (node->op != OP_INPUT && !node->parameter && !name_of(graph, ROLE_OUTPUT, node) && node->op != OP_SLICE && node->op != OP_DETACH)
        return node;
    return append_node(graph, (Node){.op = OP_SCALE, .name = name, .input_count = 1, .input = {node}, .factor = 1});
}

/* Of the reconstruction, in the scale of [0, 1]. */
static Node *add_default_score(SystemBuilder *b) {
    const LossTerm term = {.kind = TERM_MSE, .weight = 0.25};
    return add_loss_term(b->graph, "score_error", &term, LOSS_OF_FRAME, b->value[b->system->reconstruction->value->number],
                         b->value[b->system->target->number]);
}

/* [B, 1, 1, 1], or [B·F, 1, 1, 1] where it is per frame. */
static Node *add_score_node(SystemBuilder *b) {
    const Score *score = &b->system->score;
    Node **loss = NEW_ARRAY(Node *, score->loss_count + 1);
    for (int i = 0; i < score->loss_count; i++)
        loss[i] = add_loss(b, score->losses[i].loss, score->per_frame ? LOSS_OF_FRAME : LOSS_OF_ITEM);
    b->graph->layer = "score";
    return score->loss_count ? weigh(b->graph, "score", score->loss_count, loss, score->losses) : add_default_score(b);
}

static void name_score(SystemBuilder *b, Node *sum) {
    const Score *score = &b->system->score;
    NamedNode *named = name_node(b->graph, ROLE_OUTPUT, "score", sum);
    const long clips = b->spec->training.batch, frames = sum->shape[0] / clips;
    named->argument = (Argument){.name = "score", .rank = score->per_frame ? 2 : 1, .shape = {clips, score->per_frame ? frames : 0}};
}

Graph *build_evaluation(const Spec *spec, bool frame) {
    const System *system = spec->system;
    SystemBuilder b = begin_graph(spec, false);
    b.frame = frame;
    add_values(&b, system->evaluation_needs);
    b.graph->layer = "output";
    for (int i = 0; i < system->output_count; i++) {
        const SystemOutput *output = &system->outputs[i];
        Node *node = give_place(b.graph, format("output_%s", output->name), b.value[output->value->number]);
        name_clips(b.graph, ROLE_OUTPUT, format("output.%s", output->name), node);
    }
    if (system->score.present) name_score(&b, add_score_node(&b));
    share_common_values(b.graph);
    prune_graph(b.graph, NULL, 0);
    return b.graph;
}

/* Every value that training could compute, in training. Its inputs are all that training draws, read by a step or not. */
static Graph *build_draws(const Spec *spec) {
    const System *system = spec->system;
    SystemBuilder b = begin_graph(spec, true);
    bool *computed = NEW_ARRAY(bool, system->value_count);
    for (int i = 0; i < system->value_count; i++) {
        const Value *value = system->values[i];
        computed[value->number] = value->kind != VALUE_CALL || !value->call->in_outputs;
        for (int k = 0; k < value->operand_count; k++)
            computed[value->number] = computed[value->number] && computed[value->operands[k]->number];
    }
    add_values(&b, computed);
    return b.graph;
}

/* The sum over the items: each has its own gradient in it. What else the graph gave is removed. */
static void add_search_gradient(Graph *graph, const System *system, Node *score) {
    Node *noise = named_node(graph, ROLE_INPUT, format("noise.%s", system->search.noise->name)), *gradient;
    const Node sum = {.op = OP_ROW_SUM, .name = "score_of_all", .input_count = 1, .input = {score}, .factor = 1, .rows = score->shape[0]};
    Node *total = append_node(graph, sum);
    graph->named[ROLE_OUTPUT].count = 0;
    share_common_values(graph);
    prune_graph(graph, &total, 1);
    differentiate(graph, total, 1, &noise, &gradient);
    if (!gradient) die("the score does not depend on %s", system->search.noise->name);
    name_clips(graph, ROLE_OUTPUT, "gradient", give_place(graph, "gradient_given", gradient));
    prune_graph(graph, NULL, 0);
}

static Graph *build_search(const Spec *spec) {
    SystemBuilder b = begin_graph(spec, false);
    add_values(&b, spec->system->score.needs);
    add_search_gradient(b.graph, spec->system, add_score_node(&b));
    return b.graph;
}

void differentiate_score(Graph *graph, const System *system) {
    add_search_gradient(graph, system, named_node(graph, ROLE_OUTPUT, "score"));
}

TrainerGraphs build_system(const Spec *spec) {
    const System *system = spec->system;
    TrainerGraphs graphs = {.step_count = system->step_count, .step = NEW_ARRAY(Graph *, system->step_count)};
    for (int i = 0; i < system->step_count; i++) graphs.step[i] = build_step(spec, &system->steps[i]);
    graphs.evaluation = build_evaluation(spec, false);
    graphs.draws = build_draws(spec);
    if (system->search.noise) graphs.search = build_search(spec);
    return graphs;
}

/* ---- gradients ---- */

static bool same_losses(const StepUpdate *a, const StepUpdate *b) {
    if (a->loss_count != b->loss_count) return false;
    for (int i = 0; i < a->loss_count; i++)
        if (a->losses[i].loss != b->losses[i].loss || a->losses[i].factor != b->losses[i].factor) return false;
    return true;
}

/* The parameters of all networks of a step that are updated by the same losses as update number `first`. */
static int list_updated(const Graph *graph, const TrainingStep *step, int first, Parameter **list) {
    int count = 0;
    for (int i = 0; i < graph->parameter_count; i++)
        for (int u = first; u < step->update_count; u++) {
            const bool same = same_losses(&step->updates[first], &step->updates[u]);
            if (!same || !graph->parameter[i]->trained || graph->parameter[i]->group->number != step->updates[u].network->index) continue;
            list[count++] = graph->parameter[i];
        }
    return count;
}

/* Was an update before it by the same losses? Then its networks are among that one's. */
static bool is_done(const TrainingStep *step, int update) {
    for (int i = 0; i < update; i++)
        if (same_losses(&step->updates[i], &step->updates[update])) return true;
    return false;
}

static int losses_of(const Graph *graph, const System *system, const TrainingStep *step, Node **loss, const NamedLoss **named) {
    int count = 0;
    for (int i = 0; i < system->loss_count; i++) {
        if (!step_uses(step, &system->losses[i])) continue;
        named[count] = &system->losses[i];
        loss[count++] = named_node(graph, ROLE_LOSS, format("loss.%s", system->losses[i].name));
    }
    return count;
}

/* What the networks of an update, and of those by the same losses, are updated by. */
static LossSum sum_of(const StepUpdate *update, const NamedLoss *const *named, int losses, int parameters, Parameter *const *list) {
    double *factor = NEW_ARRAY(double, losses);
    Node **of = NEW_ARRAY(Node *, parameters);
    for (int i = 0; i < update->loss_count; i++)
        for (int l = 0; l < losses; l++)
            if (named[l] == update->losses[i].loss) factor[l] += update->losses[i].factor;
    for (int i = 0; i < parameters; i++) of[i] = list[i]->node;
    return (LossSum){factor, parameters, of, NEW_ARRAY(Node *, parameters)};
}

/* By a factor of zero, a gradient is zero. */
static Node *gradient_or_zero(Graph *graph, const Parameter *parameter, Node *gradient) {
    graph->layer = parameter->node->layer;
    return gradient ? gradient : add_constant(graph, format("%s_grad", parameter->node->name), parameter->node, 0);
}

/* Nothing that no loss needs is differentiated. */
static void differentiate_step(Graph *graph, const System *system, const TrainingStep *step) {
    Node **loss = NEW_ARRAY(Node *, system->loss_count);
    const NamedLoss **named = NEW_ARRAY(const NamedLoss *, system->loss_count);
    LossSum *sum = NEW_ARRAY(LossSum, step->update_count);
    Parameter ***list = NEW_ARRAY(Parameter **, step->update_count);
    int sums = 0;
    prune_graph(graph, NULL, 0);
    const int losses = losses_of(graph, system, step, loss, named);
    for (int i = 0; i < step->update_count; i++) {
        if (is_done(step, i)) continue;
        list[sums] = NEW_ARRAY(Parameter *, graph->parameter_count);
        const int parameters = list_updated(graph, step, i, list[sums]);
        sum[sums] = sum_of(&step->updates[i], named, losses, parameters, list[sums]);
        sums++;
    }
    differentiate_sums(graph, losses, loss, sums, sum);
    for (int s = 0; s < sums; s++)
        for (int i = 0; i < sum[s].count; i++)
            set_parameter_gradient(graph, list[s][i], gradient_or_zero(graph, list[s][i], sum[s].gradient[i]));
    prune_graph(graph, NULL, 0);
}

void differentiate_system(const Spec *spec, TrainerGraphs *graphs) {
    for (int i = 0; i < graphs->step_count; i++) differentiate_step(graphs->step[i], spec->system, &spec->system->steps[i]);
}
