/* fuzz.c: libFuzzer's target: hostile files of weights. The header's checksum would catch most changes. So in half of the files it is
 * corrected, and the checks after it are reached. -DBUNDLE=tiny -DUPPER=TINY -DBUNDLE_HEADER='"tiny.h"'. */
#include BUNDLE_HEADER

#include <stdlib.h>
#include <string.h>

#define JOIN_AGAIN(a, b) a##_##b
#define JOIN(a, b) JOIN_AGAIN(a, b)
#define CALL(name) JOIN(BUNDLE, name)
#define SIZE(name) JOIN(UPPER, name)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t hash_bytes(uint64_t hash, const unsigned char *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* Corrects the length in the file, and the checksum of header and table. */
static void mend(unsigned char *memory, size_t size) {
    uint32_t sections;
    if (size < 64) return;
    const uint64_t length = size;
    memcpy(memory + 32, &length, 8);
    memcpy(&sections, memory + 28, 4);
    if (sections > (size - 64) / 64) return;
    const uint64_t hash = hash_bytes(hash_bytes(UINT64_C(0xcbf29ce484222325), memory, 56), memory + 64, 64 * (size_t)sections);
    memcpy(memory + 56, &hash, 8);
}

static float x[SIZE(FRAME_SIZE)], y[SIZE(FRAME_SIZE)], state[SIZE(STATE_SIZE)];
static char workspace[SIZE(WORKSPACE_SIZE)(1)];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const targets[] = {NULL, "avx2", "generic"};
    CALL(model) model;
    double score, difference;
    void *memory; /* of exactly this size, so that reading beyond it is seen */
    if (posix_memalign(&memory, 64, size ? size : 1) != 0) return 0;
    memcpy(memory, data, size);
    if (size % 2 == 0) mend(memory, size);
    for (int i = 0; i < 3; i++) {
        if (CALL(model_open_target)(&model, memory, size, 1, targets[i]) != SIZE(OK)) continue;
        CALL(model_verify)(&model);
        CALL(selftest)(&model, workspace, &difference);
        CALL(step)(&model, state, workspace, x, y, &score);
    }
    free(memory);
    return 0;
}
