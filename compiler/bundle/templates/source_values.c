static int all_finite(const float *values, long count) {
    int bad = 0;
    for (long i = 0; i < count; i++) bad |= values[i] - values[i] != 0; /* of what is not finite that is no number */
    return !bad;
}

/* ---- bytes: the pixels of a frame lie together, its channels side by side ---- */

static void from_bytes(const uint8_t *bytes, float *values, long frames) {
    const long area = @NAME@_HEIGHT * @NAME@_WIDTH;
    for (long frame = 0; frame < frames; frame++)
        for (long c = 0; c < @NAME@_CHANNELS; c++)
            for (long i = 0; i < area; i++)
                *values++ = ((float)bytes[(frame * area + i) * @NAME@_CHANNELS + c] / 255.0f - 0.5f) / 0.5f;
}

static uint8_t to_byte(float value) {
    const float level = (value * 0.5f + 0.5f) * 255.0f + 0.5f;
    return (uint8_t)(level >= 255.0f ? 255.0f : level > 0.0f ? level : 0.0f); /* no number: 0 */
}

static void to_bytes(const float *values, uint8_t *bytes, long frames) {
    const long area = @NAME@_HEIGHT * @NAME@_WIDTH;
    for (long frame = 0; frame < frames; frame++)
        for (long c = 0; c < @NAME@_CHANNELS; c++)
            for (long i = 0; i < area; i++) bytes[(frame * area + i) * @NAME@_CHANNELS + c] = to_byte(*values++);
}
