/* score.c: runs videos frame by frame, as from a camera: an anomaly score for each frame, a plot, and strips of the worst moments. */
#include "exact.h"

#include "commands/score.h"

#include "commands/commands.h"
#include "common/file.h"
#include "common/text.h"
#include "model/stream.h"
#include "options/prepare.h"
#include "pictures/strip.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOMENTS = 8 };

typedef struct Moment { /* the T frames that end with a bad one */
    int64_t video, frame;
    double score;
    float *x, *reconstruction; /* [T, C, H, W]; black before the first frame */
} Moment;

typedef struct Scoring {
    ModelState *model;
    Dataset *data;
    Recurrence recurrence;
    Stream stream;
    size_t values;             /* of a frame */
    float *x, *reconstruction; /* [T, C, H, W], the current frame last */
    VideoScores *videos;       /* [data->count] */
    Moment moment[MOMENTS];    /* worst first */
    int moments;
    int64_t not_finite, first_video, first_frame; /* scores that are not finite: how many, and the place of the first */
} Scoring;

static bool allocate_frames(float **frames, size_t count, Error *error) {
    *frames = aligned_floats(count);
    return *frames != NULL || fail_memory(error, "frames");
}

static bool open_scoring(Scoring *run, Error *error) {
    const ModelDescription *model = run->model->model;
    const size_t clip = clip_elements(model);
    run->values = clip / (size_t)model->T;
    run->videos = calloc((size_t)run->data->count, sizeof *run->videos);
    bool good = run->videos != NULL || fail_memory(error, "the scores");
    good = good && allocate_frames(&run->x, clip, error) && allocate_frames(&run->reconstruction, clip, error);
    good = good && stream_open(&run->stream, run->model, run->recurrence, error);
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
    stream_close(&run->stream);
}

/* ---- the worst moments ---- */

/* Adds the current moment to the worst ones, if it is one. Of overlapping moments, the worst is kept. */
static void note_moment(Scoring *run, int64_t video, int64_t frame, double score) {
    const int T = run->model->model->T;
    int near = 0;
    while (near < run->moments && (run->moment[near].video != video || frame - run->moment[near].frame >= T)) near++;
    int last = near < run->moments ? near : run->moments < MOMENTS ? run->moments : MOMENTS - 1; /* the one to drop */
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
        print_escaped(stdout, "  %d  %.6f  frame %" PRId64 " of %s", i + 1, moment->score, moment->frame, run->videos[moment->video].path);
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

typedef struct Summary { /* of one video */
    double sum, most;
    int64_t finite, first_bad; /* frames; the first whose score is not finite, or −1 */
} Summary;

static void score_frame(Scoring *run, int64_t video, int64_t frame, Summary *summary) {
    const size_t last = run->values * (size_t)(run->model->model->T - 1);
    const double loss = stream_step(&run->stream, run->x + last, run->reconstruction + last);
    const float score = (float)(loss / 4); /* from pixels in [-1, 1] to [0, 1] */
    run->videos[video].score[frame] = isfinite(score) ? score : NAN;
    if (!isfinite(score)) {
        if (summary->first_bad < 0) summary->first_bad = frame;
        return;
    }
    note_moment(run, video, frame, loss / 4);
    summary->finite++;
    summary->sum += (double)score;
    summary->most = fmax(summary->most, (double)score);
}

/* Its row of the table; scores that are not finite are reported. */
static void sum_up(Scoring *run, int64_t video, const Summary *summary) {
    const VideoScores *scores = &run->videos[video];
    const int64_t bad = scores->frames - summary->finite;
    const double none = summary->finite > 0 ? 1 : NAN;
    print_escaped(stdout, "%8" PRId64 " %10.6f %10.6f  %s", scores->frames, none * summary->sum / (double)summary->finite,
                  none * summary->most, scores->path);
    if (bad == 0) return;
    printf("         the score of %" PRId64 " %s is not finite; the first is frame %" PRId64 "\n", bad, plural(bad, "frame", "frames"),
           summary->first_bad);
    if (run->not_finite == 0) {
        run->first_video = video;
        run->first_frame = summary->first_bad;
    }
    run->not_finite += bad;
}

/* A video has changed since it was opened. The frames before keep their scores. */
static void leave_out_rest(Scoring *run, int64_t video, int64_t frame, const Error *reason) {
    print_escaped(stderr, "warning: %s; it has no scores from there on", reason->text);
    run->videos[video].frames = frame;
    dataset_note_incomplete(run->data, run->data->videos[video].name);
}

static bool score_video(Scoring *run, ClipReader *reader, int64_t video, Error *error) {
    const size_t last = run->values * (size_t)(run->model->model->T - 1);
    Summary summary = {.first_bad = -1};
    stream_begin(&run->stream);
    for (size_t i = 0; i < last + run->values; i++) run->x[i] = run->reconstruction[i] = -1;
    for (int64_t frame = 0; frame < run->videos[video].frames; frame++) {
        memmove(run->x, run->x + run->values, last * sizeof(float));
        memmove(run->reconstruction, run->reconstruction + run->values, last * sizeof(float));
        if (!clip_read(reader, video, frame, 1, run->x + last, error)) {
            leave_out_rest(run, video, frame, error);
            break;
        }
        score_frame(run, video, frame, &summary);
    }
    if (run->videos[video].frames > 0) sum_up(run, video, &summary);
    return true;
}

/* ---- scores.csv ---- */

/* A text from outside as a field of RFC 4180. */
static void print_field(FILE *out, const char *text) {
    char *escaped = escape_text(text);
    const bool quoted = strpbrk(escaped, ",\"") != NULL;
    if (quoted) fputc('"', out);
    for (const char *c = escaped; *c; c++) {
        if (*c == '"') fputc('"', out);
        fputc(*c, out);
    }
    if (quoted) fputc('"', out);
    free(escaped);
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
            const double score = (double)run->videos[video].score[frame];
            fprintf(out, isfinite(score) ? ",%" PRId64 ",%.9g\n" : ",%" PRId64 ",nan\n", frame, score);
        }
    const bool good =
        (fclose(out) == 0 || fail_memory(error, "the scores")) && file_write(path, &(FilePart){text, length}, 1, FILE_DURABLE, error);
    free(text);
    return good;
}

/* ---- the command ---- */

/* Called when the results are written. NaN is not larger than any threshold, so a reader of scores alone would miss it. */
static bool check_finite(const Scoring *run, const char *path, Error *error) {
    if (run->not_finite == 0) return true;
    return fail(error,
                "the score of %" PRId64 " %s is not finite (nan in %s); the first is frame %" PRId64
                " of %s; all other scores are written; check the weights",
                run->not_finite, plural(run->not_finite, "frame", "frames"), path, run->first_frame,
                run->data->videos[run->first_video].source.path);
}

/* The error names all faults. */
static bool check_results(const Scoring *run, const char *path, Error *error) {
    Error missing;
    const bool finite = check_finite(run, path, error);
    if (dataset_check_complete(run->data, &missing)) return finite;
    if (finite) return fail(error, "%s", missing.text);
    const size_t length = strlen(error->text);
    snprintf(error->text + length, sizeof error->text - length, "; also, %s", missing.text);
    return false;
}

/* Describes a frame's past. */
static void print_past(const ModelState *state, Recurrence recurrence) {
    const ModelDescription *model = state->model;
    if (model->hidden == 0) {
        printf("each frame is scored by itself: there is no GRU\n");
        return;
    }
    const char *from = model->initial_state_normal && state->seed != 0 ? "a draw of N(0, 1)" : "zeros";
    if (recurrence == RECURRENCE_CARRIED) printf("the past of a frame: all of its video, from %s\n", from);
    else printf("the past of a frame: the last %d frames, itself included, from %s\n", model->T, from);
}

/* The frames, then the pictures. scores.csv comes last, because it shows that everything is complete. */
static bool score(Scoring *run, const char *folder, const char *path, Error *error) {
    ClipReader *reader = open_scoring(run, error) ? clip_reader_open(run->data, error) : NULL;
    bool good = reader != NULL;
    printf("  frames       mean      worst  video\n");
    for (int64_t video = 0; good && video < run->data->count; video++) good = score_video(run, reader, video, error);
    clip_reader_close(reader);
    int64_t frames = 0;
    for (int64_t video = 0; good && video < run->data->count; video++) frames += run->videos[video].frames;
    good = good && (frames > 0 || fail(error, "none of the frames can be read any more"));
    char *picture = path_join(folder, "scores.svg");
    good = good && write_moments(run, folder, error) &&
           score_plot_write(picture, run->model->model->name, run->videos, run->data->count, error) && write_scores(run, path, error);
    free(picture);
    close_scoring(run);
    return good;
}

/* The folder, the data, then every frame. Returns the exit status. */
static int run_scoring(ModelState *state, const Options *options, const char *path, Error *error) {
    size_t found;
    char description[DATASET_DESCRIPTION];
    Scoring run = {0};
    if (!make_folders(options->out, &found, error)) return EXIT_ERROR;
    Dataset *data = open_frames(state->model, options, error);
    bool good = data != NULL;
    if (good) {
        dataset_describe(data, description, sizeof description);
        print_model(stdout, state);
        printf("data: %s\n", description);
        const Recurrence recurrence = (Recurrence)options->recurrence;
        print_past(state, recurrence);
        run = (Scoring){.model = state, .data = data, .recurrence = recurrence};
        good = score(&run, options->out, path, error);
    }
    const bool whole = good && check_results(&run, path, error);
    dataset_close(data);
    if (!good) remove_empty_folders(options->out, found);
    return whole ? EXIT_DONE : good ? EXIT_INCOMPLETE : EXIT_ERROR;
}

static const char *const results[] = {"scores.csv", "scores.svg", NULL};

int command_score(const ModelDescription *model, const Options *options, Error *error) {
    ModelState state;
    char *path = path_join(options->out, "scores.csv");
    int status = EXIT_ERROR;
    if (check_no_results(options->out, results, error) &&
        model_open(&state, model, option_threads(options), options->seed_given ? options->seed : 0, error)) {
        if (load_weights(&state, options->weights, error)) status = run_scoring(&state, options, path, error);
        model_close(&state);
    }
    free(path);
    return status;
}
