/* explain_system.c: a system in figures: its networks; what each step and the evaluation run, with which gradients, and the work of it. */
#include "command/explanation.h"
#include "graph/kept_values.h"

#include <string.h>

/* ---- the networks ---- */

/* "updated by adam in steps 0, 2; layers like encoder" */
static const char *network_words(const System *system, const Network *network) {
    Text text = text_begin();
    int steps = 0;
    for (int s = 0; s < system->step_count; s++)
        for (int u = 0; u < system->steps[s].update_count; u++)
            if (system->steps[s].updates[u].network == network) text_add(&text, "%s%d", steps++ ? ", " : "", s);
    const char *like = network->like >= 0 ? format("; like %s", system->networks[network->like].name) : "";
    if (network->frozen) return format("frozen%s", like);
    return format("%s in step%s %s%s", optimizer_names[network->optimizer->name], steps == 1 ? "" : "s", text.bytes, like);
}

static const char *network_shapes(const Network *network) {
    Text text = text_begin();
    for (int i = 0; i < network->input_count; i++) text_add(&text, "%s%s", i ? ", " : "", shape_text(network->inputs[i].shape));
    return format("%s → %s", text.bytes, shape_text(network->layers[network->layer_count - 1].out));
}

static void add_network_lines(Table *table, const Explanation *explanation, const Network *network) {
    const int head = table->count; /* its parameters are known after its layers */
    long parameters = 0;
    add_line(table);
    for (int i = 0; i < explanation->count; i++) {
        const Row *row = &explanation->row[i];
        if (row->network != network->index) continue;
        const char **cell = add_line(table);
        cell[0] = format("  %s", row->name);
        cell[1] = row->operations.bytes;
        cell[2] = row->shapes;
        cell[3] = count_text(row->parameters);
        parameters += row->parameters;
    }
    const char **cell = table->line[head].cell;
    cell[0] = network->name;
    cell[1] = network_words(explanation->model->spec->system, network);
    cell[2] = network_shapes(network);
    cell[3] = count_text(parameters);
}

static void print_networks(FILE *out, const Explanation *explanation, const Row *total) {
    static const char *const heads[] = {"network, layers", "updated by; what it computes", "in → out", "parameters"};
    const System *system = explanation->model->spec->system;
    Table table = {.columns = 4, .left = 3};
    memcpy(add_line(&table), heads, sizeof heads);
    add_rule(&table);
    for (int n = 0; n < system->network_count; n++) add_network_lines(&table, explanation, &system->networks[n]);
    add_rule(&table);
    const char **cell = add_line(&table);
    cell[0] = total->name;
    cell[3] = count_text(total->parameters);
    print_table(out, &table);
    long frozen = 0;
    for (int i = 0; i < explanation->count; i++) {
        const Row *row = &explanation->row[i];
        if (row->network >= 0 && system->networks[row->network].frozen) frozen += row->parameters;
    }
    fprintf(out, "\nparameters: %s trained%s, %s bytes as a file holds them%s\n", grouped((double)(total->parameters - frozen)),
            frozen ? format(" and %s frozen", grouped((double)frozen)) : "", grouped((double)total->parameters * 4),
            total->statistics ? format("; %s running statistics", grouped((double)total->statistics)) : "");
}

/* ---- what a program runs ---- */

typedef struct Part { /* a program of a system */
    int number;
    const TrainingStep *step; /* NULL: the evaluation, the search */
    const Graph *graph;
    const bool *needs; /* by number of the value */
} Part;

static Part part_of(const Explanation *explanation, int number) {
    const System *system = explanation->model->spec->system;
    const Graph *graph = explanation->graph[number];
    if (number < system->step_count) return (Part){number, &system->steps[number], graph, system->steps[number].needs};
    if (number == system->step_count) return (Part){number, NULL, graph, system->evaluation_needs};
    return (Part){number, NULL, graph, system->score.needs};
}

static int count_runs(const Part *part, const System *system, int network) {
    int runs = 0;
    for (int i = 0; i < system->call_count; i++)
        runs += part->needs[system->calls[i]->value->number] && system->calls[i]->network->index == network;
    return runs;
}

/* Which gradients are computed in a network: of its weights; of what it reads, for the sake of others; none. */
static const char *gradients_in(const Explanation *explanation, const Graph *graph, int network) {
    if (updates_group(graph, graph->group[network])) return "weights";
    for (int i = graph->forward_count; graph->forward_count && i < graph->node_count; i++) {
        const Row *row = graph->node[i]->layer ? find_row(explanation, graph->node[i]->layer) : NULL;
        if (row && row->network == network) return "through";
    }
    return "-";
}

static const char padding[] = "           ";

/* A line that begins with a word of the width of `padding`. */
static void print_field(FILE *out, const char *head, const char *separator, const char *text) {
    const Wrapping wrapping = {TERMINAL, sizeof padding - 1, separator};
    print_wrapped(out, &wrapping, head, text);
}

static void print_calls(FILE *out, const Part *part, const System *system) {
    const char *head = "  runs     ";
    for (int i = 0; i < system->call_count; i++) {
        const Value *value = system->calls[i]->value;
        if (!part->needs[value->number]) continue;
        const char *expression = value_expression(value);
        print_field(out, head, ", ", value->name ? format("%s = %s", value->name, expression) : expression);
        head = padding;
    }
}

/* "prior + 1e-06 · feature − 0.5 · gan" */
static const char *weighed_text(int count, const WeighedLoss *losses) {
    Text text = text_begin();
    for (int i = 0; i < count; i++) {
        const double factor = losses[i].factor;
        const bool minus = i > 0 && factor < 0;
        const double shown = minus ? -factor : factor;
        text_add(&text, "%s%s%s",
                 i == 0  ? ""
                 : minus ? " − "
                         : " + ",
                 shown == 1 ? "" : format("%s · ", number_text(shown)), losses[i].loss->name);
    }
    return text.bytes;
}

/* ---- steps ---- */

static const char *batch_text(const TrainingStep *step) {
    if (step->batch == BATCH_NEXT) return "the next batch";
    if (step->batch == BATCH_EACH) return "the next batch in each round";
    return step->batch_of < 0 ? "the iteration's batch" : format("the batch of step %d", step->batch_of);
}

/* The batch, and what is drawn. */
static const char *reads_text(const TrainingStep *step, const Graph *graph) {
    Text text = text_begin();
    text_add(&text, "%s", batch_text(step));
    int draws = 0;
    for (int i = 0; i < graph->named[ROLE_INPUT].count; i++) {
        const NamedNode *entry = &graph->named[ROLE_INPUT].entry[i];
        if (entry->argument.drawn == DRAWN_NOT) continue;
        if (draws++) text_add(&text, ", %s", entry->name);
        else text_add(&text, "; %s %s", step->kept ? format("as step %d drew them:", step->draw) : "drawn anew:", entry->name);
    }
    return text.bytes;
}

static double done_in_an_iteration(const TrainingStep *step) {
    return (double)step->times / step->every;
}

static const char *how_often(const TrainingStep *step) {
    const char *iterations = step->every == 1 ? "in every iteration" : format("in one of %d iterations", step->every);
    return step->times == 1 ? format("once %s", iterations) : format("%d times %s", step->times, iterations);
}

/* What earlier steps of the iteration have computed, and what is not computed again. */
static void print_taken(FILE *out, const Explanation *explanation, int step) {
    const char *head = "  takes    ";
    for (int from = 0; explanation->keeps && from < step; from++) {
        const TakenValues taken = taken_values(&explanation->model->graphs, step, from);
        if (!taken.count) continue;
        print_field(
            out, head, ", ",
            format("%s of step %d, %s bytes: the same numbers, kept", plural(taken.count, "result"), from, grouped((double)taken.bytes)));
        head = padding;
    }
}

static void print_step_head(FILE *out, const Explanation *explanation, const Part *part) {
    const System *system = explanation->model->spec->system;
    const TrainingStep *step = part->step;
    fprintf(out, "\nstep %d, %s\n", part->number, how_often(step));
    for (int u = 0; u < step->update_count; u++) {
        const StepUpdate *update = &step->updates[u];
        print_field(out, u ? padding : "  updates  ", " + ",
                    format("%s by %s", update->network->name, weighed_text(update->loss_count, update->losses)));
    }
    print_field(out, "  reads    ", ", ", reads_text(step, part->graph));
    print_calls(out, part, system);
    print_taken(out, explanation, part->number);
}

static void print_evaluation_head(FILE *out, const Part *part, const System *system) {
    fprintf(out, "\nevaluation, of a batch\n");
    print_calls(out, part, system);
    Text text = text_begin();
    for (int i = 0; i < system->output_count; i++)
        text_add(&text, "%s%s %s", i ? ", " : "", system->outputs[i].name, shape_text(system->outputs[i].value->shape));
    const Score *score = &system->score;
    if (score->present) {
        text_add(&text, "%sscore of a %s", text.length ? ", " : "", score->per_frame ? "frame" : "clip");
        text_add(&text, " = %s", score->loss_count ? weighed_text(score->loss_count, score->losses) : "mean squared error");
    }
    if (text.length) print_field(out, "  gives    ", ", ", text.bytes);
}

static void print_search_head(FILE *out, const Part *part, const System *system) {
    const NoiseSearch *search = &system->search;
    fprintf(out, "\nsearch, %s before each evaluation\n", plural(search->steps, "update"));
    print_field(out, "  updates  ", " + ",
                format("%s by the score, with %s", search->noise->name, optimizer_names[search->optimizer.name]));
    print_calls(out, part, system);
}

/* ---- work ---- */

enum { WORK_COLUMNS = 4 };

static void fill_work(const Work *work, const char **cell) {
    cell[0] = scaled(work->forward);
    cell[1] = scaled(work->backward);
    cell[2] = scaled(work->others);
    cell[3] = scaled(work->bytes);
}

/* Two lines of heads: what the columns before the work are called, and those of the work. */
static void add_heads(Table *table, int count, const char *const *names) {
    static const char *const above[WORK_COLUMNS] = {"forward", "backward", "other", ""};
    static const char *const below[WORK_COLUMNS] = {"FLOP", "FLOP", "FLOP", "bytes"};
    memcpy(add_line(table) + count, above, sizeof above);
    const char **cell = add_line(table);
    memcpy(cell, names, sizeof *names * (size_t)count);
    memcpy(cell + count, below, sizeof below);
    add_rule(table);
}

/* "8 + 7 + 8": forward, gradients of data, gradients of weights. */
static const char *products_text(const Work *work) {
    const int *products = work->products;
    return format("%d + %d + %d", products[PRODUCT_FORWARD], products[PRODUCT_DATA], products[PRODUCT_WEIGHT]);
}

static void print_work(FILE *out, const Explanation *explanation, const Part *part) {
    static const char *const names[] = {"", "gradients", "runs"};
    const System *system = explanation->model->spec->system;
    enum { PRODUCTS = 3 + WORK_COLUMNS };
    Table table = {.columns = PRODUCTS + 1, .left = 2};
    Work total = {0};
    fputc('\n', out);
    add_heads(&table, 3, names);
    table.line[1].cell[PRODUCTS] = "products";
    for (int n = 0; n < system->network_count; n++) {
        const int runs = count_runs(part, system, n);
        Work work = {0};
        for (int i = 0; i < explanation->count; i++)
            if (explanation->row[i].network == n) add_work(&work, &explanation->row[i].work[part->number], 1);
        add_work(&total, &work, 1);
        if (runs == 0) continue;
        const char **cell = add_line(&table);
        cell[0] = system->networks[n].name;
        cell[1] = gradients_in(explanation, part->graph, n);
        cell[2] = format("%d", runs);
        fill_work(&work, cell + 3);
        cell[PRODUCTS] = products_text(&work);
    }
    for (int i = 0; i < explanation->count; i++) {
        const Work *work = &explanation->row[i].work[part->number];
        if (explanation->row[i].network >= 0 || work->bytes == 0) continue;
        const char **cell = add_line(&table);
        cell[0] = explanation->row[i].name;
        fill_work(work, cell + 3);
        add_work(&total, work, 1);
    }
    add_rule(&table);
    const char **cell = add_line(&table);
    cell[0] = "total";
    fill_work(&total, cell + 3);
    cell[PRODUCTS] = products_text(&total);
    print_table(out, &table);
}

static void print_iteration(FILE *out, const Explanation *explanation, const Row *total) {
    static const char *const names[] = {"an iteration", "done"};
    const System *system = explanation->model->spec->system;
    Table table = {.columns = 2 + WORK_COLUMNS, .left = 1};
    Work sum = {0};
    fputc('\n', out);
    add_heads(&table, 2, names);
    for (int s = 0; s < system->step_count; s++) {
        const double done = done_in_an_iteration(&system->steps[s]);
        Work work = {0};
        add_work(&work, &total->work[s], done);
        add_work(&sum, &work, 1);
        const char **cell = add_line(&table);
        cell[0] = format("step %d", s);
        cell[1] = format("%.4g", done);
        fill_work(&work, cell + 2);
    }
    add_rule(&table);
    const char **cell = add_line(&table);
    cell[0] = "total";
    fill_work(&sum, cell + 2);
    print_table(out, &table);
    const char *again = explanation->again ? ", what is computed again with them" : "";
    const Wrapping wrapping = {TERMINAL, 14, ", "};
    fputc('\n', out);
    print_wrapped(out, &wrapping, "an iteration: ",
                  format("%s FLOP of products%s, %sFLOP beside them, %sB moved", grouped(sum.forward + sum.backward), again,
                         scaled(sum.others), scaled(sum.bytes)));
}

/* ---- all ---- */

void print_system(FILE *out, const Explanation *explanation) {
    const System *system = explanation->model->spec->system;
    const Row total = add_up(explanation);
    print_networks(out, explanation, &total);
    for (int p = 0; p < explanation->program_count; p++) {
        const Part part = part_of(explanation, p);
        if (part.step) print_step_head(out, explanation, &part);
        else if (p == system->step_count) print_evaluation_head(out, &part, system);
        else print_search_head(out, &part, system);
        print_work(out, explanation, &part);
        if (p == system->step_count - 1) print_iteration(out, explanation, &total);
    }
}

void print_system_legend(FILE *out, const Explanation *explanation) {
    const Spec *spec = explanation->model->spec;
    fprintf(out,
            "\nWork is that of a batch of %s. Shapes are an item's, channels×frames×height×width, without\n"
            "frames where there is one; a vector is one number; /2 is a stride.\n"
            "Gradients: `weights` are computed for the network's update; `through` are only passed on, to what\n"
            "is updated. Each run of a network is a forward pass of its own, with its own batch statistics.\n"
            "Products are convolutions and linear layers: forward + gradients of data + gradients of weights.\n"
            "FLOPs forward and backward are those of linear layers and of convolutions by one product for each\n"
            "tap, however they are run; a multiply-add is 2. Bytes are what the kernels move at least: each\n"
            "tensor that one touches, once (for %s).\n"
            "`values` are what stands between the networks: sample, join, half, …\n"
            "Kept are parameters, gradients, the optimizers' moments, averages, running statistics, and weights\n"
            "in further layouts and as minimal filtering wants them. All steps share the memory of training.\n"
            "inference is the evaluate program alone, for the same batch%s.\n"
            "bundle is all that an inference bundle in float32 needs for one item%s.\n"
            "A trainer allocates training's and does all in it. Decoded videos are not counted here.\n",
            plural(spec->training.batch, "item"), explanation->first->name, spec->system->search.noise ? "; search that of its update" : "",
            spec->system->search.noise ? ";\nthe search below it shares that memory" : "");
}
