/* streams.h: part of check.c: streams that are longer than a clip, and frames without a finite score. */

enum { LONG = 3 * T + 2, BAD = T + 1 };

static bool is_window(void) {
    return SIZE(LAYERS) > 0 && strcmp(SIZE(RECURRENCE), "window") == 0;
}

static double bad_value(int kind) {
    const double zero = (double)FRAME - (double)FRAME;
    return kind ? 1 / zero : zero / zero;
}

static const float *long_frame(int t) {
    static float frame[FRAME];
    for (int i = 0; i < FRAME; i++) frame[i] = value_at((uint64_t)t * FRAME + (uint64_t)i + UINT64_C(1000003));
    return frame;
}

/* The expected result of frame t of a stream that began with frame `first` from this seed. With a window, it is the last frame of a clip;
 * if there are fewer frames than that, it is the same frame of a clip that continues with others. */
static void expected_frame(const CALL(model) * model, char *workspace, Buffers *b, int first, int t, uint64_t seed) {
    float h0[H0];
    const int begin = t - first >= T ? t - T + 1 : first;
    CALL(initial_state)(h0, seed);
    for (int k = 0; k < T; k++) memcpy(b->pixels + k * FRAME, long_frame(begin + k), sizeof(float) * FRAME);
    CALL(reconstruct)(model, workspace, b->pixels, seed ? h0 : NULL, b->y);
    memcpy(b->parts, b->y + (t - begin) * FRAME, sizeof(float) * FRAME);
}

/* Checks frame t. If the state is carried, only as many frames as a clip has are checked. */
static void check_frame(const CALL(model) * model, char *workspace, Buffers *b, int first, int t, uint64_t seed, const char *name) {
    if (!is_window() && SIZE(LAYERS) > 0 && t - first >= T) return;
    expected_frame(model, workspace, b, first, t, seed);
    expect(memcmp(b->parts, b->stream, sizeof(float) * FRAME) == 0, "a frame of a long stream is not the last one of its clip", name);
}

static void run_long(const CALL(model) * model, char *workspace, Buffers *b, uint64_t seed, const char *name) {
    static double score[LONG];
    for (int first = 0; first < 3; first += 2) {
        CALL(reset)(b->state, seed);
        for (int t = first; t < LONG; t++) {
            double now;
            const int status = CALL(step)(model, b->state, workspace, long_frame(t), b->stream, &now);
            expect(status == SIZE(OK), "a frame of a long stream is refused", name);
            if (first && t >= first + T - 1 && is_window()) expect(now == score[t], "a score depends on the age of the stream", name);
            score[t] = now;
            check_frame(model, workspace, b, first, t, seed, name);
        }
    }
}

/* One frame has no finite score, by one pixel or by all. Afterwards, a window begins again, and a carried state is what it was before. */
static void run_bad(const CALL(model) * model, char *workspace, Buffers *b, int kind, const char *name) {
    static float bad[FRAME];
    static double without[LONG];
    double score;
    for (int i = 0; i < FRAME; i++) bad[i] = kind || i == FRAME / 2 ? (float)bad_value(kind) : 0;
    CALL(reset)(b->state, SEED);
    for (int t = 0; t < LONG; t++) {
        if (t == BAD && is_window()) CALL(reset)(b->state, SEED);
        if (t != BAD) CALL(step)(model, b->state, workspace, long_frame(t), NULL, &without[t]);
    }
    CALL(reset)(b->state, SEED);
    for (int t = 0; t < LONG; t++) {
        const int status = CALL(step)(model, b->state, workspace, t == BAD ? bad : long_frame(t), b->stream, t == BAD ? NULL : &score);
        expect(status == (t == BAD ? SIZE(ERROR_NOT_FINITE) : SIZE(OK)), "a frame that is no good is not reported, or another one is",
               name);
        if (t == BAD) continue;
        expect(score == without[t], "a frame that is no good is remembered", name);
        if (t > BAD && is_window()) check_frame(model, workspace, b, BAD + 1, t, SEED, name);
    }
    CALL(step)(model, b->state, workspace, bad, NULL, &score);
    expect(score - score != 0, "a score that is no number is handed out as one", name);
    for (int i = 0; i < (SIZE(LAYERS) > 0 ? STATE : 0); i++)
        expect(b->state[i] - b->state[i] == 0, "a state keeps what is not finite", name);
}

/* The same for advance(), with a latent that is not finite. */
static void run_bad_latent(const CALL(model) * model, char *workspace, Buffers *b, const char *name) {
    CALL(encode)(model, workspace, long_frame(0), b->latent);
    CALL(reset)(b->state, SEED);
    CALL(reset)(b->state_of_parts, SEED);
    for (int t = 0; t < T + 1; t++) expect(CALL(advance)(model, b->state, workspace, b->latent, b->code) == SIZE(OK), "refused", name);
    const float good = b->latent[0];
    b->latent[0] = (float)bad_value(0);
    const int status = CALL(advance)(model, b->state, workspace, b->latent, b->code);
    expect(status == SIZE(ERROR_NOT_FINITE), "a latent that is no good is not reported", name);
    b->latent[0] = good;
    if (!is_window())
        for (int t = 0; t < T + 1; t++) CALL(advance)(model, b->state_of_parts, workspace, b->latent, b->code);
    if (SIZE(LAYERS)) expect(memcmp(b->state, b->state_of_parts, sizeof b->state) == 0, "a latent that is no good is remembered", name);
}

/* Seed 0 gives zeros. An arbitrary state does not lead to accesses out of bounds. */
static void run_resets(const CALL(model) * model, char *workspace, Buffers *b, const char *name) {
    float h0[H0];
    CALL(initial_state)(h0, 0);
    CALL(reset)(b->state, 0);
    for (int i = 0; i < H0; i++) expect(h0[i] == 0, "seed 0 draws a state", name);
    for (int i = 0; i < STATE; i++) expect(b->state[i] == 0, "seed 0 gives a state that is not zero", name);
    static const float wild[] = {-1, 0.5F, (float)T, 2 * T, 1e30F};
    for (int k = -1; k < (int)(sizeof wild / sizeof *wild); k++) {
        for (int i = 0; i < STATE; i++) b->state[i] = k < 0 ? (float)bad_value(0) : wild[k];
        CALL(step)(model, b->state, workspace, long_frame(0), NULL, NULL);
    }
}

static void run_streams(const CALL(model) * model, char *workspace, Buffers *b, const char *name) {
    run_long(model, workspace, b, 0, name);
    run_long(model, workspace, b, SEED, name);
    for (int kind = 0; kind < 2; kind++) run_bad(model, workspace, b, kind, name);
    run_bad_latent(model, workspace, b, name);
    run_resets(model, workspace, b, name);
}
