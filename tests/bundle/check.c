/* check.c: does a bundle compute what the trainer computes, and do its ways to run a clip agree to the bit?
 *
 *   check batch OUT CLIPS               writes a random batch for `step --eval`
 *   check compare WEIGHTS BATCH EVAL    runs it on every available target, and compares with the result of --eval
 *   check recon WEIGHTS BATCH OUT TARGET   the same on one target; writes `recon` to OUT
 *   check alone WEIGHTS                 the same without --eval
 *   check open WEIGHTS                  passes open() what it must refuse
 *
 * Compiled with -DBUNDLE=tiny -DUPPER=TINY -DBUNDLE_HEADER='"tiny.h"', the bundle's files and build/runtime.a; with -DALONE, which leaves
 * out `batch` and `compare`, without the runtime. */
#ifndef ALONE
#include "../../runtime/weights/safetensors.h"
#endif

#include "check_common.h"

enum { T = SIZE(T), FRAME = SIZE(FRAME_SIZE), CLIP = SIZE(CLIP_SIZE), H0 = SIZE(H0_SIZE), STATE = SIZE(STATE_SIZE), THREADS = 3, SEED = 7 };

typedef struct Buffers { /* for one clip */
    float y[CLIP], stream[CLIP], parts[CLIP], state[STATE], state_of_parts[STATE], latent[SIZE(LATENT_SIZE)], code[SIZE(CODE_SIZE)];
    uint8_t levels[CLIP], levels_out[CLIP], levels_streamed[CLIP];
    float pixels[CLIP];
} Buffers;

/* A clip at once, frame by frame, and in parts, from a drawn state, gives the same bits. */
static void run_ways(const CALL(model) * model, char *workspace, Buffers *b, const float *x, const char *name) {
    float h0[H0];
    CALL(initial_state)(h0, SEED);
    CALL(reconstruct)(model, workspace, x, h0, b->y);
    CALL(reset)(b->state, SEED);
    CALL(reset)(b->state_of_parts, SEED);
    for (int t = 0; t < T; t++) {
        double score, sum = 0;
        const float *frame = x + t * FRAME, *out = b->stream + t * FRAME;
        const int status = CALL(step)(model, b->state, workspace, frame, b->stream + t * FRAME, &score);
        expect(status == SIZE(OK), "a frame is refused", name);
        for (int i = 0; i < FRAME; i++) {
            const float apart = out[i] - frame[i];
            sum += (double)apart * (double)apart;
        }
        const double apart = score - sum / FRAME / 4;
        /* 1e-8: if floats are computed in double, differences are not rounded */
        expect(apart < 1e-8 && apart > -1e-8, "a score is not the mean squared error in the scale of [0, 1]", name);
        CALL(encode)(model, workspace, frame, b->latent);
        memset(workspace, 0x7f, SIZE(WORKSPACE_SIZE)(THREADS));
        expect(CALL(advance)(model, b->state_of_parts, workspace, b->latent, b->code) == SIZE(OK), "a latent is refused", name);
        memset(workspace, 0x7f, SIZE(WORKSPACE_SIZE)(THREADS));
        CALL(decode)(model, workspace, b->code, b->parts + t * FRAME);
    }
    expect(memcmp(b->stream, b->y, sizeof b->y) == 0, "frame by frame is not the clip to the bit", name);
    expect(memcmp(b->parts, b->y, sizeof b->y) == 0, "encode, advance, decode is not step to the bit", name);
    expect(memcmp(b->state, b->state_of_parts, sizeof b->state) == 0, "the state of parts is not that of step", name);
}

static void run_bytes(const CALL(model) * model, char *workspace, Buffers *b, const float *x, const char *name) {
    enum { AREA = SIZE(HEIGHT) * SIZE(WIDTH) };
    for (int i = 0; i < CLIP; i++) b->levels[i] = (uint8_t)((x[i] + 1) * 127.5f);
    for (int t = 0; t < T; t++) /* [H, W, C] to [C, H, W] */
        for (int c = 0; c < SIZE(CHANNELS); c++)
            for (int i = 0; i < AREA; i++)
                b->pixels[t * FRAME + c * AREA + i] = ((float)b->levels[t * FRAME + i * SIZE(CHANNELS) + c] / 255.0f - 0.5f) / 0.5f;
    float h0[H0];
    CALL(initial_state)(h0, SEED);
    CALL(reconstruct)(model, workspace, b->pixels, h0, b->y);
    CALL(reconstruct_u8)(model, workspace, b->levels, h0, b->levels_out);
    CALL(reset)(b->state, SEED);
    for (int t = 0; t < T; t++)
        expect(CALL(step_u8)(model, b->state, workspace, b->levels + t * FRAME, b->levels_streamed + t * FRAME, NULL) == SIZE(OK),
               "a frame of bytes is refused", name);
    expect(memcmp(b->levels_out, b->levels_streamed, CLIP) == 0, "frames of bytes are not clips of bytes", name);
    for (int t = 0; t < T; t++)
        for (int c = 0; c < SIZE(CHANNELS); c++)
            for (int i = 0; i < AREA; i++) {
                const double level = ((double)b->y[t * FRAME + c * AREA + i] + 1) * 127.5,
                             given = b->levels_out[t * FRAME + i * SIZE(CHANNELS) + c];
                if (level - given > 0.51 || given - level > 0.51) expect(level < -0.5 || level > 255.5, "a byte is not its pixel", name);
            }
}

#include "streams.h"

/* Clips, the state before each, [layers, clips, hidden] or NULL for zeros, and the expected results (`wanted`; NULL: unknown). */
typedef struct Batch {
    int64_t clips;
    float *x, *h0, *wanted;
} Batch;

/* The initial state of a clip, [layers, hidden]; NULL: zeros. */
static const float *clip_state(const Batch *batch, int64_t clip, float state[H0]) {
    memset(state, 0, sizeof(float) * H0);
    for (int layer = 0; batch->h0 && layer < SIZE(LAYERS); layer++)
        memcpy(state + layer * SIZE(HIDDEN), batch->h0 + ((int64_t)layer * batch->clips + clip) * SIZE(HIDDEN),
               sizeof(float) * SIZE(HIDDEN));
    return batch->h0 ? state : NULL;
}

/* All clips on one target; returns the largest distance from the expected results. */
static double run_clips(const CALL(model) * model, char *workspace, Buffers *b, const Batch *batch, const char *name) {
    double most = 0;
    for (int64_t clip = 0; clip < batch->clips; clip++) {
        float state[H0];
        CALL(reconstruct)(model, workspace, batch->x + clip * CLIP, clip_state(batch, clip, state), b->y);
        for (int k = 0; batch->wanted && k < CLIP; k++) {
            const double apart = (double)b->y[k] - (double)batch->wanted[clip * CLIP + k], far = apart < 0 ? -apart : apart;
            if (!(far <= most)) most = far;
        }
        run_ways(model, workspace, b, batch->x + clip * CLIP, name);
        if (clip < 2) run_bytes(model, workspace, b, batch->x + clip * CLIP, name);
    }
    return most;
}

/* On every available target. Golden frames were computed in double. */
static int run_targets(const char *weights, const Batch *batch) {
    size_t size;
    void *memory = read_aligned(weights, &size);
    Buffers *b = malloc(sizeof *b);
    char *workspace = malloc(SIZE(WORKSPACE_SIZE)(THREADS));
    if (!b || !workspace) return 2;
    int ran = 0;
    for (int i = 0; targets[i]; i++) {
        CALL(model) model;
        const int status = CALL(model_open_target)(&model, memory, size, 1 + i % THREADS, targets[i]);
        if (status == SIZE(ERROR_CPU) || status == SIZE(ERROR_TARGET)) continue;
        double difference = -1;
        expect(status == SIZE(OK), CALL(error_text)(status), targets[i]);
        if (status) continue;
        expect(strcmp(CALL(model_target)(&model), targets[i]) == 0, "another target was opened", targets[i]);
        expect(CALL(model_verify)(&model) == SIZE(OK), "verify() is not content", targets[i]);
        expect(CALL(selftest)(&model, workspace, &difference) == SIZE(OK), "the self-test fails", targets[i]);
        expect(difference <= allowed(&model), "farther from double precision than is allowed", targets[i]);
        run_streams(&model, workspace, b, targets[i]);
        const double most = run_clips(&model, workspace, b, batch, targets[i]);
        printf("%s: %.3g from --eval, self-test %.3g\n", targets[i], most, difference);
        expect(most <= 1e-5, "farther than 1e-5 from what --eval made", targets[i]);
        ran++;
    }
    expect(ran > 0, "no target ran", "all");
    return failures != 0;
}

#ifndef ALONE
static int write_batch(const char *path, int64_t clips) {
    const int64_t x_shape[5] = {clips, T, SIZE(CHANNELS), SIZE(HEIGHT), SIZE(WIDTH)};
    const int64_t h0_shape[3] = {SIZE(LAYERS), clips, SIZE(HIDDEN)};
    float state[H0];
    CALL(initial_state)(state, 1);
    bool zeros = true;
    for (int i = 0; i < H0; i++) zeros = zeros && state[i] == 0;
    FileTensor tensor[2];
    int count = 0;
    tensor[count++] = tensor_make("x", TENSOR_F32, 5, x_shape, new_values((size_t)clips * CLIP));
    if (SIZE(HIDDEN) && !zeros) tensor[count++] = tensor_make("h0", TENSOR_F32, 3, h0_shape, new_values((size_t)clips * H0));
    Error error;
    return tensor_file_write(path, tensor, count, NULL, 0, &error) ? 0 : die_of(&error);
}

/* Reads x and h0 from a file for `step`. `wanted` has room for as many values as x. */
static bool read_batch(const char *path, Batch *batch, Error *error) {
    TensorFile input;
    if (!tensor_file_read(&input, path, error)) return false;
    const FileTensor *x = tensor_file_find(&input, "x"), *h0 = tensor_file_find(&input, "h0");
    const size_t clips = (size_t)x->shape[0];
    *batch = (Batch){x->shape[0], new_values(clips * CLIP), h0 ? new_values(clips * H0) : NULL, new_values(clips * CLIP)};
    return (tensor_to_float(x, batch->x) && (!h0 || tensor_to_float(h0, batch->h0))) || fail(error, "%s: not of floats", path);
}

static int compare(const char *weights, const char *batch_path, const char *eval_path) {
    TensorFile eval;
    Batch batch;
    Error error;
    if (!read_batch(batch_path, &batch, &error) || !tensor_file_read(&eval, eval_path, &error)) return die_of(&error);
    if (!tensor_to_float(tensor_file_find(&eval, "recon"), batch.wanted)) return 2;
    return run_targets(weights, &batch);
}

static int write_reconstruction(const char *weights, const char *batch_path, const char *out, const char *target) {
    size_t size;
    Batch batch;
    Error error;
    CALL(model) model;
    void *memory = read_aligned(weights, &size);
    Buffers *b = malloc(sizeof *b);
    char *workspace = malloc(SIZE(WORKSPACE_SIZE)(THREADS));
    if (!b || !workspace || !read_batch(batch_path, &batch, &error)) return b && workspace ? die_of(&error) : 2;
    const int status = CALL(model_open_target)(&model, memory, size, 2, target);
    expect(status == SIZE(OK), CALL(error_text)(status), target);
    for (int64_t clip = 0; !status && clip < batch.clips; clip++) {
        float state[H0];
        run_ways(&model, workspace, b, batch.x + clip * CLIP, target);
        CALL(reconstruct)(&model, workspace, batch.x + clip * CLIP, clip_state(&batch, clip, state), b->y);
        memcpy(batch.wanted + clip * CLIP, b->y, sizeof b->y);
    }
    const int64_t shape[5] = {batch.clips, T, SIZE(CHANNELS), SIZE(HEIGHT), SIZE(WIDTH)};
    const FileTensor recon = tensor_make("recon", TENSOR_F32, 5, shape, batch.wanted);
    return tensor_file_write(out, &recon, 1, NULL, 0, &error) ? failures != 0 : die_of(&error);
}
#endif

int main(int count, char **arguments) {
#ifndef ALONE
    if (count == 4 && strcmp(arguments[1], "batch") == 0) return write_batch(arguments[2], atoi(arguments[3]));
    if (count == 5 && strcmp(arguments[1], "compare") == 0) return compare(arguments[2], arguments[3], arguments[4]);
    if (count == 6 && strcmp(arguments[1], "recon") == 0)
        return write_reconstruction(arguments[2], arguments[3], arguments[4], arguments[5]);
#endif
    if (count == 3 && strcmp(arguments[1], "alone") == 0)
        return run_targets(arguments[2], &(Batch){2, new_values(2 * CLIP), new_values(2 * H0), NULL});
    if (count == 3 && strcmp(arguments[1], "open") == 0) return open_wrong(arguments[2]);
    return 2;
}
