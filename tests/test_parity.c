/* test_parity.c: the built trainer of tests/fixtures/parity_small.yaml against PyTorch's outputs in the committed fixture, for each
 * target of this machine. `make parity` does the same with PyTorch run live, on many specs; the tolerances are the same. */
#include <check.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "weights/safetensors.h"

#define TRAINER "build/parity_small/parity_small"
#define FIXTURE "tests/fixtures/parity_small."

enum { STEPS = 10 };

typedef enum { ABSOLUTE, RELATIVE, RELATIVE_NORM, EXACT } Measure;

/* The beginning of a tensor's name, how it is compared, and how far it may be from PyTorch. Sums in another order differ by some 1e-7 of
 * their terms. The fixture was chosen so that PyTorch in float64 is within a tenth of each tolerance. */
typedef struct Tolerance {
    const char *begins;
    Measure measure;
    double limit;
} Tolerance;

static const Tolerance tolerances[] = {
    {"recon", ABSOLUTE, 1e-5}, {"loss.", RELATIVE, 1e-4},                                  /* of each step */
    {"loss", RELATIVE, 1e-5},  {"grad.", RELATIVE_NORM, 1e-4}, {"param.", ABSOLUTE, 5e-4}, /* after the last step; running statistics too */
};

/* ---- running and reading ---- */

/* Runs `step` for a target and returns the path of the file that it wrote. */
static const char *run_step(const char *target, const char *output, const char *options) {
    static char path[256], command[1024];
    snprintf(path, sizeof path, "build/parity_small/%s.%s.safetensors", output, target);
    remove(path);
    snprintf(command, sizeof command,
             "ZOETROPE_TARGET=%s " TRAINER " step --weights " FIXTURE "weights.safetensors --batch " FIXTURE
             "batch.safetensors --out %s %s >%s.log 2>&1",
             target, path, options, path);
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
        if (strncmp(name, tolerance->begins, strlen(tolerance->begins)) != 0) continue;
        double error = distance(tolerance->measure, ours, expected);
        ck_assert_msg(error <= tolerance->limit, "%s: %s is %.2e from PyTorch; at most %.0e", target, name, error, tolerance->limit);
        return;
    }
    ck_abort_msg("no tolerance for %s", name);
}

/* Compares the tensors of the fixture that begin with `prefix` (if it is empty, all except "eval."); returns how many. */
static int compare_files(const char *target, const char *path, const char *prefix) {
    TensorFile ours, expected;
    int compared = 0;
    read_tensors(&ours, path);
    read_tensors(&expected, FIXTURE "expected.safetensors");
    for (int i = 0; i < expected.count; i++) {
        const char *name = expected.tensor[i].name;
        bool evaluation = strncmp(name, "eval.", 5) == 0;
        if (evaluation != (*prefix != '\0')) continue;
        name += strlen(prefix);
        const FileTensor *tensor = tensor_file_find(&ours, name);
        ck_assert_msg(tensor != NULL, "%s: %s is missing", path, name);
        compare_tensor(target, tensor, &expected.tensor[i], name);
        compared++;
    }
    tensor_file_free(&ours);
    tensor_file_free(&expected);
    return compared;
}

START_TEST(ten_training_steps_are_those_of_pytorch) {
    if (!cpu_has(targets[_i])) return;
    const char *path = run_step(targets[_i]->name, "O", "--steps 10");
    /* at least loss, recon, and each step's loss, or the fixture is wrong */
    ck_assert_int_gt(compare_files(targets[_i]->name, path, ""), 2 + STEPS);
}
END_TEST

START_TEST(an_evaluation_is_that_of_pytorch) {
    if (!cpu_has(targets[_i])) return;
    const char *path = run_step(targets[_i]->name, "E", "--eval");
    ck_assert_int_eq(compare_files(targets[_i]->name, path, "eval."), 2);
}
END_TEST

Suite *parity_suite(void);
Suite *parity_suite(void) {
    Suite *suite = suite_create("parity");
    TCase *steps = tcase_create("fixture");
    tcase_set_timeout(steps, 60);
    tcase_add_loop_test(steps, ten_training_steps_are_those_of_pytorch, 0, count_targets());
    tcase_add_loop_test(steps, an_evaluation_is_that_of_pytorch, 0, count_targets());
    suite_add_tcase(suite, steps);
    return suite;
}
