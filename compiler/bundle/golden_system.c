/* golden_system.c: of version 2: a clip and what it gives, computed in double precision from the graphs alone, without any kernel. Of a
 * search, the first updates. */
#include "bundle/system_inference.h"
#include "graph/evaluate_graph.h"
#include "spec/system.h"

#include <math.h>
#include <string.h>

/* The clip, and for each draw numbers of its range; of normal ones, in [-1, 1]. */
static void draw_inputs(const Inference *inference, float *to) {
    const Spec *spec = inference->spec;
    const SystemLayout *layout = inference->layout;
    for (long t = 0; t < spec->T; t++)
        for (long c = 0; c < spec->channels; c++)
            for (long h = 0; h < spec->height; h++)
                for (long w = 0; w < spec->width; w++) *to++ = golden_pixel(t, c, h, w);
    for (int i = 0; i < layout->draw_count; i++) {
        const SystemDraw *draw = &layout->draw[i];
        const bool normal = draw->argument->drawn == DRAWN_NORMAL;
        const double low = normal ? -1 : draw->argument->low, high = normal ? 1 : draw->argument->high;
        for (long k = 0; k < draw->items * draw->elements; k++)
            to[draw->place + k] = (float)(low + (high - low) * golden_uniform((uint64_t)(draw->place + k) + (1U << 30)));
    }
}

/* ---- evaluation ---- */

typedef struct Evaluation { /* of a graph, again and again */
    const Graph *graph;
    double **values; /* by node id */
} Evaluation;

static Evaluation begin_evaluation(const Inference *inference, const Graph *graph, double *const *parameters, const float *input) {
    const SystemLayout *layout = inference->layout;
    const long clip = inference->spec->T * inference->frame_elements;
    Evaluation evaluation = {graph, NEW_ARRAY(double *, graph->node_count)};
    for (int i = 0; i < graph->parameter_count; i++) evaluation.values[graph->parameter[i]->node->id] = parameters[i];
    const NamedNodes *named = &graph->named[ROLE_INPUT];
    for (int i = 0, drawn = 0; i < named->count; i++) {
        const SystemDraw *draw = i == layout->x ? NULL : &layout->draw[drawn++];
        const float *from = draw ? input + clip + draw->place : input;
        const long count = draw ? draw->items * draw->elements : clip;
        double *values = evaluation.values[named->entry[i].node->id] = NEW_ARRAY(double, count);
        for (long k = 0; k < count; k++) values[k] = (double)from[k];
    }
    return evaluation;
}

static double *noise_of(const Inference *inference, const Evaluation *evaluation) {
    const NamedNodes *named = &evaluation->graph->named[ROLE_INPUT];
    return evaluation->values[named->entry[inference->layout->searched->input].node->id];
}

static void take_result(const Evaluation *evaluation, const SystemResult *result, int number, float *to) {
    const double *values = evaluation->values[evaluation->graph->named[ROLE_OUTPUT].entry[number].node->id];
    for (long k = 0; k < result->elements; k++) to[result->place + k] = (float)values[k];
}

/* ---- the search ---- */

typedef struct Moments {
    double first, second;
} Moments;

static double schedule_factor(const LearningSchedule *schedule, long i) {
    const long j = i - schedule->warm_up;
    if (j < 0) return (double)(i + 1) / (double)schedule->warm_up;
    const double part = schedule->over ? fmin((double)j / (double)schedule->over, 1) : 1;
    int passed = 0;
    switch (schedule->name) {
    case SCHEDULE_EXPONENTIAL:
        return pow(schedule->gamma, (double)(j / schedule->every));
    case SCHEDULE_STEP:
        while (passed < schedule->at_count && schedule->at[passed] <= j) passed++;
        return pow(schedule->gamma, passed);
    case SCHEDULE_COSINE:
        return schedule->to + (1 - schedule->to) * (1 + cos(acos(-1) * part)) / 2;
    case SCHEDULE_LINEAR:
        return 1 + (schedule->to - 1) * part;
    case SCHEDULE_CONSTANT:
        break;
    }
    return 1;
}

/* What a number of the noise moves by, as torch.optim's optimizers move it, without what AdamW takes away. */
static double move_of(const Optimizer *o, double rate, long update, double gradient, Moments *m) {
    const bool sgd = o->name == OPTIMIZER_SGD, rmsprop = o->name == OPTIMIZER_RMSPROP;
    if (sgd) {
        m->first = o->momentum * m->first + gradient;
        return rate * (o->nesterov ? gradient + o->momentum * m->first : m->first);
    }
    if (rmsprop) {
        m->first = o->alpha * m->first + (1 - o->alpha) * gradient * gradient;
        m->second = o->momentum * m->second + gradient / (sqrt(m->first) + o->epsilon);
        return rate * m->second;
    }
    m->first = o->beta1 * m->first + (1 - o->beta1) * gradient;
    m->second = o->beta2 * m->second + (1 - o->beta2) * gradient * gradient;
    const double mean = m->first / (1 - pow(o->beta1, (double)update)), square = m->second / (1 - pow(o->beta2, (double)update));
    return rate * mean / (sqrt(square) + o->epsilon);
}

static void search(const Inference *inference, const Evaluation *evaluation) {
    const Optimizer *o = &inference->spec->system->search.optimizer;
    const long count = inference->layout->searched->elements;
    const double *const *values = (const double *const *)evaluation->values;
    double *noise = noise_of(inference, evaluation);
    Moments *moments = NEW_ARRAY(Moments, count);
    for (long update = 1; update <= inference->layout->golden_search; update++) {
        evaluate_graph(evaluation->graph, evaluation->values);
        const double *gradient = values[named_node(evaluation->graph, ROLE_OUTPUT, "gradient")->id];
        const double rate = o->learning_rate * schedule_factor(&o->schedule, update - 1);
        double norm = 0;
        for (long k = 0; k < count; k++) norm += gradient[k] * gradient[k];
        const double clip = o->clip_norm > 0 ? fmin(1, o->clip_norm / (sqrt(norm) + 1e-6)) : 1;
        for (long k = 0; k < count; k++) {
            const bool apart = o->name == OPTIMIZER_ADAMW;
            const double moved = move_of(o, rate, update, clip * gradient[k] + (apart ? 0 : o->weight_decay * noise[k]), &moments[k]);
            noise[k] -= moved + (apart ? rate * o->weight_decay * noise[k] : 0);
        }
    }
}

/* ---- all ---- */

Golden *system_golden(const Inference *inference, double *const *parameters) {
    const SystemLayout *layout = inference->layout;
    const long inputs = inference->spec->T * inference->frame_elements + layout->draws, outputs = layout->results - layout->scores,
               found = layout->searched ? layout->searched->elements : 0;
    Golden *golden = NEW(Golden);
    *golden = (Golden){.scores = layout->scores, .values = inputs + outputs + found};
    golden->score = NEW_ARRAY(double, layout->scores + 1);
    golden->x = golden->value = NEW_ARRAY(float, golden->values + 1);
    draw_inputs(inference, golden->x);
    float *results = NEW_ARRAY(float, layout->results + 1);
    Evaluation evaluation = begin_evaluation(inference, inference->evaluation, parameters, golden->x);
    evaluate_graph(evaluation.graph, evaluation.values);
    if (layout->samples) take_result(&evaluation, layout->samples, (int)(layout->samples - layout->result), results);
    if (layout->searched) {
        const Evaluation gradient = begin_evaluation(inference, inference->search, parameters, golden->x);
        search(inference, &gradient);
        memcpy(noise_of(inference, &evaluation), noise_of(inference, &gradient), sizeof(double) * (size_t)layout->searched->elements);
        evaluate_graph(evaluation.graph, evaluation.values);
    }
    for (long i = 0; i < found; i++) golden->value[inputs + outputs + i] = (float)noise_of(inference, &evaluation)[i];
    for (int i = 0; i < layout->result_count; i++)
        if (&layout->result[i] != layout->samples) take_result(&evaluation, &layout->result[i], i, results);
    memcpy(golden->value + inputs, results, sizeof(float) * (size_t)outputs);
    for (long i = 0; i < layout->scores; i++)
        golden->score[i] = evaluation.values[named_node(evaluation.graph, ROLE_OUTPUT, "score")->id][i];
    return golden;
}
