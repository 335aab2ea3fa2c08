/* test_parity.c: the built trainers of tests/fixtures/{parity_small,gan_small,vae_small}.yaml against PyTorch's outputs in the committed
 * fixtures, for each target of this machine. `make parity` does the same with PyTorch run live, on many specs; the tolerances are the same.
 */
#include <check.h>
#include <fnmatch.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "weights/safetensors.h"

/* What an evaluation gives: a version 1 spec loss and recon, a system its outputs and score. */
static const struct {
    const char *name;
    int evaluated;
} fixtures[] = {{"parity_small", 2}, {"gan_small", 3}, {"vae_small", 4}};

enum { STEPS = 10, FIXTURES = sizeof fixtures / sizeof *fixtures };

typedef enum { ABSOLUTE, RELATIVE, RELATIVE_NORM } Measure;

/* A tensor's name as fnmatch() has it, how it is compared, and how far it may be from PyTorch; the first that matches. Sums in another
 * order differ by some 1e-7 of their terms. The fixtures were chosen so that PyTorch in float64 is within a tenth of each tolerance. */
typedef struct Tolerance {
    const char *pattern;
    Measure measure;
    double limit;
} Tolerance;

static const Tolerance tolerances[] = {
    {"recon", ABSOLUTE, 1e-5},       {"output.*", ABSOLUTE, 1e-5},          {"loss", RELATIVE, 1e-5},
    {"score", RELATIVE, 1e-5},       {"step0.loss.*.0", RELATIVE, 1e-5}, /* before any update */
    {"loss.*", RELATIVE, 1e-4},      {"step?.loss.*", RELATIVE, 1e-4},   /* of each iteration */
    {"grad.*", RELATIVE_NORM, 1e-4}, {"step?.grad.*", RELATIVE_NORM, 1e-4}, {"param.*", ABSOLUTE, 5e-4},
    {"average.*", ABSOLUTE, 5e-4}, /* after the last iteration; running statistics too */
};

/* ---- running and reading ---- */

/* Runs `step` of a fixture's trainer for a target and returns the path of the file that it wrote. */
static const char *run_step(const char *fixture, const char *target, const char *output, const char *options) {
    static char path[256], command[1024];
    snprintf(path, sizeof path, "build/%s/%s.%s.safetensors", fixture, output, target);
    remove(path);
    snprintf(
        command, sizeof command,
        "ZOETROPE_TARGET=%s build/%s/%s step --weights tests/fixtures/%s.weights.safetensors --batch tests/fixtures/%s.batch.safetensors "
        "--out %s %s >%s.log 2>&1",
        target, fixture, fixture, fixture, fixture, path, options, path);
    ck_assert_msg(system(command) == 0, "failed (its output is in %s.log): %s", path, command);
    return path;
}

static void read_tensors(TensorFile *file, const char *path) {
    Error error;
    ck_assert_msg(tensor_file_read(file, path, &error), "%s", error.text);
}

static double element(const FileTensor *tensor, int64_t index) {
    const char *bytes = tensor->bytes;
    float single;
    double value;
    if (tensor->type == TENSOR_F32) {
        memcpy(&single, bytes + (size_t)index * sizeof single, sizeof single);
        return (double)single;
    }
    ck_assert_msg(tensor->type == TENSOR_F64, "%s is of type %s", tensor->name, tensor->type_name);
    memcpy(&value, bytes + (size_t)index * sizeof value, sizeof value);
    return value;
}

/* ---- comparing ---- */

/* NaN if either is NaN, so that it is within no limit. */
static double distance(Measure measure, const FileTensor *ours, const FileTensor *expected) {
    double largest = 0, difference = 0, norm = 0;
    for (int64_t i = 0; i < expected->count; i++) {
        double a = element(ours, i), b = element(expected, i), error = fabs(a - b);
        if (isnan(error)) return error;
        if (measure == RELATIVE) error /= fabs(b);
        largest = fmax(largest, error);
        difference += (a - b) * (a - b);
        norm += b * b;
    }
    return measure == RELATIVE_NORM ? sqrt(difference / norm) : largest;
}

static void compare_tensor(const char *target, const FileTensor *ours, const FileTensor *expected, const char *name) {
    ck_assert_int_eq(ours->count, expected->count);
    /* The shape of a scalar may be [] or [1]. */
    if (expected->rank > 0) {
        ck_assert_int_eq(ours->rank, expected->rank);
        for (int i = 0; i < expected->rank; i++) ck_assert_int_eq(ours->shape[i], expected->shape[i]);
    }
    if (expected->type == TENSOR_I64) { /* num_batches_tracked */
        ck_assert_msg(ours->type == TENSOR_I64 && ours->rank == 0, "%s must be I64 of shape []", name);
        ck_assert_mem_eq(ours->bytes, expected->bytes, expected->size);
        return;
    }
    for (size_t i = 0; i < sizeof tolerances / sizeof *tolerances; i++) {
        const Tolerance *tolerance = &tolerances[i];
        if (fnmatch(tolerance->pattern, name, 0) != 0) continue;
        double error = distance(tolerance->measure, ours, expected);
        ck_assert_msg(error <= tolerance->limit, "%s: %s is %.2e from PyTorch; at most %.0e", target, name, error, tolerance->limit);
        return;
    }
    ck_abort_msg("no tolerance for %s", name);
}

static bool is_of_evaluation(const char *name) {
    return strncmp(name, "eval.", 5) == 0;
}

/* Compares the file's tensors with those of the fixture that are of an evaluation, or are not. It holds these and no others; a system's is
 * given every draw, so it reports none. Returns how many. */
static int compare_files(const char *fixture, const char *target, const char *path, bool evaluation) {
    TensorFile ours, expected;
    char expected_path[256];
    int compared = 0;
    snprintf(expected_path, sizeof expected_path, "tests/fixtures/%s.expected.safetensors", fixture);
    read_tensors(&ours, path);
    read_tensors(&expected, expected_path);
    for (int i = 0; i < expected.count; i++) {
        const char *name = expected.tensor[i].name;
        if (is_of_evaluation(name) != evaluation) continue;
        name += evaluation ? strlen("eval.") : 0;
        const FileTensor *tensor = tensor_file_find(&ours, name);
        ck_assert_msg(tensor != NULL, "%s: %s is missing", path, name);
        compare_tensor(target, tensor, &expected.tensor[i], name);
        compared++;
    }
    ck_assert_int_eq(compared, ours.count);
    tensor_file_free(&ours);
    tensor_file_free(&expected);
    return compared;
}

/* _i counts fixtures, and for each the targets. */
#define FIXTURE fixtures[_i / count_targets()]
#define TARGET targets[_i % count_targets()]

START_TEST(ten_training_steps_are_those_of_pytorch) {
    if (!cpu_has(TARGET)) return;
    const char *path = run_step(FIXTURE.name, TARGET->name, "O", "--steps 10");
    /* at least each iteration's loss and some gradients, or the fixture is wrong */
    ck_assert_int_gt(compare_files(FIXTURE.name, TARGET->name, path, false), 2 + STEPS);
}
END_TEST

START_TEST(an_evaluation_is_that_of_pytorch) {
    if (!cpu_has(TARGET)) return;
    const char *path = run_step(FIXTURE.name, TARGET->name, "E", "--eval");
    ck_assert_int_eq(compare_files(FIXTURE.name, TARGET->name, path, true), FIXTURE.evaluated);
}
END_TEST

Suite *parity_suite(void);
Suite *parity_suite(void) {
    Suite *suite = suite_create("parity");
    TCase *steps = tcase_create("fixture");
    tcase_set_timeout(steps, 60);
    tcase_add_loop_test(steps, ten_training_steps_are_those_of_pytorch, 0, FIXTURES * count_targets());
    tcase_add_loop_test(steps, an_evaluation_is_that_of_pytorch, 0, FIXTURES * count_targets());
    suite_add_tcase(suite, steps);
    return suite;
}
