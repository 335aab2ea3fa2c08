/* score_clips.c: the score of a spec, clip by clip. Clips do not overlap in what they score; the last one ends with its video. */
#include "exact.h"

#include "commands/score.h"

#include <math.h>
#include <string.h>

typedef struct Scoring {
    ScoreTable *table;
    Moments *moments;
    const ModelDescription *model;
    int64_t video; /* of the last clip; −1: none yet */
} Scoring;

static bool is_per_frame(const ModelDescription *model) {
    return score_argument(model)->rank > 1;
}

bool score_clips_kind(const ModelDescription *model, ScoreKind *kind, Error *error) {
    if (score_argument(model) == NULL)
        return fail(error, "%s has no score; give its spec an output `reconstruction`, or `score`", model->name);
    *kind = model->T == 1 ? SCORES_OF_IMAGES : is_per_frame(model) ? SCORES_OF_FRAMES : SCORES_OF_CLIPS;
    return true;
}

/* A frame that two clips have keeps the score of the first. */
static bool visit_clip(void *context, const EvaluatedClip *clip, Error *error) {
    Scoring *run = context;
    const bool frames = run->table->kind == SCORES_OF_FRAMES;
    const int first = frames ? run->model->score_first : 0;
    VideoScores *scores = &run->table->videos[clip->video];
    Moment worst = {.video = clip->video,
                    .place = clip->first_frame,
                    .score = -INFINITY,
                    .pictures = {(float *)(uintptr_t)clip->target, (float *)(uintptr_t)clip->reconstruction}};
    (void)error;
    if (run->video >= 0 && run->video != clip->video) score_table_sum_up(run->table, run->video);
    run->video = clip->video;
    scores->first = first;
    for (int i = 0; i < clip->scores; i++) {
        const int64_t frame = clip->first_frame + first + i;
        const double score = (double)clip->score[i];
        if (frames && frame < scores->first + scores->scores) continue;
        score_table_add(run->table, clip->video, frames ? frame - first : clip->clip, score);
        if (!isfinite(score) || score <= worst.score) continue;
        worst.score = score;
        worst.frame = frame;
    }
    if (isfinite(worst.score)) moments_note(run->moments, &worst);
    return true;
}

static void leave_out(void *context, int64_t video, int64_t frame, const Error *reason) {
    const Scoring *run = context;
    score_table_leave_out(run->table, video, frame, reason);
}

/* The shape of an output that can be shown, or no frames. */
static ClipShape shown(const ModelDescription *model, const char *name) {
    const ModelArgument *output = find_output(model, name);
    const ClipShape shape = output != NULL ? output_shape(output) : strcmp(name, "target") == 0 ? data_shape(model) : (ClipShape){0};
    return is_picture(shape) ? shape : (ClipShape){0};
}

bool score_clips(ScoreTable *table, ModelState *state, Moments *moments, Error *error) {
    const ModelDescription *model = state->model;
    Scoring run = {.table = table, .moments = moments, .model = model, .video = -1};
    if (!moments_open(moments, model->T, shown(model, "target"), shown(model, "reconstruction"), error)) return false;
    const EvaluationVisitor visitor = {.visit = visit_clip,
                                       .leave_out = leave_out,
                                       .context = &run,
                                       .stride = is_per_frame(model) ? (int)item_elements(score_argument(model)) : 0,
                                       .to_end = true};
    score_table_print_head(table);
    const bool good = evaluate_data(state, table->data, &visitor, error);
    if (good && run.video >= 0) score_table_sum_up(table, run.video);
    return good;
}
