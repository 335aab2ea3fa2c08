/* score.c: videos frame by frame, as a camera gives them: an anomaly score for each frame, their plot, and strips of the worst moments. */
#include "exact.h"

#include "score.h"

#include "command.h"
#include "file.h"
#include "strip.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOMENTS = 8 };

typedef struct Moment { /* the T frames that end in a bad one */
    int64_t video, frame;
    double score;
    float *x, *reconstruction; /* [T, C, H, W]; what a video has not shown yet is black */
} Moment;

typedef struct Scoring {
    ModelState *model;
    const Dataset *data;
    size_t values;             /* of a frame */
    float *x, *reconstruction; /* [T, C, H, W], the frame at hand last */
    float *state;              /* [layers, hidden], or NULL */
    VideoScores *videos;       /* [data->count] */
    Moment moment[MOMENTS];    /* worst first */
    int moments;
} Scoring;

static bool allocate_frames(float **frames, size_t count, Error *error) {
    *frames = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
    return *frames != NULL || fail_memory(error, "frames");
}

static bool open_scoring(Scoring *run, Error *error) {
    const ModelDescription *model = run->model->model;
    const size_t clip = clip_elements(model);
    run->values = clip / (size_t)model->T;
    run->videos = calloc((size_t)run->data->count, sizeof *run->videos);
    bool good = run->videos != NULL || fail_memory(error, "the scores");
    good = good && allocate_frames(&run->x, clip, error) && allocate_frames(&run->reconstruction, clip, error);
    if (model->hidden > 0) good = good && allocate_frames(&run->state, model_state_elements(model) + 1, error);
    for (int i = 0; good && i < MOMENTS; i++)
        good = allocate_frames(&run->moment[i].x, clip, error) && allocate_frames(&run->moment[i].reconstruction, clip, error);
    for (int64_t i = 0; good && i < run->data->count; i++) {
        const DatasetVideo *video = &run->data->videos[i];
        run->videos[i] =
            (VideoScores){.path = video->source.path, .frames = video->frames, .score = calloc((size_t)video->frames, sizeof(float))};
        good = run->videos[i].score != NULL || fail_memory(error, "the scores");
    }
    return good;
}

static void close_scoring(Scoring *run) {
    for (int i = 0; i < MOMENTS; i++) {
        free(run->moment[i].x);
        free(run->moment[i].reconstruction);
    }
    for (int64_t i = 0; run->videos != NULL && i < run->data->count; i++) free(run->videos[i].score);
    free(run->videos);
    free(run->x);
    free(run->reconstruction);
    free(run->state);
}

/* ---- the worst moments ---- */

/* Of moments that overlap, the worst is kept. Puts the one at hand among the worst, if it is one. */
static void note_moment(Scoring *run, int64_t video, int64_t frame, double score) {
    const int T = run->model->model->T;
    int near = 0;
    while (near < run->moments && (run->moment[near].video != video || frame - run->moment[near].frame >= T)) near++;
    int last = near < run->moments ? near : run->moments < MOMENTS ? run->moments : MOMENTS - 1; /* the one that would go */
    if (last < run->moments && score <= run->moment[last].score) return;
    if (last == run->moments) run->moments++;
    Moment moment = run->moment[last];
    moment.video = video;
    moment.frame = frame;
    moment.score = score;
    memcpy(moment.x, run->x, run->values * (size_t)T * sizeof(float));
    memcpy(moment.reconstruction, run->reconstruction, run->values * (size_t)T * sizeof(float));
    int place = last;
    for (; place > 0 && run->moment[place - 1].score < score; place--) run->moment[place] = run->moment[place - 1];
    run->moment[place] = moment;
}

static bool write_moments(const Scoring *run, const char *folder, Error *error) {
    const ModelDescription *model = run->model->model;
    bool good = true;
    if (run->moments > 0) printf("worst moments:\n");
    for (int i = 0; good && i < run->moments; i++) {
        const Moment *moment = &run->moment[i];
        printf("  %d  %.6f  frame %" PRId64 " of %s\n", i + 1, moment->score, moment->frame, run->videos[moment->video].path);
        const struct {
            const char *name;
            const float *frames;
        } strips[] = {{"real", moment->x}, {"recon", moment->reconstruction}};
        for (int k = 0; good && k < 2; k++) {
            char *path = path_join(folder, "%s_worst%d_video%03" PRId64 "_frame%" PRId64 ".png", strips[k].name, i + 1, moment->video,
                                   moment->frame);
            good = strip_write(path, strips[k].frames, model->T, model->channels, model->height, model->width, FILE_RENAMED, error);
            free(path);
        }
    }
    return good;
}

/* ---- frames ---- */

static bool score_frame(Scoring *run, int64_t video, int64_t frame, Error *error) {
    ModelState *model = run->model;
    const size_t last = run->values * (size_t)(model->model->T - 1);
    const double loss = model_stream(model, run->x + last, run->state, run->reconstruction + last);
    const double score = loss / 4; /* from the scale of [-1, 1] to [0, 1] */
    if (!isfinite(score))
        return fail(error, "%s: the score of frame %" PRId64 " is not finite; the weights are no good", run->videos[video].path, frame);
    run->videos[video].score[frame] = (float)score;
    note_moment(run, video, frame, score);
    return true;
}

static bool score_video(Scoring *run, ClipReader *reader, int64_t video, Error *error) {
    const size_t last = run->values * (size_t)(run->model->model->T - 1);
    double sum = 0, most = 0;
    if (run->state != NULL) model_initial_state(run->model, run->state);
    for (size_t i = 0; i < last + run->values; i++) run->x[i] = run->reconstruction[i] = -1;
    for (int64_t frame = 0; frame < run->videos[video].frames; frame++) {
        memmove(run->x, run->x + run->values, last * sizeof(float));
        memmove(run->reconstruction, run->reconstruction + run->values, last * sizeof(float));
        if (!clip_read(reader, video, frame, 1, run->x + last, error) || !score_frame(run, video, frame, error)) return false;
        sum += (double)run->videos[video].score[frame];
        most = fmax(most, (double)run->videos[video].score[frame]);
    }
    printf("%8" PRId64 " %10.6f %10.6f  %s\n", run->videos[video].frames, sum / (double)run->videos[video].frames, most,
           run->videos[video].path);
    return true;
}

/* ---- scores.csv ---- */

/* A field as RFC 4180 has it. */
static void print_field(FILE *out, const char *text) {
    const bool quoted = strpbrk(text, ",\"\r\n") != NULL;
    if (quoted) fputc('"', out);
    for (; *text; text++) {
        if (*text == '"') fputc('"', out);
        fputc(*text, out);
    }
    if (quoted) fputc('"', out);
}

static bool write_scores(const Scoring *run, const char *path, Error *error) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL) return fail_memory(error, "the scores");
    fputs("video,frame,score\n", out);
    for (int64_t video = 0; video < run->data->count; video++)
        for (int64_t frame = 0; frame < run->videos[video].frames; frame++) {
            print_field(out, run->videos[video].path);
            fprintf(out, ",%" PRId64 ",%.9g\n", frame, (double)run->videos[video].score[frame]);
        }
    const bool good =
        (fclose(out) == 0 || fail_memory(error, "the scores")) && file_write(path, &(FilePart){text, length}, 1, FILE_DURABLE, error);
    free(text);
    return good;
}

/* ---- the command ---- */

/* The frames, then the pictures; scores.csv last, since it says that all is there. */
static bool score(Scoring *run, const char *folder, const char *path, Error *error) {
    ClipReader *reader = open_scoring(run, error) ? clip_reader_open(run->data, error) : NULL;
    bool good = reader != NULL;
    printf("  frames       mean      worst  video\n");
    for (int64_t video = 0; good && video < run->data->count; video++) good = score_video(run, reader, video, error);
    clip_reader_close(reader);
    char *picture = path_join(folder, "scores.svg");
    good = good && write_moments(run, folder, error) &&
           score_plot_write(picture, run->model->model->name, run->videos, run->data->count, error) && write_scores(run, path, error);
    free(picture);
    close_scoring(run);
    return good;
}

/* The folder, the data, then every frame. */
static bool run_scoring(ModelState *state, const Options *options, const char *path, Error *error) {
    ModelDescription frames = *state->model;
    frames.T = 1; /* a video of any length can be scored */
    size_t found;
    char description[256];
    if (!make_folders(options->out, &found, error)) return false;
    Dataset *data = open_data(&frames, &options->data, options, NULL, error);
    bool good = data != NULL;
    if (good) {
        dataset_describe(data, description, sizeof description);
        print_model(stdout, state);
        printf("data: %s\n", description);
        good = score(&(Scoring){.model = state, .data = data}, options->out, path, error);
        dataset_close(data);
    }
    if (!good) remove_empty_folders(options->out, found);
    return good;
}

static const char *const results[] = {"scores.csv", "scores.svg", NULL};

int command_score(const ModelDescription *model, const Options *options, Error *error) {
    ModelState state;
    char *path = path_join(options->out, "scores.csv");
    bool good = check_no_results(options->out, results, error) &&
                model_open(&state, model, option_threads(options), option_seed(model, options), error);
    if (good) {
        good = load_weights(&state, options->weights, error) && run_scoring(&state, options, path, error);
        model_close(&state);
    }
    free(path);
    return good ? EXIT_DONE : EXIT_ERROR;
}
