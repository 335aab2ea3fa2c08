/* test_trainer_files.c: files that the trainer reads and writes: safetensors, pictures, metrics; its options and arithmetic. */
#include "../runtime/commands/profile_plot.h"
#include "../runtime/common/file.h"
#include "../runtime/common/random.h"
#include "../runtime/model/model_state.h"
#include "../runtime/model/quality.h"
#include "../runtime/options/options.h"
#include "../runtime/pictures/strip.h"
#include "../runtime/training/metrics.h"
#include "../runtime/training/plot.h"
#include "../runtime/weights/safetensors.h"
#include "fake_model.h"

#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[256]; /* of this test */

static void make_folder(void) {
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/zoetrope_test_XXXXXX", base != NULL ? base : P_tmpdir);
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void) {
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

/* Parses a file with this header and `data` zero bytes. The message is empty if the file is accepted. */
static const char *parse(const char *header, size_t data) {
    static Error error;
    size_t length = strlen(header);
    unsigned char *bytes = allocate(8 + length + data);
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)length >> (8 * i));
    memcpy(bytes + 8, header, length);
    TensorFile file;
    error.text[0] = 0;
    if (tensor_file_parse(&file, "W", bytes, 8 + length + data, &error)) tensor_file_free(&file);
    return error.text;
}

/* ---- safetensors ---- */

#define ONE(dtype, shape, offsets) "{\"a\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static const struct {
    const char *header;
    size_t data;
    const char *says; /* part of the message; empty: accepted */
} headers[] = {
    {ONE("F32", "[2]", "[0,8]"), 8, ""},
    {ONE("F32", "[]", "[0,4]"), 4, ""},
    {ONE("F32", "[0,5]", "[0,0]"), 0, ""},
    {"{}", 0, ""},
    {"{\"__metadata__\":{\"k\":\"v\"}}", 0, ""},
    {"{\"__metadata__\":{\"k\":5}}", 0, "__metadata__"},
    {"{\"__metadata__\":[]}", 0, "__metadata__"},
    {"{", 0, "damaged"},
    {"[]", 0, "not a safetensors"},
    {"", 0, "damaged"},
    {"{\"a\":5}", 0, "no dtype"},
    {ONE("F99", "[2]", "[0,5]"), 5, ""}, /* if the type is unknown, any size may be right */
    {ONE("F99", "[2]", "[0,9]"), 5, "outside"},
    {ONE("F4", "[2,3]", "[0,3]"), 3, ""},
    {ONE("F6_E2M3", "[8]", "[0,6]"), 6, ""},
    {ONE("F6_E2M3", "[7]", "[0,5]"), 5, "not what its shape needs"},
    {ONE("F4", "[9223372036854775807]", "[0,5]"), 5, "not what its shape needs"},
    {ONE("F32", "5", "[0,8]"), 8, "no shape"},
    {ONE("F32", "[-2]", "[0,8]"), 8, "invalid or too large"},
    {ONE("F32", "[2.5]", "[0,8]"), 8, "invalid or too large"},
    {ONE("F32", "[4611686018427387904,4]", "[0,8]"), 8, "too large"},
    {ONE("F32", "[4611686018427387904]", "[0,8]"), 8, "not what its shape needs"},
    {ONE("F32", "[1,1,1,1,1,1,1,1,2]", "[0,8]"), 8, "dimensions"},
    {ONE("F32", "[2]", "[0,8,9]"), 8, "no data_offsets"},
    {ONE("F32", "[2]", "[0]"), 8, "no data_offsets"},
    {ONE("F32", "[2]", "[0,\"8\"]"), 8, "no data_offsets"},
    {ONE("F32", "[2]", "[8,0]"), 8, "outside"},
    {ONE("F32", "[2]", "[-8,0]"), 8, "outside"},
    {ONE("F32", "[2]", "[4,12]"), 8, "outside"},
    {ONE("F32", "[2]", "[0,9223372036854775807]"), 8, "outside"},
    {ONE("F32", "[2]", "[0,99999999999999999999]"), 8, "damaged"},
    {ONE("F32", "[3]", "[0,8]"), 8, "not what its shape needs"},
    {ONE("F32", "[2]", "[4,12]"), 12, "hole"},
    {ONE("F32", "[2]", "[0,8]"), 12, "last tensor is followed by 4 more bytes"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12,
     "in the place of"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8,
     "duplicate"},
};

START_TEST(safetensors_headers_are_checked) {
    const char *message = parse(headers[_i].header, headers[_i].data);
    if (headers[_i].says[0] == 0) ck_assert_str_eq(message, "");
    else ck_assert_msg(strstr(message, headers[_i].says) != NULL, "%s: says \"%s\"", headers[_i].header, message);
}
END_TEST

static const float two[2] = {1.5F, -2};
static const int64_t number = 7, shape_two[1] = {2};

static void write_sample(const char *path) {
    Error error;
    const FileTensor tensors[] = {tensor_make("odd", TENSOR_U8, 1, (int64_t[]){3}, "abc"),
                                  tensor_make("weight \"q\"", TENSOR_F32, 1, shape_two, two),
                                  tensor_make("count", TENSOR_I64, 0, NULL, &number)};
    const MetadataEntry metadata[] = {{"format", "pt"}, {"quote", "\"\\\n"}};
    ck_assert_msg(tensor_file_write(path, tensors, 3, metadata, 2, &error), "%s", error.text);
}

START_TEST(safetensors_round_trip_keeps_names_types_order_and_metadata) {
    char *path = path_join(folder, "a.safetensors"), *again = path_join(folder, "b.safetensors");
    unsigned char *first, *second;
    size_t first_length, second_length;
    Error error;
    TensorFile file;
    write_sample(path);
    write_sample(again);
    ck_assert(file_read(path, &first, &first_length, &error) && file_read(again, &second, &second_length, &error));
    ck_assert_uint_eq(first_length, second_length);
    ck_assert_mem_eq(first, second, first_length);
    ck_assert(tensor_file_read(&file, path, &error));
    ck_assert_int_eq(file.count, 3);
    ck_assert_str_eq(file.tensor[1].name, "weight \"q\"");
    ck_assert_mem_eq(file.tensor[1].bytes, two, sizeof two);
    ck_assert_mem_eq(tensor_file_find(&file, "count")->bytes, &number, sizeof number);
    ck_assert_mem_eq(tensor_file_find(&file, "odd")->bytes, "abc", 3);
    ck_assert_str_eq(tensor_file_metadata(&file, "quote"), "\"\\\n");
    for (int i = 0; i < 3; i++) /* each aligned to the size of its elements, as torch's loader wants it */
        ck_assert_uint_eq(
            (size_t)((const unsigned char *)file.tensor[i].bytes - file.memory) % (file.tensor[i].size / (size_t)file.tensor[i].count), 0);
    tensor_file_free(&file);
    free(first);
    free(second);
    free(path);
    free(again);
}
END_TEST

START_TEST(safetensors_cut_short_or_changed_never_harm) {
    char *path = path_join(folder, "a.safetensors");
    unsigned char *bytes;
    size_t length;
    Error error;
    TensorFile file;
    write_sample(path);
    ck_assert(file_read(path, &bytes, &length, &error));
    for (size_t cut = 0; cut < length; cut++) {
        unsigned char *copy = memcpy(allocate(cut), bytes, cut);
        ck_assert_msg(!tensor_file_parse(&file, "W", copy, cut, &error), "%zu bytes of %zu were accepted", cut, length);
    }
    for (uint64_t i = 0; i < 3000; i++) {
        unsigned char *copy = memcpy(allocate(length), bytes, length);
        copy[random_below(1, RANDOM_WEIGHTS, i, length)] = (unsigned char)random_bits(2, RANDOM_WEIGHTS, i);
        if (tensor_file_parse(&file, "W", copy, length, &error)) tensor_file_free(&file);
    }
    free(bytes);
    free(path);
}
END_TEST

START_TEST(half_bfloat_and_double_are_converted) {
    const uint16_t half[] = {0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000, 0x7c00}, bfloat[] = {0x3f80, 0xc040};
    const double wide[] = {0.1, -1e300};
    float values[6];
    FileTensor tensor = tensor_make("h", TENSOR_F16, 1, (int64_t[]){6}, half);
    ck_assert(tensor_to_float(&tensor, values));
    const float expected[] = {1, -2, 0x1p-24F, 65504, -0.0F, INFINITY};
    ck_assert_mem_eq(values, expected, sizeof expected);
    tensor = tensor_make("b", TENSOR_BF16, 1, shape_two, bfloat);
    ck_assert(tensor_to_float(&tensor, values) && values[0] == 1 && values[1] == -3);
    tensor = tensor_make("d", TENSOR_F64, 1, shape_two, wide);
    ck_assert(tensor_to_float(&tensor, values) && values[0] == 0.1F && isinf(values[1]));
    tensor = tensor_make("i", TENSOR_I64, 0, NULL, &number);
    ck_assert(!tensor_to_float(&tensor, values));
}
END_TEST

/* ---- measures ---- */

/* A pattern that another program can make too: x of period 101, y off by up to 0.08. */
static void make_pattern(float *x, float *y, int count) {
    for (int i = 0; i < count; i++) {
        x[i] = (float)((i * 37) % 101) / 50.0F - 1.0F;
        y[i] = x[i] + (float)((i * 53) % 17 - 8) / 100.0F;
    }
}

/* Expected values from a program that sums each two-dimensional window separately, in double precision. */
START_TEST(psnr_and_ssim_agree_with_an_independent_program) {
    static const struct {
        int frames, channels, height, width;
        double psnr, ssim;
    } cases[] = {{2, 3, 14, 17, 32.218487885838776, 0.9965941506461856}, {1, 1, 5, 8, 32.30992141241871, 0.9979770409874348}};
    float x[2 * 3 * 14 * 17], y[2 * 3 * 14 * 17];
    int count = cases[_i].frames * cases[_i].channels * cases[_i].height * cases[_i].width;
    make_pattern(x, y, count);
    /* both sum in double, but in another order, and y is rounded to float once or twice */
    ck_assert_double_eq_tol(clip_psnr(x, y, (size_t)count), cases[_i].psnr, 1e-5);
    ck_assert_double_eq_tol(clip_ssim(x, y, cases[_i].frames, cases[_i].channels, cases[_i].height, cases[_i].width), cases[_i].ssim, 1e-7);
    ck_assert_double_eq(clip_psnr(x, x, (size_t)count), PSNR_EQUAL);
    ck_assert_double_eq_tol(clip_ssim(x, x, cases[_i].frames, cases[_i].channels, cases[_i].height, cases[_i].width), 1, 1e-12);
}
END_TEST

START_TEST(metrics_survive_a_half_written_line_and_are_cut_where_a_run_resumes) {
    char *path = path_join(folder, "metrics.jsonl");
    Error error;
    MetricsLog log, other;
    ck_assert(metrics_open(&log, path, NULL, 0, &error));
    for (int i = 0; i < 10; i++) {
        Metric metric = {.iteration = i,
                         .loss = 1.0 / (i + 1),
                         .psnr = i,
                         .seconds = 0.5,
                         .validated = i == 4,
                         .validation_loss = 2,
                         .validation_psnr = 3};
        ck_assert(metrics_append(&log, &metric, &error));
    }
    ck_assert(!metrics_open(&other, path, NULL, 5, &error)); /* while it is being written */
    ck_assert_ptr_nonnull(strstr(error.text, "another training run"));
    metrics_close(&log);
    ck_assert(!metrics_open(&log, path, NULL, 0, &error));
    ck_assert(metrics_open(&log, path, NULL, 7, &error));
    ck_assert_uint_eq(log.count, 7);
    ck_assert(log.metric[4].validated && log.metric[4].validation_psnr == 3 && !log.metric[5].validated);
    ck_assert_double_eq_tol(log.metric[2].loss, 1.0 / 3, 1e-9);
    fputs("{\"iteration\": 7, \"lo", log.file);
    metrics_close(&log);
    ck_assert(metrics_open(&log, path, NULL, 100, &error));
    ck_assert_uint_eq(log.count, 7);
    metrics_close(&log);
    free(path);
}
END_TEST

/* ---- pictures ---- */

START_TEST(strips_lie_as_torchvision_lays_them) {
    /* T = 2, 1 channel, 2×3; one value outside of 0 … 255, and a NaN */
    const float clip[12] = {-1, 0, 1, -2, 2, NAN, 0.5F, -0.5F, 0.25F, 1, 1, 1};
    const uint8_t levels[12] = {0, 128, 255, 0, 255, 0, 191, 64, 159, 255, 255, 255};
    int height, width;
    uint8_t *pixels = strip_pixels(clip, 2, 1, 2, 3, &height, &width);
    ck_assert_int_eq(height, 6);
    ck_assert_int_eq(width, 12);
    for (int row = 0; row < height; row++) {
        for (int column = 0; column < width; column++) {
            int frame = (column - 2) / 5, i = row - 2, j = (column - 2) % 5;
            bool inside = column >= 2 && frame < 2 && i >= 0 && i < 2 && j < 3;
            for (int colour = 0; colour < 3; colour++)
                ck_assert_int_eq(pixels[(row * width + column) * 3 + colour], inside ? levels[(frame * 2 + i) * 3 + j] : 0);
        }
    }
    free(pixels);
    float *clip64 = allocate(4 * 64 * 64 * sizeof *clip64);
    free(strip_pixels(clip64, 4, 1, 64, 64, &height, &width));
    free(clip64);
    ck_assert(width == 266 && height == 68);
}
END_TEST

START_TEST(plots_are_made_of_any_number_of_iterations) {
    static const size_t counts[] = {1, 2, 3, 416, 417, 5000};
    MetricsLog log = {.count = counts[_i], .metric = allocate(counts[_i] * sizeof(Metric))};
    char *path = path_join(folder, "loss.svg");
    unsigned char *bytes;
    size_t length;
    Error error;
    for (size_t i = 0; i < log.count; i++) /* a loss of 0 has no logarithm */
        log.metric[i] =
            (Metric){.iteration = (int64_t)i, .loss = i % 7 == 3 ? 0 : 1.0 / (double)(i + 1), .psnr = 10, .validated = i % 100 == 0};
    ck_assert(plot_write(path, "fake", &log, &error) && file_read(path, &bytes, &length, &error));
    ck_assert_ptr_null(strstr((char *)bytes, "nan"));
    ck_assert_ptr_null(strstr((char *)bytes, "inf"));
    ck_assert_ptr_nonnull(strstr((char *)bytes, "</svg>"));
    ck_assert_uint_lt(length, 200000);
    /* A figure or a curve that is a mean is labelled as one. */
    ck_assert_ptr_nonnull(strstr((char *)bytes, log.count == 5000  ? "mean of the last 50 iterations <"
                                                : log.count >= 416 ? "mean of the last 5 iterations <"
                                                                   : "last iteration <"));
    ck_assert(!strstr((char *)bytes, "training, smoothed") == (log.count < 80));
    free(bytes);
    free(path);
    free(log.metric);
}
END_TEST

/* Kernels that share one bar are limited by arithmetic and by memory. The bar shows both, and what is lost, each with its width. */
START_TEST(profile_shows_the_limits_of_the_kernels_that_it_sums_up) {
    enum { ROWS = 45 };
    ProfileRow row[ROWS], total = {.name = "all", .measured = 1, .limit = 1};
    char *path = path_join(folder, "profile.svg");
    unsigned char *bytes;
    size_t length;
    Error error;
    for (int i = 0; i < ROWS; i++) row[i] = (ProfileRow){.name = "kernel", .measured = 4, .limit = 3, .by_memory = i % 2};
    row[ROWS - 1].limit = 5; /* faster than its limit: nothing is lost, and the loss of others stays the same */
    ck_assert(profile_plot_write(path, "fake", row, ROWS, &total, &error) && file_read(path, &bytes, &length, &error));
    ck_assert_ptr_nonnull(strstr((char *)bytes, "Sorted by the time that a kernel takes beyond its limit"));
    const char *at = strstr((char *)bytes, "6 others together, on another scale");
    ck_assert_ptr_nonnull(at);
    double x[3], width[3];
    for (int i = 0; i < 3; i++) { /* 2 × 3 s + 4 s, 3 × 3 s, 5 × 1 s */
        at = strstr(at, "<rect");
        ck_assert(at && sscanf(at++, "<rect x=\"%lf\" y=\"%*f\" width=\"%lf\"", &x[i], &width[i]) == 2);
        ck_assert_double_eq_tol(x[i], i ? x[i - 1] + width[i - 1] : x[0], 0.11);
    }
    ck_assert_double_eq_tol(width[1] / width[0], 9. / 10, 0.01);
    ck_assert_double_eq_tol(width[2] / width[0], 5. / 10, 0.01);
    free(bytes);
    free(path);
}
END_TEST

/* ---- the model at work ---- */

START_TEST(update_coefficients_are_those_of_adam) {
    /* lr / (1 − 0.9^s) and √(1 − 0.999^s) for lr 0.01, from Python's floats; float has 24 bits */
    static const struct {
        int64_t step;
        double first, second;
    } cases[] = {{1, 0.1, 0.031622776601683805}, {7, 0.019167990376135397, 0.08354061865356845}, {1000, 0.01, 0.7951758140367677}};
    float coefficients[MODEL_COEFFICIENTS];
    update_coefficients(&fake_model.groups[0], cases[_i].step, cases[_i].step - 1, coefficients);
    ck_assert_double_eq_tol(coefficients[0] / cases[_i].first, 1, 0x1p-23);
    ck_assert_double_eq_tol(coefficients[1] / cases[_i].second, 1, 0x1p-23);
    ck_assert_float_eq(coefficients[2], 0.01F);
}
END_TEST

START_TEST(initial_weights_follow_the_table_and_the_seed) {
    ModelState first, second;
    Error error;
    float a[8], b[8], c[4];
    ck_assert(model_open(&first, &fake_model, 1, 1, &error) && model_open(&second, &fake_model, 3, 2, &error));
    model_initialize(&first);
    model_initialize(&second);
    first.target->save(first.workspace, MODEL_PARAMETERS, a);
    second.target->save(second.workspace, MODEL_PARAMETERS, b);
    first.target->save(first.workspace, MODEL_STATISTICS, c);
    ck_assert(fabsf(a[0]) <= 1 && fabsf(a[1]) <= 1 && fabsf(a[6]) <= 0.5F && a[0] != a[1] && a[0] != b[0]);
    ck_assert(a[2] == 1 && a[3] == 1 && a[4] == 0 && c[0] == 0 && c[3] == 1);
    model_close(&first);
    model_close(&second);
}
END_TEST

START_TEST(the_initial_state_is_drawn_anew_for_each_iteration_from_the_seed) {
    ModelState state, again;
    Error error;
    size_t count = (size_t)fake_model.batch * (size_t)fake_model.hidden;
    float *x = allocate(batch_elements(&fake_model) * sizeof *x), *first = allocate(count * sizeof *first);
    ck_assert(model_open(&state, &fake_model, 1, 5, &error) && model_open(&again, &fake_model, 1, 5, &error));
    model_train(&state, x);
    memcpy(first, state.h0, count * sizeof *first);
    model_train(&state, x);
    ck_assert(memcmp(first, state.h0, count * sizeof *first) != 0);
    again.updates = 1; /* as after --resume */
    model_train(&again, x);
    ck_assert_mem_eq(again.h0, state.h0, count * sizeof *first);
    model_close(&state);
    model_close(&again);
    free(x);
    free(first);
}
END_TEST

START_TEST(a_clips_initial_state_in_evaluation_does_not_depend_on_its_batch) {
    ModelState state;
    Error error;
    size_t elements = clip_elements(&fake_model);
    float *x = allocate(batch_elements(&fake_model) * sizeof *x), *kept = allocate(elements * sizeof *kept);
    ck_assert(model_open(&state, &fake_model, 1, 1, &error));
    model_initialize(&state);
    model_evaluate(&state, x, 4, 4);
    memcpy(kept, state.reconstruction + 2 * elements, elements * sizeof *kept);
    ck_assert(memcmp(kept, state.reconstruction, sizeof *kept) != 0);
    model_evaluate(&state, x, 6, 1);
    ck_assert_mem_eq(kept, state.reconstruction, elements * sizeof *kept);
    model_close(&state);
    free(x);
    free(kept);
}
END_TEST

/* ---- options ---- */

static const struct {
    const char *line; /* separated by blanks */
    ParseResult result;
    const char *says;
} lines[] = {
    {"", PARSE_WRONG, "give a command"},
    {"--help", PARSE_HELP, ""},
    {"step --help", PARSE_HELP, ""},
    {"--version", PARSE_VERSION, ""},
    {"trian", PARSE_WRONG, "did you mean train?"},
    {"frobnicate", PARSE_WRONG, "train, reconstruct, score, step, info or profile"},
    {"train --iteration 5", PARSE_WRONG, "did you mean --iterations?"},
    {"train --zzzzzzzz", PARSE_WRONG, "train --help"},
    {"train --weights W", PARSE_WRONG, "train takes no --weights"},
    {"train stray", PARSE_WRONG, "unexpected argument stray"},
    {"train --iterations 0", PARSE_WRONG, "from 1 to 4611686018427387903"},
    {"train --iterations 12x", PARSE_WRONG, "12x"},
    {"train --iterations 1.5", PARSE_WRONG, "whole number"},
    {"train --iterations 6e3 --seed 1e19 --cache 1e2K --threads 2.0", PARSE_RUN, ""},
    {"train --iterations 99999999999999999999", PARSE_WRONG, "whole number"},
    {"train --iterations", PARSE_WRONG, "needs a value"},
    {"train --iterations --resume", PARSE_WRONG, "needs a value"},
    {"train --iterations 5 --iterations 6", PARSE_WRONG, "twice"},
    {"train --resume=yes", PARSE_WRONG, "takes no value"},
    {"train --resume --init W", PARSE_WRONG, "leave out one"},
    {"train --threads 0", PARSE_WRONG, "from 1 to 1024"},
    {"train --threads 1025", PARSE_WRONG, "from 1 to 1024"},
    {"train --seed -1", PARSE_WRONG, "18446744073709551615"},
    {"train --cache 9999999999G", PARSE_WRONG, "512M"},
    {"step --weights W --batch B", PARSE_WRONG, "step needs --out"},
    {"step --weights W --batch B --out O --eval --steps 2", PARSE_WRONG, "leave out one"},
    {"reconstruct --weights W --out O", PARSE_WRONG, "needs --data"},
    {"info --threads=8 --seed 18446744073709551615", PARSE_RUN, ""},
    {"train --data a b c --seed 5 --cache 2K --data=d --resume", PARSE_RUN, ""},
};

START_TEST(command_lines_are_read_or_refused_with_a_remedy) {
    char text[200], *words[16] = {"program"}, *rest = text;
    int count = 1;
    Command command;
    Options options;
    Error error = {""};
    snprintf(text, sizeof text, "%s", lines[_i].line);
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        if (word[0] != 0) words[count++] = word;
    }
    ck_assert_int_eq(options_parse(count, words, &command, &options, &error), lines[_i].result);
    ck_assert_msg(strstr(error.text, lines[_i].says) != NULL, "%s: says \"%s\"", lines[_i].line, error.text);
    if (options.data.count > 0) {
        ck_assert_int_eq(options.data.count, 4);
        ck_assert_str_eq(options.data.path[3], "d");
        ck_assert(options.resume && options.cache == 2048 && options.seed == 5 && options.seed_given);
    }
    options_free(&options);
}
END_TEST

Suite *trainer_files_suite(void);

#define LENGTH(table) ((int)(sizeof(table) / sizeof *(table)))

Suite *trainer_files_suite(void) {
    Suite *suite = suite_create("trainer_files");
    TCase *tests = tcase_create("trainer files");
    tcase_add_checked_fixture(tests, make_folder, remove_folder);
    tcase_add_loop_test(tests, safetensors_headers_are_checked, 0, LENGTH(headers));
    tcase_add_test(tests, safetensors_round_trip_keeps_names_types_order_and_metadata);
    tcase_add_test(tests, safetensors_cut_short_or_changed_never_harm);
    tcase_add_test(tests, half_bfloat_and_double_are_converted);
    tcase_add_loop_test(tests, psnr_and_ssim_agree_with_an_independent_program, 0, 2);
    tcase_add_test(tests, metrics_survive_a_half_written_line_and_are_cut_where_a_run_resumes);
    tcase_add_test(tests, strips_lie_as_torchvision_lays_them);
    tcase_add_loop_test(tests, plots_are_made_of_any_number_of_iterations, 0, 6);
    tcase_add_test(tests, profile_shows_the_limits_of_the_kernels_that_it_sums_up);
    tcase_add_loop_test(tests, update_coefficients_are_those_of_adam, 0, 3);
    tcase_add_test(tests, initial_weights_follow_the_table_and_the_seed);
    tcase_add_test(tests, the_initial_state_is_drawn_anew_for_each_iteration_from_the_seed);
    tcase_add_test(tests, a_clips_initial_state_in_evaluation_does_not_depend_on_its_batch);
    tcase_add_loop_test(tests, command_lines_are_read_or_refused_with_a_remedy, 0, LENGTH(lines));
    suite_add_tcase(suite, tests);
    return suite;
}
