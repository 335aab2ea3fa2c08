/* ---- targets ---- */

typedef struct target_description {
    const char *name;
    int available;
    int (*arithmetic_holds)(void);
    uint64_t layout, weight_bytes;
    uint32_t format; /* of the section of weights */
    int rounds;      /* its products are of operands rounded to bfloat16 */
} target_description;

@dispatch@
/* ---- the file of weights; its numbers have this machine's byte order ---- */

enum { HEADER = 64, ENTRY = 64, KIND_WEIGHTS = 1, KIND_GOLDEN = 2, PRECISION = @precision@, RECURRENCE = @recurrence_number@, ROUNDED = @rounding_format@ };

#define MARK UINT32_C(0x01020304)
#define OTHER_MARK UINT32_C(0x04030201)
#define HASH_START UINT64_C(0xcbf29ce484222325)

static uint32_t read_32(const unsigned char *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint64_t read_64(const unsigned char *at) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* FNV-1a */
static uint64_t hash_bytes(uint64_t hash, const unsigned char *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static int check_header(const unsigned char *memory, size_t size, uint64_t *sections) {
    if (size < 16 || memcmp(memory, "zoetrope", 8) != 0) return @NAME@_ERROR_FORMAT;
    if (read_32(memory + 8) == OTHER_MARK) return @NAME@_ERROR_ENDIAN;
    if (read_32(memory + 8) != MARK) return @NAME@_ERROR_FORMAT;
    if (read_32(memory + 12) != 2) return @NAME@_ERROR_VERSION;
    if (size < HEADER) return @NAME@_ERROR_TRUNCATED;
    if (read_64(memory + 16) != UINT64_C(0x@hash@)) return @NAME@_ERROR_SPEC;
    if (read_32(memory + 24) != PRECISION) return @NAME@_ERROR_PRECISION;
    if (read_32(memory + 48) != RECURRENCE) return @NAME@_ERROR_RECURRENCE;
    *sections = read_32(memory + 28);
    if (read_64(memory + 32) != size || *sections > (size - HEADER) / ENTRY) return @NAME@_ERROR_TRUNCATED;
    const uint64_t hash = hash_bytes(hash_bytes(HASH_START, memory, 56), memory + HEADER, ENTRY * (size_t)*sections);
    return hash == read_64(memory + 56) ? @NAME@_OK : @NAME@_ERROR_DAMAGED;
}

#define GOLDEN_BYTES ((size_t)8 * GOLDEN_FRAMES + (size_t)8 * GOLDEN_FRAMES * @NAME@_FRAME_SIZE + (size_t)4 * @NAME@_H0_SIZE)

/* Where the section of this kind and layout lies, or 0. Only a section that lies in the file as it should is found. */
static size_t find_section(const unsigned char *memory, size_t size, uint64_t sections, uint32_t kind, uint32_t format, uint64_t layout,
                           uint64_t length) {
    const size_t payload = HEADER + ENTRY * (size_t)sections;
    for (size_t i = 0; i < sections; i++) {
        const unsigned char *entry = memory + HEADER + ENTRY * i;
        const uint64_t offset = read_64(entry + 16);
        if (read_32(entry) != kind || read_32(entry + 4) != format || read_64(entry + 8) != layout || read_64(entry + 24) != length) continue;
        if (offset % 64 == 0 && offset >= payload && offset <= size && length <= size - offset) return (size_t)offset;
    }
    return 0;
}

/* Opens target number `number`, if it can run here and its weights are there. */
static int open_number(@name@_model *model, uint64_t sections, int number) {
    target_description target;
    if (!describe_target(number, &target)) return @NAME@_ERROR_TARGET;
    if (!target.available) return @NAME@_ERROR_CPU;
    const size_t weights = find_section(model->memory, model->size, sections, KIND_WEIGHTS, target.format, target.layout, target.weight_bytes);
    if (!weights) return @NAME@_ERROR_SECTION;
    if (!arithmetic_holds() || !target.arithmetic_holds()) return @NAME@_ERROR_ARITHMETIC;
    model->golden = find_section(model->memory, model->size, sections, KIND_GOLDEN, target.rounds ? ROUNDED : 0, 0, GOLDEN_BYTES);
    model->weights = (const char *)model->memory + weights;
    model->target = number;
    return @NAME@_OK;
}

int @name@_model_open_target(@name@_model *model, const void *memory, size_t size, int threads, const char *wanted) {
    uint64_t sections = 0;
    if (!model || !memory || threads < 1) return @NAME@_ERROR_ARGUMENT;
    memset(model, 0, sizeof *model);
    if ((uintptr_t)memory % @NAME@_ALIGNMENT != 0) return @NAME@_ERROR_ALIGNMENT;
    const int error = check_header((const unsigned char *)memory, size, &sections);
    if (error) return error;
    model->memory = (const unsigned char *)memory;
    model->size = size;
    model->threads = threads;
    int reason = @NAME@_ERROR_TARGET;
    for (int number = 0; number < TARGETS; number++) {
        target_description target;
        if (!describe_target(number, &target)) continue;
        if (wanted && strcmp(wanted, target.name) != 0) continue;
        const int result = open_number(model, sections, number);
        if (result == @NAME@_OK) return @NAME@_OK;
        if (result == @NAME@_ERROR_ARITHMETIC || reason != @NAME@_ERROR_SECTION) reason = result;
        if (result == @NAME@_ERROR_ARITHMETIC) break; /* another target would compute as wrongly, or hide that this one does */
    }
    memset(model, 0, sizeof *model);
    return reason;
}

int @name@_model_open(@name@_model *model, const void *memory, size_t size, int threads) {
    return @name@_model_open_target(model, memory, size, threads, NULL);
}

int @name@_model_verify(const @name@_model *model) {
    if (!model || !model->memory) return @NAME@_ERROR_ARGUMENT;
    const size_t payload = HEADER + ENTRY * (size_t)read_32(model->memory + 28);
    const uint64_t hash = hash_bytes(HASH_START, model->memory + payload, model->size - payload);
    return hash == read_64(model->memory + 40) ? @NAME@_OK : @NAME@_ERROR_DAMAGED;
}

const char *@name@_model_target(const @name@_model *model) {
    target_description target;
    return model && model->memory && describe_target(model->target, &target) ? target.name : "none";
}

const char *@name@_error_text(int error) {
    switch (error) {
    case @NAME@_OK: return "ok";
    case @NAME@_ERROR_ARGUMENT: return "a pointer is NULL, or threads is less than 1";
    case @NAME@_ERROR_ALIGNMENT: return "the memory of the weights is not aligned to 64 bytes; map the file, or align the memory that it is read to";
    case @NAME@_ERROR_FORMAT: return "this is not a file of weights; give @name@.weights";
    case @NAME@_ERROR_ENDIAN: return "these weights are for machines of the other byte order; make them with ENDIAN=big, or without it";
    case @NAME@_ERROR_VERSION: return "these weights were made by another version of zoetrope; make code and weights together";
    case @NAME@_ERROR_SPEC: return "these are weights of another network than @name@ (spec hash @hash@)";
    case @NAME@_ERROR_PRECISION: return "these weights have another precision than this code, which is made for @precision_name@";
    case @NAME@_ERROR_TRUNCATED: return "the file of weights was cut short, or something was added to it; copy it again";
    case @NAME@_ERROR_DAMAGED: return "the file of weights is damaged; copy it again";
    case @NAME@_ERROR_TARGET: return "this code has no such target; it has @targets@, as far as this machine's compiler can make them";
    case @NAME@_ERROR_CPU: return "this CPU lacks the instructions of that target; let open() choose, or make one with TARGETS=generic";
    case @NAME@_ERROR_SECTION: return "the file holds no weights for this target; make code and weights together";
    case @NAME@_ERROR_ARITHMETIC:
        return "this build, or this thread, does not compute as C says; compile and link without -ffast-math, -Ofast, "
               "-funsafe-math-optimizations and -ffp-contract=fast, and open the model where denormals are computed with (no FTZ, no DAZ)";
    case @NAME@_ERROR_SELFTEST: return "the self-test came to other numbers than it should: this build, or this machine, computes wrong";
    case @NAME@_ERROR_RECURRENCE: return "these weights were made for another recurrence than this code's, which is @recurrence@; make code and weights together";
    case @NAME@_ERROR_NOT_FINITE: return "the frame's score, or the state that it leaves, is not a finite number; the stream goes on with the next frame";
    default: return "an error that does not exist";
    }
}

/* ---- threads ---- */

/* A child of fork() has none of its parent's threads, and gcc's OpenMP would wait for them without an end. So the process is kept that ran
 * on several threads first, one for all networks of a program, and any other process runs on one. */
#if defined(_OPENMP) && defined(__GNUC__) && (defined(__unix__) || defined(__APPLE__))
#include <unistd.h>
#ifdef __cplusplus
extern "C" {
#endif
#if defined(__ELF__) || defined(__APPLE__)
extern int zoetrope_threads_process;
__attribute__((weak)) int zoetrope_threads_process = 0;
#else
static int zoetrope_threads_process = 0;
#endif
#ifdef __cplusplus
}
#endif

static int threads_here(int threads) {
    if (threads == 1) return 1;
    const int process = (int)getpid();
    int first = __atomic_load_n(&zoetrope_threads_process, __ATOMIC_RELAXED);
    if (first == 0 && __atomic_compare_exchange_n(&zoetrope_threads_process, &first, process, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return threads;
    return first == process ? threads : 1;
}
#else
static int threads_here(int threads) { return threads; }
#endif

/* ---- the workspace: a clip in, a clip out, states and codes of all runs, a stream's state, and the tensors of the kernels ---- */

/* A stream's runs of the GRU, side by side: each began a frame after the one before it, and the oldest has seen the last T frames. */
enum { RUNS = @runs@, WINDOW = @window@, RECURRENT = @NAME@_LAYERS > 0 };

#define ALIGNED_BYTES(count) (((size_t)4 * (count) + 63) / 64 * 64)
#define CLIP_BYTES ALIGNED_BYTES(@NAME@_CLIP_SIZE)
#define RUNS_AREA (2 * CLIP_BYTES)
#define CODES_AREA (RUNS_AREA + ALIGNED_BYTES(RUNS * @NAME@_H0_SIZE))
#define STATE_AREA (CODES_AREA + ALIGNED_BYTES(RUNS * @NAME@_CODE_SIZE))

static @name@_call start_call(const @name@_model *model, void *workspace) {
    @name@_call call;
    memset(&call, 0, sizeof call);
    call.weights = model->weights;
    call.workspace = (char *)workspace + (64 - (uintptr_t)workspace % 64) % 64;
    call.scratch = call.workspace + WORKSPACE_BYTES;
    call.threads = threads_here(model->threads);
    return call;
}

static float *clip_in(const @name@_call *call) { return (float *)(void *)call->workspace; }
static float *clip_out(const @name@_call *call) { return (float *)(void *)(call->workspace + CLIP_BYTES); }
static float *runs_area(const @name@_call *call) { return (float *)(void *)(call->workspace + RUNS_AREA); }
static float *codes_area(const @name@_call *call) { return (float *)(void *)(call->workspace + CODES_AREA); }
static float *state_area(const @name@_call *call) { return (float *)(void *)(call->workspace + STATE_AREA); }

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

/* ---- the initial state ---- */

#if INITIAL_STATE_NORMAL
/* Number `index` of the stream of initial states: uniform in [0, 1), by Philox 4x32-10 (Salmon et al., 2011). */
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

/* Nothing is larger than what is no number. */
static double larger(double size, double most) {
    return size <= most || most != most ? most : size;
}

static double largest_difference(const float *a, const float *b, long count, double most) {
    for (long i = 0; i < count; i++) {
        const double apart = (double)a[i] - (double)b[i], size = apart < 0 ? -apart : apart;
        most = larger(size, most);
    }
    return most;
}

double @name@_selftest_tolerance(const @name@_model *model) {
    target_description target;
    const int rounds = model && model->memory && describe_target(model->target, &target) && target.rounds;
    return rounds ? @NAME@_SELFTEST_TOLERANCE_BF16 : @NAME@_SELFTEST_TOLERANCE;
}

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
