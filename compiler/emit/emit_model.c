/* emit_model.c: the model's tables: the ModelDescription of model.h, and the list of targets. */
#include "emit/emit.h"

#include "base/version.h"
#include "emit/c_tree.h"
#include "graph/named_nodes.h"
#include "graph/shapes.h"
#include "lower/program_heads.h"
#include "lower/storage.h"
#include "spec/system.h"
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
    for (; canonical[i]; i++) text_add(out, "%s%d,", i % BYTES_A_LINE ? " " : "\n    ", (signed char)canonical[i]);
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
        const bool normal = parameter->distribution == DISTRIBUTION_NORMAL;
        text_add(out, "    {\"%s\", %d, {%s}, %ld, %ld, %d, %s, %s, %s},\n", parameter->name, parameter->rank,
                 c_numbers(parameter->shape, parameter->rank), parameter->count, *elements, parameter->group->number,
                 exact(normal ? 0 : parameter->bound), exact(normal ? parameter->bound : 0), exact(parameter->fill));
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

/* ---- programs ---- */

static const char *drawn_names[] = {
    [DRAWN_NOT] = "DRAW_NONE", [DRAWN_NORMAL] = "DRAW_NORMAL", [DRAWN_UNIFORM] = "DRAW_UNIFORM", [DRAWN_FACTORS] = "DRAW_FACTORS"};

static void emit_argument(CBlock *rows, const Argument *argument) {
    long count = 1;
    for (int d = 0; d < argument->rank; d++) count *= argument->shape[d];
    c_line(rows, "{\"%s\", %d, {%s}, %ld, %d, %s, %s, %s, %s},", argument->name, argument->rank, c_numbers(argument->shape, argument->rank),
           count, argument->items, argument->channels_first ? "true" : "false", drawn_names[argument->drawn], exact(argument->low),
           exact(argument->high));
}

static const char *const suffixes[ROLE_CUT] = {[ROLE_INPUT] = "inputs", [ROLE_OUTPUT] = "outputs", [ROLE_LOSS] = "losses"};

/* A program's inputs, outputs or losses; nothing where it has none. */
static void emit_arguments(CBlock *out, const ProgramHead *head, Role role) {
    const Signature *signature = &head->signature;
    if (!signature->count[role]) return;
    CBlock *rows = role == ROLE_LOSS ? c_nested(out, ";", "static const char *const %s_%s[] =", head->name, suffixes[role])
                                     : c_nested(out, ";", "static const ModelArgument %s_%s[] =", head->name, suffixes[role]);
    for (int i = 0; i < signature->count[role]; i++) {
        const Argument *argument = &signature->argument[role][i];
        if (role == ROLE_LOSS) c_line(rows, "\"%s\",", argument->name);
        else emit_argument(rows, argument);
    }
    c_blank(out);
}

static const char *table_name(const ProgramHead *head, Role role) {
    return head->signature.count[role] ? format("%s_%s", head->name, suffixes[role]) : "NULL";
}

static void emit_programs(CBlock *out, const ProgramHead *head, int count) {
    c_comment(out,
              "What programs are given and give: name, rank, shape, elements, which dimension counts items, whether files have channels "
              "before frames, how it is drawn, from where to where.");
    for (int i = 0; i < count; i++)
        for (int role = 0; role < ROLE_CUT; role++) emit_arguments(out, &head[i], (Role)role);
    CBlock *rows = c_nested(out, ";", "static const ModelProgram programs[] =");
    for (int i = 0; i < count; i++) {
        const int *number = head[i].signature.count;
        c_line(rows, "{\"%s\", %d, %d, %d, %s, %s, %s},", head[i].name, number[ROLE_INPUT], number[ROLE_OUTPUT], number[ROLE_LOSS],
               table_name(&head[i], ROLE_INPUT), table_name(&head[i], ROLE_OUTPUT), table_name(&head[i], ROLE_LOSS));
    }
    c_blank(out);
}

static bool is_read(const ProgramHead *head, int count, const char *name) {
    for (int i = 0; i < count; i++)
        for (int k = 0; k < head[i].signature.count[ROLE_INPUT]; k++)
            if (strcmp(head[i].signature.argument[ROLE_INPUT][k].name, name) == 0) return true;
    return false;
}

/* What the training of a system draws though none of these programs, its steps, reads it. Returns how many. */
static int emit_unread_draws(CBlock *out, const Graph *draws, const ProgramHead *step, int steps) {
    const NamedNodes *named = draws ? &draws->named[ROLE_INPUT] : NULL;
    CBlock *rows = c_block();
    int count = 0;
    for (int i = 0; named && i < named->count; i++) {
        const Argument *argument = &named->entry[i].argument;
        if (argument->drawn == DRAWN_NOT || is_read(step, steps, argument->name)) continue;
        emit_argument(rows, argument);
        count++;
    }
    if (!count) return 0;
    c_append(c_nested(out, ";", "static const ModelArgument unread_draws[] ="), rows);
    c_blank(out);
    return count;
}

/* ---- groups and steps ---- */

static void emit_schedule(CBlock *group, const LearningSchedule *schedule, int number) {
    static const char *const kinds[] = {[SCHEDULE_CONSTANT] = "MODEL_SCHEDULE_CONSTANT",
                                        [SCHEDULE_EXPONENTIAL] = "MODEL_SCHEDULE_EXPONENTIAL",
                                        [SCHEDULE_STEP] = "MODEL_SCHEDULE_STEP",
                                        [SCHEDULE_COSINE] = "MODEL_SCHEDULE_COSINE",
                                        [SCHEDULE_LINEAR] = "MODEL_SCHEDULE_LINEAR"};
    if (schedule->name == SCHEDULE_CONSTANT && schedule->warm_up == 0) return;
    c_line(group, ".schedule = {%s, .gamma = %s, .to = %s, .every = %ld, .over = %ld, .warm_up = %ld,", kinds[schedule->name],
           exact(schedule->gamma), exact(schedule->to), schedule->every, schedule->over, schedule->warm_up);
    c_line(group, "             .at_count = %d, .at = %s},", schedule->at_count,
           schedule->at_count ? format("schedule_at_%d", number) : "NULL");
}

/* The iterations of a `step` schedule; `number` tells schedules apart. */
static void emit_schedule_times(CBlock *out, const LearningSchedule *schedule, int number) {
    if (schedule->at_count)
        c_line(out, "static const int64_t schedule_at_%d[] = {%s};", number, c_numbers(schedule->at, schedule->at_count));
}

/* A ModelGroup. */
static void emit_group(CBlock *rows, const char *name, bool frozen, const Optimizer *optimizer, int number) {
    c_line(rows, "{.name = \"%s\", .frozen = %s, .optimizer = \"%s\",", name, frozen ? "true" : "false", optimizer_names[optimizer->name]);
    c_line(rows, ".learning_rate = %s, .beta1 = %s, .beta2 = %s, .epsilon = %s,", exact(optimizer->learning_rate), exact(optimizer->beta1),
           exact(optimizer->beta2), exact(optimizer->epsilon));
    c_line(rows, ".weight_decay = %s, .momentum = %s, .moments = %d,", exact(optimizer->weight_decay), exact(optimizer->momentum),
           optimizer_moments(optimizer));
    emit_schedule(rows, &optimizer->schedule, number);
    c_line(rows, "},");
}

static void emit_groups(CBlock *out, const Graph *graph) {
    for (int i = 0; i < graph->group_count; i++) emit_schedule_times(out, &graph->group[i]->optimizer.schedule, i);
    CBlock *rows = c_nested(out, ";", "static const ModelGroup groups[] =");
    for (int i = 0; i < graph->group_count; i++)
        emit_group(rows, graph->group[i]->name, graph->group[i]->frozen, &graph->group[i]->optimizer, i);
    c_blank(out);
}

/* For each batch norm of the state_dict, in order, as often as the step moves its running statistics. */
static int moved_norms(const Graph *step, Text *out) {
    int moves = 0, norm = -1;
    for (int i = 0; i < step->parameter_count; i++) {
        const Parameter *variance = step->parameter[i];
        if (!variance->counted) continue;
        norm++;
        for (int k = 0; k < variance->node->reader_count; k++) {
            const Operation op = variance->node->reader[k]->op;
            if (op != OP_BATCH_NORM_STATISTICS && op != OP_BATCH_NORM_MOVE) continue;
            text_add(out, "%s%d", moves++ ? ", " : "", norm);
        }
    }
    return moves;
}

static const char *numbers_array(CBlock *out, const char *name, int count, const Text *numbers) {
    if (!count) return "NULL";
    c_line(out, "static const int %s[] = {%s};", name, numbers->bytes);
    return name;
}

static void emit_steps(CBlock *out, const Model *model) {
    static const char *const batches[] = {"MODEL_BATCH_SAME", "MODEL_BATCH_NEXT", "MODEL_BATCH_EACH"};
    const TrainerGraphs *graphs = &model->graphs;
    CBlock *rows = c_block();
    for (int i = 0; i < graphs->step_count; i++) {
        const Graph *step = graphs->step[i];
        Text groups = {0}, norms = {0};
        int count = 0;
        for (int g = 0; g < step->group_count; g++)
            if (updates_group(step, step->group[g])) text_add(&groups, "%s%d", count++ ? ", " : "", g);
        const int moves = moved_norms(step, &norms);
        const char *group = numbers_array(out, format("step%d_groups", i), count, &groups),
                   *norm = numbers_array(out, format("step%d_norms", i), moves, &norms);
        const System *system = model->spec->system;
        const TrainingStep only = {.draw = 0, .batch = BATCH_SAME, .times = 1, .every = 1}, *written = system ? &system->steps[i] : &only;
        c_line(rows, "{%d, %d, %s, %d, %d, %d, %s, %d, %s},", i, written->draw, batches[written->batch], written->times, written->every,
               count, group, moves, norm);
    }
    c_comment(out, "Each step: its program, the step whose draws it reads, its batch, times, every; which groups it updates, which norms' "
                   "statistics it moves.");
    c_append(c_nested(out, ";", "static const ModelTrainingStep steps[] ="), rows);
    c_blank(out);
}

static int program_number(const ProgramHead *head, int count, const char *name) {
    for (int i = 0; i < count; i++)
        if (strcmp(head[i].name, name) == 0) return i;
    return -1;
}

static void emit_search(CBlock *out, const Model *model, int program) {
    if (!model->graphs.search) return;
    const NoiseSearch *search = &model->spec->system->search;
    const Optimizer *optimizer = &search->optimizer;
    const int number = model->graphs.search->group_count;
    emit_schedule_times(out, &optimizer->schedule, number);
    CBlock *members = c_nested(out, ";", "static const ModelSearch search =");
    c_line(members, ".program = %d, .noise = \"noise.%s\", .steps = %d,", program, search->noise->name, search->steps);
    c_line(members, ".optimizer =");
    emit_group(members, search->noise->name, false, optimizer, number);
    c_line(members, ".alpha = %s, .clip_norm = %s, .nesterov = %s,", exact(optimizer->alpha), exact(optimizer->clip_norm),
           optimizer->nesterov ? "true" : "false");
    c_blank(out);
}

/* ---- the description ---- */

static void emit_members(CBlock *out, const Model *model) {
    const Spec *spec = model->spec;
    c_line(out, ".name = \"%s\",", spec->name);
    c_line(out, ".spec_hash = \"%016llx\",", (unsigned long long)spec->hash);
    c_line(out, ".compiler_version = \"%s\",", ZOETROPE_VERSION);
    c_line(out, ".canonical_spec = canonical_spec,");
    c_line(out, ".precision = \"%s\",", spec->precision == COMPUTE_BF16 ? "bf16" : "f32");
    c_line(out, ".language = %d,", spec->system ? 2 : 1);
    c_line(out, ".T = %d, .channels = %d, .height = %d, .width = %d, .batch = %d,", spec->T, spec->channels, spec->height, spec->width,
           spec->training.batch);
    c_line(out, ".hidden = %d, .gru_layers = %d,", spec->hidden, spec->hidden ? spec->gru_layers : 0);
    const Node *code = named_node(model->graphs.step[0], ROLE_CUT, "code");
    c_line(out, ".code_size = %ld,", code ? row_size(code) : 0);
    c_line(out, ".initial_state_normal = %s,", spec->hidden && spec->initial_state == INITIAL_STATE_NORMAL ? "true" : "false");
    c_line(out, ".loss_is_l1 = %s,", !spec->system && spec->loss == LOSS_L1 ? "true" : "false");
    if (spec->system && spec->system->average != 0) c_line(out, ".average = %s,", exact(spec->system->average));
    if (spec->system && spec->system->score.first_frame) c_line(out, ".score_first = %d,", spec->system->score.first_frame);
    c_line(out, ".iterations = %ld, .strips_every = %ld, .seed = UINT64_C(%llu),", spec->training.iterations, spec->training.strips_every,
           (unsigned long long)spec->training.seed);
}

static void emit_tables(CBlock *members, const char *count, const char *name, int number, long elements, const char *sum) {
    c_line(members, ".%s = %d, .%s = %s, .%s = %ld,", count, number, name, number ? name : "NULL", sum, elements);
}

void emit_model_file(Text *out, const Model *model, const Target *const *list, int count, const char *options) {
    const Spec *spec = model->spec;
    const Graph *training = model->graphs.step[0];
    CBlock *comment = c_block(), *tables = c_block(), *description = c_block();
    c_comment(comment, format("%s_model.c: the tables of %s. Generated by zoetrope: do not edit.\nSpec hash %016llx; options: %s.",
                              spec->name, spec->name, (unsigned long long)spec->hash, options && *options ? options : "none"));
    c_print(out, comment, 0);
    text_add(out, "#include \"model.h\"\n\n");
    emit_spec_text(out, spec->canonical);
    text_add(
        out,
        "/* Name, rank, shape, elements, offset, group; initial values: uniform in ± the bound, normal with a deviation, around the fill. */\n");
    long parameter_elements, statistic_elements;
    int heads, parameters = emit_tensors(out, training, true, "parameters", &parameter_elements),
               statistics = emit_tensors(out, training, false, "statistics", &statistic_elements);
    const int names = emit_state_names(out, training);
    const ProgramHead *head = program_heads(&model->graphs, &heads);
    emit_programs(tables, head, heads);
    const int unread = emit_unread_draws(tables, model->graphs.draws, head, model->graphs.step_count);
    emit_groups(tables, training);
    emit_steps(tables, model);
    emit_search(tables, model, program_number(head, heads, "search"));
    c_print(out, tables, 0);
    const bool ends = emit_targets(out, spec, list, count);
    CBlock *members = c_nested(description, ";", "const ModelDescription model_description =");
    emit_members(members, model);
    c_line(members, ".group_count = %d, .groups = groups,", training->group_count);
    emit_tables(members, "parameter_tensors", "parameters", parameters, parameter_elements, "parameter_count");
    emit_tables(members, "statistic_tensors", "statistics", statistics, statistic_elements, "statistic_count");
    c_line(members, ".state_names = %d, .state_name = state_names,", names);
    c_line(members, ".program_count = %d, .programs = programs,", heads);
    c_line(members, ".step_count = %d, .steps = steps,", model->graphs.step_count);
    if (unread) c_line(members, ".unread_draws = %d, .unread_draw = unread_draws,", unread);
    c_line(members, ".evaluate = %d, .advance = %d, .decode = %d,", program_number(head, heads, "evaluate"),
           program_number(head, heads, "advance"), program_number(head, heads, "decode"));
    if (model->graphs.search) c_line(members, ".search = &search,");
    c_line(members, ".target_count = sizeof model_targets / sizeof *model_targets%s,", ends ? " - 1" : "");
    c_line(members, ".targets = model_targets,");
    c_print(out, description, 0);
}
