/* system_template_keys.c: what the templates of version 2 say of a system's arguments, its search and its frames. */
#include "bundle/system_inference.h"

#include "spec/system.h"

#include <string.h>

static const char *optimizer_texts[] = {
    [OPTIMIZER_ADAM] = "Adam", [OPTIMIZER_ADAMW] = "AdamW", [OPTIMIZER_SGD] = "SGD", [OPTIMIZER_RMSPROP] = "RMSprop"};

/* "4, 3, 64, 64": from dimension `first` on. */
static const char *sizes(const Argument *argument, int first) {
    Text out = {0};
    for (int d = first; d < argument->rank; d++) text_add(&out, "%s%ld", d > first ? ", " : "", argument->shape[d]);
    return out.bytes;
}

/* In memory: without B, and frames before channels. */
static const char *draw_shape(const SystemDraw *draw) {
    const Argument *a = draw->argument;
    if (a->channels_first) return format("%ld, %ld, %ld, %ld", a->shape[2], a->shape[1], a->shape[3], a->shape[4]);
    return sizes(a, a->items == 0 && draw->items == 1 ? 1 : 0);
}

/* A number that C takes for a double. */
static const char *decimal(double value) {
    const char *text = format("%.17g", value);
    return strpbrk(text, ".e") ? text : format("%s.0", text);
}

/* ---- the header ---- */

static const char *size_macros(const Inference *inference) {
    const SystemLayout *layout = inference->layout;
    const char *name = upper_case(inference->spec->name);
    Text out = text_begin();
    for (int i = 0; i < layout->result_count; i++)
        if (layout->result[i].field)
            text_add(&out, "#define %s_OUTPUT_SIZE_%s %ld\n", name, layout->result[i].field, layout->result[i].elements);
    for (int i = 0; i < layout->draw_count; i++)
        text_add(&out, "#define %s_DRAW_SIZE_%s %ld\n", name, layout->draw[i].field, layout->draw[i].items * layout->draw[i].elements);
    return out.bytes;
}

static const char *output_fields(const Inference *inference) {
    const SystemLayout *layout = inference->layout;
    Text out = text_begin();
    for (int i = 0; i < layout->result_count; i++)
        if (layout->result[i].field)
            text_add(&out, "    float *%s; /* [%s] */\n", layout->result[i].field, sizes(layout->result[i].argument, 1));
    if (!out.length) text_add(&out, "    float *nothing; /* this system has no outputs */\n");
    return out.bytes;
}

static const char *draw_fields(const Inference *inference) {
    const SystemLayout *layout = inference->layout;
    Text out = text_begin();
    for (int i = 0; i < layout->draw_count; i++) {
        const SystemDraw *draw = &layout->draw[i];
        const Argument *a = draw->argument;
        const char *from = a->drawn == DRAWN_NORMAL ? "N(0, 1)" : format("uniform in [%.9g, %.9g)", a->low, a->high);
        text_add(&out, "    const float *%s; /* [%s], %s%s; NULL: drawn */\n", draw->field, draw_shape(draw), from,
                 draw == layout->searched ? ", from which the search begins" : "");
    }
    return out.bytes;
}

static const char *score_text(const Inference *inference) {
    const Score *score = &inference->spec->system->score;
    if (!inference->layout->scores) return "This system has no score: score is neither read nor written.";
    if (!score->per_frame) return inference->spec->T == 1 ? "score: of the image." : "score: of the clip.";
    return format("score: of %s%ld frames, the first one of which is frame %d of the clip.",
                  score->frame_count < inference->spec->T ? "" : "all ", inference->layout->scores, score->first_frame);
}

static const char *search_text(const Inference *inference) {
    const NoiseSearch *search = &inference->spec->system->search;
    if (!search->noise) return "";
    return format(
        "\n * Before that, %s is searched for: %d updates by the gradient of the score, with %s. This takes as long as about %d times the rest.%s",
        search->noise->name, search->steps, optimizer_texts[search->optimizer.name], 3 * search->steps,
        inference->layout->samples ? "\n * `samples` is computed before the search." : "");
}

static const char *step_text(const Inference *inference) {
    const char *name = inference->spec->name;
    const int T = inference->spec->T;
    if (T == 1)
        return "/* The next frame of a stream: what evaluate() gives for it, drawn as for the image of this number. Returns what that does. */";
    return format(
        "/* The next frame of a stream, by itself: out are its parts of the outputs, of SIZE / %d values each, and score (one number) is that\n"
        " * of a clip of this frame alone. out and score may be NULL. Frame n draws what frame n %% %d of clip n / %d draws from the same\n"
        " * seed, so outputs have the bits of whole clips. Returns what %s_evaluate() does; the stream goes on with the next frame in any\n"
        " * case. */",
        T, T, T, name);
}

/* ---- the source ---- */

static const char *give_inputs(const Inference *inference) {
    const SystemLayout *layout = inference->layout;
    Text out = text_begin();
    for (int i = 0, drawn = 0; i < layout->inputs; i++) {
        if (i == layout->x) text_add(&out, "    call->input[%d] = x;\n", i);
        else text_add(&out, "    call->input[%d] = draws_area(call) + %ld;\n", i, layout->draw[drawn++].place);
    }
    if (layout->x < 0) text_add(&out, "    (void)x;\n");
    if (layout->x < 0 && !layout->draw_count) text_add(&out, "    (void)call;\n");
    return out.bytes;
}

static const char *give_outputs(const Inference *inference) {
    const SystemLayout *layout = inference->layout;
    Text out = text_begin();
    for (int i = 0; i < layout->result_count; i++) {
        const SystemResult *result = &layout->result[i];
        if (result->field)
            text_add(&out, "    call->output[%d] = out && out->%s ? out->%s : results_area(call) + %ld;\n", i, result->field, result->field,
                     result->place);
        else text_add(&out, "    call->output[%d] = results_area(call) + SCORE_PLACE;\n", i);
    }
    if (layout->result_count == 1 && layout->scores) text_add(&out, "    (void)out;\n");
    return out.bytes;
}

static const char *draw_table(const Inference *inference) {
    const SystemLayout *layout = inference->layout;
    Text out = text_begin();
    for (int i = 0; i < layout->draw_count; i++) {
        const SystemDraw *draw = &layout->draw[i];
        const Argument *a = draw->argument;
        const bool normal = a->drawn == DRAWN_NORMAL;
        text_add(&out, "    {{UINT64_C(0x%016llx), UINT64_C(0x%016llx)}, %ld, %ld, %ld, %ld, %d, (float)%s, (float)%s}, /* %s */\n",
                 draw->key[0], draw->key[1], draw->place, draw->items, draw->elements, draw->inner, normal, decimal(normal ? 0 : a->low),
                 decimal(normal ? 1 : a->high - a->low), a->name);
    }
    return out.bytes;
}

static const char *given_draws(const Inference *inference) {
    const SystemLayout *layout = inference->layout;
    Text out = text_begin();
    for (int i = 0; i < layout->draw_count; i++) text_add(&out, "    case %d: return draws->%s;\n", i, layout->draw[i].field);
    return out.bytes;
}

/* Of one frame: the part of each draw. */
static const char *frame_inputs(const Inference *inference) {
    const SystemLayout *layout = inference->layout;
    Text out = text_begin();
    for (int i = 0; i < layout->draw_count; i++)
        text_add(&out, "    call->input[%d] = draws_area(call) + %ld + frame * %ld;\n", layout->draw[i].input, layout->draw[i].place,
                 layout->draw[i].elements / inference->spec->T);
    if (!layout->draw_count) text_add(&out, "    (void)call;\n    (void)frame;\n");
    return out.bytes;
}

static const char *result_table(const Inference *inference) {
    const SystemLayout *layout = inference->layout;
    Text out = text_begin();
    for (int i = 0; i < layout->result_count; i++) text_add(&out, "    {%ld, %ld},\n", layout->result[i].place, layout->result[i].elements);
    return out.bytes;
}

/* The search's numbers, which system_search.c reads. */
static void define_search(Text *out, const Inference *inference) {
    const NoiseSearch *search = &inference->spec->system->search;
    const Optimizer *o = &search->optimizer;
    const LearningSchedule *schedule = &o->schedule;
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"RATE", o->learning_rate}, {"BETA1", o->beta1},         {"BETA2", o->beta2},
                   {"ALPHA", o->alpha},        {"EPSILON", o->epsilon},     {"WEIGHT_DECAY", o->weight_decay},
                   {"MOMENTUM", o->momentum},  {"CLIP_NORM", o->clip_norm}, {"GAMMA", schedule->gamma},
                   {"TO", schedule->to}};
    bool prepares = false;
    for (int i = 0; i < inference->code_count; i++) prepares = prepares || inference->code[i]->program[SYSTEM_prepare].call_count;
    text_add(out, "#define SEARCH_PREPARES %d\n", prepares);
    text_add(out, "#define SEARCH_STEPS %d\n#define SEARCH_OPTIMIZER %d\n#define SEARCH_NESTEROV %d\n#define SEARCH_SCHEDULE %d\n",
             search->steps, (int)o->name, o->nesterov, (int)schedule->name);
    text_add(out, "#define SEARCH_WARM_UP %ld\n#define SEARCH_EVERY %ld\n#define SEARCH_OVER %ld\n#define SEARCH_AT_COUNT %d\n",
             schedule->warm_up, maximum(schedule->every, 1), maximum(schedule->over, 1), schedule->at_count);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        text_add(out, "#define SEARCH_%s %s\n", numbers[i].name, decimal(numbers[i].value));
    text_add(out, "static const long search_at[] = {");
    for (int i = 0; i < schedule->at_count; i++) text_add(out, "%ld, ", schedule->at[i]);
    text_add(out, "0};\n");
}

void define_system(Text *out, const Inference *inference) {
    const SystemLayout *layout = inference->layout;
    const SystemResult *samples = layout->samples;
    text_add(out, "#define DRAWS_NORMAL %d\n#define NORMAL_CHUNK %d\n", inference->draws, NORMAL_CHUNK);
    text_add(out, "#define DRAWS %d\n#define DRAWS_SIZE %ld\n", layout->draw_count, layout->draws);
    text_add(out, "#define RESULTS %d\n#define RESULTS_SIZE %ld\n#define SCORE_PLACE %ld\n", layout->result_count, layout->results,
             layout->results - layout->scores);
    text_add(out, "#define SAMPLES %d\n#define GOLDEN_SEARCH %ld\n", samples ? (int)(samples - layout->result) : -1, layout->golden_search);
    long place = 0;
    static const char *const areas[SYSTEM_AREAS] = {"CLIP", "DRAWS", "RESULTS", "GRADIENT", "MOMENTS", "SPARE"};
    for (int area = 0; area < SYSTEM_AREAS; area++) {
        text_add(out, "#define %s_AREA %ld\n", areas[area], place);
        place += system_area(inference, area);
    }
    text_add(out, "#define SEARCHED_PLACE %ld\n#define SEARCHED_SIZE %ld\n", layout->searched ? layout->searched->place : 0,
             layout->searched ? layout->searched->elements : 0);
    if (layout->searched) define_search(out, inference);
}

/* ---- the README ---- */

static const char *output_list(const Inference *inference) {
    const SystemLayout *layout = inference->layout;
    Text out = {0};
    for (int i = 0; i < layout->result_count; i++)
        if (layout->result[i].field)
            text_add(&out, "%s`%s` [%s]", out.length ? ", " : "", layout->result[i].field, sizes(layout->result[i].argument, 1));
    return out.length ? out.bytes : "none";
}

static const char *draw_list(const Inference *inference) {
    const SystemLayout *layout = inference->layout;
    Text out = {0};
    for (int i = 0; i < layout->draw_count; i++)
        text_add(&out, "%s`%s` [%s]", out.length ? ", " : "", layout->draw[i].field, draw_shape(&layout->draw[i]));
    return out.length ? format("%s: from a seed, or given", out.bytes) : "nothing";
}

static int readme_keys(const Inference *inference, Key *keys) {
    const SystemLayout *layout = inference->layout;
    const NoiseSearch *search = &inference->spec->system->search;
    const char *name = inference->spec->name, *upper = upper_case(name), *field = layout->result[0].field;
    const bool scored = layout->scores > 0;
    const Key all[] = {
        {"readme_outputs", format("%s%s", scored ? format("double score[%s_SCORES];\n", upper) : "",
                                  field ? format("static float %s[%s_OUTPUT_SIZE_%s];\n%s_outputs out = {.%s = %s}; /* others are NULL: "
                                                 "not wanted */",
                                                 field, upper, field, name, field, field)
                                        : "")},
        {"readme_arguments", format("%s, %s", field ? "&out" : "NULL", scored ? "score" : "NULL")},
        {"readme_use", scored ? "if (error || score[0] > threshold) alarm(); /* a score that is no number is larger than nothing */"
                              : "if (error) alarm();"},
        {"readme_output_list", output_list(inference)},
        {"readme_draw_list", draw_list(inference)},
        {"readme_score", !scored                                    ? "none"
                         : inference->spec->system->score.per_frame ? format("%ld numbers, of frames", layout->scores)
                         : inference->spec->T == 1                  ? "one number an image"
                                                                    : "one number a clip"},
        {"readme_step", inference->no_frames ? format("no: %s", inference->no_frames) : format("`%s_step()`", name)},
        {"readme_search", search->noise ? format("; after %ld of the search's %d updates", layout->golden_search, search->steps) : ""},
        {"example_clips", search->noise ? "1" : "8"},
        {"clip_noun", inference->spec->T == 1 ? "image" : "clip"},
    };
    memcpy(keys, all, sizeof all);
    return (int)(sizeof all / sizeof *all);
}

/* ---- all ---- */

int system_template_keys(const Inference *inference, Key *keys) {
    const SystemLayout *layout = inference->layout;
    const bool frames = !inference->no_frames, image = inference->spec->T == 1;
    const Key all[] = {
        {"not_finite", layout->scores ? "the score is no finite number" : "an output is no finite number"},
        {"not_finite_remedy",
         "the clip's score, or without a score an output, is not a finite number; the next clip does not depend on it"},
        {"selftest_input", "a clip"},
        {"selftest_of", "a number of an output, or of the score, divided by the largest of that output where that is above 1"},
        {"golden_bytes", format("((size_t)8 * %s_SCORES + (size_t)4 * (%s_CLIP_SIZE + DRAWS_SIZE + SCORE_PLACE + SEARCHED_SIZE))",
                                upper_case(inference->spec->name), upper_case(inference->spec->name))},
        {"uniform_stream", "of the stream of evaluation's draws"},
        {"recurrence", "none"},
        {"recurrence_number", "0"},
        {"scores", format("%ld", layout->scores)},
        {"inputs", format("%d", layout->inputs > 0 ? layout->inputs : 1)},
        {"results", format("%d", layout->result_count)},
        {"clip_text", image ? "an image" : "a clip"},
        {"what", image ? "images" : "clips"},
        {"size_macros", size_macros(inference)},
        {"output_fields", output_fields(inference)},
        {"draw_fields", draw_fields(inference)},
        {"score_text", score_text(inference)},
        {"search_text", search_text(inference)},
        {"step_text", step_text(inference)},
        {"give_inputs", give_inputs(inference)},
        {"give_outputs", give_outputs(inference)},
        {"draw_table", draw_table(inference)},
        {"given_draws", given_draws(inference)},
        {"frame_inputs", frame_inputs(inference)},
        {"result_table", result_table(inference)},
        {"has_step", format("%d", frames)},
        {"why_no_step", frames ? "" : inference->no_frames},
        {"step_header", frames ? "system_step.h" : "system_no_step.h"},
        {"step_source", !frames ? "system_no_step.c"
                        : image ? "system_step_image.c"
                                : "system_step.c"},
        {"step_selftest", frames && !image ? "system_frames_apart.c" : "system_no_frames_apart.c"},
        {"search_source", layout->searched ? "system_search.c" : "system_no_search.c"},
    };
    const int count = (int)(sizeof all / sizeof *all);
    _Static_assert(sizeof all / sizeof *all + 16 <= MAX_KEYS, "more keys than there is room for");
    memcpy(keys, all, sizeof all);
    return count + readme_keys(inference, keys + count);
}
