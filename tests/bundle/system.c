/* system.c: does a bundle of a system compute what the trainer computes, and do its ways to run a clip agree to the bit?
 *
 *   system batch OUT CLIPS                  writes a random batch for `step --eval`
 *   system compare WEIGHTS BATCH EVAL SEED  runs it on every available target, and compares with the result of --eval, with that --seed
 *   system alone WEIGHTS                    the same without --eval
 *   system open WEIGHTS                     passes open() what it must refuse
 *
 * Compiled as check.c, and with -DOUTPUTS='X(mean, mean) …' -DDRAWN='X(noise_z, noise.z) …': the fields of its structs, and their names in
 * files.
 * TOLERANCE is relative to the largest number of an output, where that is above 1. */
#ifndef ALONE
#include "../../runtime/weights/safetensors.h"
#endif

#include "check_common.h"

#ifndef TOLERANCE
#define TOLERANCE 1e-5
#endif

enum { T = SIZE(T), FRAME = SIZE(FRAME_SIZE), CLIP = SIZE(CLIP_SIZE), SCORES = SIZE(SCORES), THREADS = 3 };

/* ---- the outputs of a clip, in the order of the struct, and its score ---- */

typedef struct Result {
    int status;
    double score[SCORES + 1];
#define X(field, name) float field[SIZE(OUTPUT_SIZE_##field)];
    OUTPUTS
#undef X
} Result;

static CALL(outputs) outputs_of(Result *result, int frame) {
    CALL(outputs) out;
    (void)frame;
    (void)result;
    memset(&out, 0, sizeof out);
#define X(field, name) out.field = result->field + frame * (SIZE(OUTPUT_SIZE_##field) / T);
    OUTPUTS
#undef X
    return out;
}

static void clear(Result *result) {
    memset(result, 0x55, sizeof *result);
}

/* ---- ways to run a clip ---- */

typedef struct Way {
    const CALL(model) * model;
    char *workspace;
    const char *target;
} Way;

static void run(const Way *way, const float *x, const CALL(draws) * draws, Result *result) {
    clear(result);
    const CALL(outputs) out = outputs_of(result, 0);
    memset(way->workspace, 0x7f, SIZE(WORKSPACE_SIZE)(THREADS));
    result->status = CALL(evaluate_draws)(way->model, way->workspace, x, draws, &out, result->score);
}

/* One after another, as a stream of frames of the same seed. */
static void run_frames(const Way *way, const float *x, const Result *clip, Result *frames) {
#if HAS_STEP
    CALL(stream) stream;
    clear(frames);
    frames->status = SIZE(OK);
    CALL(reset)(&stream, 7);
    for (int t = 0; t < T; t++) {
        double score = 0;
        const CALL(outputs) out = outputs_of(frames, t);
        memset(way->workspace, 0x7f, SIZE(WORKSPACE_SIZE)(THREADS));
        const int status = CALL(step)(way->model, &stream, way->workspace, x + t * FRAME, &out, &score);
        expect(status == clip->status, "a frame is refused", way->target);
        if (SCORES == T) frames->score[t] = score;
    }
    if (SCORES != T) memcpy(frames->score, clip->score, sizeof frames->score);
    frames->score[SCORES] = clip->score[SCORES];
    expect(memcmp(frames, clip, sizeof *clip) == 0, "frame by frame is not the clip to the bit", way->target);
#else
    (void)way, (void)x, (void)clip, (void)frames;
#endif
}

static void run_bytes(const Way *way, const float *x, Result *floats, Result *bytes) {
    enum { AREA = SIZE(HEIGHT) * SIZE(WIDTH) };
    static uint8_t levels[CLIP];
    static float pixels[CLIP];
    for (int t = 0; t < T; t++) /* [H, W, C] to [C, H, W] */
        for (int c = 0; c < SIZE(CHANNELS); c++)
            for (int i = 0; i < AREA; i++) {
                uint8_t *level = &levels[t * FRAME + i * SIZE(CHANNELS) + c];
                const int at = t * FRAME + c * AREA + i;
                *level = (uint8_t)((x[at] + 1) * 127.5f);
                pixels[at] = ((float)*level / 255.0f - 0.5f) / 0.5f;
            }
    const CALL(draws) draws = {.seed = 3};
    run(way, pixels, &draws, floats);
    clear(bytes);
    const CALL(outputs) out = outputs_of(bytes, 0);
    bytes->status = CALL(evaluate_u8)(way->model, way->workspace, levels, 3, &out, bytes->score);
    expect(memcmp(floats, bytes, sizeof *bytes) == 0, "a clip of bytes is not that of its pixels", way->target);
    static uint8_t back[CLIP];
    CALL(to_bytes)(pixels, back, T);
    expect(memcmp(back, levels, CLIP) == 0, "bytes do not come back", way->target);
}

/* A number that is none is said; the next clip does not know of it. */
static void run_bad(const Way *way, const float *x, const Result *good, Result *result) {
    static float bad[CLIP];
    memcpy(bad, x, sizeof bad);
    bad[CLIP / 2] = 0.0f / (bad[0] - bad[0]);
    const CALL(draws) draws = {.seed = 7};
    run(way, bad, &draws, result);
    expect(result->status == SIZE(ERROR_NOT_FINITE), "a pixel that is no number is not said", way->target);
    run(way, x, &draws, result);
    expect(memcmp(result, good, sizeof *good) == 0, "a clip depends on the one before it", way->target);
    expect(CALL(evaluate)(way->model, way->workspace, x, 7, NULL, NULL) == SIZE(OK), "nothing wanted is refused", way->target);
}

/* One clip in all ways. `bits`: what another number of threads gave; NULL: this is the first. */
static void run_ways(const Way *way, const float *x, Result *results) {
    const CALL(draws) draws = {.seed = 7};
    run(way, x, &draws, &results[0]);
    expect(results[0].status == SIZE(OK), "a clip is refused", way->target);
    clear(&results[1]);
    const CALL(outputs) out = outputs_of(&results[1], 0);
    results[1].status = CALL(evaluate)(way->model, way->workspace, x, 7, &out, results[1].score);
    expect(memcmp(&results[0], &results[1], sizeof results[0]) == 0, "a seed is not draws of this seed and clip 0", way->target);
    run_frames(way, x, &results[0], &results[1]);
    run_bytes(way, x, &results[1], &results[2]);
    run_bad(way, x, &results[0], &results[1]);
}

/* ---- targets ---- */

typedef struct Batch {
    int64_t clips;
    float *x;
    uint64_t seed;
    const void *evaluation; /* a TensorFile; NULL: none */
} Batch;

#ifndef ALONE
static double apart(const float *a, const float *b, long count, double *most) {
    double scale = 1;
    for (long i = 0; i < count; i++) scale = b[i] > scale ? (double)b[i] : -b[i] > scale ? -(double)b[i] : scale;
    for (long i = 0; i < count; i++) {
        const double size = ((double)a[i] - (double)b[i]) / scale, far = size < 0 ? -size : size;
        if (!(far <= *most)) *most = far;
    }
    return *most;
}

static float *floats_of(const TensorFile *file, const char *name) {
    const FileTensor *tensor = tensor_file_find(file, name);
    if (!tensor) {
        fprintf(stderr, "there is no %s\n", name);
        exit(2);
    }
    float *values = new_values((size_t)tensor->count);
    if (!tensor_to_float(tensor, values)) exit(2);
    return values;
}

/* From the trainer's outputs of clip number `clip`. */
static double distance(const TensorFile *file, const Result *result, int64_t clip) {
    double most = 0;
    (void)clip;
#define X(field, name)                                                                                                                     \
    apart(result->field, floats_of(file, "output." #name) + clip * SIZE(OUTPUT_SIZE_##field), SIZE(OUTPUT_SIZE_##field), &most);
    OUTPUTS
#undef X
    const float *score = SCORES ? floats_of(file, "score") + clip * SCORES : NULL;
    for (int i = 0; i < SCORES; i++) {
        const float found = (float)result->score[i];
        apart(&found, score + i, 1, &most);
    }
    return most;
}

/* What was drawn for a clip, in the order of memory: of states [layers, items, hidden], items the clip's and, if joined, the other half's;
 * of noise, frames before channels. */
static float *drawn_of(const TensorFile *file, const char *name, int64_t clip, int64_t clips) {
    const float *values = floats_of(file, name);
    const int64_t *shape = tensor_file_find(file, name)->shape;
    const bool state = strncmp(name, "drawn.state.", 12) == 0, frames = tensor_file_find(file, name)->rank == 5;
    const int64_t count = tensor_file_find(file, name)->count / clips;
    float *drawn = new_values((size_t)count);
    if (state) {
        for (int64_t i = 0; i < count; i++) {
            const int64_t items = shape[1] / clips, row = i / shape[2], layer = row / items, item = row % items;
            drawn[i] = values[(layer * shape[1] + item * clips + clip) * shape[2] + i % shape[2]];
        }
        return drawn;
    }
    const int64_t channels = frames ? shape[1] : 1, steps = frames ? shape[2] : 1, area = count / channels / steps;
    for (int64_t i = 0; i < count; i++) {
        const int64_t c = i / area % channels, t = i / area / channels;
        drawn[i] = values[clip * count + (c * steps + t) * area + i % area];
    }
    return drawn;
}

/* The distance of two results of a clip. */
static double between(const Result *a, const Result *b) {
    double most = 0;
#define X(field, name) apart(a->field, b->field, SIZE(OUTPUT_SIZE_##field), &most);
    OUTPUTS
#undef X
    for (int i = 0; i < SCORES; i++) {
        const float score[2] = {(float)a->score[i], (float)b->score[i]};
        apart(score, score + 1, 1, &most);
    }
    return most;
}

/* What is drawn is what the trainer drew, up to the rounding of its target: given by the caller, it gives the same. */
static void run_given(const Way *way, const Batch *batch, int64_t clip, const Result *drawn, Result *given) {
    CALL(draws) draws = {.seed = batch->seed + 1, .clip = 99};
    (void)drawn_of; /* if nothing is drawn */
#define X(field, name) draws.field = drawn_of(batch->evaluation, "drawn." #name ".0", clip, batch->clips);
    DRAWN
#undef X
    run(way, batch->x + clip * CLIP, &draws, given);
    expect(between(given, drawn) <= TOLERANCE, "what is drawn is not what the trainer drew", way->target);
}
#endif

static double run_clips(const Way *way, const Batch *batch, Result *results) {
    double most = 0;
    for (int64_t clip = 0; clip < batch->clips; clip++) {
        const float *x = batch->x + clip * CLIP;
        const CALL(draws) draws = {.seed = batch->seed, .clip = (uint64_t)clip};
        run(way, x, &draws, &results[0]);
#ifndef ALONE
        if (batch->evaluation) {
            const double far = distance(batch->evaluation, &results[0], clip);
            most = far <= most ? most : far;
            run_given(way, batch, clip, &results[0], &results[1]);
        }
#endif
    }
    return most;
}

static int run_targets(const char *weights, const Batch *batch) {
    size_t size;
    void *memory = read_aligned(weights, &size);
    Result *results = malloc(4 * sizeof *results);
    char *workspace = malloc(SIZE(WORKSPACE_SIZE)(THREADS));
    if (!results || !workspace) return 2;
    int ran = 0;
    for (int i = 0; targets[i]; i++) {
        CALL(model) model, single;
        const int status = CALL(model_open_target)(&model, memory, size, THREADS, targets[i]);
        if (status == SIZE(ERROR_CPU) || status == SIZE(ERROR_TARGET)) continue;
        double difference = -1;
        expect(status == SIZE(OK), CALL(error_text)(status), targets[i]);
        if (status || CALL(model_open_target)(&single, memory, size, 1, targets[i])) continue;
        const Way way = {&model, workspace, targets[i]}, alone = {&single, workspace, targets[i]};
        expect(CALL(model_verify)(&model) == SIZE(OK), "verify() is not content", targets[i]);
        const bool tested = CALL(selftest)(&model, workspace, &difference) == SIZE(OK);
        expect(tested, "the self-test fails", targets[i]);
        expect(difference <= allowed(&model), "farther from double precision than is allowed", targets[i]);
        run_ways(&way, batch->x, results);
        const CALL(draws) draws = {.seed = 7};
        run(&alone, batch->x, &draws, &results[1]);
        run(&way, batch->x, &draws, &results[0]);
        expect(memcmp(&results[0], &results[1], sizeof results[0]) == 0, "one thread and three have other bits", targets[i]);
        const double most = run_clips(&way, batch, results);
        printf("%s: %.3g from --eval, self-test %.3g\n", targets[i], most, difference);
        expect(most <= TOLERANCE, "farther from what --eval made than is allowed", targets[i]);
        ran++;
    }
    expect(ran > 0, "no target ran", "all");
    return failures != 0;
}

#ifndef ALONE
static int write_batch(const char *path, int64_t clips) {
    const int64_t shape[5] = {clips, T, SIZE(CHANNELS), SIZE(HEIGHT), SIZE(WIDTH)};
    const FileTensor x = tensor_make("x", TENSOR_F32, 5, shape, new_values((size_t)clips * CLIP));
    Error error;
    return tensor_file_write(path, &x, 1, NULL, 0, &error) ? 0 : die_of(&error);
}

static int compare(const char *weights, const char *batch_path, const char *eval_path, const char *seed) {
    TensorFile input, eval;
    Error error;
    if (!tensor_file_read(&input, batch_path, &error) || !tensor_file_read(&eval, eval_path, &error)) return die_of(&error);
    const Batch batch = {tensor_file_find(&input, "x")->shape[0], floats_of(&input, "x"), strtoull(seed, NULL, 10), &eval};
    return run_targets(weights, &batch);
}
#endif

int main(int count, char **arguments) {
#ifndef ALONE
    if (count == 4 && strcmp(arguments[1], "batch") == 0) return write_batch(arguments[2], atoi(arguments[3]));
    if (count == 6 && strcmp(arguments[1], "compare") == 0) return compare(arguments[2], arguments[3], arguments[4], arguments[5]);
#endif
    if (count == 3 && strcmp(arguments[1], "alone") == 0) return run_targets(arguments[2], &(Batch){1, new_values(CLIP), 1, NULL});
    if (count == 3 && strcmp(arguments[1], "open") == 0) return open_wrong(arguments[2]);
    return 2;
}
