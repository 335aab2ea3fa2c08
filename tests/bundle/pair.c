/* pair.c: two bundles in one program. It also shows that neither allocates: malloc counts from open to the end. Built without OpenMP. */
#include "frames.h"
#include "tiny.h"

#include <stdio.h>
#include <stdlib.h>

static volatile int counted, allocations; /* volatile: compilers assume that malloc changes neither */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
    allocations += counted;
    return __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
    allocations += counted;
    return __libc_calloc(count, size);
}
void *realloc(void *old, size_t size) {
    allocations += counted;
    return __libc_realloc(old, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
    allocations += counted;
    return __libc_memalign(alignment, size);
}

static char tiny_workspace[TINY_WORKSPACE_SIZE(1)], frames_workspace[FRAMES_WORKSPACE_SIZE(1)];
static float tiny_state[TINY_STATE_SIZE], frames_state[FRAMES_STATE_SIZE];
static float tiny_x[TINY_CLIP_SIZE], tiny_y[TINY_CLIP_SIZE], frames_x[FRAMES_CLIP_SIZE], frames_y[FRAMES_CLIP_SIZE];
static uint8_t levels[TINY_CLIP_SIZE];

static const void *read_aligned(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) exit(2);
    *size = (size_t)ftell(file);
    rewind(file);
    void *memory = aligned_alloc(64, (*size + 63) / 64 * 64);
    if (!memory || fread(memory, 1, *size, file) != *size) exit(2);
    fclose(file);
    return memory;
}

int main(int count, char **arguments) {
    if (count != 3) return 2;
    size_t tiny_size, frames_size;
    const void *tiny_weights = read_aligned(arguments[1], &tiny_size), *frames_weights = read_aligned(arguments[2], &frames_size);
    tiny_model tiny;
    frames_model frames;
    double score = -1, difference;
    const int before = allocations;
    counted = 1;
    void *volatile kept = malloc(1); /* volatile, or the compiler leaves it out */
    free(kept);
    if (allocations != before + 1) return 3; /* otherwise, nothing is counted */
    int error = tiny_model_open(&tiny, tiny_weights, tiny_size, 1) || frames_model_open(&frames, frames_weights, frames_size, 1);
    error = error || tiny_model_verify(&tiny) || tiny_selftest(&tiny, tiny_workspace, &difference);
    error = error || frames_selftest(&frames, frames_workspace, &difference);
    tiny_reset(tiny_state, 7);
    frames_reset(frames_state, 7);
    for (int i = 0; i < 3; i++) {
        error = error || tiny_step(&tiny, tiny_state, tiny_workspace, tiny_x, tiny_y, &score);
        error = error || tiny_step_u8(&tiny, tiny_state, tiny_workspace, levels, NULL, &score);
        error = error || frames_step(&frames, frames_state, frames_workspace, frames_x, frames_y, &score);
    }
    tiny_reconstruct(&tiny, tiny_workspace, tiny_x, NULL, tiny_y);
    tiny_reconstruct_u8(&tiny, tiny_workspace, levels, tiny_state, levels);
    frames_reconstruct(&frames, frames_workspace, frames_x, NULL, frames_y);
    counted = 0;
    printf("error %d, score %g, allocations %d\n", error, score, allocations - before - 1);
    return error || !(score >= 0) || allocations != before + 1;
}
