/* explain.c: a spec in figures: layer by layer, in total, and the memory that each target needs; of a system step by step, too.
 *
 * Shapes and parameters come from the graph, or from the layers of a system. FLOPs and bytes are those of the lowered kernels, each counted
 * for its layer. So the figures are those of the code that runs. */
#include "command/explain.h"

#include "bundle/inference.h"
#include "command/explain_trade.h"
#include "command/explanation.h"
#include "graph/shapes.h"

#include <limits.h>
#include <string.h>

/* ---- numbers ---- */

const char *grouped(double value) {
    const char *digits = format("%.0f", value);
    const size_t length = strlen(digits);
    Text text = {0};
    for (size_t i = 0; i < length; i++) text_add(&text, "%s%c", i && (length - i) % 3 == 0 ? "," : "", digits[i]);
    return text.bytes;
}

const char *scaled(double value) {
    static const char units[] = " kMGTPE";
    int unit = 0;
    for (; value >= 999.95 && units[unit + 1]; unit++) value /= 1000;
    return value == 0 ? "-" : format(unit ? "%.1f %c" : "%.0f %c", value, units[unit]);
}

/* ---- the table of version 1 ---- */

/* There is one step, and the evaluation. */
enum { TRAINING, FORWARD };

static double step_products(const Row *row) {
    return row->work[TRAINING].forward + row->work[TRAINING].backward;
}

static long frames(const Explanation *explanation) {
    const Spec *spec = explanation->model->spec;
    return (long)spec->training.batch * spec->T;
}

static void fill_cells(const Explanation *explanation, const Row *row, const char **cell) {
    cell[0] = row->name;
    cell[1] = row->operations.bytes;
    cell[2] = row->shapes;
    cell[3] = count_text(row->parameters);
    cell[4] = scaled(row->work[FORWARD].forward / (double)frames(explanation));
    cell[5] = scaled(step_products(row));
    cell[6] = scaled(row->work[FORWARD].bytes);
    cell[7] = scaled(row->work[TRAINING].bytes);
}

static void print_layers(FILE *out, const Explanation *explanation, const Row *total) {
    static const char *const heads[][8] = {
        {"", "", "", "", "forward", "training", "forward", "training"},
        {"", "", "", "", "FLOP", "FLOP", "bytes", "bytes"},
        {"layer", "what it computes", "in → out", "parameters", "a frame", "a step", "a step", "a step"},
    };
    Table table = {.columns = 8, .left = 3};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) memcpy(add_line(&table), heads[i], sizeof heads[i]);
    add_rule(&table);
    for (int i = 0; i < explanation->count; i++) fill_cells(explanation, &explanation->row[i], add_line(&table));
    add_rule(&table);
    fill_cells(explanation, total, add_line(&table));
    print_table(out, &table);
}

/* ---- totals, memory, legend ---- */

static void print_totals(FILE *out, const Explanation *explanation, const Row *total) {
    const double count = (double)frames(explanation);
    fprintf(out, "\ntotals\n");
    fprintf(out, "  parameters     %s trained, %s bytes as a file holds them", grouped((double)total->parameters),
            grouped((double)total->parameters * 4));
    if (total->statistics) fprintf(out, "; %s running statistics", grouped((double)total->statistics));
    fprintf(out, "\n  forward        %s multiply-adds = %s FLOP a frame; %s FLOP a step\n",
            grouped(total->work[FORWARD].forward / count / 2), grouped(total->work[FORWARD].forward / count),
            grouped(total->work[FORWARD].forward));
    fprintf(out, "  training step  %s FLOP: forward, gradients of data and of weights%s\n", grouped(step_products(total)),
            explanation->again ? "; and what is computed again" : "");
    fprintf(out, "  beside these   %sFLOP a training step (norms, activations, GRU cells, loss, update), %sB moved\n",
            scaled(total->work[TRAINING].others), scaled(total->work[TRAINING].bytes));
}

/* The memory of a program by itself. */
static void add_alone(Text *lines, const char *name, const Program *program) {
    text_add(lines, "  %-8s %-9s  %15s + threads × %9s\n", "", name, grouped((double)program->alone_bytes),
             grouped((double)program->alone_scratch));
}

/* Of a system's bundle in float32, whose search and evaluation share one workspace. */
static void add_bundle(Text *lines, const Spec *spec, const Target *target) {
    if (!spec->system || target->pairs || why_no_inference(spec, PRECISION_F32)) return;
    const Inference *inference = compile_inference(spec, PRECISION_F32, RECURRENCE_WINDOW, &target, 1, default_choices.filtering);
    const InferenceCode *code = inference->code[0];
    text_add(lines, "  %-8s %-9s  %15s + threads × %9s   (and weights: %s)\n", "", "bundle", grouped((double)code->workspace_bytes),
             grouped((double)code->base.scratch_bytes), grouped((double)code->weight_bytes));
    if (inference->search) add_alone(lines, "  search", &code->program[SYSTEM_search]);
}

static void add_memory(Explanation *explanation, const TargetCode *code) {
    Text *lines = &explanation->memory;
    const char *kept = grouped((double)code->kept_bytes);
    text_add(lines, "  %-8s training   %15s + threads × %9s   (%s of it are kept%s)\n", code->target->name,
             grouped((double)code->workspace_bytes), grouped((double)code->scratch_bytes), kept,
             explanation->model->spec->system ? "" : " from step to step");
    if (code->between_bytes)
        text_add(lines, "  %-8s %-9s  %15s of these are what steps leave for later ones\n", "", "between",
                 grouped((double)code->between_bytes));
    add_alone(lines, "inference", program_named(code, "evaluate"));
    if (explanation->model->graphs.search) add_alone(lines, "search", program_named(code, "search"));
    add_bundle(lines, explanation->model->spec, code->target);
}

typedef struct Buffers {
    Text parts;
    double bytes;
} Buffers;

static void add_buffer(Buffers *buffers, const char *name, double size) {
    text_add(&buffers->parts, "%s%s %s", buffers->bytes > 0 ? " + " : "", name, grouped(size));
    buffers->bytes += size;
}

static double node_bytes(const Node *node) {
    return 4.0 * (double)count_elements(node);
}

/* What a search keeps besides: the optimizer's moments, and the samples of before it. */
static void add_search_buffers(Buffers *buffers, const TrainerGraphs *graphs) {
    const Node *gradient = named_node(graphs->search, ROLE_OUTPUT, "gradient"),
               *samples = named_node(graphs->evaluation, ROLE_OUTPUT, "output.samples");
    add_buffer(buffers, "the search's moments", 2 * node_bytes(gradient));
    if (samples) add_buffer(buffers, "samples before it", node_bytes(samples));
}

/* What programs are given and give, by name: those of one name share a buffer. */
static void print_buffers(FILE *out, const Explanation *explanation) {
    static const Role roles[] = {ROLE_INPUT, ROLE_OUTPUT};
    Buffers buffers = {.parts = text_begin()};
    NameSet seen = {0};
    for (int r = 0; r < 2; r++)
        for (int p = 0; p < explanation->program_count; p++) {
            const NamedNodes *named = &explanation->graph[p]->named[roles[r]];
            for (int i = 0; i < named->count; i++) {
                const NamedNode *entry = &named->entry[i];
                if (name_set_has(&seen, entry->name)) continue;
                name_set_add(&seen, entry->name);
                add_buffer(&buffers, entry->name, node_bytes(entry->node));
            }
        }
    if (explanation->model->graphs.search) add_search_buffers(&buffers, &explanation->model->graphs);
    const Wrapping wrapping = {explanation->model->spec->system ? TERMINAL : INT_MAX, 6, " + "};
    print_wrapped(out, &wrapping, format("  the caller's buffers, beside these: %s = ", grouped(buffers.bytes)), buffers.parts.bytes);
}

static void print_memory(FILE *out, const Explanation *explanation) {
    fprintf(out, "\nmemory, in bytes: a fixed part + threads × scratch\n%s", explanation->memory.bytes);
    print_buffers(out, explanation);
}

static void print_legend(FILE *out, const Explanation *explanation) {
    const Spec *spec = explanation->model->spec;
    fprintf(out,
            "\nA step is a batch: %s × %s = %s. Shapes are a frame's, channels×height×width; /2 is a stride.\n"
            "FLOPs are those of linear layers and of convolutions by one product for each tap, however they are run; a multiply-add\n"
            "is 2. training = forward + gradients of data and of weights. Bytes are what the kernels move at least: each tensor that\n"
            "one touches, once (for %s); those of forward are inference's.\n"
            "Kept are parameters, gradients, the optimizer's moments, running statistics, and weights in further layouts and as\n"
            "minimal filtering wants them.\n"
            "inference is the evaluate program alone, for the same batch: the parameters and running statistics that it reads,\n"
            "and its tensors. A trainer allocates training's and evaluates in it. Decoded videos are not counted here.\n",
            plural(spec->training.batch, "clip"), plural(spec->T, "frame"), plural(frames(explanation), "frame"), explanation->first->name);
}

/* ---- both versions ---- */

Explanation *explain_model(const Model *model) {
    const TrainerGraphs *graphs = &model->graphs;
    Explanation *explanation = NEW(Explanation);
    *explanation = (Explanation){.model = model, .memory = text_begin(), .trades = text_begin()};
    explanation->graph = NEW_ARRAY(const Graph *, graphs->step_count + 2);
    for (int i = 0; i < graphs->step_count; i++) explanation->graph[explanation->program_count++] = graphs->step[i];
    explanation->graph[explanation->program_count++] = graphs->evaluation;
    if (graphs->search) explanation->graph[explanation->program_count++] = graphs->search;
    if (model->spec->system) add_system_rows(explanation);
    else add_model_rows(explanation);
    return explanation;
}

void explain_target(Explanation *explanation, const TargetCode *code) {
    add_memory(explanation, code);
    explain_trade(&explanation->trades, code);
    if (explanation->first) return;
    explanation->first = code->target;
    explanation->again = code->trade && code->trade->count;
    explanation->keeps = code->between_bytes > 0;
    count_work(explanation, code);
}

void print_explanation(FILE *out, const Explanation *explanation) {
    const Spec *spec = explanation->model->spec;
    const char *items = spec->system && spec->T == 1 ? "images" : format("clips of %s", plural(spec->T, "frame"));
    fprintf(out, "%s: %s, %d×%d×%d; batch %d\n\n", spec->name, items, spec->channels, spec->height, spec->width, spec->training.batch);
    if (spec->system) {
        print_system(out, explanation);
    } else {
        const Row total = add_up(explanation);
        print_layers(out, explanation, &total);
        print_totals(out, explanation, &total);
    }
    print_memory(out, explanation);
    if (explanation->trades.length) fprintf(out, "\n%s", explanation->trades.bytes);
    if (spec->system) print_system_legend(out, explanation);
    else print_legend(out, explanation);
}
