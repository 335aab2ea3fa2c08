/* evaluate.c: runs the model on every clip of a data set, in batches, with running statistics. */
#include "exact.h"

#include "model/evaluate.h"

#include "model/averages.h"

#include <stdlib.h>
#include <string.h>

/* ---- shapes ---- */

ClipShape output_shape(const ModelArgument *argument) {
    if (argument->rank != 5 || argument->items != 0) abort(); /* a bug in the compiler */
    return (ClipShape){(int)argument->shape[1], (int)argument->shape[2], (int)argument->shape[3], (int)argument->shape[4]};
}

ClipShape data_shape(const ModelDescription *model) {
    return (ClipShape){model->T, model->channels, model->height, model->width};
}

bool clip_shapes_agree(ClipShape a, ClipShape b) {
    return a.frames == b.frames && a.channels == b.channels && a.height == b.height && a.width == b.width;
}

bool is_picture(ClipShape shape) {
    return (shape.channels == 1 || shape.channels == 3) && (shape.height > 1 || shape.width > 1);
}

size_t clip_shape_elements(ClipShape shape) {
    return (size_t)shape.frames * (size_t)shape.channels * (size_t)shape.height * (size_t)shape.width;
}

/* ---- outputs ---- */

static const char output_prefix[] = "output.";

/* Outputs of version 1 have no prefix. */
const char *output_name(const ModelDescription *model, const ModelArgument *argument) {
    const size_t length = sizeof output_prefix - 1;
    if (model->language == 1) return argument->name;
    return strncmp(argument->name, output_prefix, length) == 0 ? argument->name + length : NULL;
}

bool has_evaluation(const ModelDescription *model) {
    return model->evaluate >= 0 && model->programs[model->evaluate].outputs > 0;
}

const ModelArgument *find_output(const ModelDescription *model, const char *name) {
    const ModelProgram *program = model->programs + model->evaluate;
    for (int i = 0; model->evaluate >= 0 && i < program->outputs; i++) {
        const char *own = output_name(model, &program->output[i]);
        if (own != NULL && strcmp(own, name) == 0) return &program->output[i];
    }
    return NULL;
}

const ModelArgument *score_argument(const ModelDescription *model) {
    const ModelProgram *program = model->programs + model->evaluate;
    for (int i = 0; model->evaluate >= 0 && i < program->outputs; i++)
        if (strcmp(program->output[i].name, "score") == 0) return &program->output[i];
    return NULL;
}

double mean_score(const EvaluatedClip *clip) {
    double sum = 0;
    for (int i = 0; i < clip->scores; i++) sum += (double)clip->score[i];
    return sum / clip->scores;
}

/* ---- batches ---- */

typedef struct Evaluation {
    ModelState *state;
    const Dataset *data;
    const EvaluationVisitor *visitor;
    ClipReader *reader;
    size_t elements;     /* of a clip */
    float *x;            /* [B, T, C, H, W]; zero after the last clip */
    EvaluatedClip *clip; /* clips that are gathered until there are B of them */
    int clips;
    EvaluatedOutput *output; /* of the clip that is shown */
    int64_t number;          /* of the next clip */
} Evaluation;

/* Of item `item` of the batch that was run. */
static const float *item_values(const Evaluation *run, const ModelArgument *argument, int item) {
    return model_buffer(run->state, argument->name) + (size_t)item * item_elements(argument);
}

static void find_outputs(const Evaluation *run, EvaluatedClip *clip, int item) {
    const ModelDescription *model = run->state->model;
    const ModelProgram *program = &model->programs[model->evaluate];
    const ModelArgument *score = model->language == 1 ? NULL : score_argument(model);
    clip->x = clip->target = run->x + (size_t)item * run->elements;
    clip->shape = clip->target_shape = data_shape(model);
    clip->output = run->output;
    for (int i = 0; i < program->outputs; i++) {
        const char *name = output_name(model, &program->output[i]);
        if (name == NULL) continue;
        const EvaluatedOutput output = {name, output_shape(&program->output[i]), item_values(run, &program->output[i], item)};
        if (strcmp(name, "target") == 0) {
            clip->target = output.values;
            clip->target_shape = output.shape;
            continue;
        }
        run->output[clip->outputs++] = output;
        if (strcmp(name, "reconstruction") == 0) {
            clip->reconstruction = output.values;
            clip->shape = output.shape;
        }
    }
    if (score == NULL) return;
    clip->score = item_values(run, score, item);
    clip->scores = (int)item_elements(score);
}

static bool run_batch(Evaluation *run, Error *error) {
    ModelState *state = run->state;
    if (run->clips == 0) return true;
    for (size_t i = (size_t)run->clips * run->elements; i < batch_elements(state->model); i++) run->x[i] = 0;
    model_evaluate(state, run->x, run->clip[0].number, run->clips);
    for (int i = 0; i < run->clips; i++) {
        find_outputs(run, &run->clip[i], i);
        if (!run->visitor->visit(run->visitor->context, &run->clip[i], error)) return false;
    }
    run->clips = 0;
    return true;
}

/* ---- clips of a video ---- */

static int64_t stride_of(const Evaluation *run) {
    return run->visitor->stride > 0 ? run->visitor->stride : run->data->T;
}

static int64_t count_clips(const Evaluation *run, int64_t video) {
    const int64_t last = run->data->videos[video].frames - run->data->T, stride = stride_of(run);
    return last / stride + 1 + (run->visitor->to_end && last % stride != 0);
}

static int64_t clip_start(const Evaluation *run, int64_t video, int64_t clip) {
    const int64_t last = run->data->videos[video].frames - run->data->T, start = clip * stride_of(run);
    return start < last ? start : last;
}

/* Reads a clip of T frames into `x`; those that the clip before it has, in `before`, are copied: a video is slow to rewind. */
static bool read_clip(Evaluation *run, int64_t video, int64_t clip, const float *before, float *x, Error *error) {
    const int64_t T = run->data->T, start = clip_start(run, video, clip);
    const int64_t ahead = clip > 0 ? start - clip_start(run, video, clip - 1) : T;
    const int64_t shared = ahead < T ? T - ahead : 0;
    const size_t frame = run->elements / (size_t)T;
    if (shared > 0) memmove(x, before + (size_t)ahead * frame, (size_t)shared * frame * sizeof(float));
    return clip_read(run->reader, video, start + shared, T - shared, x + (size_t)shared * frame, error);
}

/* A clip that cannot be read. Those before it are evaluated now, so that later clips keep their numbers, and so their initial states. */
static bool leave_out(Evaluation *run, int64_t video, int64_t clip, Error *error) {
    if (run->visitor->leave_out == NULL) return clip_give_up(error);
    run->visitor->leave_out(run->visitor->context, video, clip_start(run, video, clip), error);
    return run_batch(run, error);
}

static bool run_video(Evaluation *run, int64_t video, Error *error) {
    const int64_t first = run->number, clips = count_clips(run, video);
    const float *before = NULL;
    run->number += clips;
    for (int64_t clip = 0; clip < clips; clip++) {
        float *x = run->x + (size_t)run->clips * run->elements;
        if (!read_clip(run, video, clip, before, x, error)) {
            if (!leave_out(run, video, clip, error)) return false;
            if (!run->data->videos[video].source.images) return true;
            continue;
        }
        before = x;
        run->clip[run->clips++] =
            (EvaluatedClip){.number = first + clip, .video = video, .clip = clip, .first_frame = clip_start(run, video, clip)};
        if (run->clips == run->state->model->batch && !run_batch(run, error)) return false;
    }
    return true;
}

static bool run_data(Evaluation *run, Error *error) {
    const ModelDescription *model = run->state->model;
    run->reader = clip_reader_open(run->data, error);
    if (run->reader == NULL) return false;
    run->x = aligned_floats(batch_elements(model));
    run->clip = calloc((size_t)model->batch, sizeof *run->clip);
    run->output = calloc((size_t)model->programs[model->evaluate].outputs + 1, sizeof *run->output);
    bool good = (run->x != NULL && run->clip != NULL && run->output != NULL) || fail_memory(error, "a batch of clips");
    for (int64_t video = 0; good && video < run->data->count; video++) good = run_video(run, video, error);
    return good && run_batch(run, error);
}

bool evaluate_data(ModelState *state, const Dataset *data, const EvaluationVisitor *visitor, Error *error) {
    Evaluation run = {.state = state, .data = data, .visitor = visitor, .elements = clip_elements(state->model)};
    Averaging averaging;
    if (!averaging_begin(&averaging, state, error)) return false;
    const bool good = run_data(&run, error);
    averaging_end(&averaging, state);
    clip_reader_close(run.reader);
    free(run.x);
    free(run.clip);
    free(run.output);
    return good;
}
