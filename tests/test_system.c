/* Version 2 of the spec language: what is read. */
#include "system_parsing.h"

#include <unistd.h>

Suite *system_suite(void);

static const System *read_file(const char *name) {
    size_t size;
    free(errors);
    FILE *stream = open_memstream(&errors, &size);
    const Spec *spec = read_spec(format("specs/%s.yaml", name), stream);
    fclose(stream);
    ck_assert_msg(spec != NULL && !*errors, "%s:\n%s", name, errors);
    ck_assert_str_eq(spec->name, name);
    return accepted(spec);
}

static void expect_shape(Shape shape, int C, int T, int H, int W) {
    ck_assert_msg(shapes_equal(shape, (Shape){C, T, H, W}), "%s", size_text(shape));
}

static const NetworkLayer *layer_of(const System *system, int network, int layer) {
    return &system->networks[network].layers[layer];
}

/* ---- what is read ---- */

START_TEST(the_example_is_read_as_it_is_meant) {
    const System *system = read_file("vae");
    const Network *encoder = &system->networks[0], *decoder = &system->networks[1];
    ck_assert_int_eq(system->network_count, 2);
    ck_assert(encoder->input_count == 1 && !strcmp(encoder->inputs[0].name, "x") && !encoder->frozen && encoder->like == -1);
    expect_shape(encoder->inputs[0].shape, 3, 1, 64, 64);
    expect_shape(encoder->layers[3].out, 256, 1, 4, 4);
    expect_shape(encoder->layers[5].out, 128, 1, 1, 1);
    expect_shape(decoder->layers[0].out, 256, 1, 4, 4);
    expect_shape(decoder->layers[4].out, 3, 1, 64, 64);
    ck_assert(encoder->layers[4].from->kind == SOURCE_LAYER && encoder->layers[4].from->index == 3 && encoder->layers[5].from->index == 3);
    /* conv, norm, activation: three modules each; then two linear layers */
    ck_assert(encoder->layers[1].own_module == 3 && encoder->layers[1].norm_module == 4 && encoder->layers[1].activation_module == 5);
    ck_assert(encoder->layers[5].own_module == 13 && encoder->layers[5].norm_module == -1 && encoder->module_count == 14);
    ck_assert(decoder->call_count == 2 && encoder->call_count == 1 && system->call_count == 3);
    const Value *y = system->definitions[1].value, *sample = y->operands[0];
    ck_assert(y->kind == VALUE_CALL && y->call->network == decoder && y->call->number == 0 && sample->kind == VALUE_SAMPLE);
    ck_assert(sample->operands[0]->kind == VALUE_RESULT && sample->operands[0]->source.index == 4 &&
              sample->operands[2]->kind == VALUE_NOISE);
    ck_assert(system->definitions[2].value->call->number == 1 && system->definitions[2].value->operands[0] == sample->operands[0]);
    ck_assert(system->losses[1].terms[0].kind == TERM_KL && system->losses[1].terms[0].sum && system->losses[2].only_score);
    ck_assert_double_eq(system->losses[1].terms[0].weight, 2.5e-4);
    ck_assert_int_eq(system->steps[0].update_count, 2);
    ck_assert_int_eq(system->steps[0].updates[0].loss_count, 2); /* without the loss that is `only: score` */
    ck_assert(system->steps[0].needs[y->number] && !system->steps[0].needs[system->definitions[2].value->number]);
    ck_assert(system->reconstruction && system->target->kind == VALUE_DATA && !system->samples && !system->score.per_frame);
    const Optimizer *optimizer = decoder->optimizer;
    ck_assert(optimizer->name == OPTIMIZER_ADAM && optimizer->schedule.name == SCHEDULE_EXPONENTIAL && optimizer->schedule.every == 500);
}
END_TEST

START_TEST(each_spec_of_version_2_is_the_system_of_its_paper) {
    const System *system = read_file("image_ae");
    ck_assert(system->network_count == 2 && system->score.loss_count == 1 && !system->score.per_frame);
    system = read_file("anogan");
    expect_shape(layer_of(system, 0, 0)->out, 512, 1, 4, 4);
    expect_shape(layer_of(system, 0, 4)->out, 1, 1, 64, 64);
    expect_shape(layer_of(system, 1, 3)->out, 512, 1, 4, 4);
    ck_assert(system->noises[0].uniform && system->noises[0].low == -1 && system->noises[0].high == 1);
    ck_assert(system->steps[1].draw == 1 && system->steps[1].batch_of == -1 && system->search.noise == &system->noises[0]);
    ck_assert(system->search.steps == 500 && system->score.loss_count == 2 && system->score.losses[0].factor == 0.9);
    ck_assert(system->initial.weights == INITIAL_NORMAL && system->initial.weights_deviation == 0.02 && system->initial.norm_given);
    ck_assert(system->networks[1].call_count == 2 && system->networks[0].call_count == 1);
    system = read_file("efficient_gan");
    const NetworkLayer *concat = layer_of(system, 2, 4);
    ck_assert(concat->from_count == 2 && concat->from[0].index == 2 && concat->from[1].index == 3);
    expect_shape(concat->out, 3136 + 512, 1, 1, 1);
    ck_assert(layer_of(system, 2, 3)->from->kind == SOURCE_INPUT && layer_of(system, 2, 3)->from->index == 1);
    ck_assert(layer_of(system, 2, 5)->dropout_module == layer_of(system, 2, 5)->own_module + 2 && system->average == 0.999);
    ck_assert(system->steps[1].batch == BATCH_NEXT && system->steps[1].batch_of == 1 && system->steps[1].update_count == 2);
    system = read_file("vae_gan");
    const Value *feature = system->losses[1].terms[0].value;
    ck_assert(feature->kind == VALUE_HALF && feature->half == 1 && !feature->joined && feature->operands[0]->joined);
    ck_assert(feature->operands[0]->source.kind == SOURCE_TAP && feature->operands[0]->source.index == 3);
    ck_assert(system->steps[0].update_count == 3 && system->steps[0].updates[1].losses[1].factor == -0.999999);
    ck_assert(system->networks[2].optimizer->name == OPTIMIZER_RMSPROP && system->networks[2].optimizer->alpha == 0.99);
    ck_assert_double_eq(layer_of(system, 0, 0)->epsilon, 1e-6);
    system = read_file("clip_latent");
    ck_assert_int_eq(layer_of(system, 0, 5)->over, OVER_CLIP);
    expect_shape(layer_of(system, 0, 5)->out, 128, 1, 1, 1);
    expect_shape(layer_of(system, 1, 1)->out, 100, 4, 1, 1);
    expect_shape(system->reconstruction->value->shape, 1, 4, 128, 128);
    ck_assert(system->score.present && system->score.per_frame && system->score.frame_count == 4 && !system->score.loss_count);
    system = read_file("predict");
    expect_shape(layer_of(system, 0, 2)->out, 32, 1, 64, 64);
    expect_shape(layer_of(system, 0, 20)->out, 64, 1, 128, 128);
    ck_assert(system->score.per_frame && system->score.frame_count == 1 && system->score.first_frame == 4);
}
END_TEST

START_TEST(every_kind_of_layer_has_its_shape_and_its_modules) {
    static const Shape first[] = {{4, 4, 16, 16}, {4, 4, 8, 8}, {4, 4, 8, 8}, {4, 4, 8, 8}, {4, 4, 8, 8}, {8, 4, 8, 8},
                                  {4, 4, 8, 8},   {4, 4, 8, 8}, {4, 2, 8, 8}, {4, 2, 8, 8}, {4, 2, 8, 8}, {4, 2, 8, 8}};
    static const Shape second[] = {{4, 2, 8, 8},   {4, 2, 8, 8}, {4, 2, 8, 8}, {4, 4, 16, 16}, {4, 4, 32, 32}, {4, 4, 32, 32},
                                   {3, 4, 32, 32}, {6, 4, 1, 1}, {5, 4, 1, 1}, {2, 1, 3, 4},   {24, 1, 1, 1},  {24, 1, 1, 1}};
    const System *system = accepted(parse(whole, strlen(whole)));
    ck_assert_str_eq(errors, "");
    for (int i = 0; i < 12; i++) {
        ck_assert_msg(shapes_equal(layer_of(system, 0, i)->out, first[i]), "first[%d]: %s", i, size_text(layer_of(system, 0, i)->out));
        for (int network = 1; network < 3; network++)
            ck_assert_msg(shapes_equal(layer_of(system, network, i)->out, second[i]), "second[%d]", i);
    }
    const NetworkLayer *conv = layer_of(system, 0, 0), *memory = layer_of(system, 0, 7), *norm = layer_of(system, 0, 10);
    ck_assert(conv->kernel[0] == 3 && conv->kernel[1] == 5 && conv->stride[0] == 1 && conv->stride[2] == 2 && conv->padding[0] == 1);
    ck_assert(conv->own_module == 0 && conv->norm_module == 1 && conv->activation_module == 2 && conv->dropout_module == 3 && !conv->bias);
    expect_shape(memory->tap_size, 10, 4, 8, 8);
    ck_assert(memory->own_module == 12 && memory->items == 10 && memory->shrink == 0.01);
    ck_assert(norm->own_module == -1 && norm->norm_module == 15 && norm->epsilon == 1e-4 && norm->momentum == 0.3);
    ck_assert(layer_of(system, 0, 2)->dropout_module == -1 && layer_of(system, 0, 2)->activation == ACTIVATION_ELU);
    ck_assert(layer_of(system, 0, 6)->kernel[1] == 5 && layer_of(system, 0, 6)->padding[2] == 2);
    ck_assert(layer_of(system, 0, 1)->stride[1] == 2 && layer_of(system, 0, 1)->stride[0] == 1);
    ck_assert(system->networks[2].like == 1 && system->networks[2].frozen && !system->networks[2].optimizer);
    const NetworkLayer *gru = layer_of(system, 1, 8);
    ck_assert(gru->hidden == 5 && gru->gru_layers == 2 && gru->initial_state == INITIAL_STATE_NORMAL &&
              layer_of(system, 1, 9)->channels == 2);
    ck_assert(layer_of(system, 1, 11)->dropout_module == 13 && layer_of(system, 1, 11)->dropout == 0.25);
}
END_TEST

START_TEST(steps_say_which_draw_and_batch_they_read) {
    const System *system = accepted(parse(whole, strlen(whole)));
    const TrainingStep *steps = system->steps;
    ck_assert(steps[0].draw == 0 && steps[1].draw == 0 && steps[1].kept && steps[0].batch_of == 0 && steps[1].batch_of == 1);
    ck_assert(steps[0].times == 2 && steps[0].every == 3 && steps[0].updates[0].losses[0].factor == 0.5);
    ck_assert(!strcmp(system->calls[3]->network->name, "third") && system->calls[3]->number == 1 && system->calls[3]->in_outputs);
    ck_assert(!system->calls[2]->in_outputs && !steps[0].needs[system->calls[3]->value->number]);
    const Optimizer *first = system->networks[0].optimizer, *second = system->networks[1].optimizer;
    ck_assert(first->schedule.at_count == 2 && first->schedule.at[0] == 10 && first->schedule.warm_up == 10 && first->beta1 == 0.5);
    ck_assert(second->learning_rate == 0.01 && second->alpha == 0.9 && second->schedule.to == 0.1 && second->schedule.over == 100);
    ck_assert(system->search.optimizer.nesterov && system->search.optimizer.clip_norm == 2 && system->losses[0].terms[1].falling);
    ck_assert(!system->losses[0].terms[1].other && system->losses[0].terms[1].target == 0.5);
    ck_assert(system->samples && system->initial.bias_given && system->initial.weights == INITIAL_KAIMING_LEAKY_RELU);
}
END_TEST

START_TEST(defaults_are_pytorchs) {
    const System *system = accepted(parse_changed("optimizers: {judge: {name: sgd}, all: {name: adam}}\n", ""));
    const Optimizer *optimizer = system->networks[2].optimizer;
    ck_assert(optimizer->name == OPTIMIZER_ADAM && optimizer->learning_rate == 1e-3 && optimizer->beta2 == 0.999 &&
              optimizer->epsilon == 1e-8);
    ck_assert(optimizer->schedule.name == SCHEDULE_CONSTANT && optimizer->clip_norm == 0 && system->average == 0);
    const NetworkLayer *layer = layer_of(system, 2, 0);
    ck_assert(layer->bias && layer->norm == NORM_NONE && layer->dropout == 0 && layer->kernel[0] == 1 && layer->stride[0] == 1);
    ck_assert_double_eq(layer_of(system, 0, 0)->epsilon, 1e-5);
    ck_assert_double_eq(layer_of(system, 0, 0)->momentum, 0.1);
    ck_assert_double_eq(layer_of(system, 0, 0)->slope, 0.01);
    const Spec *one = parse_changed("optimizers: {judge: {name: sgd}, all: {name: adam}}", "optimizer: {name: rmsprop}");
    ck_assert_double_eq(accepted(one)->networks[0].optimizer->learning_rate, 0.01);
    one = parse_changed("optimizers: {judge: {name: sgd}, all: {name: adam}}", "optimizer: {name: adamw}");
    ck_assert_double_eq(accepted(one)->networks[0].optimizer->weight_decay, 0.01);
}
END_TEST

START_TEST(warnings_do_not_refuse) {
    accepted(parse_changed("seen: judge", "spare: unit(x)\n  seen: judge"));
    ck_assert_msg(strstr(errors, "x.yaml:26:3: warning: nothing needs the value `spare`"), "%s", errors);
    accepted(parse_changed("score: {sum: {residual: 1}, per: frame}", "score: {sum: {residual: 1, reconstruction: 1}}"));
    ck_assert_msg(strstr(errors, "x.yaml:39:1: warning: the score depends on the noise `eps`"), "%s", errors);
    accepted(parse_changed("score: {sum: {residual: 1}, per: frame}",
                           "score: {sum: {residual: 1, reconstruction: 1}}\nsearch: {noise: eps, steps: 2}"));
    ck_assert_str_eq(errors, "");
    /* Of a joined batch, only the half that the score looks at counts. */
    const char *half = changed(base, "only: score}", "only: score}\n  first: {mean: [\"half(seen, 1)\"], only: score}");
    half = changed(half, "sum: {residual: 1}", "sum: {residual: 1, first: 1}");
    accepted(parse(half, strlen(half)));
    ck_assert_str_eq(errors, "");
    accepted(parse(base, strlen(base)));
    ck_assert_str_eq(errors, "");
}
END_TEST

/* ---- gradients ---- */

START_TEST(every_parameter_of_an_updated_network_has_a_gradient) {
    static const struct {
        const char *from, *to;
    } rows[] = {
        {"encoder: [reconstruction, prior]", "encoder: [prior]"},
        {"decoder: {reconstruction: 1, gan: -0.5}", "decoder: {gan: 0}"}, /* a way counts whatever its numbers are */
        {"sample(q.mean, q.log_variance, eps)", "sample(q.mean, detach(q.log_variance), eps)"},
        {"prior: {kl: [q.mean, q.log_variance], weight: 0.5}", "prior: {mse: [q.mean, 0]}"},
        {"seen: judge(join(x, y))", "seen: judge(join(x, detach(y)))"},
        {"bce_with_logits: [\"half(seen, 1)\", 1]", "mse: [\"half(seen.features, 1)\", 1]"},
        {"encoder: [reconstruction, prior]", "encoder: [prior, gan]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) accepted(parse_changed(rows[i].from, rows[i].to));
    static const struct {
        const char *from, *to, *from2, *to2, *parameter;
    } missing[] = {
        {"prior: {kl: [q.mean, q.log_variance], weight: 0.5}", "prior: {mse: [q.mean, 0]}", "[reconstruction, prior]", "prior",
         "encoder.7.weight"},
        {"prior: {kl: [q.mean, q.log_variance], weight: 0.5}", "prior: {mse: [q.before, 0]}", "[reconstruction, prior]", "prior",
         "encoder.4.weight"},
        {"join(x, y)", "join(x, detach(y))", "decoder: {reconstruction: 1, gan: -0.5}", "decoder: gan", "decoder.0.weight"},
        {"[\"half(seen, 1)\", 1]", "[\"half(seen.features, 1)\", 1]", "[\"half(seen, 2)\", 0]", "[\"half(seen.features, 2)\", 0]",
         "judge.2.weight"},
    };
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        const char *text = changed(changed(base, missing[i].from, missing[i].to), missing[i].from2, missing[i].to2);
        ck_assert_ptr_null(parse(text, strlen(text)));
        ck_assert_msg(strstr(errors, format("have no gradient for its parameter `%s`", missing[i].parameter)), "%s: %s",
                      missing[i].parameter, errors);
    }
}
END_TEST

START_TEST(a_norm_of_one_value_is_an_error_where_it_is_trained) {
    const char *text =
        changed(changed(base, "T: 4, channels: 1, height: 16, width: 16", "channels: 1, height: 4, width: 4"), "[6, 4, 1, 1]", "[6]");
    text = changed(changed(text, "{shape: [8, 4, 4]}", "{shape: [8, 1, 1]}"), "batch: 2", "batch: 1");
    ck_assert_ptr_null(parse(text, strlen(text)));
    ck_assert_msg(strstr(errors, "x.yaml:11:9: error: batch norm of one value for each channel"), "%s", errors);
    text = changed(text, "batch: 1", "batch: 2");
    accepted(parse(text, strlen(text)));
}
END_TEST

/* ---- canonical text ---- */

START_TEST(texts_that_mean_the_same_have_the_same_canonical_text) {
    static const char *const same[][2] = {
        {"- conv: {channels: 4}", "- conv: {channels: 4, stride: [2, 2], bias: true, dropout: 0}"},
        {"- conv: {channels: 4}", "- conv: {channels: 0x4, from: x}"},
        {"weight: 0.5", "weight: 5e-1, reduce: sum"},
        {"{mse: [y, x]}", "[{mse: [y, x], reduce: mean}]"},
        {"[reconstruction, prior]", "{reconstruction: 1.0, prior: 1}"},
        {"per: frame", "per: frame, first_frame: 0"},
        {"all: {name: adam}", "encoder: {}, decoder: {learning_rate: 0.001}"},
        {"{batch: 2}", "{batch: 2, seed: 0}"},
        {"seen: judge(join(x, y))", "seen: \"judge( join(x,y) )\""},
        {"y: decoder(sample(q.mean", "y: decoder(  sample(q.mean"},
        {"- linear: {features: 1}", "- linear: {features: 1, activation: none}"},
        {"{shape: [6, 4, 1, 1]}", "{distribution: normal, shape: [6, 4, 1, 1]}"},
    };
    const Spec *spec = parse(base, strlen(base));
    accepted(spec);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        const Spec *other = parse_changed(same[i][0], same[i][1]);
        accepted(other);
        ck_assert_str_eq(other->canonical, spec->canonical);
        ck_assert(other->hash == spec->hash);
    }
    const Spec *other = parse_changed("weight: 0.5", "weight: 0.25");
    accepted(other);
    ck_assert(other->hash != spec->hash);
    const char *like = changed(base, "  judge:\n", "  spare: {like: decoder, frozen: true}\n  judge:\n");
    like = changed(like, "mean: q.mean", "mean: q.mean, again: spare(q.mean)");
    const char *written = strstr(base, "  decoder:\n") + strlen("  decoder:\n"), *end = strstr(written, "  judge:\n");
    const char *out =
        changed(like, "{like: decoder, frozen: true}\n", format("\n    frozen: true\n    layers:\n%.*s", (int)(end - written), written));
    const Spec *with_like = parse(like, strlen(like));
    accepted(with_like);
    const Spec *without = parse(out, strlen(out));
    accepted(without);
    ck_assert_str_eq(with_like->canonical, without->canonical);
}
END_TEST

START_TEST(the_canonical_text_is_a_spec_of_the_same_system) {
    static const char *const names[] = {"image_ae", "vae", "anogan", "efficient_gan", "vae_gan", "clip_latent", "predict"};
    for (size_t i = 0; i < sizeof names / sizeof *names + 2; i++) {
        const bool file = i < sizeof names / sizeof *names;
        const char *text = i % 2 ? whole : base;
        const Spec *spec = file ? read_spec(format("specs/%s.yaml", names[i]), stderr) : parse(text, strlen(text));
        ck_assert_ptr_nonnull(spec);
        const Spec *again = parse(spec->canonical, strlen(spec->canonical));
        accepted(again);
        ck_assert_str_eq(again->canonical, spec->canonical);
        ck_assert(again->hash == spec->hash);
    }
}
END_TEST

/* Layers that come later are read, and named where they stand. */
START_TEST(layers_that_are_not_compiled_yet_are_named) {
    static const char text[] =
        "version: 2\nname: pooled\ninput: {channels: 1, height: 8, width: 8}\n"
        "networks:\n  n:\n    layers:\n      - conv: {channels: 1, kernel: 3, padding: 1}\n      - memory: {items: 4}\n"
        "values: {y: n(x)}\nlosses: {e: {mse: [y, x]}}\noutputs: {reconstruction: y}\n";
    size_t size;
    char path[] = "/tmp/zoetrope_system_XXXXXX";
    const int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, text, sizeof text - 1), (long)sizeof text - 1);
    close(file);
    free(errors);
    FILE *stream = open_memstream(&errors, &size);
    ck_assert_ptr_null(read_spec_to_compile(path, stream));
    ck_assert_ptr_nonnull(read_spec_to_compile("specs/vae.yaml", stream));
    fclose(stream);
    unlink(path);
    ck_assert_str_eq(errors, format("%s:8:9: error: a layer `memory` cannot be compiled yet\n"
                                    "       = `zoetrope check` reads and checks it\n",
                                    path));
}
END_TEST

START_TEST(the_example_of_the_documentation_is_a_spec_of_version_2) {
    const char *start = strstr(system_introduction, "```yaml\n") + 8;
    accepted(parse(start, (size_t)(strstr(start, "```") - start)));
    ck_assert_str_eq(errors, "");
}
END_TEST

Suite *system_suite(void) {
    Suite *suite = suite_create("system");
    TCase *reading = tcase_create("reading");
    tcase_add_test(reading, the_example_is_read_as_it_is_meant);
    tcase_add_test(reading, each_spec_of_version_2_is_the_system_of_its_paper);
    tcase_add_test(reading, every_kind_of_layer_has_its_shape_and_its_modules);
    tcase_add_test(reading, steps_say_which_draw_and_batch_they_read);
    tcase_add_test(reading, defaults_are_pytorchs);
    tcase_add_test(reading, warnings_do_not_refuse);
    tcase_add_test(reading, every_parameter_of_an_updated_network_has_a_gradient);
    tcase_add_test(reading, a_norm_of_one_value_is_an_error_where_it_is_trained);
    suite_add_tcase(suite, reading);
    TCase *text = tcase_create("text");
    tcase_add_test(text, texts_that_mean_the_same_have_the_same_canonical_text);
    tcase_add_test(text, the_canonical_text_is_a_spec_of_the_same_system);
    tcase_add_test(text, layers_that_are_not_compiled_yet_are_named);
    tcase_add_test(text, the_example_of_the_documentation_is_a_spec_of_version_2);
    suite_add_tcase(suite, text);
    return suite;
}
