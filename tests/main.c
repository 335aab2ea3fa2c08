/* main.c: runs the suites of all test_*.c files, one line a test. Arguments select suites; --list prints all names. */
#include <check.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SUITE(name) Suite *name##_suite(void);
#include "suites.h"
#undef SUITE

static const struct {
    const char *name;
    Suite *(*make)(void);
} suites[] = {
#define SUITE(name) {#name, name##_suite},
#include "suites.h"
#undef SUITE
};
enum { SUITES = sizeof suites / sizeof *suites };

static bool wanted(const char *name, int count, char **names) {
    for (int i = 1; i < count; i++)
        if (strcmp(names[i], name) == 0) return true;
    return count == 1;
}

int main(int count, char **names) {
    if (count == 2 && strcmp(names[1], "--list") == 0) {
        for (int i = 0; i < SUITES; i++) printf("%s\n", suites[i].name);
        return 0;
    }
    /* The caller may have ignored these signals (nohup does), and the programs under test would inherit that. */
    const int signals[] = {SIGHUP, SIGINT, SIGTERM};
    for (int i = 0; i < 3; i++) signal(signals[i], SIG_DFL);
    SRunner *runner = srunner_create(NULL);
    int added = 0;
    for (int i = 0; i < SUITES; i++) {
        if (!wanted(suites[i].name, count, names)) continue;
        srunner_add_suite(runner, suites[i].make());
        added++;
    }
    if (added == 0) {
        fprintf(stderr, "no suite has such a name; there are:");
        for (int i = 0; i < SUITES; i++) fprintf(stderr, " %s", suites[i].name);
        fprintf(stderr, "\n");
        return 2;
    }
    srunner_set_tap(runner, "-"); /* ok 1 - file:tests:name: Passed */
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner), run = srunner_ntests_run(runner);
    srunner_free(runner);
    printf("# %d passed, %d failed\n", run - failed, failed);
    return failed == 0 && run > 0 ? 0 : 1;
}
