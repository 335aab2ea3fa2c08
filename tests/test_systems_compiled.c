/* test_systems_compiled.c: small systems as C: without a warning, and with the same bits whatever the number of threads. */
#include "compiled_files.h"
#include "core_checks.h"
#include "cpu.h"
#include "sample_systems.h"

#include "../compiler/emit/emit.h"
#include "../compiler/pipeline/pipeline.h"

#include <check.h>
#include <stdlib.h>

Suite *systems_compiled_suite(void);

/* A target for each system, in turn, of those that this CPU has; clang sees the one after it, whatever the CPU. The quick tests take every
 * other system. */
START_TEST(compiled_systems_have_no_warning_and_the_same_bits_at_any_number_of_threads) {
    static const char flags[] = "-std=c11 " STRICT " -Iruntime";
    if (_i % 2 == 0 && !getenv("ZOETROPE_SLOW")) return;
    int number = _i / 2 % ALL_TARGETS;
    while (!cpu_has(any_target(number))) number = (number + 1) % ALL_TARGETS;
    const Target *target = any_target(number), *other = any_target((number + 1) % ALL_TARGETS);
    Spec *spec = NEW(Spec);
    *spec = *sample_system(_i);
    const Model model = {.spec = spec, .graphs = graphs_of(spec)};
    Text kernels = {0}, others = {0}, tables = {0};
    emit_target_file(&kernels, spec, compile_graphs(&model.graphs, target, &default_choices), "");
    emit_target_file(&others, spec, compile_graphs(&model.graphs, other, &default_choices), "");
    emit_model_file(&tables, &model, &target, 1, "");
    write_code("kernels.c", kernels.bytes);
    write_code("others.c", others.bytes);
    write_code("model.c", tables.bytes);
    run_command(format("cc %s -O1 -fopenmp -o %s %s %s tests/fixtures/systems/threads.c -lm", flags, code_path("run"),
                       code_path("kernels.c"), code_path("model.c")));
    run_command(code_path("run"));
    if (has_program("clang")) run_command(format("clang %s -fsyntax-only %s %s", flags, code_path("others.c"), code_path("model.c")));
}
END_TEST

Suite *systems_compiled_suite(void) {
    Suite *suite = suite_create("systems_compiled");
    TCase *test_case = tcase_create("systems_compiled");
    tcase_set_timeout(test_case, 120);
    tcase_add_checked_fixture(test_case, make_code_folder, remove_code_folder);
    tcase_add_loop_test(test_case, compiled_systems_have_no_warning_and_the_same_bits_at_any_number_of_threads, 0, SAMPLE_SYSTEMS);
    suite_add_tcase(suite, test_case);
    return suite;
}
