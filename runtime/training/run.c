/* run.c: a training run's folder: its files, and how they are kept consistent. */
#include "exact.h"

#include "training/run.h"

#include "common/file.h"
#include "common/text.h"
#include "model/averages.h"
#include "model/evaluate.h"
#include "training/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char metrics_name[] = "metrics.jsonl", best_name[] = "best.safetensors", state_name[] = "last.state.safetensors",
                  weights_name[] = "last.safetensors", plot_name[] = "loss.svg";

/* Files that a run writes. */
static const char *const run_names[] = {
    metrics_name,         weights_name,           best_name, "itr[0-9]*.safetensors", plot_name, "real_itr*_no*.png",
    "recon_itr*_no*.png", "samples_itr*_no*.png", NULL};

/* Refuses a folder with files of another run, which this one would replace. */
static bool check_no_run(const Run *run, Error *error) {
    char *found = find_file(run->folder, run_names);
    if (found == NULL) return true;
    fail(error, "%s: holds %s of a run that cannot be resumed; choose another --out, or delete the folder", run->folder, found);
    free(found);
    return false;
}

static void remove_file(const Run *run, const char *name) {
    char *path = path_join(run->folder, "%s", name);
    unlink(path);
    free(path);
}

/* Removes the files of a run that could not save its state. They did not exist before, and would look like a run that cannot be resumed. */
static void remove_traces(const Run *run) {
    remove_file(run, metrics_name); /* which may be empty */
    bool removed = true;
    for (char *name; removed && (name = find_file(run->folder, run_names)) != NULL; free(name)) {
        remove_file(run, name);
        removed = !file_has_content(run->folder, name);
    }
}

static bool check_folder(const Run *run, Error *error) {
    bool state = file_has_content(run->folder, state_name);
    if (run->options->resume) {
        return state ||
               fail(error, "%s: has no %s to resume from; leave out --resume, or give the --out of the run", run->folder, state_name);
    }
    if (state) return fail(error, "%s: already holds a run; continue it with --resume, or choose another --out", run->folder);
    return check_no_run(run, error);
}

static bool read_state_file(const Run *run, TensorFile *file, Error *error) {
    char *path = path_join(run->folder, "%s", state_name);
    Error reason;
    bool good = tensor_file_read(file, path, &reason);
    if (!good) /* its remedy is for weights */
        fail(error, "%.*s; it cannot be resumed: start again with another --out, and --init %s/%s for the weights",
             (int)strcspn(reason.text, ";"), reason.text, run->folder, weights_name);
    free(path);
    return good;
}

/* According to the state, the best weights are in a file. If that is gone, the next ones are the best. */
static void check_best(Run *run) {
    RunProgress *progress = &run->progress;
    if ((progress->best_psnr == -INFINITY && progress->best_score == INFINITY) || file_has_content(run->folder, best_name)) return;
    if (progress->best_score == INFINITY)
        print_escaped(stderr, "warning: %s: %s, of %.2f dB, is gone; the next validated weights replace it", run->folder, best_name,
                      progress->best_psnr);
    else
        print_escaped(stderr, "warning: %s: %s, of score %.5g, is gone; the next validated weights replace it", run->folder, best_name,
                      progress->best_score);
    progress->best_psnr = -INFINITY;
    progress->best_score = INFINITY;
}

/* Another target, other choices of kernels, or another BLAS add up in another order. */
static void warn_of_other_bits(const Run *run) {
    const RunProgress *progress = &run->progress;
    const ModelState *state = &run->state;
    if (strcmp(progress->target, state->target->name) != 0)
        print_escaped(
            stderr,
            "warning: %s: the run was trained on target %s and continues on %s, so its numbers will differ from those of an uninterrupted run; "
            "set ZOETROPE_TARGET=%s to avoid that",
            run->folder, progress->target, state->target->name, progress->target);
    else if (progress->tuning[0] != 0 && strcmp(progress->tuning, target_tuning(state->target)) != 0)
        print_escaped(stderr,
                      "warning: %s: the run was trained with other choices of kernels (tuning %s, and this program has %s), so its numbers "
                      "will differ from those of an uninterrupted run; compile with the earlier tuning file to avoid that",
                      run->folder, progress->tuning, target_tuning(state->target));
    else if (progress->library[0] != 0 && strcmp(progress->library, state->library) != 0)
        print_escaped(stderr,
                      "warning: %s: the run was trained with another BLAS (%s, and this is %s), so its numbers will differ from those of "
                      "an uninterrupted run; use the earlier one to avoid that",
                      run->folder, progress->library, state->library);
}

/* --resume uses the run's own seed, so that the user need not remember it. */
static bool resume(Run *run, Error *error) {
    TensorFile file;
    uint64_t seed;
    if (!read_state_file(run, &file, error)) return false;
    bool good = training_state_seed(&file, &seed, error);
    if (good && run->options->seed_given) seed = run->options->seed;
    good = good && model_open(&run->state, run->model, option_threads(run->options), seed, error) &&
           training_state_load(&run->state, &run->carried, &run->progress, &file, stderr, error);
    tensor_file_free(&file);
    if (good) check_best(run);
    if (good) warn_of_other_bits(run);
    return good;
}

/* No step learns the weights of a frozen network. */
static bool check_frozen(const Run *run, Error *error) {
    for (int i = 0; i < run->model->group_count; i++)
        if (run->model->groups[i].frozen)
            return fail(error, "network %s is frozen, so it does not learn; give its weights, and those of the others, with --init",
                        run->model->groups[i].name);
    return true;
}

static bool start(Run *run, Error *error) {
    const char *init = run->options->init;
    TensorFile file;
    if (!model_open(&run->state, run->model, option_threads(run->options), option_seed(run->model, run->options), error)) return false;
    model_initialize(&run->state);
    if (init == NULL) return check_frozen(run, error);
    if (!tensor_file_read(&file, init, error)) return false;
    /* The averages of another run do not go on here. */
    bool good = checkpoint_load(&run->state, &run->carried, &file, stderr, error) && model_begin_averages(&run->state, error);
    tensor_file_free(&file);
    return good;
}

static bool open_metrics(Run *run, Error *error) {
    if (!make_folders(run->folder, &run->folder_found, error)) return false;
    char *path = path_join(run->folder, "%s", metrics_name);
    bool good = metrics_open(&run->log, path, run->model->language > 1 ? &run->names : NULL, run->state.updates, error);
    free(path);
    return good;
}

/* Has validation anything to measure? */
static bool check_validation(const Run *run, Error *error) {
    return run->options->validation.count == 0 || run->model->language == 1 || find_output(run->model, "reconstruction") != NULL ||
           score_argument(run->model) != NULL ||
           fail(error,
                "%s has neither a reconstruction nor a score, so there is nothing to validate; leave out --validation, or add "
                "`outputs` with `reconstruction`, or `score`, to its spec",
                run->model->name);
}

bool run_open(Run *run, const ModelDescription *model, const Options *options, Error *error) {
    *run =
        (Run){.model = model, .options = options, .folder_found = SIZE_MAX, .progress = {.best_psnr = -INFINITY, .best_score = INFINITY}};
    run->names = name_losses(model);
    run->folder = options->out != NULL ? copy_text(options->out) : path_join("runs", "%s", model->name);
    run->iterations = options->iterations > 0 ? options->iterations : model->iterations;
    bool good = check_folder(run, error) && (options->resume ? resume(run, error) : start(run, error)) && check_validation(run, error) &&
                showing_open(&run->showing, run->model, error) && open_metrics(run, error);
    run->saved = run->state.updates;
    return good;
}

void run_close(Run *run) {
    bool nothing = run->log.file != NULL && run->saved == 0 && !run->options->resume;
    metrics_close(&run->log);
    if (nothing) remove_traces(run);
    remove_empty_folders(run->folder, run->folder_found);
    carried_free(&run->carried);
    model_close(&run->state);
    showing_close(&run->showing);
    loss_names_free(&run->names);
    free(run->folder);
}

bool run_save_weights(const Run *run, const char *name, Error *error) {
    char *path = path_join(run->folder, "%s", name);
    bool good = checkpoint_save(&run->state, &run->carried, path, error);
    free(path);
    return good;
}

static bool is_better(const Run *run, const Metric *metric) {
    if (!metric->validated) return false;
    if (run->state.reconstruction != NULL) return metric->validation_psnr > run->progress.best_psnr;
    return metric->validation_loss < run->progress.best_score;
}

bool run_save_best(Run *run, const Metric *metric, Error *error) {
    if (!is_better(run, metric)) return true;
    if (!run_save_weights(run, best_name, error)) return false;
    if (run->state.reconstruction != NULL) run->progress.best_psnr = metric->validation_psnr;
    else run->progress.best_score = metric->validation_loss;
    return true;
}

bool run_save(Run *run, Error *error) {
    char *path = path_join(run->folder, "%s", state_name);
    bool good = training_state_save(&run->state, &run->carried, &run->progress, path, error);
    if (good) run->saved = run->state.updates;
    free(path);
    return good && run_save_weights(run, weights_name, error);
}

bool run_complete(const Run *run, bool *completed, Error *error) {
    TensorFile file;
    char *path = path_join(run->folder, "%s", weights_name);
    bool whole = false;
    if (tensor_file_read(&file, path, NULL)) {
        whole = checkpoint_iteration(&file) == run->state.updates;
        tensor_file_free(&file);
    }
    free(path);
    *completed = !whole || !file_has_content(run->folder, plot_name);
    return (whole || run_save_weights(run, weights_name, error)) && (!*completed || run_save_plot(run, error));
}

bool run_save_plot(const Run *run, Error *error) {
    char *path = path_join(run->folder, "%s", plot_name);
    bool good = plot_write(path, run->model->name, &run->log, error);
    free(path);
    return good;
}

bool run_is_saved(const Run *run) {
    return file_has_content(run->folder, state_name);
}
