/* cpu.c: the name of the CPU at hand, for the name and the head of a tuning file. Nothing that is generated depends on it. */
#include "target/cpu.h"

#include "base/support.h"

#include <string.h>
#include <sys/utsname.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

/* By family and model, as CPUID's leaf 1 has them: from the first to the last model. */
static const struct {
    bool amd;
    int family, first, last;
    const char *name;
} cores[] = {
    {true, 0x17, 0x00, 0x2f, "zen"},          {true, 0x17, 0x30, 0xff, "zen2"},         {true, 0x19, 0x10, 0x1f, "zen4"},
    {true, 0x19, 0x60, 0x7f, "zen4"},         {true, 0x19, 0xa0, 0xaf, "zen4"},         {true, 0x19, 0x00, 0xff, "zen3"},
    {true, 0x1a, 0x00, 0xff, "zen5"},         {false, 6, 0x3c, 0x3c, "haswell"},        {false, 6, 0x3f, 0x3f, "haswell"},
    {false, 6, 0x45, 0x46, "haswell"},        {false, 6, 0x3d, 0x3d, "broadwell"},      {false, 6, 0x47, 0x47, "broadwell"},
    {false, 6, 0x4f, 0x4f, "broadwell"},      {false, 6, 0x56, 0x56, "broadwell"},      {false, 6, 0x55, 0x55, "skylake_server"},
    {false, 6, 0x4e, 0x4e, "skylake"},        {false, 6, 0x5e, 0x5e, "skylake"},        {false, 6, 0x8e, 0x8e, "skylake"},
    {false, 6, 0x9e, 0x9e, "skylake"},        {false, 6, 0xa5, 0xa6, "skylake"},        {false, 6, 0x6a, 0x6c, "ice_lake_server"},
    {false, 6, 0x7d, 0x7e, "ice_lake"},       {false, 6, 0x8c, 0x8d, "tiger_lake"},     {false, 6, 0x8f, 0x8f, "sapphire_rapids"},
    {false, 6, 0xcf, 0xcf, "emerald_rapids"}, {false, 6, 0xad, 0xae, "granite_rapids"}, {false, 6, 0x97, 0x9a, "alder_lake"},
    {false, 6, 0xb7, 0xb7, "raptor_lake"},    {false, 6, 0xba, 0xbf, "raptor_lake"},    {false, 6, 0xaa, 0xac, "meteor_lake"},
};

const char *cpu_name(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(0, &a, &b, &c, &d)) return "x86";
    const bool amd = b == signature_AMD_ebx, intel = b == signature_INTEL_ebx;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return "x86";
    int family = (int)(a >> 8 & 15), model = (int)(a >> 4 & 15);
    if (family == 6 || family == 15) model += (int)(a >> 16 & 15) << 4;
    if (family == 15) family += (int)(a >> 20 & 255);
    for (size_t i = 0; (amd || intel) && i < sizeof cores / sizeof *cores; i++)
        if (cores[i].amd == amd && cores[i].family == family && model >= cores[i].first && model <= cores[i].last) return cores[i].name;
    return format("x86_family%d_model%d", family, model);
}

const char *cpu_brand(void) {
    unsigned words[12];
    if (!__get_cpuid(0x80000004u, &words[0], &words[1], &words[2], &words[3])) return "";
    for (unsigned i = 0; i < 3; i++) __get_cpuid(0x80000002u + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2], &words[4 * i + 3]);
    char brand[sizeof words + 1] = "";
    memcpy(brand, words, sizeof words);
    const char *start = brand + strspn(brand, " ");
    size_t length = strlen(start);
    while (length > 0 && start[length - 1] == ' ') length--;
    return format("%.*s", (int)length, start);
}

#else

const char *cpu_name(void) {
    struct utsname machine;
    return uname(&machine) == 0 ? format("%s", machine.machine) : "unknown";
}

const char *cpu_brand(void) {
    return "";
}

#endif
