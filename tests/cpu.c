#include "cpu.h"

#include "../compiler/target/target_printing.h"

#include <stdlib.h>
#include <string.h>

#if defined __x86_64__
static bool has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
static bool has_avx512(void) {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

static bool has_avx512_bf16(void) {
    return has_avx512() && __builtin_cpu_supports("avx512bf16");
}

/* Targets that need a check of the CPU. */
static const struct {
    const char *name;
    bool (*available)(void);
} asked[] = {{"avx512", has_avx512}, {"avx512_bf16", has_avx512_bf16}, {"avx2", has_avx2}};
#endif

bool cpu_has(const Target *target) {
    const char *condition = target->printing->condition;
    if (condition && system(format("echo '#if !(%s)\n#error\n#endif' | cc -E - >/dev/null 2>&1", condition)) != 0) return false;
#if defined __x86_64__
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        if (strcmp(asked[i].name, target->name) == 0) return asked[i].available();
#endif
    return true;
}

int count_targets(void) {
    int count = 0;
    while (targets[count]) count++;
    return count;
}

const Target *any_target(int number) {
    const int plain = count_targets();
    return number < plain ? targets[number] : bf16_targets[number - plain];
}
