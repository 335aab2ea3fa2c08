@<source_opening.c@
/* ---- the workspace: a clip in, a clip out, states and codes of all runs, a stream's state, and the tensors of the kernels ---- */

/* A stream's runs of the GRU, side by side: each began a frame after the one before it, and the oldest has seen the last T frames. */
enum { RUNS = @runs@, WINDOW = @window@, RECURRENT = @NAME@_LAYERS > 0 };

#define ALIGNED_BYTES(count) (((size_t)4 * (count) + 63) / 64 * 64)
#define CLIP_BYTES ALIGNED_BYTES(@NAME@_CLIP_SIZE)
#define RUNS_AREA (2 * CLIP_BYTES)
#define CODES_AREA (RUNS_AREA + ALIGNED_BYTES(RUNS * @NAME@_H0_SIZE))
#define STATE_AREA (CODES_AREA + ALIGNED_BYTES(RUNS * @NAME@_CODE_SIZE))

@<source_call.c@
static float *clip_in(const @name@_call *call) { return (float *)(void *)call->workspace; }
static float *clip_out(const @name@_call *call) { return (float *)(void *)(call->workspace + CLIP_BYTES); }
static float *runs_area(const @name@_call *call) { return (float *)(void *)(call->workspace + RUNS_AREA); }
static float *codes_area(const @name@_call *call) { return (float *)(void *)(call->workspace + CODES_AREA); }
static float *state_area(const @name@_call *call) { return (float *)(void *)(call->workspace + STATE_AREA); }

@<source_values.c@
/* ---- the initial state ---- */

#if INITIAL_STATE_NORMAL
@<source_uniform.c@
void @name@_initial_state(float h0[@NAME@_H0_SIZE], uint64_t seed) {
    enum { PAIRS = (@NAME@_H0_SIZE + 1) / 2 };
    float chunk[2 * NORMAL_CHUNK];
    if (seed == 0) {
        memset(h0, 0, sizeof(float) * @NAME@_H0_SIZE);
        return;
    }
    for (int done = 0; done < PAIRS; done += NORMAL_CHUNK) {
        const int count = PAIRS - done < NORMAL_CHUNK ? PAIRS - done : NORMAL_CHUNK;
        for (int i = 0; i < 2 * NORMAL_CHUNK; i++) chunk[i] = 1.0f;
        for (int i = 0; i < count; i++) {
            chunk[i] = 1.0f - uniform(seed, (uint64_t)(done + i));
            chunk[NORMAL_CHUNK + i] = uniform(seed, (uint64_t)(PAIRS + done + i));
        }
        normal_chunk(chunk, 1);
        for (int i = 0; i < count; i++) {
            h0[done + i] = chunk[i];
            if (PAIRS + done + i < @NAME@_H0_SIZE) h0[PAIRS + done + i] = chunk[NORMAL_CHUNK + i];
        }
    }
}
#else
void @name@_initial_state(float h0[@NAME@_H0_SIZE], uint64_t seed) {
    (void)seed;
    memset(h0, 0, sizeof(float) * @NAME@_H0_SIZE);
}
#endif

/* ---- a stream's state: h of each layer and run; with a window, what runs begin from, if that may be drawn, and the frames so far ---- */

enum { H0_PLACE = RUNS * @NAME@_H0_SIZE, SEEN_PLACE = @NAME@_STATE_SIZE - 1 };

/* Frames since the stream began, up to T; behind that they go on from T to 2 T - 1, again and again. A state of anybody's making is safe. */
static int frames_seen(const float *state) {
    const float seen = state[SEEN_PLACE];
    return seen >= 0 && seen < (float)(2 * RUNS) ? (int)seen : 0;
}

/* No run has begun. */
static void forget(float *state) {
    memset(state, 0, sizeof(float) * RUNS * @NAME@_H0_SIZE);
    state[SEEN_PLACE] = 0;
}

static void begin_run(float *state, int run) {
    for (int layer = 0; layer < @NAME@_LAYERS; layer++) {
        float *const h = state + (layer * RUNS + run) * @NAME@_HIDDEN;
        if (INITIAL_STATE_NORMAL) memcpy(h, state + H0_PLACE + layer * @NAME@_HIDDEN, sizeof(float) * @NAME@_HIDDEN);
        else memset(h, 0, sizeof(float) * @NAME@_HIDDEN);
    }
}

/* A stream that begins from h0. */
static void begin_stream(float *state, const float *h0) {
    if (!WINDOW) {
        memcpy(state, h0, sizeof(float) * @NAME@_H0_SIZE);
        return;
    }
    if (INITIAL_STATE_NORMAL) memcpy(state + H0_PLACE, h0, sizeof(float) * @NAME@_H0_SIZE);
    forget(state);
}

void @name@_reset(float state[@NAME@_STATE_SIZE], uint64_t seed) {
    float *const h0 = WINDOW && INITIAL_STATE_NORMAL ? state + H0_PLACE : state;
    @name@_initial_state(h0, seed);
    if (WINDOW) forget(state);
}

/* The latent in the workspace to the codes of all runs, whose states are in the workspace then. Returns the code that counts: the oldest
 * run's. */
static float *advance_runs(const @name@_model *model, @name@_call *call, float *state) {
    int oldest = 0;
    if (WINDOW) {
        const int seen = frames_seen(state);
        begin_run(state, seen % RUNS);
        oldest = seen < RUNS ? 0 : (seen + 1) % RUNS;
    }
    call->h0 = state;
    call->state = runs_area(call);
    call->code = codes_area(call);
    run_advance(model, call);
    return codes_area(call) + oldest * @NAME@_CODE_SIZE;
}

/* The states in the workspace become the stream's, or, if this frame is not to be remembered: a stream with a window begins anew, and one
 * without stays as it was. */
static int keep_runs(const @name@_call *call, float *state, int good) {
    if (!RECURRENT) return good ? @NAME@_OK : @NAME@_ERROR_NOT_FINITE;
    if (good && all_finite(runs_area(call), RUNS * @NAME@_H0_SIZE)) {
        if (WINDOW) {
            const int seen = frames_seen(state) + 1;
            state[SEEN_PLACE] = (float)(seen < 2 * RUNS ? seen : RUNS);
        }
        memcpy(state, runs_area(call), sizeof(float) * RUNS * @NAME@_H0_SIZE);
        return @NAME@_OK;
    }
    if (WINDOW) forget(state);
    return @NAME@_ERROR_NOT_FINITE;
}

/* ---- streams ---- */

int @name@_step(const @name@_model *model, float state[@NAME@_STATE_SIZE], void *workspace, const float frame_in[@NAME@_FRAME_SIZE],
                float frame_out[@NAME@_FRAME_SIZE], double *score) {
    @name@_call call = start_call(model, workspace);
    double loss = 0;
    call.x = frame_in;
    call.reconstruction = frame_out ? frame_out : clip_out(&call);
    call.loss = &loss;
    run_encode(model, &call);
    if (RECURRENT) { /* else the code is the latent, and lies where it is wanted */
        call.code = advance_runs(model, &call, state);
        run_put_code(model, &call);
    }
    run_decode(model, &call);
    run_score(model, &call);
    if (score) *score = loss / 4; /* from the scale of [-1, 1] */
    return keep_runs(&call, state, loss - loss == 0);
}

int @name@_step_u8(const @name@_model *model, float state[@NAME@_STATE_SIZE], void *workspace, const uint8_t frame_in[@NAME@_FRAME_SIZE],
                   uint8_t frame_out[@NAME@_FRAME_SIZE], double *score) {
    const @name@_call call = start_call(model, workspace);
    from_bytes(frame_in, clip_in(&call), 1);
    const int error = @name@_step(model, state, workspace, clip_in(&call), clip_out(&call), score);
    if (frame_out) to_bytes(clip_out(&call), frame_out, 1);
    return error;
}

/* ---- clips ---- */

void @name@_reconstruct(const @name@_model *model, void *workspace, const float x[@NAME@_CLIP_SIZE], const float h0[@NAME@_H0_SIZE],
                        float y[@NAME@_CLIP_SIZE]) {
    @name@_call call = start_call(model, workspace);
    if (!h0) memset(runs_area(&call), 0, sizeof(float) * @NAME@_H0_SIZE);
    call.x = x;
    call.h0 = h0 ? h0 : runs_area(&call);
    call.reconstruction = y;
    run_reconstruct(model, &call);
}

void @name@_reconstruct_u8(const @name@_model *model, void *workspace, const uint8_t x[@NAME@_CLIP_SIZE],
                           const float h0[@NAME@_H0_SIZE], uint8_t y[@NAME@_CLIP_SIZE]) {
    const @name@_call call = start_call(model, workspace);
    from_bytes(x, clip_in(&call), @NAME@_T);
    @name@_reconstruct(model, workspace, clip_in(&call), h0, clip_out(&call));
    to_bytes(clip_out(&call), y, @NAME@_T);
}

/* ---- parts ---- */

void @name@_encode(const @name@_model *model, void *workspace, const float frame[@NAME@_FRAME_SIZE], float latent[@NAME@_LATENT_SIZE]) {
    @name@_call call = start_call(model, workspace);
    call.x = frame;
    call.latent = latent;
    run_encode(model, &call);
    run_take_latent(model, &call);
}

void @name@_encode_u8(const @name@_model *model, void *workspace, const uint8_t frame[@NAME@_FRAME_SIZE],
                      float latent[@NAME@_LATENT_SIZE]) {
    const @name@_call call = start_call(model, workspace);
    from_bytes(frame, clip_in(&call), 1);
    @name@_encode(model, workspace, clip_in(&call), latent);
}

int @name@_advance(const @name@_model *model, float state[@NAME@_STATE_SIZE], void *workspace, const float latent[@NAME@_LATENT_SIZE],
                   float code[@NAME@_CODE_SIZE]) {
    @name@_call call = start_call(model, workspace);
    call.latent = (float *)(uintptr_t)latent; /* only read */
    run_put_latent(model, &call);
    memcpy(code, advance_runs(model, &call, state), sizeof(float) * @NAME@_CODE_SIZE);
    return keep_runs(&call, state, all_finite(code, @NAME@_CODE_SIZE));
}

void @name@_decode(const @name@_model *model, void *workspace, const float code[@NAME@_CODE_SIZE], float frame[@NAME@_FRAME_SIZE]) {
    @name@_call call = start_call(model, workspace);
    call.code = (float *)(uintptr_t)code; /* only read */
    call.reconstruction = frame;
    run_put_code(model, &call);
    run_decode(model, &call);
}

void @name@_decode_u8(const @name@_model *model, void *workspace, const float code[@NAME@_CODE_SIZE], uint8_t frame[@NAME@_FRAME_SIZE]) {
    const @name@_call call = start_call(model, workspace);
    @name@_decode(model, workspace, code, clip_out(&call));
    to_bytes(clip_out(&call), frame, 1);
}

/* ---- self-test ---- */

@<source_compare.c@
int @name@_selftest(const @name@_model *model, void *workspace, double *difference) {
    if (!model || !model->memory || !workspace) return @NAME@_ERROR_ARGUMENT;
    if (!model->golden) return @NAME@_ERROR_DAMAGED;
    const @name@_call call = start_call(model, workspace);
    const unsigned char *golden = model->memory + model->golden;
    const float *x = (const float *)(const void *)(golden + 8 * GOLDEN_FRAMES);
    const float *h0 = x + GOLDEN_FRAMES * @NAME@_FRAME_SIZE, *y = h0 + @NAME@_H0_SIZE;
    float *const state = state_area(&call);
    double most = 0;
    begin_stream(state, h0);
    for (long frame = 0; frame < GOLDEN_FIRST + GOLDEN_FRAMES; frame++) {
        const long known = frame - GOLDEN_FIRST; /* which of those whose outcome came with the weights */
        double score, wanted;
        @name@_step(model, state, workspace, x + frame % GOLDEN_FRAMES * @NAME@_FRAME_SIZE, clip_out(&call), &score);
        if (known < 0) continue;
        most = largest_difference(clip_out(&call), y + known * @NAME@_FRAME_SIZE, @NAME@_FRAME_SIZE, most);
        memcpy(&wanted, golden + 8 * known, sizeof wanted);
        most = larger(score < wanted ? wanted - score : score - wanted, most);
    }
    if (difference) *difference = most;
    return most <= @name@_selftest_tolerance(model) ? @NAME@_OK : @NAME@_ERROR_SELFTEST;
}
