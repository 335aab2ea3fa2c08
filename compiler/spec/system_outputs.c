/* system_outputs.c: what evaluation gives: outputs, score, and the search before them; and initial weights. */
#include "spec/system_internal.h"

#include <string.h>

/* ---- outputs ---- */

static const SystemOutput *find_output(const System *system, const char *name) {
    for (int i = 0; i < system->output_count; i++)
        if (!strcmp(system->outputs[i].name, name) && system->outputs[i].value) return &system->outputs[i];
    return NULL;
}

static void check_target(Builder *builder) {
    const System *system = builder->system;
    const SystemOutput *reconstruction = system->reconstruction;
    if (!reconstruction || !system->target || shapes_equal(reconstruction->value->shape, system->target->shape)) return;
    spec_error(builder->errors, reconstruction->mark, 14, mend_shapes(reconstruction->value, system->target),
               "`reconstruction` is %s, but it is compared with `%s`, which is %s", size_text(reconstruction->value->shape),
               value_label(system->target), size_text(system->target->shape));
}

void read_outputs(Builder *builder) {
    System *system = builder->system;
    const SpecNode **entries = NULL;
    const int count = named_entries(builder->errors, "outputs", "an output", builder->draft.outputs, &entries);
    system->outputs = NEW_ARRAY(SystemOutput, count + 1);
    system->output_count = count;
    builder->in_outputs = true;
    for (int i = 0; i < count; i++) {
        Value *value = read_value_of(builder, entries[i]);
        system->outputs[i] = (SystemOutput){entries[i]->key->text, value, entries[i]->key->mark};
        if (!value || !value->joined) continue;
        spec_error(builder->errors, entries[i]->mark, entries[i]->width, "take a `half` of it", "an output is of one batch; `%s` is joined",
                   value_label(value));
    }
    builder->in_outputs = false;
    system->reconstruction = find_output(system, "reconstruction");
    system->samples = find_output(system, "samples");
    const SystemOutput *target = find_output(system, "target");
    system->target = target ? target->value : find_child(builder->draft.outputs, "target") ? NULL : system->values[0];
    check_target(builder);
}

/* ---- score ---- */

/* The number of frames of all terms; 0 after reporting that they differ. */
static int frames_of_score(Builder *builder, const Score *score, const SpecNode *sum) {
    const LossTerm *first = NULL;
    for (int i = 0; i < score->loss_count; i++)
        for (int k = 0; k < score->losses[i].loss->term_count; k++) {
            const LossTerm *term = &score->losses[i].loss->terms[k];
            if (!first) first = term;
            else if (first->value->shape.T != term->value->shape.T) {
                spec_error(builder->errors, sum->mark, sum->width, "write `per: clip`, or take `frames(v, first, count)` in the losses",
                           "a score per frame needs losses of as many frames: `%s` has %d, `%s` has %d", value_label(first->value),
                           first->value->shape.T, value_label(term->value), term->value->shape.T);
                return 0;
            }
        }
    return first ? first->value->shape.T : 0;
}

static void check_score_losses(Builder *builder, const Score *score, const SpecNode *sum) {
    for (int i = 0; i < score->loss_count; i++) {
        const NamedLoss *loss = score->losses[i].loss;
        for (int k = 0; k < loss->term_count; k++) {
            if (!loss->terms[k].value->joined) continue;
            spec_error(builder->errors, sum->mark, sum->width, "write a loss with `half` for it, with `only: score`",
                       "a score is of one batch; the loss `%s` is of `%s`, which is joined", loss->name, value_label(loss->terms[k].value));
            return;
        }
    }
}

static void check_first_frame(Builder *builder, Score *score, const SpecNode *section) {
    const SpecNode *node = find_child(section, "first_frame");
    const int T = builder->spec->T, F = score->frame_count;
    if (!node) return;
    if (!score->per_frame && score->first_frame)
        spec_error(builder->errors, node->key->mark, node->key->width, "remove it, or write `per: frame`",
                   "`first_frame` goes with `per: frame` only");
    else if (score->per_frame && score->first_frame > T - F)
        spec_error(builder->errors, node->mark, node->width, format("it is 0 to %d", T > F ? T - F : 0),
                   "`first_frame` is %d, but a clip has %d frames and the score %d", score->first_frame, T, F);
}

void read_score(Builder *builder) {
    System *system = builder->system;
    SpecErrors *errors = builder->errors;
    Score *score = &system->score;
    const SpecNode *section = builder->draft.score;
    ScoreDraft draft = {0};
    const int before = errors->count;
    *score = (Score){.present = section || system->reconstruction, .per_frame = true, .frame_count = 1};
    if (section) {
        score->mark = section->key->mark;
        if (!read_section(builder->reading, SECTION_SCORE, section->key, section, &draft)) return;
        const SpecNode *per = find_child(section, "per");
        score->per_frame = per || draft.sum ? draft.per_frame : true;
        score->first_frame = draft.first_frame;
        if (draft.sum && draft.sum->kind != NODE_MAP && draft.sum->kind != NODE_REFUSED)
            spec_error(errors, draft.sum->mark, draft.sum->width, "write such as `sum: {residual: 1}`",
                       "`sum` is a section, loss → factor, not %s", given(draft.sum));
        else if (draft.sum && read_weighed_losses(builder, draft.sum, &score->losses, &score->loss_count))
            check_score_losses(builder, score, draft.sum);
        if (!draft.sum && !score->per_frame)
            spec_error(errors, per->mark, per->width, "add `sum`, or write `per: frame`",
                       "`per: clip` without `sum`: what a reconstruction lacks is a score per frame");
        if (!draft.sum && !system->reconstruction && !find_child(builder->draft.outputs, "reconstruction"))
            spec_error(errors, section->key->mark, section->key->width, "add `sum: {loss: factor}`, or the output `reconstruction`",
                       "there is no score: neither `sum`, nor `reconstruction` in `outputs`");
    }
    if (errors->count > before || (!score->loss_count && !system->reconstruction)) return;
    if (score->per_frame)
        score->frame_count = score->loss_count ? frames_of_score(builder, score, draft.sum) : system->reconstruction->value->shape.T;
    const int T = builder->spec->T;
    if (score->frame_count) check_first_frame(builder, score, section);
    if (score->per_frame && score->frame_count > T && !score->first_frame)
        spec_error(errors, section ? section->key->mark : system->reconstruction->mark, 5, "write `per: clip`, or score fewer frames",
                   "the score has %d frames, but a clip has %d", score->frame_count, T);
}

/* ---- search ---- */

void read_search(Builder *builder) {
    System *system = builder->system;
    SpecErrors *errors = builder->errors;
    const SpecNode *section = builder->draft.search;
    SearchDraft draft = {0};
    if (!section || !read_section(builder->reading, SECTION_SEARCH, section->key, section, &draft)) return;
    NoiseSearch *search = &system->search;
    const char **names = NEW_ARRAY(const char *, system->noise_count + 1);
    for (int i = 0; i < system->noise_count; i++) names[i] = system->noises[i].name;
    const int noise = find_among(errors, draft.noise, "noise", names);
    const bool read = read_optimizer(builder, draft.optimizer, &search->optimizer);
    search->mark = section->key->mark;
    search->steps = draft.steps;
    if (noise < 0 || !read) return;
    search->noise = &system->noises[noise];
    const SpecNode *score = builder->draft.score;
    if (!score || !find_child(score, "sum"))
        spec_error(errors, section->key->mark, section->key->width, "add `score: {sum: {loss: factor}}`",
                   "a search follows the item's score, and needs one with `sum`");
    else if (system->score.per_frame && errors->count == 0)
        spec_error(errors, section->key->mark, section->key->width, "write `per: clip` in `score`",
                   "a search follows one number for each item, and the score is per frame");
}

/* ---- initial weights ---- */

static void read_initial_weights(Builder *builder, const SpecNode *node, Initial *initial) {
    static const char *const words[] = {"xavier", NULL};
    InitialDraft draft = {0};
    if (node->kind == NODE_SCALAR && node->text[0]) {
        if (!strcmp(node->text, words[0])) initial->weights = INITIAL_XAVIER;
        else
            spec_error(builder->errors, node->mark, node->width,
                       nearest_name(node->text, words) ? "did you mean `xavier`?" : "remove it for PyTorch's default",
                       "`weights` is `{normal: σ}`, `{kaiming: relu}`, `{kaiming: leaky_relu}` or `xavier`, not %s", given(node));
        return;
    }
    if (!read_section(builder->reading, SECTION_INITIAL_WEIGHTS, node->key, node, &draft)) return;
    const bool normal = find_child(node, "normal"), kaiming = find_child(node, "kaiming");
    if (normal == kaiming)
        spec_error(builder->errors, node->mark, node->width,
                   "write `{normal: 0.02}`, `{kaiming: relu}`, `{kaiming: leaky_relu}` or `xavier`", "`weights` has %s",
                   normal ? "`normal` and `kaiming`: it needs one" : "neither `normal` nor `kaiming`");
    initial->weights = normal ? INITIAL_NORMAL : draft.kaiming == 1 ? INITIAL_KAIMING_RELU : INITIAL_KAIMING_LEAKY_RELU;
    initial->weights_deviation = draft.normal;
}

void read_initial(Builder *builder) {
    Initial *initial = &builder->system->initial;
    const SpecNode *section = builder->draft.initial;
    InitialDraft draft = {0};
    if (!section || !read_section(builder->reading, SECTION_INITIAL, section->key, section, &draft)) return;
    initial->bias_given = find_child(section, "bias");
    initial->bias = draft.bias;
    if (draft.weights) read_initial_weights(builder, draft.weights, initial);
    if (!draft.norm) return;
    InitialDraft norm = {0};
    initial->norm_given = read_section(builder->reading, SECTION_INITIAL_NORM, draft.norm->key, draft.norm, &norm);
    initial->norm_deviation = norm.normal;
}
