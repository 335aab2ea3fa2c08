@<source_opening.c@
/* ---- the workspace: a clip, what is drawn, results; of a search, gradient and moments; and the tensors of the kernels ---- */

@<source_call.c@
static float *area(const @name@_call *call, long place) { return (float *)(void *)(call->workspace + place); }
static float *results_area(const @name@_call *call) { return area(call, RESULTS_AREA); }

@<source_values.c@
void @name@_to_bytes(const float *values, uint8_t *bytes, long frames) { to_bytes(values, bytes, frames); }

/* ---- what is drawn ---- */

#if DRAWS > 0
static float *draws_area(const @name@_call *call) { return area(call, DRAWS_AREA); }

typedef struct drawn_input { /* in memory: [elements / inner, items, inner] */
    uint64_t key[2];
    long place, items, elements, inner;
    int normal; /* else uniform in [low, low + span) */
    float low, span;
} drawn_input;

static const drawn_input drawn_inputs[DRAWS] = {
@draw_table@};

static const float *given_draw(const @name@_draws *draws, int number) {
    switch (number) {
@given_draws@    default: return NULL;
    }
}

@<source_uniform.c@
static float *element_of(const drawn_input *input, float *values, long item, long element) {
    return values + (element / input->inner * input->items + item) * input->inner + element % input->inner;
}

#if DRAWS_NORMAL
/* Pairs of normal numbers (Box and Muller): element i is of the same pair as element i + PAIRS. */
static void draw_normal(const drawn_input *input, float *values, long item, uint64_t seed, uint64_t clip) {
    float chunk[2 * NORMAL_CHUNK];
    const long pairs = (input->elements + 1) / 2;
    const uint64_t first = clip * 2 * (uint64_t)pairs;
    for (long done = 0; done < pairs; done += NORMAL_CHUNK) {
        const long count = pairs - done < NORMAL_CHUNK ? pairs - done : NORMAL_CHUNK;
        for (int i = 0; i < 2 * NORMAL_CHUNK; i++) chunk[i] = 1.0f;
        for (long i = 0; i < count; i++) {
            chunk[i] = 1.0f - uniform(seed, first + (uint64_t)(done + i));
            chunk[NORMAL_CHUNK + i] = uniform(seed, first + (uint64_t)(pairs + done + i));
        }
        normal_chunk(chunk, 1);
        for (long i = 0; i < count; i++) {
            *element_of(input, values, item, done + i) = chunk[i];
            if (pairs + done + i < input->elements) *element_of(input, values, item, pairs + done + i) = chunk[NORMAL_CHUNK + i];
        }
    }
}
#endif

static void draw_uniform(const drawn_input *input, float *values, long item, uint64_t seed, uint64_t clip) {
    const uint64_t first = clip * 2 * (uint64_t)((input->elements + 1) / 2);
    for (long i = 0; i < input->elements; i++)
        *element_of(input, values, item, i) = input->low + input->span * uniform(seed, first + (uint64_t)i);
}

static void draw_input(const drawn_input *input, float *values, uint64_t seed, uint64_t clip) {
    for (long item = 0; item < input->items; item++) {
#if DRAWS_NORMAL
        if (input->normal) {
            draw_normal(input, values, item, seed ^ input->key[item], clip);
            continue;
        }
#endif
        draw_uniform(input, values, item, seed ^ input->key[item], clip);
    }
}

/* What the caller gives, and the rest drawn, to the workspace. */
static void take_draws(@name@_call *call, const @name@_draws *draws) {
    for (int i = 0; i < DRAWS; i++) {
        const drawn_input *input = &drawn_inputs[i];
        float *values = draws_area(call) + input->place;
        const float *given = draws ? given_draw(draws, i) : NULL;
        if (given) memcpy(values, given, sizeof(float) * (size_t)(input->items * input->elements));
        else draw_input(input, values, draws ? draws->seed : 0, draws ? draws->clip : 0);
    }
}
#else
static void take_draws(@name@_call *call, const @name@_draws *draws) {
    (void)call;
    (void)draws;
}
#endif

static void give_inputs(@name@_call *call, const float *x) {
@give_inputs@}

/* ---- results ---- */

typedef struct result_place {
    long place, size;
} result_place;

static const result_place result_places[RESULTS] = {
@result_table@};

static void give_outputs(@name@_call *call, const @name@_outputs *out) {
@give_outputs@}

/* The first `count` numbers of the score to the caller, if there is one. `part`: of whole clips, all results; 2, a half of each, and so on.
 * x, of that part: an activation may hide what is no number in it. */
static int finish_call(const @name@_call *call, const float *x, double *score, long count, long part) {
    int good = all_finite(x, @NAME@_CLIP_SIZE / part);
    if (@NAME@_SCORES > 0) {
        const float *found = results_area(call) + SCORE_PLACE;
        for (long i = 0; score && i < count; i++) score[i] = (double)found[i];
        good = good && all_finite(found, count);
    } else {
        for (int i = 0; i < RESULTS; i++) good = good && all_finite(call->output[i], result_places[i].size / part);
    }
    return good ? @NAME@_OK : @NAME@_ERROR_NOT_FINITE;
}

@<=search_source@
/* ---- @what@ ---- */

int @name@_evaluate_draws(const @name@_model *model, void *workspace, const float x[@NAME@_CLIP_SIZE], const @name@_draws *draws,
                          const @name@_outputs *out, double *score) {
    @name@_call call = start_call(model, workspace);
    take_draws(&call, draws);
    run_clip(model, &call, x, out, SEARCH_STEPS);
    return finish_call(&call, x, score, @NAME@_SCORES, 1);
}

int @name@_evaluate(const @name@_model *model, void *workspace, const float x[@NAME@_CLIP_SIZE], uint64_t seed, const @name@_outputs *out,
                    double *score) {
    @name@_draws draws;
    memset(&draws, 0, sizeof draws);
    draws.seed = seed;
    return @name@_evaluate_draws(model, workspace, x, &draws, out, score);
}

int @name@_evaluate_u8(const @name@_model *model, void *workspace, const uint8_t x[@NAME@_CLIP_SIZE], uint64_t seed,
                       const @name@_outputs *out, double *score) {
    const @name@_call call = start_call(model, workspace);
    from_bytes(x, area(&call, CLIP_AREA), @NAME@_T);
    return @name@_evaluate(model, workspace, area(&call, CLIP_AREA), seed, out, score);
}

@<=step_source@
/* ---- self-test ---- */

@<source_compare.c@
/* Of `size` numbers, the largest difference, divided by the largest wanted one if that is above 1. */
static double apart(const float *found, const float *wanted, long size, double most) {
    double scale = 1;
    for (long i = 0; i < size; i++) {
        const double value = (double)wanted[i], magnitude = value < 0 ? -value : value;
        scale = magnitude > scale ? magnitude : scale;
    }
    return larger(largest_difference(found, wanted, size, 0) / scale, most);
}

static double score_apart(const @name@_call *call, const unsigned char *golden, long first, long count, double most) {
    for (long i = 0; i < count; i++) {
        double wanted;
        memcpy(&wanted, golden + 8 * (first + i), sizeof wanted);
        const double found = (double)results_area(call)[SCORE_PLACE + i], difference = found < wanted ? wanted - found : found - wanted;
        const double magnitude = wanted < 0 ? -wanted : wanted;
        most = larger(difference / (magnitude > 1 ? magnitude : 1), most);
    }
    return most;
}

@<=step_selftest@
int @name@_selftest(const @name@_model *model, void *workspace, double *difference) {
    if (!model || !model->memory || !workspace) return @NAME@_ERROR_ARGUMENT;
    if (!model->golden) return @NAME@_ERROR_DAMAGED;
    @name@_call call = start_call(model, workspace);
    const unsigned char *golden = model->memory + model->golden;
    const float *x = (const float *)(const void *)(golden + 8 * @NAME@_SCORES);
    const float *drawn = x + @NAME@_CLIP_SIZE, *wanted = drawn + DRAWS_SIZE;
    double most = 0;
    memcpy(area(&call, DRAWS_AREA), drawn, sizeof(float) * DRAWS_SIZE);
    run_clip(model, &call, x, NULL, GOLDEN_SEARCH);
    for (int i = 0; i < RESULTS; i++) {
        const result_place *result = &result_places[i];
        if (result->place < SCORE_PLACE) most = apart(results_area(&call) + result->place, wanted + result->place, result->size, most);
    }
    most = apart(area(&call, DRAWS_AREA) + SEARCHED_PLACE, wanted + SCORE_PLACE, SEARCHED_SIZE, most); /* what a search found */
    most = score_apart(&call, golden, 0, @NAME@_SCORES, most);
    most = frames_apart(model, &call, x, drawn, wanted, golden, most);
    if (difference) *difference = most;
    return most <= @name@_selftest_tolerance(model) ? @NAME@_OK : @NAME@_ERROR_SELFTEST;
}
