/* explain.c: a spec in figures: layer by layer, in total, and the memory that each target needs.
 *
 * Shapes and parameters come from the graph. FLOPs and bytes are those of the lowered kernels, each counted for its layer. So the figures
 * are those of the code that runs. */
#include "command/explain.h"

#include "command/explain_trade.h"
#include "graph/shapes.h"

#include <string.h>

enum { CELLS = 8, HEADS = 3, GAP = 2 };

typedef struct Work {
    double products; /* FLOPs of convolutions and linear layers, a multiply-add being 2 */
    double others;   /* FLOPs of all else */
    double bytes;    /* compulsory traffic: every tensor that a kernel touches, once */
} Work;

typedef struct Row {
    const char *name;         /* encoder1 */
    const Node *first, *last; /* forward nodes of the layer; NULL: loss, update */
    Text operations;
    long parameters, statistics; /* elements */
    Work forward, training;      /* of a step: B·T frames */
} Row;

struct Explanation {
    const Model *model;
    int count, capacity;
    Row *row;            /* layers, then the loss, then the update */
    const Target *first; /* the target whose kernels are counted; NULL: no target so far */
    Text memory;         /* lines, two for each target */
    Text trades;         /* what --max-ram made of each */
    bool again;          /* the first target computes something again */
};

/* ---- rows ---- */

static Row *find_row(Explanation *explanation, const char *layer) {
    for (int i = 0; i < explanation->count; i++)
        if (strcmp(explanation->row[i].name, layer) == 0) return &explanation->row[i];
    return NULL;
}

static Row *add_row(Explanation *explanation, const char *name) {
    MAKE_ROOM(explanation->row, explanation->count, explanation->capacity);
    Row *row = &explanation->row[explanation->count++];
    row->name = name;
    return row;
}

/* "3×5" */
static const char *pair(const long size[2]) {
    return format("%ld×%ld", size[0], size[1]);
}

/* "1 frame", "4 frames" */
static const char *plural(long count, const char *noun) {
    return format("%ld %s%s", count, noun, count == 1 ? "" : "s");
}

/* The words that a forward node adds to the description of its layer: "conv 3×3 /2", "batch", "relu". */
static void describe_node(Row *row, const Node *node) {
    static const char *const words[OP_COUNT] = {
        [OP_CONV2D] = "conv",
        [OP_CONV_TRANSPOSE2D] = "conv_transpose",
        [OP_LINEAR] = "linear",
        [OP_BATCH_NORM] = "batch",
    };
    const char *word = operation_is(node->op, ACTIVATION) ? operation_name(node->op) : words[node->op];
    if (node->op == OP_GRU_CELL) row->operations = (Text){0}; /* its linear layers are part of it */
    if (node->op == OP_GRU_CELL) text_add(&row->operations, "gru over %s", plural(node->scan->steps, "step"));
    if (!word) return;
    text_add(&row->operations, "%s%s", row->operations.length ? " " : "", word);
    if (node->op != OP_CONV2D && node->op != OP_CONV_TRANSPOSE2D) return;
    text_add(&row->operations, " %s", pair(node->kernel));
    const bool square = node->stride[0] == node->stride[1];
    if (!square) text_add(&row->operations, " /%s", pair(node->stride));
    else if (node->stride[0] > 1) text_add(&row->operations, " /%ld", node->stride[0]);
}

/* A row for each layer of the forward graph. */
static void find_layers(Explanation *explanation) {
    const Graph *graph = explanation->model->graphs.evaluation;
    for (int i = 0; i < graph->node_count && !name_of(graph, ROLE_LOSS, graph->node[i]); i++) {
        const Node *node = graph->node[i];
        if (node->op == OP_INPUT || node->op == OP_PARAMETER || node->op == OP_STATE) continue;
        Row *row = find_row(explanation, node->layer);
        if (!row) row = add_row(explanation, node->layer);
        if (!row->first) row->first = node;
        row->last = node;
        describe_node(row, node);
    }
    for (int p = 0; p < graph->parameter_count; p++) {
        const Parameter *parameter = graph->parameter[p];
        Row *row = find_row(explanation, parameter->node->layer);
        if (!row) die("%s is of no layer", parameter->name);
        *(parameter->trained ? &row->parameters : &row->statistics) += parameter->count;
    }
}

/* ---- work ---- */

static void count_work(Explanation *explanation, const TargetCode *code, bool training) {
    const Program *program = program_named(code, training ? "train" : "evaluate");
    Row *update = &explanation->row[explanation->count - 1];
    for (int i = 0; i < program->call_count; i++) {
        const Kernel *kernel = program->call[i].kernel;
        const double times = program->call[i].scan ? (double)program->call[i].scan->steps : 1;
        Row *row = kernel->layer ? find_row(explanation, kernel->layer) : update;
        Work *work = training ? &row->training : &row->forward;
        *(kernel->product ? &work->products : &work->others) += kernel->flops * times;
        work->bytes += kernel->bytes * times;
    }
}

static void add_work(Work *sum, const Work *work) {
    sum->products += work->products;
    sum->others += work->others;
    sum->bytes += work->bytes;
}

static Row add_up(const Explanation *explanation) {
    Row total = {.name = "total"};
    for (int i = 0; i < explanation->count; i++) {
        const Row *row = &explanation->row[i];
        total.parameters += row->parameters;
        total.statistics += row->statistics;
        add_work(&total.forward, &row->forward);
        add_work(&total.training, &row->training);
    }
    return total;
}

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

/* ---- the table ---- */

static const char *shape_text(const Node *node) {
    const long *shape = node->shape;
    return shape[2] * shape[3] == 1 ? format("%ld", shape[1]) : format("%ld×%ld×%ld", shape[1], shape[2], shape[3]);
}

static long frames(const Explanation *explanation) {
    const Spec *spec = explanation->model->spec;
    return (long)spec->training.batch * spec->T;
}

static void fill_cells(const Explanation *explanation, const Row *row, const char *cell[CELLS]) {
    cell[0] = row->name;
    cell[1] = row->operations.length ? row->operations.bytes : "";
    cell[2] = row->first ? format("%s → %s", shape_text(row->first->input[0]), shape_text(row->last)) : "";
    cell[3] = row->parameters ? grouped((double)row->parameters) : "-";
    cell[4] = scaled(row->forward.products / (double)frames(explanation));
    cell[5] = scaled(row->training.products);
    cell[6] = scaled(row->forward.bytes);
    cell[7] = scaled(row->training.bytes);
}

/* printf's widths count bytes, a reader's eyes characters. */
static int characters(const char *text) {
    int count = 0;
    for (; *text; text++) count += (*text & 0xC0) != 0x80;
    return count;
}

static void print_line(FILE *out, const char *const cell[CELLS], const int width[CELLS]) {
    Text line = {0};
    for (int c = 0; c < CELLS; c++) {
        const int space = width[c] - characters(cell[c]);
        if (c < 3) text_add(&line, "%s%*s", cell[c], space + GAP, "");
        else text_add(&line, "%*s%s%*s", space, "", cell[c], c + 1 < CELLS ? GAP : 0, "");
    }
    while (line.length && line.bytes[line.length - 1] == ' ') line.bytes[--line.length] = 0;
    fprintf(out, "%s\n", line.bytes);
}

static void print_table(FILE *out, const Explanation *explanation, const Row *total) {
    static const char *const heads[HEADS][CELLS] = {
        {"", "", "", "", "forward", "training", "forward", "training"},
        {"", "", "", "", "FLOP", "FLOP", "bytes", "bytes"},
        {"layer", "what it computes", "in → out", "parameters", "a frame", "a step", "a step", "a step"},
    };
    const int lines = explanation->count + HEADS + 1;
    const char *(*cells)[CELLS] = arena_allocate(sizeof *cells * (size_t)lines);
    memcpy(cells, heads, sizeof heads);
    for (int i = 0; i < explanation->count; i++) fill_cells(explanation, &explanation->row[i], cells[HEADS + i]);
    fill_cells(explanation, total, cells[lines - 1]);

    int width[CELLS] = {0}, whole = GAP * (CELLS - 1);
    for (int c = 0; c < CELLS; c++) {
        for (int i = 0; i < lines; i++)
            if (characters(cells[i][c]) > width[c]) width[c] = characters(cells[i][c]);
        whole += width[c];
    }
    for (int i = 0; i < lines; i++) {
        if (i == HEADS || i == lines - 1) { /* under the heads and over the total */
            for (int c = 0; c < whole; c++) fputc('-', out);
            fputc('\n', out);
        }
        print_line(out, cells[i], width);
    }
}

/* ---- totals, memory, legend ---- */

static void print_totals(FILE *out, const Explanation *explanation, const Row *total) {
    const double count = (double)frames(explanation);
    fprintf(out, "\ntotals\n");
    fprintf(out, "  parameters     %s trained, %s bytes as a file holds them", grouped((double)total->parameters),
            grouped((double)total->parameters * 4));
    if (total->statistics) fprintf(out, "; %s running statistics", grouped((double)total->statistics));
    fprintf(out, "\n  forward        %s multiply-adds = %s FLOP a frame; %s FLOP a step\n", grouped(total->forward.products / count / 2),
            grouped(total->forward.products / count), grouped(total->forward.products));
    fprintf(out, "  training step  %s FLOP: forward, gradients of data and of weights%s\n", grouped(total->training.products),
            explanation->again ? "; and what is computed again" : "");
    fprintf(out, "  beside these   %sFLOP a training step (norms, activations, GRU cells, loss, update), %sB moved\n",
            scaled(total->training.others), scaled(total->training.bytes));
}

static void add_memory(Text *lines, const TargetCode *code) {
    const char *kept = grouped((double)code->kept_bytes);
    text_add(lines, "  %-8s training   %15s + threads × %9s   (%s of it are kept from step to step)\n", code->target->name,
             grouped((double)code->workspace_bytes), grouped((double)code->scratch_bytes), kept);
    const Program *evaluate = program_named(code, "evaluate");
    text_add(lines, "  %-8s inference  %15s + threads × %9s\n", "", grouped((double)evaluate->alone_bytes),
             grouped((double)evaluate->alone_scratch));
}

static void print_memory(FILE *out, const Explanation *explanation) {
    const Graph *graph = explanation->model->graphs.step[0];
    fprintf(out, "\nmemory, in bytes: a fixed part + threads × scratch\n%s", explanation->memory.bytes);
    static const Role roles[] = {ROLE_INPUT, ROLE_OUTPUT};
    Text parts = text_begin();
    double bytes = 0;
    for (int r = 0; r < 2; r++)
        for (int i = 0; i < graph->named[roles[r]].count; i++) {
            const NamedNode *entry = &graph->named[roles[r]].entry[i];
            const double size = 4.0 * (double)count_elements(entry->node);
            text_add(&parts, "%s%s %s", bytes > 0 ? " + " : "", entry->name, grouped(size));
            bytes += size;
        }
    fprintf(out, "  the caller's buffers, beside these: %s = %s\n", grouped(bytes), parts.bytes);
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

Explanation *explain_model(const Model *model) {
    const Spec *spec = model->spec;
    Explanation *explanation = NEW(Explanation);
    *explanation = (Explanation){.model = model, .memory = text_begin(), .trades = text_begin()};
    find_layers(explanation);
    text_add(&add_row(explanation, "loss")->operations, "%s", spec->loss == LOSS_L1 ? "l1" : "mse");
    text_add(&add_row(explanation, "update")->operations, "%s", optimizer_names[spec->optimizer.name]);
    return explanation;
}

void explain_target(Explanation *explanation, const TargetCode *code) {
    add_memory(&explanation->memory, code);
    explain_trade(&explanation->trades, code);
    if (explanation->first) return;
    explanation->first = code->target;
    explanation->again = code->trade && code->trade->count;
    count_work(explanation, code, false);
    count_work(explanation, code, true);
}

void print_explanation(FILE *out, const Explanation *explanation) {
    const Spec *spec = explanation->model->spec;
    const Row total = add_up(explanation);
    fprintf(out, "%s: clips of %s, %d×%d×%d; batch %d\n\n", spec->name, plural(spec->T, "frame"), spec->channels, spec->height, spec->width,
            spec->training.batch);
    print_table(out, explanation, &total);
    print_totals(out, explanation, &total);
    print_memory(out, explanation);
    if (explanation->trades.length) fprintf(out, "\n%s", explanation->trades.bytes);
    print_legend(out, explanation);
}
