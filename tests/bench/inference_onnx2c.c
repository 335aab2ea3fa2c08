/* inference_onnx2c.c: what onnx2c made of the encoder, at work for inference.py, in inference_run.c's protocol: there is neither a step nor
 * a clip. -DFRAME_SIZE=4096 -DLATENT_SIZE=64 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <string.h>
#include <time.h>

void entry(const float *frame, float *latent); /* by onnx2c: arrays of more dimensions, which lie as these do */

static float x[FRAME_SIZE], latent[LATENT_SIZE];

static double milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

static long most_resident(void) { /* in KiB */
    char line[256];
    long most = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status)) sscanf(line, "VmHWM: %ld", &most);
    if (status) fclose(status);
    return most;
}

int main(void) {
    int rounds;
    for (int i = 0; i < FRAME_SIZE; i++) x[i] = (float)((i * 37) % 201) / 100.0f - 1.0f;
    entry(x, latent);
    printf("first onnx2c\n");
    fflush(stdout);
    while (scanf("%d", &rounds) == 1) {
        const double begin = milliseconds();
        for (int i = 0; i < rounds; i++) entry(x, latent);
        printf("nan nan %.6f\n", (milliseconds() - begin) / rounds);
        fflush(stdout);
    }
    printf("%ld\n", most_resident());
    return 0;
}
