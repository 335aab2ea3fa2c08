/* fork.c: fork TINY FRAMES: two bundles with these weights, before and after fork(). A child that hangs is ended by its alarm. */
#include "frames.h"
#include "tiny.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 2, SECONDS = 60 };
static _Alignas(64) unsigned char tiny_weights[TINY_WEIGHTS_SIZE], frames_weights[FRAMES_WEIGHTS_SIZE];
static tiny_model model; /* opened before any fork */

static void read_weights(const char *path, unsigned char *weights, size_t size) {
    FILE *file = fopen(path, "rb");
    if (!file || fread(weights, 1, size, file) != size) exit(2);
    fclose(file);
}

static int threads_of_process(void) { /* −1: unknown on this system */
    DIR *folder = opendir("/proc/self/task");
    if (!folder) return -1;
    int count = 0;
    for (const struct dirent *entry; (entry = readdir(folder));) count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static int use(const tiny_model *opened) {
    void *workspace = malloc(TINY_WORKSPACE_SIZE(THREADS));
    return !workspace || tiny_selftest(opened, workspace, NULL) != TINY_OK;
}

/* ---- children: 0 is success ---- */

static int uses_what_its_parent_opened(void) {
    return use(&model) || threads_of_process() > 1;
}

static int opens_by_itself(void) {
    tiny_model mine;
    return tiny_model_open(&mine, tiny_weights, sizeof tiny_weights, THREADS) != TINY_OK || use(&mine);
}

static int opens_another_network(void) {
    frames_model mine;
    void *workspace = malloc(FRAMES_WORKSPACE_SIZE(THREADS));
    return frames_model_open(&mine, frames_weights, sizeof frames_weights, THREADS) != FRAMES_OK || !workspace ||
           frames_selftest(&mine, workspace, NULL) != FRAMES_OK;
}

/* Forked before its parent used threads: it has as many as it asks for, and keeps them. */
static int has_its_threads(void) {
    if (use(&model)) return 1;
    const int count = threads_of_process();
#ifdef _OPENMP
    return count >= 0 && count < THREADS;
#else
    return count > 1;
#endif
}

static int forks(int (*does)(void));
static int has_a_child(void) {
    return forks(uses_what_its_parent_opened);
}
static int is_a_daemon(void) { /* forked twice */
    return forks(has_its_threads);
}

static int forks(int (*does)(void)) {
    int status;
    const pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) {
        alarm(SECONDS);
        _exit(does());
    }
    return waitpid(child, &status, 0) != child || status != 0;
}

static void *forks_in_a_thread(void *result) {
    *(int *)result = forks(uses_what_its_parent_opened);
    return NULL;
}

static int failures;
static void expect(int status, const char *what) {
    if (status == 0) return;
    printf("failed: a child that %s\n", what);
    failures++;
}

int main(int count, char **arguments) {
    if (count != 3) return 2;
    read_weights(arguments[1], tiny_weights, sizeof tiny_weights);
    read_weights(arguments[2], frames_weights, sizeof frames_weights);
    if (tiny_model_open(&model, tiny_weights, sizeof tiny_weights, THREADS) != TINY_OK) return 2;
    expect(forks(is_a_daemon), "was forked twice before the first use has its threads");
    expect(use(&model), "(the parent itself)");
    expect(forks(uses_what_its_parent_opened), "uses what its parent opened and used");
    expect(forks(opens_by_itself), "opens the network by itself");
    expect(forks(opens_another_network), "opens another network than its parent used");
    expect(forks(has_a_child), "has a child of its own");
    pthread_t thread;
    int status = 1;
    if (pthread_create(&thread, NULL, forks_in_a_thread, &status) == 0) pthread_join(thread, NULL);
    expect(status, "another thread of its parent forked");
    expect(use(&model), "(the parent, afterwards)");
    return failures != 0;
}
