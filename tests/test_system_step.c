/* test_system_step.c: `step` for a system, with the model of fake_system.c. */
#include "../runtime/common/file.h"
#include "fake_system.h"
#include "trainer_runs.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { E = SYSTEM_ELEMENTS, MOST = 20 };

static const int64_t clips[] = {SYSTEM_BATCH, SYSTEM_T, SYSTEM_CHANNELS, SYSTEM_ROWS, SYSTEM_COLUMNS},
                     channels_first[] = {SYSTEM_BATCH, SYSTEM_CHANNELS, SYSTEM_T, SYSTEM_ROWS, SYSTEM_COLUMNS},
                     uniform[] = {SYSTEM_BATCH, 3}, one[] = {1, 1};

typedef struct Tensors { /* what a file is to hold */
    int count;
    FileTensor tensor[MOST];
} Tensors;

static void add(Tensors *list, const char *name, int rank, const int64_t *shape, const float *values) {
    list->tensor[list->count++] = tensor_make(name, TENSOR_F32, rank, shape, values);
}

static void write_tensors(const Tensors *list, const char *path) {
    Error error;
    ck_assert_msg(tensor_file_write(path, list->tensor, list->count, NULL, 0, &error), "%s", error.text);
}

static float x[E], other[E], noise[E], factors[E], numbers[SYSTEM_BATCH * 3];
static const float weights[] = {0.5F, 0.3F, 0.1F, 0.7F, 0.2F, 1.5F}; /* of d, g, g's bias, f; running mean and variance */

static void make_values(void) {
    for (int i = 0; i < E; i++) {
        x[i] = (float)(i * 37 % 101) / 50 - 1;
        other[i] = (float)(i * 53 % 89) / 44 - 1;
        noise[i] = (float)(i * 29 % 61) / 20 - 1.5F;
        factors[i] = i % 3 == 0 ? 0 : 2;
    }
}

/* W, with averages that are `off` from the weights; NAN: without. */
static void make_weights(const char *path, float off) {
    static const int64_t seven = 7;
    static float averages[3];
    Tensors list = {0};
    add(&list, "d.0.weight", 1, one, &weights[0]);
    add(&list, "g.0.weight", 2, one, &weights[1]);
    add(&list, "g.0.bias", 1, one, &weights[2]);
    add(&list, "f.0.weight", 1, one, &weights[3]);
    add(&list, "g.1.running_mean", 1, one, &weights[4]);
    add(&list, "g.1.running_var", 1, one, &weights[5]);
    list.tensor[list.count++] = tensor_make("g.1.num_batches_tracked", TENSOR_I64, 0, NULL, &seven);
    for (int i = 0; i < 3; i++) averages[i] = weights[i] + off;
    if (off == off) {
        add(&list, "average.d.0.weight", 1, one, &averages[0]);
        add(&list, "average.g.0.weight", 2, one, &averages[1]);
        add(&list, "average.g.0.bias", 1, one, &averages[2]);
    }
    write_tensors(&list, path);
}

static void setup(void) {
    enter_folder();
    make_values();
    make_weights("w", 0);
}

/* B with x, and further tensors of x's size. */
static Tensors with_x(void) {
    Tensors list = {0};
    add(&list, "x", 5, clips, x);
    return list;
}

static int step(const char *options) {
    char line[200];
    snprintf(line, sizeof line, "step --weights w --batch b --out o %s", options);
    return run_model(&fake_system, line);
}

static const FileTensor *find(const TensorFile *file, const char *name) {
    const FileTensor *tensor = tensor_file_find(file, name);
    ck_assert_msg(tensor != NULL, "%s is missing", name);
    return tensor;
}

static double number(const TensorFile *file, const char *name) {
    double value;
    int64_t whole;
    ck_assert(tensor_first_number(find(file, name), &value, &whole));
    return value;
}

static void floats(const TensorFile *file, const char *name, float *values) {
    ck_assert(tensor_to_float(find(file, name), values));
}

/* Where the element [b, t, c, i] of a clip is in a file whose channels come first. */
static int in_file(int element) {
    enum { PLANE = SYSTEM_ROWS * SYSTEM_COLUMNS };
    const int i = element % PLANE, c = element / PLANE % SYSTEM_CHANNELS, t = element / PLANE / SYSTEM_CHANNELS % SYSTEM_T;
    return ((element / SYSTEM_CLIP * SYSTEM_CHANNELS + c) * SYSTEM_T + t) * PLANE + i;
}

/* The losses, at the weights w, a, b, and the gradients of the first and the second step. */
typedef struct Expected {
    double real, fake, fooled, gradient[3];
} Expected;

static Expected expect(double w, const float *batch, const float *second) {
    Expected result = {0};
    const double a = (double)weights[1], b = (double)weights[2];
    for (int i = 0; i < E; i++) {
        const double k = (double)factors[in_file(i)], e = (double)noise[in_file(i)], made = a * e + b;
        const double off = w * k * (double)batch[i] - 1, miss = w * k * made - (double)second[i];
        result.real += off * off / E;
        result.fake += w * w * made * made / E;
        result.fooled += 0.5 * miss * miss / E;
        result.gradient[0] += 2 * (off * k * (double)batch[i] + w * made * made) / E;
        result.gradient[1] += miss * w * k * e / E;
        result.gradient[2] += miss * w * k / E;
    }
    return result;
}

static Tensors all_given(void) {
    Tensors list = with_x();
    add(&list, "x.1", 5, clips, other);
    add(&list, "noise.e", 5, channels_first, noise);
    add(&list, "dropout.d.1.0.0", 5, channels_first, factors);
    add(&list, "noise.u.0", 2, uniform, numbers);
    return list;
}

START_TEST(a_step_gives_losses_gradients_and_parameters_by_their_names) {
    Tensors list = all_given();
    write_tensors(&list, "b");
    make_weights("w", 0.25F); /* in training, the averages of a file are not used */
    ck_assert_msg(step("") == 0, "%s", output);
    TensorFile file = read_tensors("o");
    double w = (double)weights[0];
    const Expected first = expect(w, x, x);
    w -= 0.01 * first.gradient[0];
    w -= 0.01 * expect(w, x, x).gradient[0]; /* two rounds */
    const Expected then = expect(w, x, other);
    ck_assert_double_eq_tol(number(&file, "step0.loss.real.0"), first.real, 1e-6);
    ck_assert_double_eq_tol(number(&file, "step0.loss.fake.0"), first.fake, 1e-6);
    ck_assert_double_eq_tol(number(&file, "step1.loss.fooled.0"), then.fooled, 1e-6);
    ck_assert_double_eq_tol(number(&file, "step0.grad.d.0.weight"), first.gradient[0], 1e-6); /* of the first round */
    ck_assert_double_eq_tol(number(&file, "step1.grad.g.0.weight"), then.gradient[1], 1e-6);  /* before it is clipped */
    ck_assert_double_eq_tol(number(&file, "step1.grad.g.0.bias"), then.gradient[2], 1e-6);
    ck_assert(hypot(then.gradient[1], then.gradient[2]) > 0.1);
    ck_assert_double_eq_tol(number(&file, "param.d.0.weight"), w, 1e-6);
    ck_assert_double_eq(number(&file, "param.f.0.weight"), (double)weights[3]);
    ck_assert_double_eq(number(&file, "param.g.1.num_batches_tracked"), 8);
    ck_assert_double_eq_tol(number(&file, "param.g.1.running_var"), 1.55, 1e-6);
    ck_assert_double_eq_tol(number(&file, "average.g.0.weight"), 0.9 * (double)weights[1] + 0.1 * number(&file, "param.g.0.weight"), 1e-6);
    ck_assert_int_eq(find(&file, "average.g.0.weight")->rank, 2);
    for (int i = 0; i < file.count; i++) { /* nothing else: no other step's gradients, nothing drawn, no averages of what is frozen */
        static const char *const known[] = {"step0.loss.", "step1.loss.fooled.0", "step0.grad.d.", "step1.grad.g.",
                                            "param.",      "average.d.",          "average.g."};
        bool found = false;
        for (size_t k = 0; k < sizeof known / sizeof *known; k++) found |= strncmp(file.tensor[i].name, known[k], strlen(known[k])) == 0;
        ck_assert_msg(found, "%s", file.tensor[i].name);
    }
    tensor_file_free(&file);
}
END_TEST

START_TEST(what_was_drawn_gives_the_same_results_when_it_is_given) {
    Tensors list = with_x();
    float values[4][E];
    write_tensors(&list, "b");
    ck_assert_msg(step("--seed 5") == 0, "%s", output);
    ck_assert_int_eq(rename("o", "first"), 0);
    TensorFile file = read_tensors("first");
    int drawn = 0;
    for (int i = 0; i < file.count; i++) {
        const FileTensor *tensor = &file.tensor[i];
        if (strncmp(tensor->name, "drawn.", 6) != 0) continue;
        floats(&file, tensor->name, values[drawn++]);
        add(&list, tensor->name + 6, tensor->rank, tensor->shape, values[drawn - 1]);
    }
    ck_assert_int_eq(drawn, 3); /* also the one that nothing reads; none of the step that keeps */
    ck_assert_mem_eq(find(&file, "drawn.noise.e.0")->shape, channels_first, sizeof channels_first);
    find(&file, "drawn.noise.u.0");
    floats(&file, "drawn.dropout.d.1.0.0", values[3]);
    for (int i = 0; i < E; i++) ck_assert(values[3][i] == 0 || values[3][i] == 2);
    write_tensors(&list, "b");
    ck_assert_msg(step("--seed 6") == 0, "%s", output);
    TensorFile again = read_tensors("o");
    for (int i = 0; i < file.count; i++) {
        const FileTensor *tensor = &file.tensor[i];
        if (strncmp(tensor->name, "drawn.", 6) == 0) ck_assert_ptr_null(tensor_file_find(&again, tensor->name));
        else if (strcmp(tensor->name, "step0.loss.real.0") == 0 || strncmp(tensor->name, "step0.grad", 10) == 0)
            ck_assert_mem_eq(find(&again, tensor->name)->bytes, tensor->bytes, tensor->size);
    }
    tensor_file_free(&file);
    tensor_file_free(&again);
}
END_TEST

/* Given draws are those of all iterations and rounds; others are drawn anew in each. */
START_TEST(draws_are_new_in_each_iteration_unless_they_are_given) {
    static float values[E];
    Tensors list = with_x();
    add(&list, "dropout.d.1.0.0", 5, channels_first, factors);
    write_tensors(&list, "b");
    ck_assert_int_eq(step("--steps 2"), 0);
    TensorFile file = read_tensors("o");
    floats(&file, "drawn.noise.e.0", values);
    const double first = number(&file, "step0.loss.fake.0"), second = number(&file, "step0.loss.fake.1");
    tensor_file_free(&file);
    add(&list, "noise.e.0", 5, channels_first, values);
    write_tensors(&list, "b");
    ck_assert_int_eq(step("--steps 2"), 0);
    file = read_tensors("o");
    ck_assert_double_eq(number(&file, "step0.loss.fake.0"), first);
    ck_assert_double_ne(number(&file, "step0.loss.fake.1"), second);
    tensor_file_free(&file);
}
END_TEST

START_TEST(a_step_that_is_left_out_has_no_loss_in_that_iteration) {
    Tensors list = with_x();
    write_tensors(&list, "b");
    ck_assert_int_eq(step("--steps 3"), 0);
    TensorFile file = read_tensors("o");
    number(&file, "step1.loss.fooled.0");
    number(&file, "step1.loss.fooled.2");
    number(&file, "step0.loss.real.1");
    ck_assert_ptr_null(tensor_file_find(&file, "step1.loss.fooled.1"));
    ck_assert_double_eq(number(&file, "param.g.1.num_batches_tracked"), 9);
    tensor_file_free(&file);
}
END_TEST

/* The key with a step wins; a batch that is missing is x. */
START_TEST(keys_with_a_step_win) {
    static float zeros[E];
    Tensors list = all_given();
    list.tensor[1] = tensor_make("noise.e.0", TENSOR_F32, 5, channels_first, noise); /* instead of x.1 */
    list.tensor[2] = tensor_make("noise.e", TENSOR_F32, 5, channels_first, zeros);
    write_tensors(&list, "b");
    ck_assert_msg(step("") == 0, "%s", output);
    TensorFile file = read_tensors("o");
    const Expected first = expect((double)weights[0], x, x);
    const double w = (double)weights[0] - 0.01 * first.gradient[0], w2 = w - 0.01 * expect(w, x, x).gradient[0];
    ck_assert_double_eq_tol(number(&file, "step0.loss.fake.0"), first.fake, 1e-6);
    ck_assert_double_eq_tol(number(&file, "step1.loss.fooled.0"), expect(w2, x, x).fooled, 1e-6);
    tensor_file_free(&file);
}
END_TEST

static const struct {
    const char *name;
    int rank;
    const int64_t *shape;
    const char *says;
} wrong[] = {
    {"x.0", 5, clips, "step 0 has `batch: same`, so it has no batch of its own"},
    {"x.2", 5, clips, "system has no step 2; its last is 1"},
    {"x.1", 5, channels_first, "tensor x.1 has shape [4, 3, 2, 4, 5], but the model needs [4, 2, 3, 4, 5]"},
    {"noise.e.1", 5, channels_first, "step 1 keeps the draws of step 0; give those"},
    {"noise.e.0", 5, clips, "tensor noise.e.0 has shape [4, 2, 3, 4, 5], but the model needs [4, 3, 2, 4, 5]"},
    {"noise.e", 5, clips, "tensor noise.e has shape"},
    {"noise.u.0", 1, clips, "tensor noise.u.0 has shape [4], but the model needs [4, 3]"},
    {"noise.e.", 5, channels_first, "tensor noise.e. is none that system reads"},
    {"x.01", 5, clips, "tensor x.01 is none that system reads"},
    {"x.00", 5, clips, "tensor x.00 is none that system reads"},
    {"noise.e.01", 5, channels_first, "tensor noise.e.01 is none that system reads"},
    {"noise.e.0x", 5, channels_first, "tensor noise.e.0x is none that system reads"},
    {"dropout.d.1.0", 5, channels_first,
     "tensor dropout.d.1.0 is none that system reads; it knows x, x.1, noise.e, noise.e.0, dropout.d.1.0.0"},
    {"dropout.f.1.0.0", 5, channels_first, "tensor dropout.f.1.0.0 is none that system reads"},
    {"output.samples", 5, clips, "tensor output.samples is none that system reads"},
    {"h0", 1, one, "tensor h0 is none that system reads"},
};

START_TEST(tensors_that_no_step_reads_or_that_do_not_fit_are_errors) {
    Tensors list = with_x();
    add(&list, wrong[_i].name, wrong[_i].rank, wrong[_i].shape, other);
    write_tensors(&list, "b");
    for (int evaluation = 0; evaluation < 2; evaluation++) {
        ck_assert_int_eq(step(evaluation ? "--eval" : ""), 1);
        ck_assert_says("error: b: ");
        ck_assert_says(wrong[_i].says);
    }
}
END_TEST

START_TEST(a_batch_without_x_is_an_error) {
    Tensors list = {0};
    add(&list, "x.1", 5, clips, x);
    write_tensors(&list, "b");
    ck_assert_int_eq(step(""), 1);
    ck_assert_says("error: b: tensor x is missing; it must have shape [4, 2, 3, 4, 5]");
}
END_TEST

/* With the averages of W, where it has them. One file serves training and evaluation. */
START_TEST(evaluation_uses_averages_and_the_draws_of_step_0) {
    static float values[E], samples[E];
    Tensors list = all_given();
    write_tensors(&list, "b");
    for (int averaged = 0; averaged < 2; averaged++) {
        const float off = averaged ? 0.25F : 0, a = weights[1] + off, b = weights[2] + off;
        make_weights("w", averaged ? off : (float)NAN);
        ck_assert_msg(step("--eval") == 0, "%s", output);
        TensorFile file = read_tensors("o");
        ck_assert_int_eq(file.count, 3);
        floats(&file, "output.reconstruction", values);
        floats(&file, "output.samples", samples);
        for (int i = 0; i < E; i++) {
            ck_assert_float_eq_tol(values[i], a * x[i] + b + weights[4], 1e-5F);
            ck_assert_float_eq_tol(samples[i], a * noise[in_file(i)] + b + weights[4], 1e-5F);
        }
        ck_assert_int_eq(find(&file, "score")->rank, 2);
        tensor_file_free(&file);
    }
    list = with_x();
    write_tensors(&list, "b");
    ck_assert_msg(step("--eval") == 0, "%s", output);
    TensorFile file = read_tensors("o");
    ck_assert_int_eq(file.count, 4);
    find(&file, "drawn.noise.e.0");
    tensor_file_free(&file);
}
END_TEST

/* Only evaluation reads another noise: training does not draw it, and evaluation takes it from step 0. */
START_TEST(what_only_evaluation_draws_is_not_drawn_in_training) {
    ModelDescription model = fake_system;
    ModelProgram programs[3] = {fake_system.programs[0], fake_system.programs[1], fake_system.programs[2]};
    ModelArgument inputs[2] = {programs[2].input[0], programs[2].input[1]};
    inputs[1].name = "state.g.2.1";
    programs[2].input = inputs;
    model.programs = programs;
    Tensors list = with_x();
    write_tensors(&list, "b");
    for (int evaluation = 0; evaluation < 2; evaluation++) {
        ck_assert_int_eq(run_model(&model, evaluation ? "step --weights w --batch b --out o --eval" : "step --weights w --batch b --out o"),
                         0);
        TensorFile file = read_tensors("o");
        ck_assert_int_eq(tensor_file_find(&file, "drawn.state.g.2.1.0") != NULL, evaluation);
        tensor_file_free(&file);
    }
    add(&list, "state.g.2.1.0", 5, channels_first, noise);
    write_tensors(&list, "b");
    ck_assert_int_eq(run_model(&model, "step --weights w --batch b --out o"), 0);
    ModelTrainingStep steps[2] = {fake_system.steps[0], fake_system.steps[1]};
    model.steps = steps;
    list.tensor[list.count - 1].name = "state.g.2.1.1";
    write_tensors(&list, "b");
    for (steps[1].draws_of = 0; steps[1].draws_of < 2; steps[1].draws_of++) { /* it keeps the draws of step 0, or has its own */
        ck_assert_int_eq(run_model(&model, "step --weights w --batch b --out o"), 1);
        ck_assert_says("error: b: tensor state.g.2.1.1: no step draws state.g.2.1, only evaluation does; name it state.g.2.1.0");
    }
}
END_TEST

/* Such a system has an evaluation program that gives nothing. */
START_TEST(a_system_without_outputs_and_score_has_nothing_to_evaluate) {
    static const char *const lines[] = {"step --weights w --batch b --out o --eval", "profile --eval --steps 1 --out o",
                                        "reconstruct --weights w --data video --out o"};
    ModelDescription model = fake_system;
    ModelProgram programs[3] = {fake_system.programs[0], fake_system.programs[1], fake_system.programs[2]};
    programs[2].outputs = 0;
    model.programs = programs;
    Tensors list = with_x();
    write_tensors(&list, "b");
    make_video("video/one", 12);
    ck_assert_int_eq(run_model(&model, lines[_i]), 1);
    ck_assert_says(_i == 2 ? "error: system has no outputs and no score to write; give its spec `outputs`"
                           : "error: system has neither outputs nor a score, so --eval has nothing to ");
    ck_assert(!file_exists("o"));
}
END_TEST

Suite *system_step_suite(void) {
    Suite *suite = suite_create("system_step");
    TCase *tests = tcase_create("program");
    tcase_add_checked_fixture(tests, setup, leave_folder);
    tcase_add_test(tests, a_step_gives_losses_gradients_and_parameters_by_their_names);
    tcase_add_test(tests, what_was_drawn_gives_the_same_results_when_it_is_given);
    tcase_add_test(tests, draws_are_new_in_each_iteration_unless_they_are_given);
    tcase_add_test(tests, a_step_that_is_left_out_has_no_loss_in_that_iteration);
    tcase_add_test(tests, keys_with_a_step_win);
    tcase_add_loop_test(tests, tensors_that_no_step_reads_or_that_do_not_fit_are_errors, 0, sizeof wrong / sizeof *wrong);
    tcase_add_test(tests, a_batch_without_x_is_an_error);
    tcase_add_test(tests, evaluation_uses_averages_and_the_draws_of_step_0);
    tcase_add_test(tests, what_only_evaluation_draws_is_not_drawn_in_training);
    tcase_add_loop_test(tests, a_system_without_outputs_and_score_has_nothing_to_evaluate, 0, 3);
    suite_add_tcase(suite, tests);
    return suite;
}
