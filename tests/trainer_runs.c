/* trainer_runs.c: see trainer_runs.h. */
#include "trainer_runs.h"

#include "../runtime/commands/program.h"
#include "../runtime/common/file.h"
#include "../runtime/pictures/strip.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

char output[1 << 16];
long file_limit;
void (*before_run)(void);
int lock_error;

/* Replaces the C library's, to imitate a file system without locks. */
int flock(int descriptor, int operation) {
    if (lock_error == 0) return (int)syscall(SYS_flock, descriptor, operation);
    errno = lock_error;
    return -1;
}

static char folder[256]; /* of this test, and its working directory */

void enter_folder(void) {
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/zoetrope_test_XXXXXX", base != NULL ? base : P_tmpdir);
    ck_assert(mkdtemp(folder) != NULL && chdir(folder) == 0);
    unsetenv("ZOETROPE_TARGET");
}

void leave_folder(void) {
    char command[300];
    snprintf(command, sizeof command, "cd / && rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static _Noreturn void become(const ModelDescription *model, const char *line) {
    char text[1024], *words[64] = {"fake"}, *rest = text;
    int count = 1;
    snprintf(text, sizeof text, "%s", line);
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        if (word[0] != 0) words[count++] = word;
    }
    if (freopen("output", "w", stdout) == NULL || dup2(fileno(stdout), STDERR_FILENO) < 0) _exit(99);
    if (file_limit > 0) setrlimit(RLIMIT_FSIZE, &(struct rlimit){(rlim_t)file_limit, (rlim_t)file_limit});
    if (before_run != NULL) before_run();
    int status = run_program(model, count, words);
    fflush(stdout);
    _exit(status);
}

int run_model(const ModelDescription *model, const char *line) {
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) become(model, line);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    FILE *file = fopen("output", "r");
    ck_assert_ptr_nonnull(file);
    output[fread(output, 1, sizeof output - 1, file)] = 0;
    fclose(file);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

int run(const char *line) {
    return run_model(&fake_model, line);
}

void assert_same_file(const char *a, const char *b) {
    unsigned char *first, *second;
    size_t first_length, second_length;
    Error error;
    ck_assert_msg(file_read(a, &first, &first_length, &error) && file_read(b, &second, &second_length, &error), "%s", error.text);
    ck_assert_uint_eq(first_length, second_length);
    ck_assert_mem_eq(first, second, first_length);
    free(first);
    free(second);
}

int count_lines(const char *path) {
    FILE *file = fopen(path, "r");
    int lines = 0;
    ck_assert_ptr_nonnull(file);
    for (int c; (c = fgetc(file)) != EOF;) lines += c == '\n';
    fclose(file);
    return lines;
}

TensorFile read_tensors(const char *path) {
    TensorFile file;
    Error error;
    ck_assert_msg(tensor_file_read(&file, path, &error), "%s", error.text);
    return file;
}

void assert_iteration(const char *path, const char *iteration) {
    TensorFile file = read_tensors(path);
    ck_assert_str_eq(tensor_file_metadata(&file, "iteration"), iteration);
    tensor_file_free(&file);
}

void make_video(const char *path, int frames) {
    Error error;
    float frame[12 * 16];
    size_t found;
    ck_assert(make_folders(path, &found, &error));
    for (int i = 0; i < frames; i++) {
        for (int j = 0; j < 12 * 16; j++) frame[j] = (float)((i * 31 + j * 7) % 97) / 48 - 1;
        char *name = path_join(path, "%03d.png", i);
        ck_assert(strip_write(name, frame, 1, 1, 12, 16, FILE_RENAMED, &error));
        free(name);
    }
}
