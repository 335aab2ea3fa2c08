/* ---- the search: a noise is learned for the clip, by the gradient of its score ---- */

enum { SCHEDULE_CONSTANT, SCHEDULE_EXPONENTIAL, SCHEDULE_STEP, SCHEDULE_COSINE, SCHEDULE_LINEAR };
enum { OPTIMIZER_ADAM, OPTIMIZER_ADAMW, OPTIMIZER_SGD, OPTIMIZER_RMSPROP };

static double power(double base, long exponent) {
    double result = 1;
    for (; exponent > 0; exponent /= 2) {
        if (exponent % 2 == 1) result *= base;
        base *= base;
    }
    return result;
}

/* Of 0 to pi: sin(pi / 2 - angle), by its series. */
static double cosine(double angle) {
    const double x = 1.57079632679489661923 - angle;
    double term = x, sum = x;
    for (int k = 2; k < 24; k += 2) {
        term *= -x * x / (double)(k * (k + 1));
        sum += term;
    }
    return sum;
}

/* Of the learning rate in update i, from 0. */
static double rate_factor(long i) {
    const long j = i - SEARCH_WARM_UP;
    const double part = j < SEARCH_OVER ? (double)j / (double)SEARCH_OVER : 1;
    int passed = 0;
    if (j < 0) return (double)(i + 1) / (double)SEARCH_WARM_UP;
    switch (SEARCH_SCHEDULE) {
    case SCHEDULE_EXPONENTIAL: return power(SEARCH_GAMMA, j / SEARCH_EVERY);
    case SCHEDULE_STEP:
        while (passed < SEARCH_AT_COUNT && search_at[passed] <= j) passed++;
        return power(SEARCH_GAMMA, passed);
    case SCHEDULE_COSINE: return SEARCH_TO + (1 - SEARCH_TO) * (1 + cosine(3.14159265358979323846 * part)) / 2;
    case SCHEDULE_LINEAR: return 1 + (SEARCH_TO - 1) * part;
    default: return 1;
    }
}

typedef struct search_state {
    float *noise, *gradient, *moment1, *moment2;
    float rate, step, deviation; /* the learning rate; of Adam, divided by 1 - beta1^u; and the root of 1 - beta2^u */
} search_state;

static void begin_update(search_state *s, long update) {
    const double rate = SEARCH_RATE * rate_factor(update - 1);
    s->rate = (float)rate;
    if (SEARCH_OPTIMIZER != OPTIMIZER_ADAM && SEARCH_OPTIMIZER != OPTIMIZER_ADAMW) return;
    s->step = (float)(rate / (1 - power(SEARCH_BETA1, update)));
    s->deviation = (float)sqrt(1 - power(SEARCH_BETA2, update));
}

static float adam_move(search_state *s, long i, float gradient) {
    s->moment1[i] += (float)(1 - SEARCH_BETA1) * (gradient - s->moment1[i]);
    s->moment2[i] = (float)SEARCH_BETA2 * s->moment2[i] + (float)(1 - SEARCH_BETA2) * gradient * gradient;
    return s->step * (s->moment1[i] / (sqrtf(s->moment2[i]) / s->deviation + (float)SEARCH_EPSILON));
}

static float sgd_move(search_state *s, long i, float gradient) {
    if (SEARCH_MOMENTUM == 0) return s->rate * gradient;
    s->moment1[i] = (float)SEARCH_MOMENTUM * s->moment1[i] + gradient;
    return s->rate * (SEARCH_NESTEROV ? gradient + (float)SEARCH_MOMENTUM * s->moment1[i] : s->moment1[i]);
}

static float rmsprop_move(search_state *s, long i, float gradient) {
    s->moment1[i] = (float)SEARCH_ALPHA * s->moment1[i] + (1 - (float)SEARCH_ALPHA) * gradient * gradient;
    const float move = gradient / (sqrtf(s->moment1[i]) + (float)SEARCH_EPSILON);
    if (SEARCH_MOMENTUM == 0) return s->rate * move;
    s->moment2[i] = (float)SEARCH_MOMENTUM * s->moment2[i] + move;
    return s->rate * s->moment2[i];
}

static float move_of(search_state *s, long i, float gradient) {
    switch (SEARCH_OPTIMIZER) {
    case OPTIMIZER_SGD: return sgd_move(s, i, gradient);
    case OPTIMIZER_RMSPROP: return rmsprop_move(s, i, gradient);
    default: return adam_move(s, i, gradient);
    }
}

/* By how much the gradient is scaled: to a norm of SEARCH_CLIP_NORM at most, where that is not 0. */
static float clip_factor(const float *gradient) {
    double sum = 0;
    if (SEARCH_CLIP_NORM == 0) return 1;
    for (long i = 0; i < SEARCHED_SIZE; i++) sum += (double)gradient[i] * (double)gradient[i];
    const double factor = SEARCH_CLIP_NORM / (sqrt(sum) + 1e-6);
    return factor < 1 ? (float)factor : 1;
}

/* One update, as torch.optim does it. */
static void update_noise(search_state *s, long update) {
    const float factor = clip_factor(s->gradient), decay = (float)SEARCH_WEIGHT_DECAY;
    begin_update(s, update);
    for (long i = 0; i < SEARCHED_SIZE; i++) {
        float gradient = factor * s->gradient[i];
        if (SEARCH_OPTIMIZER == OPTIMIZER_ADAMW) s->noise[i] *= 1 - s->rate * decay;
        else gradient += decay * s->noise[i];
        s->noise[i] -= move_of(s, i, gradient);
    }
}

/* From the noise in the workspace, which becomes what was found. */
static void search_noise(const @name@_model *model, @name@_call *call, long updates) {
    search_state s;
    memset(&s, 0, sizeof s);
    s.noise = draws_area(call) + SEARCHED_PLACE;
    s.gradient = area(call, GRADIENT_AREA);
    s.moment1 = area(call, MOMENTS_AREA);
    s.moment2 = s.moment1 + SEARCHED_SIZE;
    memset(s.moment1, 0, sizeof(float) * 2 * SEARCHED_SIZE);
    call->output[0] = s.gradient;
#if SEARCH_PREPARES
    run_prepare(model, call);
#endif
    for (long update = 1; update <= updates; update++) {
        run_search(model, call);
        update_noise(&s, update);
    }
}

static void run_clip(const @name@_model *model, @name@_call *call, const float *x, const @name@_outputs *out, long updates) {
    give_inputs(call, x);
    give_outputs(call, out);
#if SAMPLES >= 0
    if (!out || out->samples) run_evaluate(model, call);
#endif
    search_noise(model, call, updates);
    give_outputs(call, out);
#if SAMPLES >= 0
    call->output[SAMPLES] = area(call, SPARE_AREA); /* they are of the noise that was drawn */
#endif
    run_evaluate(model, call);
}

