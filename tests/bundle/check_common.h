/* check_common.h: what check.c and system.c share. */
#include BUNDLE_HEADER

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOIN_AGAIN(a, b) a##_##b
#define JOIN(a, b) JOIN_AGAIN(a, b)
#define CALL(name) JOIN(BUNDLE, name)
#define SIZE(name) JOIN(UPPER, name)

static int failures;

static void expect(bool condition, const char *what, const char *target) {
    static const char *said;
    if (condition || said == what) return;
    said = what;
    fprintf(stderr, "%s: %s\n", target, what);
    failures++;
}

/* A number in [-1, 1] for each index. */
static float value_at(uint64_t place) {
    uint64_t mixed = (place + 1) * UINT64_C(0x9E3779B97F4A7C15);
    mixed = (mixed ^ mixed >> 29) * UINT64_C(0xBF58476D1CE4E5B9);
    return (float)((double)(mixed >> 11) / 0x1p52 - 1);
}

static float *new_values(size_t count) {
    float *values = malloc(sizeof(float) * (count + 1));
    if (!values) exit(2);
    for (size_t i = 0; i < count; i++) values[i] = value_at(i);
    return values;
}

static void *read_aligned(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) exit(2);
    *size = (size_t)ftell(file);
    rewind(file);
    void *memory = aligned_alloc(64, (*size + 127) / 64 * 64);
    if (!memory || fread(memory, 1, *size, file) != *size) exit(2);
    fclose(file);
    return memory;
}

static const char *const targets[] = {"avx512_bf16", "bf16_emulated", "avx512", "avx2", "neon", "wasm128", "generic", NULL};

/* How far from double precision a target may be. Targets that multiply in bfloat16 are compared with double precision on rounded operands.
 * If float32 is on the other side of the middle between two numbers, a term is off by 1 / 256. */
static double allowed(const CALL(model) * model) {
    return CALL(selftest_tolerance)(model) > SIZE(SELFTEST_TOLERANCE) ? 5e-3 : 1e-5;
}

#ifndef ALONE
static int die_of(const Error *error) {
    fprintf(stderr, "%s\n", error->text);
    return 2;
}

#endif

enum { ANY_ERROR = -1 };

static void expect_open(const void *memory, size_t size, int threads, const char *target, int wanted, const char *what) {
    CALL(model) model;
    const int status = CALL(model_open_target)(&model, memory, size, threads, target);
    if (wanted == ANY_ERROR && status != SIZE(OK)) return;
    if (status != wanted) fprintf(stderr, "%s gives \"%s\", not \"%s\"\n", what, CALL(error_text)(status), CALL(error_text)(wanted));
    failures += status != wanted;
}

static int open_wrong(const char *weights) {
    size_t size;
    unsigned char *memory = read_aligned(weights, &size), *copy = aligned_alloc(64, (size + 127) / 64 * 64);
    CALL(model) model;
    if (!copy) return 2;
    expect_open(NULL, size, 1, NULL, SIZE(ERROR_ARGUMENT), "no memory");
    expect_open(memory, size, 0, NULL, SIZE(ERROR_ARGUMENT), "no threads");
    expect_open(memory + 4, size - 4, 1, NULL, SIZE(ERROR_ALIGNMENT), "an odd address");
    expect_open(memory, size, 1, "vax", SIZE(ERROR_TARGET), "a target that does not exist");
    expect_open(memory, 0, 1, NULL, SIZE(ERROR_FORMAT), "nothing");
    expect_open(memory, 40, 1, NULL, SIZE(ERROR_TRUNCATED), "half a header");
    expect_open(memory, size - 1, 1, NULL, SIZE(ERROR_TRUNCATED), "a byte less");
    static const struct {
        int at, error;
    } damage[] = {{0, SIZE(ERROR_FORMAT)},     {9, SIZE(ERROR_FORMAT)},      {12, SIZE(ERROR_VERSION)}, {17, SIZE(ERROR_SPEC)},
                  {24, SIZE(ERROR_PRECISION)}, {33, SIZE(ERROR_TRUNCATED)},  {28, ANY_ERROR},           {31, ANY_ERROR},
                  {40, SIZE(ERROR_DAMAGED)},   {48, SIZE(ERROR_RECURRENCE)}, {57, SIZE(ERROR_DAMAGED)}, {80, SIZE(ERROR_DAMAGED)}};
    for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
        memcpy(copy, memory, size);
        copy[damage[i].at] ^= 0x55;
        expect_open(copy, size, 1, NULL, damage[i].error, "a header damaged");
    }
    memcpy(copy, memory, size);
    for (int i = 0; i < 4; i++) copy[8 + i] = memory[11 - i];
    expect_open(copy, size, 1, NULL, SIZE(ERROR_ENDIAN), "the other byte order");
    memcpy(copy, memory, size);
    copy[size / 2] ^= 1;
    expect_open(copy, size, 1, NULL, SIZE(OK), "a weight changed");
    expect(CALL(model_open)(&model, copy, size, 1) == SIZE(OK) && CALL(model_verify)(&model) == SIZE(ERROR_DAMAGED),
           "verify() does not see a weight changed", "all");
    for (int i = 0; i <= SIZE(ERROR_NOT_FINITE); i++) /* each has its own text, and so do unknown numbers */
        for (int k = -1; k < i; k++) expect(strcmp(CALL(error_text)(i), CALL(error_text)(k)) != 0, "two errors with one text", "all");
    return failures != 0;
}
