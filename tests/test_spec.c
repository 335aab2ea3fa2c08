/* The spec language: what is read, what is refused, and where errors point. */
#include "../compiler/spec/spec.h"
#include "spec_mistakes.h"

#include <check.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

/* Line 1 is `version`; tests refer to lines and columns of this text. */
static const char base[] = "version: 1\n"
                           "name: small\n"
                           "input: {T: 2, channels: 1, height: 16, width: 12}\n"
                           "encoder:\n"
                           "  - conv: {channels: 4, kernel: 3, stride: 2, padding: 1, norm: batch, activation: relu}\n"
                           "  - conv: {channels: 8, kernel: 3, stride: 2, padding: 1}\n"
                           "latent: 10\n"
                           "gru: {hidden: 6}\n"
                           "decoder:\n"
                           "  - conv_transpose: {channels: 4, kernel: 3, stride: 2, padding: 1, output_padding: 1}\n"
                           "  - conv_transpose: {channels: 1, kernel: 4, stride: 2, padding: 1, activation: tanh}\n";

static char *errors;

static Spec *parse(const char *bytes, size_t length) {
    size_t size;
    free(errors);
    FILE *stream = open_memstream(&errors, &size);
    Spec *spec = parse_spec("x.yaml", bytes, length, stream);
    fclose(stream);
    return spec;
}

/* The base with the first `from` replaced by `to`. */
static char *changed(const char *from, const char *to) {
    const char *place = strstr(base, from);
    ck_assert_msg(place != NULL, "the base has no '%s'", from);
    return format("%.*s%s%s", (int)(place - base), base, to, place + strlen(from));
}

static Spec *parse_changed(const char *from, const char *to) {
    char *text = changed(from, to);
    return parse(text, strlen(text));
}

/* Refused, and the errors contain each of the texts. The list ends with NULL. */
static void expect_errors(const Spec *spec, const char *what, const char *const texts[]) {
    ck_assert_msg(spec == NULL, "accepted: %s", what);
    for (; *texts; texts++) ck_assert_msg(strstr(errors, *texts) != NULL, "%s: no '%s' in\n%s", what, *texts, errors);
    ck_assert_msg(strstr(errors, "\n       = ") != NULL, "%s: no remedy in\n%s", what, errors);
}

static void expect_error(const char *from, const char *to, const char *text) {
    expect_errors(parse_changed(from, to), to, (const char *const[]){text, NULL});
}

static void expect_accepted(const char *from, const char *to) {
    ck_assert_msg(parse_changed(from, to) != NULL, "%s: %s", to, errors);
}

static int count_errors(void) {
    int count = 0;
    for (const char *at = errors; (at = strstr(at, ": error: ")); at++) count++;
    return count;
}

START_TEST(reads_every_field) {
    static const char text[] =
        "training: {seed: 18446744073709551615e0, batch: 3, iterations: 77, strips_every: 9}\n"
        "optimizer: {name: sgd, learning_rate: 2.5e-3, momentum: .9, weight_decay: 0.25}\n"
        "loss: l1\n"
        "decoder:\n"
        "  - conv: {channels: 2, kernel: [3, 1], padding: [1, 0], bias: false}\n"
        "  - conv_transpose:\n      channels: 3\n      kernel: 2\n      stride: [2, 1]\n      padding: [0, 1]\n      output_padding: [1, 0]\n"
        "  - conv: {channels: 3, kernel: [2, 1], padding: [0, 1], norm: none, activation: sigmoid}\n"
        "gru: {hidden: 0x10, layers: 2, initial_state: normal}\n"
        "latent: 0o12\n"
        "encoder: [{conv: {channels: 5, kernel: [4, 2], stride: [2, 1], padding: [1, 0], norm: batch, activation: leaky_relu, slope: 0.5}}]\n"
        "input: {width: 7, height: 6, channels: 3, T: 5}\n"
        "name: 'all_of_it'\n"
        "version: 1\n";
    Spec *spec = parse(text, strlen(text));
    ck_assert_msg(spec != NULL, "%s", errors);
    ck_assert_str_eq(spec->name, "all_of_it");
    ck_assert_int_eq(spec->T * 1000000 + spec->channels * 10000 + spec->height * 100 + spec->width, 5030607);
    ck_assert_int_eq(spec->encoder_count, 1);
    ck_assert_int_eq(spec->decoder_count, 3);
    const Layer *layer = &spec->encoder[0];
    ck_assert(!layer->transposed && layer->channels == 5 && layer->kernel[0] == 4 && layer->kernel[1] == 2 && layer->stride[0] == 2 &&
              layer->stride[1] == 1 && layer->padding[0] == 1 && layer->padding[1] == 0 && layer->bias);
    ck_assert(layer->norm == NORM_BATCH && layer->activation == ACTIVATION_LEAKY_RELU);
    ck_assert_double_eq(layer->slope, 0.5);
    ck_assert(spec->decoder[1].transposed && spec->decoder[1].output_padding[0] == 1 && spec->decoder[1].output_padding[1] == 0);
    ck_assert(!spec->decoder[0].bias && spec->decoder[2].activation == ACTIVATION_SIGMOID);
    ck_assert(spec->latent == 10 && spec->hidden == 16 && spec->gru_layers == 2 && spec->initial_state == INITIAL_STATE_NORMAL);
    ck_assert(spec->loss == LOSS_L1 && spec->optimizer.name == OPTIMIZER_SGD);
    ck_assert_double_eq(spec->optimizer.learning_rate, 2.5e-3);
    ck_assert_double_eq(spec->optimizer.momentum, 0.9);
    ck_assert_double_eq(spec->optimizer.weight_decay, 0.25);
    ck_assert(spec->training.batch == 3 && spec->training.iterations == 77 && spec->training.strips_every == 9);
    ck_assert(spec->training.seed == UINT64_MAX);
    ck_assert(spec->encoder_mark.line == 15 && spec->input_mark.line == 16 && spec->encoder[0].mark.column == 12);
}
END_TEST

START_TEST(keys_left_out_have_pytorchs_defaults) {
    Spec *spec = parse(base, strlen(base));
    ck_assert_msg(spec != NULL, "%s", errors);
    const Layer *layer = &spec->encoder[1];
    ck_assert(layer->bias && layer->norm == NORM_NONE && layer->activation == ACTIVATION_NONE);
    Spec *bare = parse_changed("stride: 2, padding: 1}\nlatent", "stride: 2, padding: 1, activation: leaky_relu}\nlatent");
    ck_assert_double_eq(bare->encoder[1].slope, 0.01);
    ck_assert(spec->gru_layers == 1 && spec->initial_state == INITIAL_STATE_ZEROS && spec->loss == LOSS_MSE);
    ck_assert(spec->optimizer.name == OPTIMIZER_ADAM);
    ck_assert_double_eq(spec->optimizer.learning_rate, 1e-3);
    ck_assert_double_eq(spec->optimizer.beta1, 0.9);
    ck_assert_double_eq(spec->optimizer.beta2, 0.999);
    ck_assert_double_eq(spec->optimizer.epsilon, 1e-8);
    ck_assert_double_eq(spec->optimizer.weight_decay, 0);
    ck_assert(spec->training.batch == 16 && spec->training.iterations == 10000 && spec->training.strips_every == 200);
    ck_assert(spec->training.seed == 0);
    ck_assert_double_eq(parse_changed("latent", "optimizer: {name: adamw}\nlatent")->optimizer.weight_decay, 0.01);
    ck_assert_double_eq(parse_changed("latent", "optimizer: {name: sgd}\nlatent")->optimizer.momentum, 0);
    ck_assert_int_eq(parse_changed("gru: {hidden: 6}\n", "")->hidden, 0);
    spec = parse_changed("latent: 10\ngru: {hidden: 6}\n", "");
    ck_assert(spec->latent == 0 && spec->hidden == 0);
    spec = parse_changed("channels: 4, kernel: 3, stride: 2, padding: 1, norm: batch, activation: relu", "channels: 4, kernel: 1");
    ck_assert(spec == NULL); /* its shapes do not fit; its defaults are used in the formula: */
    ck_assert(strstr(errors, "encoder[0] conv                  4 × 16 × 12") != NULL);
}
END_TEST

START_TEST(shapes_follow_pytorchs_formulas) {
    /* from torch.nn.Conv2d and ConvTranspose2d: {transposed, size, kernel, stride, padding, output padding, size out} */
    static const int rows[][7] = {
        {0, 64, 3, 2, 1, 0, 32}, {0, 61, 3, 2, 1, 0, 31}, {0, 7, 7, 4, 0, 0, 1},  {0, 8, 7, 4, 3, 0, 2},  {0, 1, 1, 4, 0, 0, 1},
        {0, 6, 7, 1, 0, 0, 0},   {0, 2, 7, 4, 0, 0, -1},  {1, 4, 3, 2, 1, 1, 8},  {1, 1, 7, 4, 0, 3, 10}, {1, 31, 3, 2, 1, 0, 61},
        {1, 1, 3, 1, 1, 0, 1},   {1, 1, 2, 2, 1, 0, 0},   {1, 1, 1, 1, 2, 0, -3}, {1, 5, 4, 3, 2, 2, 14}, {0, 5, 2, 3, 0, 0, 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const int *r = rows[i];
        Layer layer = {
            .transposed = r[0], .channels = 3, .kernel = {r[2], 1}, .stride = {r[3], 1}, .padding = {r[4], 0}, .output_padding = {r[5], 0}};
        long out[3];
        bool positive = layer_output_shape(&layer, (int[]){1, r[1], 5}, out);
        ck_assert_msg(out[0] == 3 && out[1] == r[6] && out[2] == 5 && positive == (r[6] > 0), "row %zu: %ld", i, out[1]);
    }
}
END_TEST

START_TEST(each_mistake_is_an_error_with_its_place) {
    expect_error(mistakes[_i].from, mistakes[_i].to, mistakes[_i].error);
}
END_TEST

START_TEST(all_errors_are_reported_in_order_of_place) {
    parse_changed("channels: 4, kernel: 3, stride: 2", "channels: 0, kernel: 9, strid: 2");
    ck_assert_int_eq(count_errors(), 3);
    const char *first = strstr(errors, "5:22: error"), *second = strstr(errors, "5:33: error"), *third = strstr(errors, "5:36: error");
    ck_assert(first && second && third && first < second && second < third);
    parse_changed("version: 1\nname: small\n", "version: 1\n");
    ck_assert_int_eq(count_errors(), 1);
}
END_TEST

START_TEST(an_error_shows_the_line_and_a_caret_under_the_place) {
    parse_changed("latent: 10", "latent: ten");
    ck_assert_str_eq(errors, "x.yaml:7:9: error: `latent` is 'ten'\n"
                             "     7 | latent: ten\n"
                             "       |         ^~~\n"
                             "       = `latent` must be a whole number, 1 or more\n");
}
END_TEST

START_TEST(the_caret_stands_under_wide_and_escaped_characters) {
    parse_changed("latent: 10", "{\xe5\x8b\x95\xe7\x94\xbb, e\xcc\x81: x\xe2\x80\x8b}");
    ck_assert_str_eq(errors, "x.yaml:7:11: error: U+200B ZERO WIDTH SPACE, which cannot be seen\n"
                             "     7 | {\xe5\x8b\x95\xe7\x94\xbb, e\xcc\x81: x\\u200b}\n"
                             "       |            ^~~~~~\n"
                             "       = remove it\n");
}
END_TEST

/* Any line end, and in comments any character that cannot be mistaken for another. */
START_TEST(harmless_characters_and_line_ends_are_accepted) {
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    for (int i = 0; i < 3; i++) {
        Text text = {0}, wrong = {0};
        for (const char *c = base; *c; c++) text_add(&text, "%s", *c == '\n' ? ends[i] : format("%c", *c));
        ck_assert_msg(parse(text.bytes, text.length) != NULL, "%s", errors);
        text_add(&wrong, "%s# \xc3\x97%slatent: 3%s", text.bytes, ends[i], ends[i]);
        expect_errors(parse(wrong.bytes, wrong.length), "twice", (const char *const[]){"x.yaml:13:1: error: `latent` stands here", NULL});
    }
    expect_accepted("latent: 10",
                    "latent: 10 # \xe2\x80\x9cquoted\xe2\x80\x9d \xe2\x80\x93 3 \xc3\x97 3 \xe2\x86\x92 \xf0\x9f\x8e\xac \xd0\xb0");
    expect_accepted("latent: 10", "latent: 10 #\xc2\xa0 \xe2\x80\x8d\xef\xb8\x8f\xc2\xad");
    expect_accepted("name: small", "name: 'small' # it's \"fine\xe2\x80\x99");
    expect_accepted("version: 1", "\xef\xbb\xbfversion: 1");
}
END_TEST

START_TEST(other_encodings_are_named) {
    static const char *const forms[] = {"\xff\xfe\x61\0:\0", "\xfe\xff\0a\0:", "a\0:\0", "\0a\0:", "\0\0\0a", "a\0\0\0"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        expect_errors(parse(forms[i], i < 2 ? 6 : 4), "UTF-16",
                      (const char *const[]){"x.yaml: error: it is UTF-16 or UTF-32", "save the file as UTF-8", NULL});
    }
}
END_TEST

START_TEST(the_caret_of_a_long_line_is_shown) {
    char *text = format("version: 1 %*s# x\nname: {%300s: 1}\n", 300, "", "");
    parse(text, strlen(text));
    text = format("{version: 1, %*s name: for}", 400, "");
    expect_errors(parse(text, strlen(text)), text, (const char *const[]){"x.yaml:1:421: error", "name: for}\n", "^~~\n", NULL});
    for (char *line = strtok(errors, "\n"); line; line = strtok(NULL, "\n")) ck_assert_int_lt((int)strlen(line), 200);
}
END_TEST

START_TEST(a_misspelt_key_is_not_also_missing) {
    parse_changed("kernel: 3", "kernal: 3");
    ck_assert_int_eq(count_errors(), 1);
    parse_changed("latent: 10", "latnet: 10");
    ck_assert_int_eq(count_errors(), 1);
}
END_TEST

/* A decoder that does not lead back to the input's shape. The error names a remedy. Written into the spec, it works. */
// clang-format off
static const struct {
    const char *from, *to, *remedy;
} misfits[] = {
    {", output_padding: 1", "", "remedy: `output_padding: 1` in line 10's conv_transpose"},
    {"output_padding: 1", "output_padding: [1, 0]", "remedy: `output_padding: 1` in line 10's conv_transpose"},
    {"channels: 1, kernel: 4", "channels: 3, kernel: 4", "remedy: `channels: 1` in line 11's conv_transpose"},
    {"kernel: 4, stride: 2, padding: 1", "kernel: 4, stride: 2, padding: 0", "remedy: `padding: 1` in line 11's conv_transpose"},
    {"kernel: 4, stride: 2, padding: 1", "kernel: 4, stride: 2, padding: [1, 0]", "remedy: `padding: 1` in line 11's conv_transpose"},
    {"channels: 1, kernel: 4, stride: 2, padding: 1", "channels: 2, kernel: 4, stride: 2", "remedy: `channels: 1` in line 11's conv_transpose and `padding: 1`"},
    {"kernel: 4, stride: 2", "kernel: 4, stride: [2, 1]", "remedy: `stride: 2` in line 11's conv_transpose"},
    {"height: 16", "height: 15", "remedy: "},
    {"4, kernel: 3, stride: 2, padding: 1, output_padding: 1", "4, kernel: 3, stride: 1, padding: 1", "remedy: `stride: 2` and `output_padding: 1` in line 10's conv_transpose"},
};
// clang-format on

START_TEST(a_decoder_that_does_not_lead_back_names_the_key_that_mends_it) {
    expect_error(misfits[_i].from, misfits[_i].to, misfits[_i].remedy);
    ck_assert(strstr(errors, "x.yaml:11:5: error: the decoder ends in ") != NULL);
    ck_assert(strstr(errors, "line    6   encoder[1] conv ") && strstr(errors, "line   10   decoder[0] conv_transpose "));
    ck_assert_int_eq(count_errors(), 1);
}
END_TEST

START_TEST(output_padding_left_out_everywhere_is_recognised) {
    static const char text[] =
        "version: 1\nname: x\ninput: {T: 1, channels: 1, height: 32, width: 32}\nencoder:\n"
        "- conv: {channels: 2, kernel: 3, stride: 2, padding: 1}\n- conv: {channels: 2, kernel: 3, stride: 2, padding: 1}\n"
        "decoder:\n- conv_transpose: {channels: 2, kernel: 3, stride: 2, padding: 1}\n"
        "- conv_transpose: {channels: 1, kernel: 3, stride: 2, padding: 1}\n";
    expect_errors(parse(text, strlen(text)), "no output padding",
                  (const char *const[]){"remedy: `output_padding: 1` in each conv_transpose", NULL});
}
END_TEST

START_TEST(a_shape_that_vanishes_is_an_error_at_its_layer) {
    expect_error("height: 16", "height: 1", "x.yaml:11:5: error: the decoder ends in"); /* with padding, 1 stays 1 */
    expect_error("kernel: 3, stride: 2, padding: 1, norm: batch", "kernel: 7, stride: 4, norm: batch", "x.yaml:11:5");
    expect_error("stride: 2, padding: 1}\n", "stride: 2}\n", "x.yaml:11:5");
    expect_error("input: {T: 2, channels: 1, height: 16, width: 12}", "input: {T: 2, channels: 1, height: 16, width: 2}", "x.yaml:11:5");
    expect_error("kernel: 3, stride: 2, padding: 1}\nlatent", "kernel: 7, stride: 2}\nlatent",
                 "x.yaml:6:5: error: the image vanishes in encoder[1] conv: 8 × 6 becomes 1 × 0");
    ck_assert(strstr(errors, "remedy: `padding: [0, 1]` in line 6's conv") != NULL);
    ck_assert(strstr(errors, "line    5   encoder[0] conv                  4 × 8 × 6") != NULL);
    expect_error("kernel: 3, stride: 2, padding: 1, output_padding: 1", "kernel: 1, stride: 1, padding: 4",
                 "x.yaml:10:5: error: the image vanishes in decoder[0]");
}
END_TEST

START_TEST(sizes_that_overflow_are_errors) {
    expect_error("T: 2", "T: 2147483647", "x.yaml:3:1: error: the input (batch 16 · T 2147483647 · 1 × 16 × 12) has");
    expect_error("T: 2, channels: 1, height: 16, width: 12", "T: 2147483647, channels: 3, height: 2147483647, width: 2147483647",
                 "2147483647 (2^31 - 1) is the limit");
    expect_error("channels: 8", "channels: 2147483647", "x.yaml:6:5: error: the output of encoder[1] conv");
    expect_error("latent: 10", "latent: 2147483647", "x.yaml:7:1: error: the weight of the linear layer");
    expect_error("hidden: 6", "hidden: 100000", "x.yaml:8:1: error: a weight of the GRU has");
    expect_error("{hidden: 6}", "{hidden: 25000, layers: 64}\ntraining: {batch: 10000}", "need more than 2^40 bytes");
    /* 40 transposed convolutions with stride 4: the size overflows an int */
    Text text = {0};
    text_add(&text, "version: 1\nname: x\ninput: {T: 1, channels: 1, height: 1, width: 1}\ntraining: {batch: 1}\nencoder:\n");
    for (int i = 0; i < 40; i++) text_add(&text, "- conv_transpose: {channels: 1, kernel: [4, 1], stride: [4, 1]}\n");
    text_add(&text, "decoder: [conv: {channels: 1, kernel: 1}]\n");
    expect_errors(parse(text.bytes, text.length), "growth", (const char *const[]){"x.yaml:21:3: error: ", NULL});
}
END_TEST

START_TEST(batch_norm_of_one_value_is_an_error) {
    char *one = format("version: 1\nname: x\ninput: {T: 1, channels: 1, height: 1, width: 1}\ntraining: {batch: 1}\n"
                       "encoder: [conv: {channels: 1, kernel: 1, norm: batch}]\ndecoder: [conv: {channels: 1, kernel: 1}]\n");
    expect_errors(parse(one, strlen(one)), "one value",
                  (const char *const[]){"x.yaml:5:11: error: batch norm of one value for each channel", NULL});
    char *two = format("%s", one);
    strstr(two, "T: 1")[3] = '2';
    ck_assert_msg(parse(two, strlen(two)) != NULL, "%s", errors);
}
END_TEST

START_TEST(the_limits_of_the_language_are_accepted) {
    expect_accepted("T: 2", "T: 1");
    expect_accepted("latent", "training: {batch: 1, seed: 0xffffffffffffffff}\nlatent");
    expect_accepted("relu}", "leaky_relu, slope: 0}");
    expect_accepted("relu}", "tanh, bias: False}");
    expect_accepted("name: small", "name: \"a12345678901234567890123456789012345678901234567890123456789012\"");
    expect_accepted("latent", "optimizer: {betas: [0, 0], epsilon: 0, learning_rate: 0}\nlatent");
    expect_accepted("latent", "optimizer: {learning_rate: +1.E-3}\nlatent");
    expect_accepted("version: 1", "%YAML 1.2\n---\nversion: 1");
    expect_accepted("version: 1", "\xef\xbb\xbfversion: 1 # \xc3\xa9\xe2\x80\xa6\xf0\x9f\x8e\x9e\r");
    for (int kernel = 1; kernel <= 7; kernel++)
        for (int stride = 1; stride <= 4; stride++) {
            char *text = format(
                "version: 1\nname: x\ninput: {T: 1, channels: 3, height: %d, width: %d}\n"
                "encoder: [conv: {channels: 2, kernel: %d, stride: %d}]\ndecoder: [conv_transpose: {channels: 3, kernel: %d, stride: %d}]\n",
                kernel, kernel + 3 * stride, kernel, stride, kernel, stride);
            ck_assert_msg(parse(text, strlen(text)) != NULL, "kernel %d stride %d: %s", kernel, stride, errors);
        }
}
END_TEST

static void expect_bytes_refused(const char *bytes, size_t length, const char *error) {
    expect_errors(parse(bytes, length), error, (const char *const[]){error, NULL});
}

START_TEST(hostile_bytes_are_refused) {
    expect_bytes_refused("", 0, "x.yaml:1:1: error: the spec is empty");
    expect_bytes_refused("# nothing\n", 10, "error: the spec is empty");
    expect_bytes_refused("a: b\nc\0d: 1\n", 12, "x.yaml:2:2: error: NUL byte");
    expect_bytes_refused("a: \x1b[31m\n", 9, "x.yaml:1:4: error: control character 0x1b");
    expect_bytes_refused("a: \xff\n", 5, "x.yaml:1:4: error: byte 0xff is not UTF-8");
    expect_bytes_refused("a: \xc0\xaf\n", 6, "x.yaml:1:4: error: byte 0xc0 is not UTF-8");
    expect_bytes_refused("a: \"\\0\"\n", 8, "NUL character in a text");
    expect_bytes_refused("just words\n", 11, "x.yaml:1:1: error: a spec is a section of keys, not 'just words'");
    expect_bytes_refused("- a\n", 4, "a spec is a section of keys, not a list of 1");
    expect_bytes_refused("*a", 2, "alias '*a'");
    size_t length = (1 << 20) + 1;
    char *bytes = arena_allocate(length);
    memset(bytes, '[', length);
    expect_bytes_refused(bytes, length, "x.yaml: error: longer than 1048576 bytes");
    expect_bytes_refused(bytes, length - 1, "nested deeper than 8 levels");
    memset(bytes, '-', length);
    for (size_t i = 1; i < length; i += 2) bytes[i] = ' ';
    expect_bytes_refused(bytes, length - 1, "nested deeper than 8 levels");
    for (size_t i = 0; i + 4 <= length; i += 4) memcpy(bytes + i, "a:\n ", 4), bytes[i + 3] = '\n';
    expect_bytes_refused(bytes, length - 1, "more errors");
}
END_TEST

START_TEST(a_billion_laughs_stay_small) {
    static const char text[] = "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\nd: [*c, *c, *c]\n";
    expect_errors(
        parse(text, strlen(text)), "aliases",
        (const char *const[]){"x.yaml:1:4: error: anchor '&a'", "x.yaml:2:8: error: alias '*a'", "x.yaml:4:13: error: alias '*c'", NULL});
}
END_TEST

static Spec *read_with_errors(const char *path) {
    size_t size;
    free(errors);
    FILE *stream = open_memstream(&errors, &size);
    Spec *spec = read_spec(path, stream);
    fclose(stream);
    return spec;
}

START_TEST(what_is_no_file_is_an_error) {
    expect_errors(read_with_errors("."), "a folder", (const char *const[]){".: error: cannot be read: Is a directory", NULL});
    expect_errors(read_with_errors("no/such.yaml"), "nothing",
                  (const char *const[]){"no/such.yaml: error: cannot be read: No such file", NULL});
    expect_errors(read_with_errors("/dev/zero"), "endless", (const char *const[]){"/dev/zero: error: longer than", NULL});
}
END_TEST

START_TEST(every_spec_of_the_tree_is_read_and_its_canonical_form_means_the_same) {
    DIR *folder = opendir("specs");
    if (!folder) return; /* not run from the project's root */
    int count = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        size_t length = strlen(entry->d_name);
        if (length < 5 || strcmp(entry->d_name + length - 5, ".yaml") != 0) continue;
        Spec *spec = read_with_errors(format("specs/%s", entry->d_name));
        ck_assert_msg(spec != NULL, "%s", errors);
        ck_assert_str_eq(entry->d_name, format("%s.yaml", spec->name));
        Spec *again = parse(spec->canonical, strlen(spec->canonical));
        ck_assert_msg(again != NULL, "%s", errors);
        ck_assert_str_eq(again->canonical, spec->canonical);
        ck_assert(again->hash == spec->hash && again->hash == hash_bytes(HASH_START, spec->canonical, strlen(spec->canonical)));
        count++;
    }
    closedir(folder);
    ck_assert_int_ge(count, 4);
}
END_TEST

START_TEST(texts_that_mean_the_same_have_the_same_canonical_form) {
    const char *canonical = parse(base, strlen(base))->canonical;
    static const char *const same[][2] = {{"kernel: 3", "kernel: [3, 3]"},
                                          {"latent: 10", "latent: 0xa # ten"},
                                          {"latent: 10", "latent: 1e1"},
                                          {"latent: 10", "latent: 10.0"},
                                          {"latent: 10", "latent: 0.0100E+3"},
                                          {"version: 1", "version: 1.0"},
                                          {"padding: 1", "padding: [+1, 1.]"},
                                          {"latent", "optimizer: {learning_rate: 1e-3}\ntraining: {seed: -0, iterations: 1e4}\nlatent"},
                                          {"latent", "optimizer: {name: adam, learning_rate: 0.1e-2}\nlatent"},
                                          {"latent", "loss: mse\ntraining: {}\nlatent"},
                                          {"relu}", "relu, bias: true}"}};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        Spec *spec = parse_changed(same[i][0], same[i][1]);
        ck_assert_msg(spec != NULL, "%s", errors);
        ck_assert_str_eq(spec->canonical, canonical);
    }
    static const char *const other[][2] = {
        {"T: 2", "T: 3"}, {"latent: 10", "latent: 11"}, {"relu}", "relu, bias: false}"}, {"hidden: 6", "hidden: 6, initial_state: normal"}};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        ck_assert_str_ne(parse_changed(other[i][0], other[i][1])->canonical, canonical);
    Spec *spec = parse_changed("latent", "optimizer: {name: adamw, learning_rate: 0.1, epsilon: 1.2345678901234567e-8}\nlatent");
    double epsilon = spec->optimizer.epsilon;
    ck_assert(parse(spec->canonical, strlen(spec->canonical))->optimizer.epsilon == epsilon); /* to the bit */
}
END_TEST

static char *documentation(void) {
    static char *text;
    static size_t size;
    FILE *stream = open_memstream(&text, &size);
    print_spec_documentation(stream);
    fclose(stream);
    return text;
}

START_TEST(the_documentation_in_the_tree_is_what_the_table_prints) {
    FILE *file = fopen("docs/spec.md", "rb");
    if (!file) return; /* not run from the project's root */
    char *expected = documentation(), *found = arena_allocate(strlen(expected) + 2);
    size_t length = fread(found, 1, strlen(expected) + 1, file);
    fclose(file);
    ck_assert_msg(length == strlen(expected) && !memcmp(found, expected, length),
                  "docs/spec.md is not what print_spec_documentation prints");
    free(expected);
}
END_TEST

START_TEST(the_example_of_the_documentation_is_a_spec) {
    char *text = documentation(), *start = strstr(text, "```yaml\n") + 8;
    Spec *spec = parse(start, (size_t)(strstr(start, "```") - start));
    ck_assert_msg(spec != NULL, "%s", errors);
    ck_assert_str_eq(spec->name, "example");
    free(text);
}
END_TEST

Suite *spec_suite(void);
Suite *spec_suite(void) {
    Suite *suite = suite_create("spec");
    TCase *language = tcase_create("language"), *mistake = tcase_create("mistakes"), *shape = tcase_create("shapes"),
          *file = tcase_create("files");
    tcase_add_test(language, reads_every_field);
    tcase_add_test(language, keys_left_out_have_pytorchs_defaults);
    tcase_add_test(language, the_limits_of_the_language_are_accepted);
    tcase_add_test(language, texts_that_mean_the_same_have_the_same_canonical_form);
    tcase_add_loop_test(mistake, each_mistake_is_an_error_with_its_place, 0, (int)(sizeof mistakes / sizeof *mistakes));
    tcase_add_test(mistake, all_errors_are_reported_in_order_of_place);
    tcase_add_test(mistake, an_error_shows_the_line_and_a_caret_under_the_place);
    tcase_add_test(mistake, the_caret_of_a_long_line_is_shown);
    tcase_add_test(mistake, the_caret_stands_under_wide_and_escaped_characters);
    tcase_add_test(mistake, other_encodings_are_named);
    tcase_add_test(language, harmless_characters_and_line_ends_are_accepted);
    tcase_add_test(mistake, a_misspelt_key_is_not_also_missing);
    tcase_add_test(mistake, hostile_bytes_are_refused);
    tcase_add_test(mistake, a_billion_laughs_stay_small);
    tcase_add_test(shape, shapes_follow_pytorchs_formulas);
    tcase_add_loop_test(shape, a_decoder_that_does_not_lead_back_names_the_key_that_mends_it, 0, (int)(sizeof misfits / sizeof *misfits));
    tcase_add_test(shape, output_padding_left_out_everywhere_is_recognised);
    tcase_add_test(shape, a_shape_that_vanishes_is_an_error_at_its_layer);
    tcase_add_test(shape, sizes_that_overflow_are_errors);
    tcase_add_test(shape, batch_norm_of_one_value_is_an_error);
    tcase_add_test(file, what_is_no_file_is_an_error);
    tcase_add_test(file, every_spec_of_the_tree_is_read_and_its_canonical_form_means_the_same);
    tcase_add_test(file, the_documentation_in_the_tree_is_what_the_table_prints);
    tcase_add_test(file, the_example_of_the_documentation_is_a_spec);
    suite_add_tcase(suite, language);
    suite_add_tcase(suite, mistake);
    suite_add_tcase(suite, shape);
    suite_add_tcase(suite, file);
    return suite;
}
