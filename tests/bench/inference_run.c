/* inference_run.c: a bundle at work, for inference.py: `run WEIGHTS THREADS`. Says "first", which target runs, and how many microseconds
 * it took to open the weights (the median of 101 times), when the first frame is done; then, for each line with a number of rounds, prints
 * the milliseconds that a step took, a clip, and the encoder alone; at the end of its input, the most memory that it had, in KiB.
 * -DBUNDLE=gru_ae -DUPPER=GRU_AE -DBUNDLE_HEADER='"gru_ae.h"' */
#include BUNDLE_HEADER

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#define JOIN_AGAIN(a, b) a##_##b
#define JOIN(a, b) JOIN_AGAIN(a, b)
#define CALL(name) JOIN(BUNDLE, name)
#define SIZE(name) JOIN(UPPER, name)

static float state[SIZE(STATE_SIZE)], x[SIZE(CLIP_SIZE)], y[SIZE(CLIP_SIZE)], latent[SIZE(LATENT_SIZE)];

static double milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Milliseconds to open the weights: the median. */
static double time_to_open(CALL(model) * model, const void *memory, size_t size, int threads) {
    enum { TIMES = 101 };
    double time[TIMES];
    for (int i = 0; i < TIMES; i++) {
        const double begin = milliseconds();
        if (CALL(model_open)(model, memory, size, threads)) exit(1);
        time[i] = milliseconds() - begin;
    }
    qsort(time, TIMES, sizeof *time, compare);
    return time[TIMES / 2];
}

/* In KiB. (getrusage would count what the program was before exec, too.) */
static long most_resident(void) {
    char line[256];
    long most = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status)) sscanf(line, "VmHWM: %ld", &most);
    if (status) fclose(status);
    return most;
}

int main(int count, char **arguments) {
    CALL(model) model;
    struct stat information;
    double score;
    int rounds;
    const int file = count == 3 ? open(arguments[1], O_RDONLY) : -1, threads = count == 3 ? atoi(arguments[2]) : 1;
    if (file < 0 || fstat(file, &information) != 0) return 2;
    const void *memory = mmap(NULL, (size_t)information.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    void *workspace = malloc(SIZE(WORKSPACE_SIZE)(threads));
    if (memory == MAP_FAILED || !workspace || CALL(model_open)(&model, memory, (size_t)information.st_size, threads)) return 1;
    for (int i = 0; i < SIZE(CLIP_SIZE); i++) x[i] = (float)((i * 37) % 201) / 100.0f - 1.0f;
    CALL(reset)(state, 0);
    CALL(step)(&model, state, workspace, x, y, &score);
    printf("first %s %.3f\n", CALL(model_target)(&model), 1e3 * time_to_open(&model, memory, (size_t)information.st_size, threads));
    fflush(stdout);
    while (scanf("%d", &rounds) == 1) {
        double begin = milliseconds();
        for (int i = 0; i < rounds; i++) CALL(step)(&model, state, workspace, x, y, &score);
        const double step = (milliseconds() - begin) / rounds;
        begin = milliseconds();
        for (int i = 0; i < rounds; i++) CALL(reconstruct)(&model, workspace, x, state, y);
        const double clip = (milliseconds() - begin) / rounds;
        begin = milliseconds();
        for (int i = 0; i < rounds; i++) CALL(encode)(&model, workspace, x, latent);
        printf("%.6f %.6f %.6f\n", step, clip, (milliseconds() - begin) / rounds);
        fflush(stdout);
    }
    printf("%ld\n", most_resident());
    return 0;
}
