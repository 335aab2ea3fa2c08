/* test_threads.c: how many threads a program takes: quotas of cgroups in folders that look like /proc and /sys, and the environment. */
#include "../runtime/common/file.h"
#include "../runtime/machine/cgroup.h"
#include "../runtime/machine/threads.h"
#include "trainer_runs.h"

#include <check.h>
#include <sched.h>
#include <stdlib.h>

Suite *threads_suite(void);

#define MOUNT(inside, point, type, options) "40 31 0:40 " inside " " point " rw,nosuid shared:1 - " type " " type " " options "\n"
#define OTHERS MOUNT("/", "/", "ext4", "rw") MOUNT("/", "/sys/fs/cgroup/memory", "cgroup", "rw,memory")
#define VERSION_2 OTHERS MOUNT("/", "/sys/fs/cgroup", "cgroup2", "rw,nsdelegate")
#define VERSION_1 OTHERS MOUNT("/", "/sys/fs/cgroup/cpu,cpuacct", "cgroup", "rw,cpu,cpuacct")

static const struct {
    const char *cgroup, *mounts;
    const char *files[5][2]; /* below sys/fs/cgroup, and their content */
    double quota;
    const char *file; /* that sets the quota */
} cases[] = {
    /* none at all */
    {"", "", {{NULL}}, 0, NULL},
    {"0::/\n", VERSION_2, {{NULL}}, 0, NULL},
    {"0::/job\n", VERSION_2, {{"job/cpu.max", "max 100000\n"}}, 0, NULL},
    {"0::/job\n", VERSION_2, {{"job/cpu.max", "max\n"}}, 0, NULL},
    {"0::/job\n", VERSION_2, {{"job/cpu.max", ""}}, 0, NULL},
    /* version 2: its own quota, one above it, the least of all; not that of another cgroup */
    {"0::/job\n", VERSION_2, {{"job/cpu.max", "150000 100000\n"}}, 1.5, "job/cpu.max"},
    {"0::/job\n", VERSION_2, {{"job/cpu.max", "20000 10000\n"}}, 2, "job/cpu.max"},
    {"0::/\n", VERSION_2, {{"cpu.max", "300000 100000\n"}}, 3, "cpu.max"},
    {"0::/a/b/c\n",
     VERSION_2,
     {{"a/cpu.max", "100000 100000\n"}, {"a/b/cpu.max", "max 100000\n"}, {"a/b/c/cpu.max", "200000 100000\n"}},
     1,
     "a/cpu.max"},
    {"0::/a/b/c\n", VERSION_2, {{"a/cpu.max", "400000 100000\n"}, {"a/b/c/cpu.max", "50000 100000\n"}}, 0.5, "a/b/c/cpu.max"},
    {"0::/a\n", VERSION_2, {{"ab/cpu.max", "100000 100000\n"}, {"a/b/cpu.max", "100000 100000\n"}}, 0, NULL},
    /* a container that sees only its part of the tree, with its own namespace and without */
    {"0::/\n", MOUNT("/", "/sys/fs/cgroup", "cgroup2", "rw"), {{"cpu.max", "250000 100000\n"}}, 2.5, "cpu.max"},
    {"0::/docker/0a1b\n", MOUNT("/docker/0a1b", "/sys/fs/cgroup", "cgroup2", "rw"), {{"cpu.max", "250000 100000\n"}}, 2.5, "cpu.max"},
    {"0::/docker/0a1b/x\n", MOUNT("/docker/0a1b", "/sys/fs/cgroup", "cgroup2", "rw"), {{"x/cpu.max", "100000 100000\n"}}, 1, "x/cpu.max"},
    {"0::/docker/0a1b\n", MOUNT("/other", "/sys/fs/cgroup", "cgroup2", "rw"), {{"cpu.max", "250000 100000\n"}}, 2.5, "cpu.max"},
    {"0::/../sibling\n", VERSION_2, {{"cpu.max", "250000 100000\n"}}, 2.5, "cpu.max"},
    {"0::/my job\n",
     MOUNT("/", "/sys/fs/cgroup/a\\040b", "cgroup2", "rw"),
     {{"a b/my job/cpu.max", "250000 100000\n"}},
     2.5,
     "a b/my job/cpu.max"},
    /* not an escape, though it looks like one: fewer than three digits, also at the end; not octal digits */
    {"0::/job\n",
     MOUNT("/", "/sys/fs/cgroup/a\\04", "cgroup2", "rw"),
     {{"a\\04/job/cpu.max", "250000 100000\n"}},
     2.5,
     "a\\04/job/cpu.max"},
    {"0::/job\n",
     MOUNT("/", "/sys/fs/cgroup/a\\4b", "cgroup2", "rw"),
     {{"a\\4b/job/cpu.max", "250000 100000\n"}},
     2.5,
     "a\\4b/job/cpu.max"},
    {"0::/job\n", MOUNT("/", "/sys/fs/cgroup/a\\", "cgroup2", "rw"), {{"a\\/job/cpu.max", "250000 100000\n"}}, 2.5, "a\\/job/cpu.max"},
    {"0::/job\n",
     MOUNT("/", "/sys/fs/cgroup/a\\089", "cgroup2", "rw"),
     {{"a\\089/job/cpu.max", "250000 100000\n"}},
     2.5,
     "a\\089/job/cpu.max"},
    /* version 1 */
    {"3:memory:/m\n2:cpu,cpuacct:/job\n",
     VERSION_1,
     {{"cpu,cpuacct/job/cpu.cfs_quota_us", "-1\n"}, {"cpu,cpuacct/job/cpu.cfs_period_us", "100000\n"}},
     0,
     NULL},
    {"3:memory:/m\n2:cpu,cpuacct:/job\n",
     VERSION_1,
     {{"cpu,cpuacct/job/cpu.cfs_quota_us", "75000\n"}, {"cpu,cpuacct/job/cpu.cfs_period_us", "50000\n"}},
     1.5,
     "cpu,cpuacct/job/cpu.cfs_quota_us"},
    {"2:cpuacct,cpu:/a/b\n",
     VERSION_1,
     {{"cpu,cpuacct/a/cpu.cfs_quota_us", "100000\n"}, {"cpu,cpuacct/a/b/cpu.cfs_quota_us", "200000\n"}},
     1,
     "cpu,cpuacct/a/cpu.cfs_quota_us"},
    {"2:cpuset:/job\n",
     OTHERS MOUNT("/", "/sys/fs/cgroup/cpuset", "cgroup", "rw,cpuset"),
     {{"cpuset/job/cpu.cfs_quota_us", "100000\n"}},
     0,
     NULL},
    /* both at once: processors in version 1 */
    {"1:cpu:/job\n0::/unit\n",
     VERSION_1 MOUNT("/", "/sys/fs/cgroup/unified", "cgroup2", "rw"),
     {{"cpu,cpuacct/job/cpu.cfs_quota_us", "300000\n"}, {"unified/unit/cpu.max", "max 100000\n"}},
     3,
     "cpu,cpuacct/job/cpu.cfs_quota_us"},
};

static void write_text(const char *path, const char *text) {
    Error error;
    size_t found;
    char *folder = copy_text(path);
    *strrchr(folder, '/') = 0;
    ck_assert_msg(make_folders(folder, &found, &error), "%s", error.text);
    FILE *file = fopen(path, "w");
    ck_assert(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    free(folder);
}

START_TEST(the_least_quota_on_the_way_up_counts) {
    write_text("tree/proc/self/cgroup", cases[_i].cgroup);
    write_text("tree/proc/self/mountinfo", cases[_i].mounts);
    for (int k = 0; k < 5 && cases[_i].files[k][0] != NULL; k++) {
        char *path = path_join("tree/sys/fs/cgroup", "%s", cases[_i].files[k][0]);
        write_text(path, cases[_i].files[k][1]);
        free(path);
    }
    char *file, *wanted = cases[_i].file != NULL ? path_join("tree/sys/fs/cgroup", "%s", cases[_i].file) : NULL;
    ck_assert_double_eq(cgroup_quota("tree", &file), cases[_i].quota);
    if (wanted != NULL) ck_assert_str_eq(file, wanted);
    else ck_assert_ptr_null(file);
    free(file);
    free(wanted);
    ThreadLimits limits = find_thread_limits("tree");
    ck_assert_double_eq(limits.quota, cases[_i].quota);
    thread_limits_free(&limits);
}
END_TEST

/* The working directory is not taken for /proc. */
START_TEST(without_a_root_proc_is_that_of_the_machine) {
    char *file;
    write_text("proc/self/cgroup", "0::/\n");
    write_text("proc/self/mountinfo", MOUNT("/", "/proc/self", "cgroup2", "rw"));
    write_text("proc/self/cpu.max", "12345 100000\n");
    ck_assert_double_eq(cgroup_quota(".", &file), 0.12345);
    free(file);
    ck_assert_double_ne(cgroup_quota("", &file), 0.12345);
    free(file);
}
END_TEST

START_TEST(the_least_of_all_limits_is_taken) {
    static const struct {
        int processors;
        double quota;
        int omp_num_threads, omp_thread_limit;
        int64_t wanted;
        int threads;
        ThreadBound bound;
    } choices[] = {
        {8, 0, 0, 0, -1, 8, BOUND_PROCESSORS},
        {8, 3, 0, 0, -1, 3, BOUND_QUOTA},
        {8, 1.5, 0, 0, -1, 2, BOUND_QUOTA}, /* half a processor is one more thread */
        {8, 0.1, 0, 0, -1, 1, BOUND_QUOTA},
        {2, 1.5, 0, 0, -1, 2, BOUND_PROCESSORS},
        {8, 1e9, 0, 0, -1, 8, BOUND_PROCESSORS},
        {8, 0, 5, 0, -1, 5, BOUND_OMP_NUM_THREADS},
        {8, 4, 5, 0, -1, 4, BOUND_QUOTA},
        {8, 0, 64, 0, -1, 8, BOUND_PROCESSORS},
        {8, 0, 5, 3, -1, 3, BOUND_OMP_THREAD_LIMIT},
        {8, 0, 5, 0, 7, 7, BOUND_OPTION},
        {2, 1, 1, 0, 12, 12, BOUND_OPTION},
        {8, 0, 0, 3, 7, 3, BOUND_OMP_THREAD_LIMIT},
        {5000, 0, 0, 0, -1, 1024, BOUND_PROCESSORS},
    };
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        const ThreadLimits limits = {choices[i].processors, choices[i].quota, NULL, choices[i].omp_num_threads,
                                     choices[i].omp_thread_limit};
        ThreadBound bound;
        ck_assert_int_eq(choose_threads(&limits, choices[i].wanted, &bound), choices[i].threads);
        ck_assert_int_eq(bound, choices[i].bound);
    }
}
END_TEST

static const struct {
    const char *text;
    int number;
} environments[] = {{"3", 3},  {" 3 ", 3}, {"3,2,1", 3}, {"3 , 2", 3}, {"99999", 1024}, {"0", 0},
                    {"-2", 0}, {"", 0},    {"two", 0},   {"3x", 0},    {",3", 0}};

START_TEST(the_environment_is_read_as_openmp_reads_it) {
    for (size_t i = 0; i < sizeof environments / sizeof *environments; i++) {
        setenv("OMP_NUM_THREADS", environments[i].text, 1);
        ThreadLimits limits = find_thread_limits("nowhere");
        ck_assert_msg(limits.omp_num_threads == environments[i].number, "\"%s\": %d", environments[i].text, limits.omp_num_threads);
        ck_assert(limits.omp_thread_limit == 0 && limits.quota == 0 && limits.processors >= 1);
        thread_limits_free(&limits);
    }
}
END_TEST

static void use_one_processor(void) {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    ck_assert_int_eq(sched_getaffinity(0, sizeof mask, &mask), 0);
    size_t first = 0;
    while (!CPU_ISSET(first, &mask)) first++;
    CPU_ZERO(&mask);
    CPU_SET(first, &mask);
    ck_assert_int_eq(sched_setaffinity(0, sizeof mask, &mask), 0);
}

/* The program: the number of threads that it uses, and what `info` says. */
START_TEST(info_says_how_many_threads_and_why) {
    ck_assert_int_eq(run("info --threads 7"), 0);
    ck_assert_says("threads     7, as --threads says\nlimits      processors ");
    ck_assert_says("; OMP_NUM_THREADS none; OMP_THREAD_LIMIT none\n");
    before_run = use_one_processor;
    ck_assert_int_eq(run("info"), 0);
    ck_assert_says("threads     1, ");
    ck_assert_says("limits      processors 1; cgroup quota ");
    before_run = NULL;
    setenv("OMP_NUM_THREADS", "1,4", 1);
    ck_assert_int_eq(run("train --out a --iterations 1"), 0);
    ck_assert_says(", 1 thread, ");
    ck_assert_int_eq(run("train --out b --iterations 1 --threads 3"), 0);
    ck_assert_says(", 3 threads, ");
    setenv("OMP_THREAD_LIMIT", "2", 1);
    ck_assert_int_eq(run("info --threads 3"), 0);
    ck_assert_says("threads     2, as OMP_THREAD_LIMIT allows\n");
    ck_assert_says("; OMP_NUM_THREADS 1; OMP_THREAD_LIMIT 2\n");
    ck_assert_int_eq(run("train --out c --iterations 1 --threads 3"), 0);
    ck_assert_says("warning: --threads 3: OMP_THREAD_LIMIT allows 2; unset it for more\n");
    ck_assert_says(", 2 threads, ");
}
END_TEST

static void enter(void) {
    enter_folder();
    unsetenv("OMP_NUM_THREADS");
    unsetenv("OMP_THREAD_LIMIT");
}

Suite *threads_suite(void) {
    Suite *suite = suite_create("threads");
    TCase *tests = tcase_create("threads");
    tcase_add_checked_fixture(tests, enter, leave_folder);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, the_least_quota_on_the_way_up_counts, 0, sizeof cases / sizeof *cases);
    tcase_add_test(tests, without_a_root_proc_is_that_of_the_machine);
    tcase_add_test(tests, the_least_of_all_limits_is_taken);
    tcase_add_test(tests, the_environment_is_read_as_openmp_reads_it);
    tcase_add_test(tests, info_says_how_many_threads_and_why);
    suite_add_tcase(suite, tests);
    return suite;
}
