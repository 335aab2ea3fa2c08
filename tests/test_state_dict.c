/* test_state_dict.c: weights from elsewhere. The trainer and the compiler accept the same ones, and say the same. */
#include "../compiler/bundle/weights.h"
#include "../compiler/graph/build_graph.h"
#include "../compiler/graph/fold.h"
#include "../runtime/common/file.h"
#include "edited_weights.h"
#include "sample_graphs.h"
#include "trainer_runs.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *state_dict_suite(void);

/* ---- both programs ---- */

/* The parameters of an inference graph, if they are accepted. The messages are then in `output`. */
static double **compile(const Graph *folded, const char *path) {
    const int before = dup(STDERR_FILENO), said = open("output", O_WRONLY | O_CREAT | O_TRUNC, 0666);
    ck_assert(said >= 0 && dup2(said, STDERR_FILENO) == STDERR_FILENO);
    close(said);
    double **parameters = read_parameters(folded, path);
    dup2(before, STDERR_FILENO);
    close(before);
    FILE *file = fopen("output", "r");
    output[fread(output, 1, sizeof output - 1, file)] = 0;
    fclose(file);
    return parameters;
}

/* A change to a file, and what both say about it. */
typedef struct Case {
    Edit *edit;
    const char *argument;
    bool taken;
    const char *says[3]; /* "": says nothing */
} Case;

static void assert_case_says(const Case *test, const char *program) {
    if (test->says[0] && test->says[0][0] == 0) ck_assert_msg(strstr(output, "edited") == NULL, "%s: %s", program, output);
    for (int i = 0; i < 3 && test->says[i]; i++)
        ck_assert_msg(strstr(output, test->says[i]) != NULL, "%s: \"%s\" is not in:\n%s", program, test->says[i], output);
}

static void try_trainer(const Case *test) {
    Weights weights = trainer_weights();
    write_weights(&weights, "plain");
    test->edit(&weights, test->argument);
    write_weights(&weights, "edited");
    ck_assert_int_eq(run("train --out a --init edited --iterations 2"), test->taken ? 0 : 1);
    assert_case_says(test, "trainer");
    ck_assert_int_eq(file_exists("a"), test->taken);
    if (!test->taken) return;
    /* Training starts from the same weights as with the plain file, and saves them by their plain names. */
    ck_assert_int_eq(run("train --out b --init plain --iterations 2"), 0);
    TensorFile edited = read_tensors("a/last.safetensors"), plain = read_tensors("b/last.safetensors");
    for (int i = 0; i < plain.count; i++) {
        const FileTensor *found = tensor_file_find(&edited, plain.tensor[i].name);
        ck_assert_msg(found != NULL && found->size == plain.tensor[i].size, "%s", plain.tensor[i].name);
        if (!is_count(found)) ck_assert_mem_eq(found->bytes, plain.tensor[i].bytes, found->size);
    }
    tensor_file_free(&edited);
    tensor_file_free(&plain);
    ck_assert_int_eq(run("train --out a --resume --iterations 3"), 0); /* the saved file can be read */
}

static void try_compiler(const Case *test) {
    const Graph *graph = build_graph(sample_spec(0), false);
    const Graph *folded = fold_batch_norm(graph);
    Weights weights = compiler_weights(graph);
    write_weights(&weights, "plain");
    double **plain = compile(folded, "plain");
    ck_assert_msg(plain != NULL && output[0] == 0, "%s", output);
    test->edit(&weights, test->argument);
    write_weights(&weights, "edited");
    double **edited = compile(folded, "edited");
    ck_assert_msg((edited != NULL) == test->taken, "%s", output);
    assert_case_says(test, "compiler");
    for (int i = 0; edited && i < folded->parameter_count; i++)
        ck_assert_mem_eq(edited[i], plain[i], sizeof(double) * (size_t)folded->parameter[i]->count);
}

/* ---- the cases ---- */

#define TAKEN_WITHOUT(prefix) "note: edited: the names of its weights begin with \"" prefix "\"; this prefix is removed\n"
#define NOT_USED(prefix) "note: edited: has a second set of weights, whose names begin with \"" prefix "\"; it is not used\n"
#define NO_COUNT "; remove num_batches_tracked from the file, and it counts from 0\n"

static const Case cases[] = {
    {prefix_names, "module.", true, {TAKEN_WITHOUT("module.")}},
    {prefix_names, "_orig_mod.", true, {TAKEN_WITHOUT("_orig_mod.")}},
    {prefix_names, "model.", true, {TAKEN_WITHOUT("model.")}},
    {prefix_names, "module._orig_mod.", true, {TAKEN_WITHOUT("module._orig_mod.")}},
    {prefix_names, "model.module._orig_mod.", true, {TAKEN_WITHOUT("model.module._orig_mod.")}},
    {prefix_names, "ema.", true, {TAKEN_WITHOUT("ema.")}},
    {prefix_names, "generator.", true, {TAKEN_WITHOUT("generator.")}},
    {prefix_names, "net/", true, {TAKEN_WITHOUT("net/")}},
    {add_set, " ema.", true, {NOT_USED("ema.")}},
    {add_set_before, " ema.", true, {NOT_USED("ema.")}},
    {add_set, "model. ema.", true, {TAKEN_WITHOUT("model."), NOT_USED("ema.")}},
    {add_set_before, "model. ema.", true, {TAKEN_WITHOUT("model."), NOT_USED("ema.")}},
    {add_set_before, "module._orig_mod. model_ema.", true, {TAKEN_WITHOUT("module._orig_mod."), NOT_USED("model_ema.")}},
    {add_set_before, "net. ema_model.module.", true, {TAKEN_WITHOUT("net."), NOT_USED("ema_model.module.")}},
    {add_average, " ema.", true, {NOT_USED("ema.")}},
    {add_average, "model. ema.", true, {TAKEN_WITHOUT("model."), NOT_USED("ema.")}},
    {add_set, "student. teacher.", false, {"the prefixes \"student.\" and \"teacher.\"; keep one, and remove its prefix\n"}},
    {convert, "F16", true, {"note: edited: converted to F32: ", " tensors of F16\n"}},
    {convert, "BF16", true, {"note: edited: converted to F32: ", " tensors of BF16\n"}},
    {convert, "F64", true, {"note: edited: converted to F32: ", " tensors of F64 (rounded to F32)\n"}},
    {convert,
     "F8_E5M2",
     false,
     {"is of type F8_E5M2, but the model needs F32 (F64, F16 and BF16 are converted)\n", "; convert tensors of another type to F32\n"}},
    {set_counts, "I8 [] 7", true, {""}},
    {set_counts, "U8 [1] 7", true, {""}},
    {set_counts, "I16 [1] 7", true, {""}},
    {set_counts, "U16 [] 7", true, {""}},
    {set_counts, "I32 [] 7", true, {""}},
    {set_counts, "U32 [1] 7", true, {""}},
    {set_counts, "I64 [1] 7", true, {""}},
    {set_counts, "U64 [] 7", true, {""}},
    {set_counts, "F64 [1] 7", true, {""}},
    {set_counts, "F32 [] 7", true, {""}},
    {set_counts, "F16 [] 7", true, {""}},
    {set_counts, "BF16 [1] 7", true, {""}},
    {set_counts, "F8_E4M3 [] 7", true, {""}},
    {set_counts, "F8_E5M2 [] 7", true, {""}},
    {set_counts, "F16 [] inf", true, {NULL}},
    {set_counts, "I16 [] -2", false, {"num_batches_tracked holds -2, which is not a number of batches\n", NO_COUNT}},
    {set_counts, "F32 [] 2.5", false, {"num_batches_tracked holds 2.5, which is not a number of batches\n", NO_COUNT}},
    {set_counts, "F64 [] inf", false, {"num_batches_tracked holds inf, which is not a number of batches\n", NO_COUNT}},
    {set_counts, "F64 [] nan", false, {"num_batches_tracked holds nan, which is not a number of batches\n", NO_COUNT}},
    {set_counts, "F64 [] 1e19", false, {"num_batches_tracked holds 1e+19, which is not a number of batches\n", NO_COUNT}},
    {set_counts, "I64 [2] 7", false, {"num_batches_tracked has shape [2], but the model needs [] or [1]\n", NO_COUNT}},
    {set_counts, "BOOL [] 1", false, {"num_batches_tracked is of type BOOL, but the model needs integers, or floats\n", NO_COUNT}},
    {drop, "num_batches_tracked", true, {NULL}},
    {add_unused, "BOOL", true, {NULL}},
    {add_unused, "F8_E4M3", true, {NULL}},
    {add_unused, "U16", true, {NULL}},
    {add_unused, "C64", true, {NULL}},
    {add_unused, "F4", true, {NULL}},
    {add_unused, "I4_BLOCK32", true, {NULL}},
    {misshape, "encoder.0.weight", false, {"tensor encoder.0.weight has shape [", "; give weights of this network ("}},
    {drop,
     "encoder.1.running_var",
     false,
     {"edited: tensor encoder.1.running_var [", "] is missing\n", "; give weights of this network ("}},
    {make_integers,
     "encoder.1.bias",
     false,
     {"tensor encoder.1.bias is of type I32, but the model needs F32 (F64,", " cannot be used; convert tensors of another type to F32\n"}},
    {set_number,
     "encoder.1.bias 1e300",
     false,
     {"tensor encoder.1.bias holds 1e+300 (element ", "); F32 cannot hold a number this large\n",
      "and F64 may hold some that F32 cannot: give"}},
    {set_number,
     "encoder.1.running_var -1e-300",
     false,
     {"running_var holds -1e-300 (element ", "); a variance is never negative\n", "a failed training"}},
    {rename_one,
     "encoder.1.bias encoder._orig_mod.1.bias",
     false,
     {"encoder.1.bias [", "] is missing; there is encoder._orig_mod.1.bias\n",
      "; rename what a wrapper has renamed: encoder._orig_mod.1.bias to encoder.1.bias\n"}},
    {wrap_networks,
     "_orig_mod",
     false,
     {"holds none of the ",
      " by its name; wrappers have renamed them: rename encoder._orig_mod.0.weight to encoder.0.weight, and all others"}},
    {wrap_networks,
     "module._orig_mod",
     false,
     {"wrappers have renamed them: rename encoder.module._orig_mod.0.weight to encoder.0.weight, "}},
    {make_foreign,
     "layers",
     false,
     {"holds none of the ", "; its names are like layers.0, those of the model like encoder.0.weight; give weights of this network ("}},
    {empty, "", false, {"edited: holds no tensor"}},
};

START_TEST(the_trainer_takes_it_or_says_why_not) {
    try_trainer(&cases[_i]);
}
END_TEST

START_TEST(the_compiler_takes_it_or_says_why_not) {
    try_compiler(&cases[_i]);
}
END_TEST

/* ---- what is carried through ---- */

/* Like an average of all weights. */
START_TEST(many_unused_tensors_have_one_note) {
    static const char *const names[] = {"ema.a", "ema.b", "ema.c", "ema.d"};
    Weights weights = trainer_weights();
    for (int i = 0; i < 4; i++) {
        add_unused(&weights, "U16");
        weights.tensor[weights.count - 1].name = strdup(names[i]);
    }
    write_weights(&weights, "edited");
    ck_assert_int_eq(run("train --out a --init edited --iterations 1"), 0);
    ck_assert_says("note: edited: 4 tensors, such as ema.a, are not used by fake; they are kept and saved unchanged\n");
    ck_assert_ptr_null(strstr(output, "ema.b"));
}
END_TEST

START_TEST(tensors_of_any_type_are_saved_again_byte_for_byte) {
    static const char *const types[] = {"BOOL", "F8_E4M3", "U16", "C64", "F4", "F6_E3M2", "I4_BLOCK32"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        Weights weights = trainer_weights();
        prefix_names(&weights, "module.");
        add_unused(&weights, types[i]);
        write_weights(&weights, "edited");
        ck_assert_int_eq(run("train --out a --init edited --iterations 1"), 0);
        ck_assert_says("note: edited: other.thing [3, 4] is not used by fake; it is kept and saved unchanged\n");
        ck_assert_int_eq(run("train --out a --resume --iterations 2"), 0);
        TensorFile file = read_tensors("a/last.safetensors");
        const FileTensor *found = tensor_file_find(&file, "other.thing"), *wanted = &weights.tensor[weights.count - 1];
        ck_assert(found != NULL && found->rank == 2 && found->shape[1] == 4 && found->size == wanted->size);
        ck_assert_str_eq(found->type_name, types[i]);
        ck_assert_mem_eq(found->bytes, wanted->bytes, wanted->size);
        for (int k = 0; k < file.count; k++) { /* each aligned to its elements */
            const size_t size = file.tensor[k].size / (size_t)file.tensor[k].count;
            if (size > 0) ck_assert_uint_eq((size_t)((const unsigned char *)file.tensor[k].bytes - file.memory) % size, 0);
        }
        tensor_file_free(&file);
        ck_assert_int_eq(system("rm -r a"), 0);
    }
}
END_TEST

/* An incomplete second set with the plain names, or names of the optimizer's tensors: two tensors with one name would break the file. */
START_TEST(a_tensor_whose_name_is_taken_is_left_out_of_what_is_saved) {
    Weights weights = trainer_weights();
    const FileTensor stray = weights.tensor[0];
    prefix_names(&weights, "module.");
    weights.tensor[weights.count++] = stray;
    weights.tensor[weights.count] = stray;
    weights.tensor[weights.count++].name = "optimizer.moment1.encoder.0.weight";
    write_weights(&weights, "edited");
    ck_assert_int_eq(run("train --out a --init edited --iterations 1"), 0);
    ck_assert_says("note: edited: encoder.0.weight [1, 1, 1, 1] is not used by fake; it is not saved again if another tensor has its name");
    ck_assert_says("note: edited: optimizer.moment1.encoder.0.weight [1, 1, 1, 1] is not used by fake; it is not saved again");
    ck_assert_int_eq(run("train --out a --resume --iterations 2"), 0);
    TensorFile file = read_tensors("a/last.safetensors");
    ck_assert_int_eq(file.count, fake_model.state_names);
    tensor_file_free(&file);
}
END_TEST

static int64_t saved_count(void) {
    TensorFile file = read_tensors("a/last.safetensors");
    const FileTensor *tensor = tensor_file_find(&file, "encoder.1.num_batches_tracked");
    int64_t count;
    ck_assert(tensor != NULL && tensor->type == TENSOR_I64 && tensor->rank == 0);
    memcpy(&count, tensor->bytes, sizeof count);
    tensor_file_free(&file);
    ck_assert_int_eq(system("rm -r a"), 0);
    return count;
}

START_TEST(counts_of_batches_go_on_from_what_they_were) {
    static const struct {
        const char *count;
        int64_t then;
        bool said;
    } counts[] = {{"I8 [] 100", 101, false},
                  {"U16 [1] 65535", 65536, false},
                  {"F32 [] 1048576", 1048577, false},
                  {"F8_E4M3 [] 8", 9, false},
                  {"F8_E5M2 [] 6", 7, false},
                  {"BF16 [] 256", 257, false},
                  {"F16 [] inf", 1, true},
                  {NULL, 1, true}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        Weights weights = trainer_weights();
        if (counts[i].count) set_counts(&weights, counts[i].count);
        else drop(&weights, "num_batches_tracked");
        write_weights(&weights, "edited");
        ck_assert_int_eq(run("train --out a --init edited --iterations 1"), 0);
        ck_assert_int_eq(strstr(output, "num_batches_tracked of 1 batch norm is missing, or does not fit its type; it counts from 0") !=
                             NULL,
                         counts[i].said);
        ck_assert_int_eq(saved_count(), counts[i].then);
    }
}
END_TEST

/* ---- whose weights ---- */

START_TEST(weights_of_another_spec_say_whose_they_are) {
    ck_assert_int_eq(run("train --out a --iterations 1"), 0);
    const Graph *folded = fold_batch_norm(build_graph(sample_spec(0), false));
    ck_assert(compile(folded, "a/last.safetensors") == NULL);
    ck_assert_says("; they are of another spec (fake, spec 00000000deadbeef): give weights of this one (");
    TensorFile file = read_tensors("a/last.safetensors");
    Error error;
    ck_assert(tensor_file_write("cut", file.tensor, file.count - 1, file.metadata, file.metadata_count, &error));
    tensor_file_free(&file);
    ck_assert_int_eq(run("train --out b --init cut --iterations 1"), 1);
    ck_assert_says(
        "cannot be used; the file says that it is of this spec (00000000deadbeef), so it was changed later: give the file as it was saved\n");
}
END_TEST

/* A training state is our own kind of file. Training continues only from a file as we write it. */
START_TEST(training_states_are_taken_only_as_they_were_written) {
    static Edit *const edits[] = {prefix_names, drop, set_counts, set_counts, set_number};
    static const char *const arguments[] = {"module.", "num_batches_tracked", "I32 [] 1", "I64 [1] 1", "encoder.0.bias 1"};
    Error error;
    ck_assert_int_eq(run("train --out a --iterations 1"), 0);
    ck_assert_int_eq(rename("a/last.state.safetensors", "state"), 0);
    TensorFile file = read_tensors("state");
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        Weights weights = {.count = file.count};
        for (int k = 0; k < file.count; k++) weights.tensor[k] = file.tensor[k];
        edits[i](&weights, arguments[i]);
        ck_assert(tensor_file_write("a/last.state.safetensors", weights.tensor, weights.count, file.metadata, file.metadata_count, &error));
        ck_assert_int_eq(run("train --out a --iterations 2 --resume"), 1);
        ck_assert_says("of the 18 tensors of fake cannot be used; the file is damaged, or was changed: start again with another --out\n");
    }
    tensor_file_free(&file);
    ck_assert_int_eq(rename("state", "a/last.state.safetensors"), 0);
    ck_assert_int_eq(run("train --out a --iterations 2 --resume"), 0);
}
END_TEST

START_TEST(names_of_tensors_cannot_give_orders_to_a_terminal) {
    Weights weights = trainer_weights();
    prefix_names(&weights, "\033[2J\n");
    write_weights(&weights, "edited");
    ck_assert_int_eq(run("train --out a --init edited --iterations 1"), 0);
    ck_assert_says("begin with \"\\x1b[2J\\n\"");
}
END_TEST

Suite *state_dict_suite(void) {
    Suite *suite = suite_create("state_dict");
    TCase *tests = tcase_create("state_dict");
    tcase_add_checked_fixture(tests, enter_folder, leave_folder);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, the_trainer_takes_it_or_says_why_not, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(tests, the_compiler_takes_it_or_says_why_not, 0, sizeof cases / sizeof *cases);
    tcase_add_test(tests, tensors_of_any_type_are_saved_again_byte_for_byte);
    tcase_add_test(tests, many_unused_tensors_have_one_note);
    tcase_add_test(tests, a_tensor_whose_name_is_taken_is_left_out_of_what_is_saved);
    tcase_add_test(tests, counts_of_batches_go_on_from_what_they_were);
    tcase_add_test(tests, weights_of_another_spec_say_whose_they_are);
    tcase_add_test(tests, training_states_are_taken_only_as_they_were_written);
    tcase_add_test(tests, names_of_tensors_cannot_give_orders_to_a_terminal);
    suite_add_tcase(suite, tests);
    return suite;
}
