/* emit_model.c: the model's tables: the ModelDescription of model.h, and the list of targets. */
#include "emit/emit.h"

#include "base/version.h"
#include "emit/c_tree.h"
#include "graph/shapes.h"
#include "target/target_printing.h"

#include <string.h>

enum { LONGEST_STRING = 4000, BYTES_A_LINE = 24 };

/* A C string; its line breaks break the literal too, so that a spec can be read. */
static const char *quoted(const char *text) {
    Text out = {0};
    text_add(&out, "\"");
    for (const char *c = text; *c; c++) {
        if (*c == '\n') text_add(&out, c[1] ? "\\n\"\n    \"" : "\\n");
        else if (*c == '"' || *c == '\\') text_add(&out, "\\%c", *c);
        else if (*c == '?') text_add(&out, "\\?"); /* no trigraphs */
        else if ((unsigned char)*c < ' ' || (unsigned char)*c > '~') text_add(&out, "\\%03o", (unsigned)(unsigned char)*c);
        else text_add(&out, "%c", *c);
    }
    text_add(&out, "\"");
    return out.bytes;
}

/* C guarantees strings of 4095 characters: a longer spec is an array. */
static void emit_spec_text(Text *out, const char *canonical) {
    if (strlen(canonical) <= LONGEST_STRING) {
        text_add(out, "static const char canonical_spec[] =\n    %s;\n\n", quoted(canonical));
        return;
    }
    text_add(out, "static const char canonical_spec[] = {");
    size_t i = 0;
    for (; canonical[i]; i++) text_add(out, "%s%d,", i % BYTES_A_LINE ? " " : "\n    ", (int)canonical[i]);
    text_add(out, " 0};\n\n");
}

static const char *exact(double value) {
    Text text = {0};
    c_expression_text(&text, c_double(value));
    return text.bytes;
}

/* One table of tensors: the trained parameters, or the running statistics. Returns their number; *elements: of all. */
static int emit_tensors(Text *out, const Graph *graph, bool trained, const char *name, long *elements) {
    int count = 0;
    *elements = 0;
    for (int i = 0; i < graph->parameter_count; i++) {
        const Parameter *parameter = graph->parameter[i];
        if (parameter->trained != trained) continue;
        if (!count++) text_add(out, "static const ModelTensor %s[] = {\n", name);
        Text shape = {0};
        for (int d = 0; d < parameter->rank; d++) text_add(&shape, "%s%ld", d ? ", " : "", parameter->shape[d]);
        text_add(out, "    {\"%s\", %d, {%s}, %ld, %ld, %s, %s},\n", parameter->name, parameter->rank, shape.bytes, parameter->count,
                 *elements, exact(parameter->bound), exact(parameter->fill));
        *elements += parameter->count;
    }
    if (count) text_add(out, "};\n\n");
    return count;
}

/* PyTorch's state_dict: the parameters in order, and after the statistics of each batch norm the number of batches. */
static int emit_state_names(Text *out, const Graph *graph) {
    int count = 0;
    text_add(out, "static const char *const state_names[] = {\n");
    for (int i = 0; i < graph->parameter_count; i++) {
        const Parameter *parameter = graph->parameter[i];
        text_add(out, "    \"%s\",\n", parameter->name);
        if (parameter->counted) text_add(out, "    \"%s.num_batches_tracked\",\n", parameter->layer);
        count += 1 + parameter->counted;
    }
    if (!count) text_add(out, "    NULL,\n");
    text_add(out, "};\n\n");
    return count;
}

/* The targets that the C compiler can build: a target's file is empty if it cannot. A list that may be empty ends with NULL; returns
 * whether it does. */
static bool emit_targets(Text *out, const Spec *spec, const Target *const *list, int count) {
    bool sure = false;
    for (int pass = 0; pass < 2; pass++) {
        if (pass) text_add(out, "\nstatic const ModelTarget *const model_targets[] = {\n");
        for (int i = 0; i < count; i++) {
            const char *condition = list[i]->printing->condition;
            if (condition) text_add(out, "#if %s\n", condition);
            text_add(out, pass ? "    &%s_%s,\n" : "extern const ModelTarget %s_%s;\n", spec->name, list[i]->name);
            if (condition) text_add(out, "#endif\n");
            sure = sure || !condition;
        }
        if (pass && !sure) text_add(out, "    NULL,\n");
        if (pass) text_add(out, "};\n\n");
    }
    return !sure;
}

static int moments(const Spec *spec) {
    return spec->optimizer.name == OPTIMIZER_SGD ? spec->optimizer.momentum != 0 : 2;
}

static void emit_members(CBlock *out, const Graph *graph) {
    const Spec *spec = graph->spec;
    c_line(out, ".name = \"%s\",", spec->name);
    c_line(out, ".spec_hash = \"%016llx\",", (unsigned long long)spec->hash);
    c_line(out, ".compiler_version = \"%s\",", ZOETROPE_VERSION);
    c_line(out, ".canonical_spec = canonical_spec,");
    c_line(out, ".precision = \"%s\",", spec->precision == COMPUTE_BF16 ? "bf16" : "f32");
    c_line(out, ".T = %d, .channels = %d, .height = %d, .width = %d, .batch = %d,", spec->T, spec->channels, spec->height, spec->width,
           spec->training.batch);
    c_line(out, ".hidden = %d, .gru_layers = %d,", spec->hidden, spec->hidden ? spec->gru_layers : 0);
    const Node *code = named_node(graph, ROLE_CUT, "code");
    c_line(out, ".code_size = %ld,", code ? count_elements(code) / code->shape[0] : 0);
    c_line(out, ".initial_state_normal = %s,", spec->hidden && spec->initial_state == INITIAL_STATE_NORMAL ? "true" : "false");
    c_line(out, ".loss_is_l1 = %s,", spec->loss == LOSS_L1 ? "true" : "false");
    c_line(out, ".optimizer = \"%s\",", optimizer_names[spec->optimizer.name]);
    c_line(out, ".learning_rate = %s, .beta1 = %s, .beta2 = %s, .epsilon = %s,", exact(spec->optimizer.learning_rate),
           exact(spec->optimizer.beta1), exact(spec->optimizer.beta2), exact(spec->optimizer.epsilon));
    c_line(out, ".weight_decay = %s, .momentum = %s, .moments = %d,", exact(spec->optimizer.weight_decay), exact(spec->optimizer.momentum),
           moments(spec));
    c_line(out, ".iterations = %ld, .strips_every = %ld, .seed = UINT64_C(%llu),", spec->training.iterations, spec->training.strips_every,
           (unsigned long long)spec->training.seed);
}

void emit_model_file(Text *out, const Graph *training, const Target *const *list, int count, const char *options) {
    const Spec *spec = training->spec;
    if (training->group_count > 1) die("%s has %d groups of parameters, but a ModelDescription has one", spec->name, training->group_count);
    CBlock *comment = c_block(), *description = c_block();
    c_comment(comment, format("%s_model.c: the tables of %s. Generated by zoetrope: do not edit.\nSpec hash %016llx; options: %s.",
                              spec->name, spec->name, (unsigned long long)spec->hash, options && *options ? options : "none"));
    c_print(out, comment, 0);
    text_add(out, "#include \"model.h\"\n\n");
    emit_spec_text(out, spec->canonical);
    text_add(out, "/* Name, rank, shape, elements, offset; initial values: uniform in ± the bound, or all equal to the fill. */\n");
    long parameter_elements, statistic_elements;
    int parameters = emit_tensors(out, training, true, "parameters", &parameter_elements);
    int statistics = emit_tensors(out, training, false, "statistics", &statistic_elements);
    int names = emit_state_names(out, training);
    const bool ends = emit_targets(out, spec, list, count);
    CBlock *members = c_nested(description, ";", "const ModelDescription model_description =");
    emit_members(members, training);
    c_line(members, ".parameter_tensors = %d, .parameters = %s, .parameter_count = %ld,", parameters, parameters ? "parameters" : "NULL",
           parameter_elements);
    c_line(members, ".statistic_tensors = %d, .statistics = %s, .statistic_count = %ld,", statistics, statistics ? "statistics" : "NULL",
           statistic_elements);
    c_line(members, ".state_names = %d, .state_name = state_names,", names);
    c_line(members, ".target_count = sizeof model_targets / sizeof *model_targets%s,", ends ? " - 1" : "");
    c_line(members, ".targets = model_targets,");
    c_print(out, description, 0);
}
