/* score.c: gives each frame, clip or image an anomaly score; a plot, and strips of the worst moments. */
#include "exact.h"

#include "commands/score.h"

#include "commands/commands.h"
#include "common/file.h"
#include "options/prepare.h"

#include <stdlib.h>

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

static void print_method(const ModelState *state, ScoreKind kind, Recurrence recurrence) {
    const ModelDescription *model = state->model;
    if (model->language == 1) print_past(state, recurrence);
    else if (kind == SCORES_OF_IMAGES) printf("each image is scored by itself\n");
    else if (kind == SCORES_OF_CLIPS) printf("clips of %d frames are scored; the last one of a video ends with it\n", model->T);
    else
        printf(
            "each frame is scored within a clip of %d frames; the last clip of a video ends with it, and a frame that two clips have keeps "
            "the score of the first\n",
            model->T);
}

/* What is scored, then the pictures. scores.csv comes last, because it shows that everything is complete. */
static bool score(ScoreTable *table, ModelState *state, const Options *options, const char *path, Error *error) {
    const Recurrence recurrence = (Recurrence)options->recurrence;
    Moments moments = {0};
    print_method(state, table->kind, recurrence);
    bool good =
        state->model->language == 1 ? score_stream(table, state, recurrence, &moments, error) : score_clips(table, state, &moments, error);
    int64_t scores = 0;
    for (int64_t video = 0; good && video < table->data->count; video++) scores += table->videos[video].scores - table->videos[video].none;
    good = good && (scores > 0 || fail(error, "none of the frames can be read any more"));
    char *picture = path_join(options->out, "scores.svg");
    good = good && moments_write(&moments, table->data, options->out, error) &&
           score_plot_write(picture, state->model->name, table, error) && score_table_write(table, path, error);
    free(picture);
    moments_close(&moments);
    return good;
}

/* The folder, the data, then all scores. Returns the exit status. */
static int run_scoring(ModelState *state, ScoreKind kind, const Options *options, const char *path, Error *error) {
    const ModelDescription *model = state->model;
    size_t found;
    char description[DATASET_DESCRIPTION];
    ScoreTable table = {0};
    if (!make_folders(options->out, &found, error)) return EXIT_ERROR;
    Dataset *data = model->language == 1 ? open_frames(model, options, error) : open_data(model, &options->data, options, NULL, error);
    bool good = data != NULL;
    if (good) {
        dataset_describe(data, description, sizeof description);
        print_model(stdout, state);
        printf("data: %s\n", description);
        good = score_table_open(&table, data, kind, error) && score(&table, state, options, path, error);
    }
    const bool whole = good && score_table_check(&table, path, error);
    if (data != NULL) score_table_close(&table);
    dataset_close(data);
    if (!good) remove_empty_folders(options->out, found);
    return whole ? EXIT_DONE : good ? EXIT_INCOMPLETE : EXIT_ERROR;
}

/* Of version 1, frames or images, from an initial state of zeros. */
static bool choose(const ModelDescription *model, const Options *options, ScoreKind *kind, uint64_t *seed, Error *error) {
    *kind = model->T == 1 ? SCORES_OF_IMAGES : SCORES_OF_FRAMES;
    *seed = options->seed_given ? options->seed : 0;
    if (model->language == 1) return true;
    *seed = option_seed(model, options);
    if (options->recurrence == RECURRENCE_CARRIED)
        return fail(error, "--recurrence carried is for specs of version 1; %s scores clips of %d frames; leave it out", model->name,
                    model->T);
    return score_clips_kind(model, kind, error);
}

static const char *const results[] = {"scores.csv", "scores.svg", NULL};

int command_score(const ModelDescription *model, const Options *options, Error *error) {
    ModelState state;
    ScoreKind kind;
    uint64_t seed;
    char *path = path_join(options->out, "scores.csv");
    int status = EXIT_ERROR;
    if (choose(model, options, &kind, &seed, error) && check_no_results(options->out, results, error) &&
        model_open(&state, model, option_threads(options), seed, error)) {
        if (load_weights(&state, options->weights, error)) status = run_scoring(&state, kind, options, path, error);
        model_close(&state);
    }
    free(path);
    return status;
}
