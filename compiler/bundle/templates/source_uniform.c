/* Number `index` @uniform_stream@: uniform in [0, 1), by Philox 4x32-10 (Salmon et al., 2011). */
static float uniform(uint64_t seed, uint64_t index) {
    const uint64_t block = index / 4;
    uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), 5, 0}, key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    for (int round = 0; round < 10; round++) {
        const uint64_t a = (uint64_t)UINT32_C(0xD2511F53) * counter[0], b = (uint64_t)UINT32_C(0xCD9E8D57) * counter[2];
        counter[0] = (uint32_t)(b >> 32) ^ counter[1] ^ key[0];
        counter[2] = (uint32_t)(a >> 32) ^ counter[3] ^ key[1];
        counter[1] = (uint32_t)b;
        counter[3] = (uint32_t)a;
        key[0] += UINT32_C(0x9E3779B9);
        key[1] += UINT32_C(0xBB67AE85);
    }
    return (float)(counter[index % 4] >> 8) * (1.0f / 16777216.0f);
}
