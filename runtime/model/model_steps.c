/* model_steps.c: what a model does: training steps, evaluation, one frame after another; and the draws for them. */
#include "exact.h"

#include "model/model_state.h"

#include "common/random.h"
#include "model/model_search.h"

#include <math.h>
#include <string.h>

/* ---- programs ---- */

static ModelStep describe_step(ModelState *state, const ModelCall *call) {
    return (ModelStep){.input = call->input,
                       .output = call->output,
                       .loss = call->loss,
                       .coefficients = state->coefficients,
                       .workspace = state->workspace,
                       .scratch = state->scratch,
                       .threads = state->threads,
                       .done = state->done,
                       .context = state->context};
}

void model_run(ModelState *state, int number, const float *x) {
    const ModelProgram *program = &state->model->programs[number];
    ModelCall *call = &state->call[number];
    for (int i = 0; i < program->inputs; i++)
        if (program->input[i].draw == DRAW_NONE) call->input[i] = x;
    const ModelStep step = describe_step(state, call);
    state->target->program[number].run(&step);
    if (program->losses > 0) state->loss = call->loss[0];
}

bool program_has_input(const ModelProgram *program, const ModelArgument *argument) {
    for (int i = 0; i < program->inputs; i++)
        if (strcmp(program->input[i].name, argument->name) == 0) return true;
    return false;
}

/* ---- draws ---- */

/* Each name, and each step that draws it anew, has numbers of its own; h0 of version 1 has those of the seed itself. */
static uint64_t draw_seed(const ModelState *state, const ModelArgument *argument, int step) {
    if (state->model->language == 1) return state->seed;
    uint64_t hash = UINT64_C(0xcbf29ce484222325) + (uint64_t)step;
    for (const char *c = argument->name; *c != 0; c++) hash = (hash ^ (uint64_t)(unsigned char)*c) * UINT64_C(0x100000001b3);
    return state->seed ^ hash;
}

enum { DRAWN_AT_ONCE = 8192, DRAWN_BY_ONE_THREAD = 65536 }; /* values: within the first-level cache; too few for the others */

static void draw_uniform(const ModelArgument *argument, uint64_t seed, RandomStream stream, uint64_t first, float *values, size_t count) {
    const float low = (float)argument->low, span = (float)(argument->high - argument->low), kept = (float)(1 / (1 - argument->low));
    random_fill(seed, stream, first, values, count);
    if (argument->draw == DRAW_UNIFORM)
        for (size_t i = 0; i < count; i++) values[i] = low + span * values[i];
    else
        for (size_t i = 0; i < count; i++) values[i] = values[i] < low ? 0 : kept;
}

/* `count` values, from the pairs of numbers that begin with `first`. Each is a function of its place, so threads may share them. */
static void draw_values(const ModelState *state, const ModelArgument *argument, uint64_t seed, RandomStream stream, uint64_t first,
                        float *values, size_t count) {
    const size_t pairs = (count + 1) / 2;
    if (argument->draw == DRAW_NORMAL) {
        random_fill_pairs(seed, stream, first, values, pairs);
        state->target->normal(values, pairs);
        return;
    }
#pragma omp parallel for num_threads(state->threads) if (count >= DRAWN_BY_ONE_THREAD)
    for (size_t i = 0; i < count; i += DRAWN_AT_ONCE)
        draw_uniform(argument, seed, stream, first + i, values + i, count - i < DRAWN_AT_ONCE ? count - i : DRAWN_AT_ONCE);
}

void model_draw_argument(ModelState *state, const ModelArgument *argument, int step, int64_t round) {
    const size_t count = (size_t)argument->count, pairs = (count + 1) / 2;
    const uint64_t time = (uint64_t)state->updates * (uint64_t)state->model->steps[step].times + (uint64_t)round;
    draw_values(state, argument, draw_seed(state, argument, step), RANDOM_INITIAL_STATE, time * 2 * pairs,
                model_buffer(state, argument->name), count);
}

/* Does a step read what step `number` draws in this round? It may be skipped in this iteration; and one that keeps the draws reads those
 * of the last round. The numbers of a draw do not depend on which others are made. */
static bool reads_draws(const ModelState *state, int reader, int number, int64_t round) {
    const ModelTrainingStep *steps = state->model->steps;
    const bool made = reader == number || round == steps[number].times - 1;
    return steps[reader].draws_of == number && made && step_is_due(state, reader);
}

/* Does a step before `reader` read it too? Then it has been drawn. */
static bool is_drawn_before(const ModelState *state, const ModelArgument *argument, int number, int64_t round, int reader) {
    const ModelDescription *model = state->model;
    for (int i = number; i < reader; i++)
        if (reads_draws(state, i, number, round) && program_has_input(&model->programs[model->steps[i].program], argument)) return true;
    return false;
}

void model_draw(ModelState *state, int number, int64_t round) {
    const ModelDescription *model = state->model;
    for (int reader = number; reader < model->step_count; reader++) {
        const ModelProgram *program = &model->programs[model->steps[reader].program];
        if (!reads_draws(state, reader, number, round)) continue;
        for (int i = 0; i < program->inputs; i++) {
            const ModelArgument *argument = &program->input[i];
            if (argument->draw != DRAW_NONE && !is_drawn_before(state, argument, number, round, reader))
                model_draw_argument(state, argument, number, round);
        }
    }
}

/* What is drawn for item `place` of the batch, which is number `item` of a set. */
static void draw_item(ModelState *state, const ModelArgument *argument, int64_t item, int place) {
    const size_t elements = item_elements(argument), pairs = (elements + 1) / 2;
    size_t inner = 1, items = (size_t)argument->shape[argument->items];
    for (int d = argument->items + 1; d < argument->rank; d++) inner *= (size_t)argument->shape[d];
    draw_values(state, argument, draw_seed(state, argument, -1 - place / state->model->batch), RANDOM_EVALUATION_STATE,
                (uint64_t)item * 2 * pairs, state->item, elements);
    float *values = model_buffer(state, argument->name);
    for (size_t outer = 0; outer < elements / inner; outer++)
        memcpy(values + (outer * items + (size_t)place) * inner, state->item + outer * inner, inner * sizeof(float));
}

/* ---- training ---- */

static double power(double base, int64_t exponent) {
    double result = 1;
    for (; exponent > 0; exponent /= 2) {
        if (exponent % 2 == 1) result *= base;
        base *= base;
    }
    return result;
}

/* The factor of a learning rate in iteration i; see ModelSchedule. */
static double schedule_factor(const ModelSchedule *schedule, int64_t i) {
    const int64_t j = i - schedule->warm_up;
    if (j < 0) return (double)(i + 1) / (double)schedule->warm_up;
    const double part = schedule->over > 0 && j < schedule->over ? (double)j / (double)schedule->over : 1;
    int passed = 0;
    switch (schedule->kind) {
    case MODEL_SCHEDULE_CONSTANT:
        break;
    case MODEL_SCHEDULE_EXPONENTIAL:
        return power(schedule->gamma, j / schedule->every);
    case MODEL_SCHEDULE_STEP:
        while (passed < schedule->at_count && schedule->at[passed] <= j) passed++;
        return power(schedule->gamma, passed);
    case MODEL_SCHEDULE_COSINE:
        return schedule->to + (1 - schedule->to) * (1 + cos(3.14159265358979323846 * part)) / 2;
    case MODEL_SCHEDULE_LINEAR:
        return 1 + (schedule->to - 1) * part;
    }
    return 1;
}

void update_coefficients(const ModelGroup *group, int64_t update, int64_t i, float coefficients[MODEL_COEFFICIENTS]) {
    const double rate = group->learning_rate * schedule_factor(&group->schedule, i);
    memset(coefficients, 0, MODEL_COEFFICIENTS * sizeof *coefficients);
    if (strcmp(group->optimizer, "adam") != 0 && strcmp(group->optimizer, "adamw") != 0) {
        coefficients[0] = (float)rate;
        return;
    }
    coefficients[0] = (float)(rate / (1 - power(group->beta1, update)));
    coefficients[1] = (float)sqrt(1 - power(group->beta2, update));
    coefficients[2] = (float)rate;
}

bool step_is_due(const ModelState *state, int step) {
    return state->updates % state->model->steps[step].every == 0;
}

void model_run_step(ModelState *state, int number, const float *x) {
    const ModelDescription *model = state->model;
    const ModelTrainingStep *step = &model->steps[number];
    for (int i = 0; i < step->groups; i++) {
        const int group = step->group[i];
        update_coefficients(&model->groups[group], ++state->group_updates[group], state->updates,
                            state->coefficients + group * MODEL_COEFFICIENTS);
    }
    model_run(state, step->program, x);
    for (int i = 0; i < step->norms; i++) state->batches_tracked[step->norm[i]]++;
}

void model_end_iteration(ModelState *state) {
    state->updates++;
}

static void train_on(ModelState *state, const float *x, bool draws) {
    for (int i = 0; i < state->model->step_count; i++)
        for (int64_t round = 0; round < state->model->steps[i].times; round++) {
            if (draws) model_draw(state, i, round);
            if (step_is_due(state, i)) model_run_step(state, i, x);
        }
    model_end_iteration(state);
}

void model_update(ModelState *state, const float *x) {
    train_on(state, x, false);
}

void model_train(ModelState *state, const float *x) {
    train_on(state, x, true);
}

/* ---- clips of a set ---- */

/* What a generator makes of noise that is drawn is seen before the search changes it. */
void model_forward(ModelState *state, const float *x) {
    const int evaluate = state->model->evaluate;
    if (state->model->search == NULL) {
        model_run(state, evaluate, x);
        return;
    }
    const ModelBuffer *samples = model_find_buffer(state, "output.samples");
    const size_t bytes = samples != NULL ? (size_t)samples->argument->count * sizeof(float) : 0;
    if (samples != NULL) {
        model_run(state, evaluate, x);
        memcpy(state->samples, samples->values, bytes);
    }
    model_search(state, x);
    model_run(state, evaluate, x);
    if (samples != NULL) memcpy(samples->values, state->samples, bytes);
}

void model_draw_evaluation(ModelState *state, int64_t first_clip, int clips) {
    const ModelProgram *program = &state->model->programs[state->model->evaluate];
    for (int i = 0; i < program->inputs; i++) {
        const ModelArgument *argument = &program->input[i];
        if (argument->draw == DRAW_NONE) continue;
        const int batch = state->model->batch, places = (int)argument->shape[argument->items]; /* of joined values, twice as many */
        memset(model_buffer(state, argument->name), 0, (size_t)argument->count * sizeof(float));
        for (int place = 0; place < places; place++)
            if (place % batch < clips) draw_item(state, argument, first_clip + place % batch, place);
    }
}

void model_evaluate(ModelState *state, const float *x, int64_t first_clip, int clips) {
    model_draw_evaluation(state, first_clip, clips);
    model_forward(state, x);
}

void model_sample(ModelState *state, const float *x) {
    model_draw_evaluation(state, 0, state->model->batch);
    model_run(state, state->model->evaluate, x);
}

/* ---- frame by frame ---- */

void model_initial_state(const ModelState *state, float *h0) {
    const size_t elements = (size_t)state->model->gru_layers * (size_t)state->model->hidden, pairs = (elements + 1) / 2;
    memset(h0, 0, elements * sizeof(float));
    if (!state->model->initial_state_normal || state->seed == 0) return;
    random_fill_pairs(state->seed, RANDOM_EVALUATION_STATE, 0, h0, pairs);
    state->target->normal(h0, pairs);
}

void model_advance(ModelState *state, const float *x, const float *h, float *next, float *code) {
    const bool recurrent = state->model->hidden > 0;
    const float *const input[] = {x, h};
    float *const output[] = {recurrent ? next : code, code};
    ModelStep step = describe_step(state, &state->call[state->model->advance]);
    step.input = input;
    step.output = output;
    state->target->program[state->model->advance].run(&step);
}

double model_decode(ModelState *state, const float *x, const float *code, float *reconstruction) {
    double loss = 0;
    const float *const input[] = {code, x};
    float *const output[] = {reconstruction};
    ModelStep step = describe_step(state, &state->call[state->model->decode]);
    step.input = input;
    step.output = output;
    step.loss = &loss;
    state->target->program[state->model->decode].run(&step);
    return loss;
}
