/* The output of explain for systems: what each step runs, with which gradients; work and memory as compiled. */
#include "../compiler/bundle/inference.h"
#include "../compiler/command/explain.h"
#include "../compiler/command/table.h"
#include "../compiler/graph/build_graph.h"
#include "../compiler/graph/kept_values.h"
#include "../compiler/graph/shapes.h"
#include "../compiler/pipeline/pipeline.h"
#include "../compiler/recompute/recompute.h"
#include "system_parsing.h"

Suite *explain_system_suite(void);

typedef struct Explained {
    Model model;
    TargetCode *code;
    char *text;
} Explained;

static Explained explain_within(const Spec *spec, const MemoryLimit *limit) {
    Explained e = {.model = {.spec = NEW(Spec)}};
    accepted(spec);
    *e.model.spec = *spec;
    e.model.graphs = build_graphs(e.model.spec);
    differentiate_steps(e.model.spec, &e.model.graphs);
    keep_values(e.model.spec, &e.model.graphs);
    e.code = compile_within(compile_graphs(&e.model.graphs, targets[0], &(Choices){.filtering = 0}), &e.model.graphs, limit);
    Explanation *explanation = explain_model(&e.model);
    explain_target(explanation, e.code);
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    print_explanation(out, explanation);
    fclose(out);
    e.text = format("%s", text);
    free(text);
    return e;
}

static Explained explain_spec(const Spec *spec) {
    return explain_within(spec, &(MemoryLimit){0});
}

static Explained explained(const char *bytes) {
    return explain_spec(parse(bytes, strlen(bytes)));
}

static Explained explained_changed(const char *from, const char *to) {
    return explain_spec(parse_changed(from, to));
}

static void expect(const char *text, const char *part) {
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is missing in\n%s", part, text);
}

/* From the line that starts with `head` to the next empty line but one: head and table. */
static const char *section(const char *text, const char *head) {
    const char *start = strstr(text, format("\n%s", head)), *end = start;
    ck_assert_msg(start != NULL, "'%s' is missing in\n%s", head, text);
    for (int empty = 0; empty < 2; empty++) end = strstr(end + 1, "\n\n");
    return format("%.*s\n", (int)(end - start), start);
}

/* A line with one space between its words. */
static const char *squeezed(const char *line) {
    Text words = text_begin();
    for (const char *c = line; *c && *c != '\n'; c++)
        if (*c != ' ' || c[1] != ' ') text_add(&words, "%c", *c);
    return words.bytes;
}

/* The words of the line that starts with `name`; "" where there is none. */
static const char *line_of(const char *text, const char *name) {
    const char *line = strstr(text, format("\n%s ", name));
    return line ? squeezed(line + 1) : "";
}

static long number_after(const char *text, const char *after) {
    const char *place = strstr(text, after);
    ck_assert_msg(place != NULL, "'%s' is missing in\n%s", after, text);
    long value = 0;
    for (place += strlen(after); *place == ' ' || *place == ',' || (*place >= '0' && *place <= '9'); place++)
        if (*place >= '0') value = 10 * value + *place - '0';
    return value;
}

START_TEST(networks_have_their_layers_and_parameters) {
    const char *text = explained(base).text;
    ck_assert_str_eq(line_of(text, "encoder"), "encoder adam in step 1 1×4×16×16 → 6×4×1×1 1,908");
    ck_assert_str_eq(line_of(text, "  1 h"), " 1 h conv 3×3 /2 batch leaky_relu 4×4×8×8 → 8×4×4×4 312");
    ck_assert_str_eq(line_of(text, "  3 log_variance"), " 3 log_variance linear from h 8×4×4×4 → 6×4×1×1 774");
    ck_assert_str_eq(line_of(text, "judge"), "judge sgd in step 0 1×4×16×16 → 1×4×1×1 297");
    expect(text, "24 running statistics");
}
END_TEST

START_TEST(steps_say_what_they_run_and_which_gradients_flow) {
    const char *text = explained(base).text;
    const char *first = section(text, "step 0, once in every iteration"), *second = section(text, "step 1, once in every iteration");
    expect(first, "updates  judge by gan\n");
    expect(first, "reads    the iteration's batch; drawn anew: noise.eps\n");
    expect(first, "seen = judge(join(x, y))\n");
    ck_assert_ptr_null(strstr(first, "mean_y"));
    expect(line_of(first, "encoder"), "encoder - 1 ");
    expect(line_of(first, "decoder"), "decoder - 1 ");
    expect(line_of(first, "judge"), "judge weights 1 ");
    expect(second, "takes    10 results of step 0, 33,488 bytes: the same numbers, kept\n");
    expect(second, "encoder by reconstruction + prior\n");
    expect(second, "decoder by reconstruction − 0.5 · gan\n");
    expect(second, "reads    the iteration's batch; as step 0 drew them: noise.eps\n");
    expect(line_of(second, "encoder"), "encoder weights 1 ");
    expect(line_of(second, "decoder"), "decoder weights 1 ");
    expect(line_of(second, "judge"), "judge through 1 ");
    const char *evaluation = section(text, "evaluation");
    expect(evaluation, "mean_y = decoder(q.mean)\n");
    expect(evaluation, "score of a frame = residual\n");
    ck_assert_str_eq(line_of(evaluation, "judge"), "");
}
END_TEST

START_TEST(what_a_step_does_not_need_is_not_in_it) {
    const char *text = explained_changed("decoder: {reconstruction: 1, gan: -0.5}", "decoder: [reconstruction]").text;
    ck_assert_str_eq(line_of(section(text, "step 1"), "judge"), "");
    text = explained_changed("{judge: gan}\n", "{judge: gan}\n    times: 3\n    every: 2\n    batch: each\n").text;
    expect(section(text, "step 0, 3 times in one of 2 iterations"), "reads    the next batch in each round; drawn anew: noise.eps\n");
    expect(text, "reads    the batch of step 0; as step 0");
}
END_TEST

START_TEST(frozen_networks_pass_gradients_on) {
    const char *text = changed(base, "  judge:\n    layers:", "  judge:\n    frozen: true\n    layers:");
    text = changed(text, "  - update: {judge: gan}\n", "");
    text = changed(text, "    noise: kept\n", "");
    text = changed(text, "optimizers: {judge: {name: sgd}, all: {name: adam}}\n", "");
    text = explained(text).text;
    expect(line_of(text, "judge"), "judge frozen ");
    expect(text, " trained and 297 frozen, ");
    expect(line_of(section(text, "step 0"), "judge"), "judge through 1 ");
}
END_TEST

/* Computed again, from the kernels of each program. */
static double all_work(const Program *program, bool products) {
    double flops = 0;
    for (int i = 0; i < program->call_count; i++) {
        const Call *call = &program->call[i];
        if (call->kernel->product == products) flops += call->kernel->flops * (call->scan ? (double)call->scan->steps : 1);
    }
    return flops;
}

static double all_bytes(const Program *program) {
    double bytes = 0;
    for (int i = 0; i < program->call_count; i++)
        bytes += program->call[i].kernel->bytes * (program->call[i].scan ? (double)program->call[i].scan->steps : 1);
    return bytes;
}

START_TEST(the_work_of_an_iteration_is_that_of_its_kernels) {
    const Explained e = explained_changed("{judge: gan}\n", "{judge: gan}\n    times: 3\n    every: 2\n");
    const Program *const *step = (const Program *const *)e.code->program;
    const long products = (long)(1.5 * all_work(step[0], true) + all_work(step[1], true));
    ck_assert_int_gt(products, 0);
    ck_assert_int_eq(number_after(e.text, "an iteration: "), products);
    expect(e.text, format("%sFLOP beside them, %sB moved", scaled(1.5 * all_work(step[0], false) + all_work(step[1], false)),
                          scaled(1.5 * all_bytes(step[0]) + all_bytes(step[1]))));
    for (int s = 0; s < 2; s++) {
        const char *line = line_of(section(e.text, format("step %d", s)), "total");
        expect(line, squeezed(format(" %s %s", scaled(all_work(step[s], false)), scaled(all_bytes(step[s])))));
    }
}
END_TEST

/* ---- AnoGAN's and VAE-GAN's iterations, at full size: kernels that compute products, by network ---- */

typedef struct Products {
    const char *spec, *section, *network, *counts; /* forward + gradients of data + gradients of weights */
} Products;

/* AnoGAN, of 5 layers each. Step 0: the generator runs once, without gradients; the discriminator twice, with gradients of all weights and
 * of all data but the images. Step 1: a new draw, by a discriminator that has moved: 5 of data, to the images, and no weights.
 * VAE-GAN: encoder of 6 layers, decoder of 5 in two calls, discriminator of 6 in two calls. What is passed through the discriminator is
 * the gradient of `feature`, 4 layers from the tap on, and that of `gan`, 6 layers in each call; through the decoder, in the call of y,
 * that of `feature` for the encoder, 5 layers, and in both calls the decoder's own, 4 layers. Within the encoder, mean and logarithm of
 * the variance both reach h, and the first layer's images have no gradient: 5. */
static const Products known[] = {
    {"anogan", "step 0", "generator", "5 + 0 + 0"},         {"anogan", "step 0", "discriminator", "10 + 8 + 10"},
    {"anogan", "step 1", "generator", "5 + 4 + 5"},         {"anogan", "step 1", "discriminator", "5 + 5 + 0"},
    {"vae_gan", "step 0", "encoder", "6 + 5 + 6"},          {"vae_gan", "step 0", "decoder", "10 + 13 + 10"},
    {"vae_gan", "step 0", "discriminator", "12 + 16 + 12"},
};

START_TEST(iterations_have_the_least_products) {
    const Products *products = &known[_i];
    const char *line = line_of(section(explain_spec(read_spec(format("specs/%s.yaml", products->spec), stderr)).text, products->section),
                               products->network);
    ck_assert_msg(strlen(line) > strlen(products->counts) && strcmp(line + strlen(line) - strlen(products->counts), products->counts) == 0,
                  "%s of %s, %s instead of %s", products->section, products->spec, line, products->counts);
}
END_TEST

/* Multiply-adds of a frame, by hand. */
START_TEST(products_forward_and_backward_are_the_known_ones) {
    const long first = 8 * 8 * 4 * 9, second = 4 * 4 * 8 * 4 * 9, heads = 2 * 128 * 6, rows = 2 * 4;
    const Explained e = explained_changed("noise: kept", "batch: next"); /* nothing is left from step 0 */
    const double forward = 2.0 * (double)(rows * (first + second + heads)), unneeded = 2.0 * (double)(rows * first);
    const char *line = line_of(section(e.text, "step 1"), "encoder");
    /* No gradient of the first layer's input. */
    expect(line, squeezed(format("encoder weights 1 %s %s ", scaled(forward), scaled(2 * forward - unneeded))));
    expect(line_of(section(e.text, "step 0"), "encoder"), squeezed(format("encoder - 1 %s - ", scaled(forward))));
}
END_TEST

/* Layer 1 of `n1` is not layer 11 of `n`. */
START_TEST(networks_whose_names_end_in_digits_are_told_apart) {
    Text text = {0};
    text_add(&text, "version: 2\nname: digits\ninput: {channels: 1, height: 8, width: 8}\nnetworks:\n  n:\n");
    for (int i = 0; i < 12; i++) text_add(&text, "    - conv: {channels: 1, kernel: 1}\n");
    text_add(&text, "  n1:\n    - conv: {channels: 2, kernel: 3, padding: 1}\n    - conv: {channels: 1, kernel: 3, padding: 1}\n"
                    "values:\n  y: n1(n(x))\nlosses:\n  error: {mse: [y, x]}\noutputs: {reconstruction: y}\ntraining: {batch: 1}\n");
    const char *evaluation = section(explained(text.bytes).text, "evaluation");
    expect(line_of(evaluation, "n"), squeezed(format("n - 1 %s - ", scaled(2.0 * 12 * 64))));
    expect(line_of(evaluation, "n1"), squeezed(format("n1 - 1 %s - ", scaled(2.0 * 2 * 64 * 2 * 9))));
}
END_TEST

static double products_again(const Program *program) {
    double flops = 0;
    for (int i = 0; i < program->graph->node_count; i++)
        for (int call = program->first_call[i]; program->graph->node[i]->repeats && call < program->first_call[i + 1]; call++)
            flops += program->call[call].kernel->product ? program->call[call].kernel->flops : 0;
    return flops;
}

/* It is work of the backward pass. */
START_TEST(what_is_computed_again_is_said) {
    const char *text = changed(changed(base, "batch: 2", "batch: 64"), "noise: kept", "batch: next");
    const Explained all = explained(text);
    const long bytes = all.code->workspace_bytes + all.code->scratch_bytes;
    const Explained e = explain_within(parse(text, strlen(text)), &(MemoryLimit){bytes - bytes / 8, 1});
    const Trade *trade = e.code->trade;
    ck_assert(trade->possible && trade->count > 0);
    double again = 0;
    for (int step = 0; step < 2; step++) again += products_again(e.code->program[step]);
    ck_assert(again > 0);
    ck_assert_int_eq(number_after(e.text, "an iteration: "), number_after(all.text, "an iteration: ") + (long)again);
    expect(e.text, ", what is computed again with them, ");
    for (int s = 0; s < 2; s++) {
        const char *head = format("step %d", s), *forward = line_of(section(all.text, head), "total");
        expect(line_of(section(e.text, head), "total"), format("%.*s", (int)(strstr(forward, " M") - forward), forward));
    }
    ck_assert_int_eq(number_after(strstr(e.text, "computed again in the backward pass"), "instead of"), bytes);
    ck_assert_ptr_null(strstr(all.text, "computed again"));
}
END_TEST

static const char searched[] =
    "version: 2\nname: searched\ninput: {channels: 1, height: 8, width: 8}\nnoise:\n  z: {shape: [3]}\nnetworks:\n  generator:\n"
    "    - linear: {shape: [1, 8, 8], activation: tanh}\nvalues:\n  y: generator(z)\nlosses:\n  error: {mse: [y, x]}\n"
    "outputs: {reconstruction: y, samples: y}\nscore: {sum: {error: 1}}\n"
    "search: {noise: z, steps: 7, optimizer: {name: adam}}\ntraining: {batch: 2}\n";

START_TEST(memory_and_buffers_are_what_programs_have) {
    const char *const specs[] = {base, searched};
    for (int s = 0; s < 2; s++) {
        const Explained e = explained(specs[s]);
        const char *memory = strstr(e.text, "\nmemory");
        ck_assert_ptr_nonnull(memory);
        ck_assert_int_eq(number_after(memory, "training"), e.code->workspace_bytes);
        ck_assert_int_eq(number_after(memory, "inference"), program_named(e.code, "evaluate")->alone_bytes);
        if (s == 0) ck_assert_ptr_null(strstr(memory, "search"));
        else ck_assert_int_eq(number_after(memory, "search"), program_named(e.code, "search")->alone_bytes);
        const Target *const target = e.code->target;
        const Inference *inference =
            compile_inference(e.model.spec, PRECISION_F32, RECURRENCE_WINDOW, &target, 1, default_choices.filtering);
        ck_assert_int_eq(number_after(memory, "bundle"), inference->code[0]->workspace_bytes);
        ck_assert_int_eq(number_after(strstr(memory, "bundle"), "weights:"), inference->code[0]->weight_bytes);
        if (s == 1)
            ck_assert_int_eq(number_after(strstr(memory, "bundle"), "search"), inference->code[0]->program[SYSTEM_search].alone_bytes);
    }
    const char *memory = strstr(explained(base).text, "\nmemory"); /* x and reconstruction; eps, mean; a score per frame */
    ck_assert_int_eq(number_after(memory, "beside these:"), 4 * 2 * (2 * 4 * 256 + 2 * 4 * 6 + 4));
    memory = strstr(explained(searched).text, "\nmemory"); /* x, two outputs, samples of before; z, gradient, two moments; score */
    ck_assert_int_eq(number_after(memory, "beside these:"), 4 * 2 * (4 * 64 + 4 * 3 + 1));
}
END_TEST

START_TEST(a_search_passes_gradients_through_what_it_runs) {
    const char *search = section(explained(searched).text, "search, 7 updates before each evaluation");
    expect(search, "updates  z by the score, with adam\n");
    expect(line_of(search, "generator"),
           squeezed(format("generator through 1 %s %s ", scaled(2.0 * 2 * 64 * 3), scaled(2.0 * 2 * 64 * 3))));
}
END_TEST

START_TEST(lines_fit_a_terminal) {
    const char *line = explained_changed("judge(join(x, y))", "judge(join(detach(add(x, add(x, add(x, add(x, detach(x)))))), "
                                                              "detach(add(y, add(y, add(y, add(y, detach(y))))))))")
                           .text;
    for (int length; *line; line += length + (line[length] == '\n')) {
        length = (int)strcspn(line, "\n");
        const char *words = format("%.*s", length, line);
        ck_assert_msg(characters(words) <= 100, "%s", words);
        ck_assert_msg(length == 0 || line[length - 1] != ' ', "%s", words);
    }
}
END_TEST

Suite *explain_system_suite(void) {
    Suite *suite = suite_create("explain_system");
    TCase *tests = tcase_create("explain_system");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, networks_have_their_layers_and_parameters);
    tcase_add_test(tests, steps_say_what_they_run_and_which_gradients_flow);
    tcase_add_test(tests, what_a_step_does_not_need_is_not_in_it);
    tcase_add_test(tests, frozen_networks_pass_gradients_on);
    tcase_add_test(tests, the_work_of_an_iteration_is_that_of_its_kernels);
    tcase_add_loop_test(tests, iterations_have_the_least_products, 0, sizeof known / sizeof *known);
    tcase_add_test(tests, products_forward_and_backward_are_the_known_ones);
    tcase_add_test(tests, networks_whose_names_end_in_digits_are_told_apart);
    tcase_add_test(tests, memory_and_buffers_are_what_programs_have);
    tcase_add_test(tests, what_is_computed_again_is_said);
    tcase_add_test(tests, a_search_passes_gradients_through_what_it_runs);
    tcase_add_test(tests, lines_fit_a_terminal);
    suite_add_tcase(suite, tests);
    return suite;
}
